"""Which substances are on the market: public inventories and tonnage, from the tables of `thermo.law`.

An inventory lists what was once notified to an authority. Without a tonnage that is weak evidence that one can buy it;
the tier says so.
"""

from __future__ import annotations

import re

from knowledge.sources import tables

_BAND = re.compile(r"^([\d,]+)(?: - ([\d,]+)|\+) tonnes per annum$")
# Tonnes per year at and above which a substance is bulk, and is made in quantity.
_BULK, _QUANTITY = 1000.0, 100.0

CDR = "EPA Chemical Data Reporting 2012"
ECHA = "ECHA tonnage band"
HPV = "OECD high production volume list"
LISTED = "chemical inventory (TSCA, EINECS, NLP, DSL or SPIN)"


def tiers() -> dict[int, tuple[int, str]]:
    """CAS number -> (tier, source): 1 bulk (>= 1000 t/a), 2 (100-1000 t/a), 3 less or undisclosed, 4 listed without
    tonnage.

    The best evidence counts where there are several. Substances that Canada has removed or prohibits do not count as
    listed there.
    """
    found: dict[int, tuple[int, str]] = {}

    def note(cas: int | None, tier: int, source: str) -> None:
        if cas is not None and (cas not in found or tier < found[cas][0]):
            found[cas] = (tier, source)

    for row in tables.rows("thermo", "Law/EPA 2012 Chemical Data Reporting.csv"):
        # The header says pounds; thermo documents kilograms, and formaldehyde's 0.19 Mt agree with it.
        tonnes = (float(row["DOM_MFG_LB"] or 0) + float(row["IMPORTED_LB"] or 0)) / 1000.0
        note(tables.cas_number(row["CASRN"]), _tier(tonnes), CDR)
    for line in tables.lines("thermo", "Law/ECHA Tonnage Bands.csv.zip"):
        cas, band = line.split("\t")
        note(tables.cas_number(cas), _tier(_tonnes(band)), ECHA)
    for line in tables.lines("thermo", "Law/HPV 2015 March 3.csv"):
        note(tables.cas_number(line), 1, HPV)
    for row in tables.rows("thermo", "Law/Canada Feb 11 2015 - DSL.csv.gz"):
        if int(row["Registry"]) in (0, 1, 2, 3):
            note(tables.cas_number(row["CASRN"]), 4, LISTED)
    for name in ("EINECS 2015-03.csv.gz", "SPIN Inventory 2015-03.csv.gz", "TSCA Inventory 2016-01.csv.gz"):
        for line in tables.lines("thermo", f"Law/{name}"):
            note(tables.cas_number(line.split("\t")[0]), 4, LISTED)
    for line in tables.lines("thermo", "Law/EC Inventory No Longer Polymers (NLP).csv"):
        note(tables.cas_number(line), 4, LISTED)
    return found


def _tier(tonnes: float) -> int:
    if tonnes >= _BULK:
        return 1
    return 2 if tonnes >= _QUANTITY else 3


def _tonnes(band: str) -> float:
    """The lower end of an ECHA band in tonnes per year; 0 for "Intermediate Use Only" and confidential data."""
    match = _BAND.match(band.strip())
    return float(match.group(1).replace(",", "")) if match else 0.0
