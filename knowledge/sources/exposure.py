"""What authorities say about single substances: carcinogen lists and workplace limits, by InChIKey.

From the tables of `chemicals`: IARC Monographs, the US National Toxicology Program, and Ontario's occupational
exposure limits. The tables themselves are read; the package's `Carcinogen()` answers "unlisted" for anything, which is
easily taken for "safe".
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import NamedTuple

from knowledge.sources import tables
from knowledge.sources.cache import build_once

_LAYOUT = 1
_IARC = {"1": "1", "11": "2A", "12": "2B", "3": "3", "4": "4"}
_NTP = {"1": "known", "2": "reasonably anticipated"}


class Exposure(NamedTuple):
    """None where the source does not list the substance. `iarc`: 1, 2A, 2B, 3, 4 or "beverage". `twa_ppm`: eight-hour
    time-weighted average limit.
    """

    iarc: str | None
    ntp: str | None
    twa_ppm: float | None


def lookup(inchikey: str) -> Exposure | None:
    """None when no list mentions the substance, which says nothing about its safety."""
    return _table().get(inchikey)


@cache
def _table() -> dict[str, Exposure]:
    path = build_once(f"exposure-{_LAYOUT}-{tables.versions()}.json", _build)
    return {key: Exposure(*values) for key, values in json.loads(path.read_text(encoding="utf-8")).items()}


def _build(path: Path) -> None:
    iarc = _codes("Safety/IARC Carcinogen Database.tsv", "group", _IARC)
    ntp = _codes("Safety/National Toxicology Program Carcinogens.tsv", "Listing", _NTP)
    twa: dict[int, float] = {}
    limits = json.loads("".join(tables.lines("chemicals", "Safety/Ontario Exposure Limits.json")))
    for text, entry in limits.items():
        cas, value = tables.cas_number(text), entry["TWA (ppm)"]
        if cas is not None and value is not None:
            twa[cas] = float(value)
    found: dict[str, tuple[str | None, str | None, float | None]] = {}
    for identity in tables.identities():
        values = iarc.get(identity.cas), ntp.get(identity.cas), twa.get(identity.cas)
        if any(value is not None for value in values):
            # Where two CAS numbers name one structure, the first listing stands unless it has a gap that the second
            # fills.
            kept = found.get(identity.inchikey, (None, None, None))
            found[identity.inchikey] = (
                kept[0] or values[0],
                kept[1] or values[1],
                values[2] if kept[2] is None else kept[2],
            )
    path.write_text(json.dumps(found, sort_keys=True), encoding="utf-8")


def _codes(table: str, column: str, meaning: dict[str, str]) -> dict[int, str]:
    codes: dict[int, str] = {}
    for row in tables.rows("chemicals", table):
        cas = tables.cas_number(row["CAS"])
        if cas is not None:
            # Ethanol and acetaldehyde stand in group 1 for what drinkers take in, which says nothing about a solvent
            # in a hood.
            beverage = "beverage" in row.get("description", "")
            codes[cas] = "beverage" if beverage else meaning[row[column].strip()]
    return codes
