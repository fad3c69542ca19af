"""Reads the tables inside the installed `chemicals` and `thermo` packages, as text and one at a time.

Nothing of them is copied into this project. They are read as files because the packages' own accessors load whole
pandas frames (and three of them, those of `chemicals.safety`, raise in 1.5.2); the layout is pinned by the version in
our requirements and by tests. CAS numbers are integers without dashes here.
"""

from __future__ import annotations

import csv
import gzip
import io
import zipfile
from collections.abc import Iterator
from importlib import metadata, resources
from pathlib import Path
from typing import NamedTuple

# In the order of trust where two tables describe one CAS number: the curated small tables first.
_IDENTIFIER_TABLES = (
    "chemical identifiers pubchem small.tsv",
    "chemical identifiers pubchem large.tsv",
    "chemical identifiers example user db.tsv",
    "Inorganic db.tsv",
)


class Identity(NamedTuple):
    """One line of the identifier tables. `weight` in g/mol."""

    cas: int
    smiles: str
    inchikey: str
    weight: float


class MissingTable(FileNotFoundError):
    """The installed package has no such table: another version than the one that was read when this was written."""


def versions() -> str:
    """The package versions that the tables belong to, for provenance and for the names of cached files."""
    return "-".join(f"{name}{metadata.version(name)}" for name in ("chemicals", "thermo", "synspace"))


def folder(package: str) -> Path:
    """The folder of an installed package. Raises ModuleNotFoundError."""
    return Path(str(resources.files(package)))


def cas_number(text: str) -> int | None:
    """`"67-64-1"` or `"67641"` as 67641; None for text that is not a CAS number (some tables carry names or blanks)."""
    digits = text.strip().replace("-", "")
    return int(digits) if digits.isdigit() else None


def identities() -> Iterator[Identity]:
    """Every CAS number once, with its structure, in a fixed order."""
    seen: set[int] = set()
    base = folder("chemicals") / "Identifiers"
    for name in _IDENTIFIER_TABLES:
        with _open(base / name) as stream:
            for line in stream:
                fields = line.rstrip("\n").split("\t", 7)
                cas = cas_number(fields[1])
                if cas is None or cas in seen or not fields[4] or len(fields[6]) != 27:
                    continue
                seen.add(cas)
                yield Identity(cas, fields[4], fields[6], float(fields[3]))


def rows(package: str, relative: str) -> Iterator[dict[str, str]]:
    """The lines of a tab-separated table with a header, as text; missing values are empty. Raises MissingTable."""
    with _open(folder(package) / relative) as stream:
        for row in csv.DictReader(stream, delimiter="\t", restval="", quoting=csv.QUOTE_NONE):
            yield {key: value for key, value in row.items() if key is not None}


def column(package: str, relative: str, name: str, key: str = "CAS") -> Iterator[tuple[int, float]]:
    """(CAS, value) of one numeric column, in the table's own order, skipping empty cells. Raises MissingTable,
    KeyError.
    """
    for row in rows(package, relative):
        cas, text = cas_number(row[key]), row[name].strip()
        if cas is not None and text:
            yield cas, float(text)


def lines(package: str, relative: str) -> Iterator[str]:
    """The lines of a text table, plain, gzipped or the first member of a zip archive. Raises MissingTable."""
    with _open(folder(package) / relative) as stream:
        for line in stream:
            yield line.rstrip("\r\n")


def _open(path: Path) -> io.TextIOWrapper:
    if not path.exists():
        raise MissingTable(
            f"'{path.name}' is not in the installed package; expected chemicals 1.5.2, thermo 0.6.1, synspace 1.0.0"
        )
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8", newline="")
    if path.suffix == ".zip":
        archive = zipfile.ZipFile(path)
        return io.TextIOWrapper(archive.open(archive.namelist()[0]), encoding="utf-8", newline="")
    return path.open(encoding="utf-8", newline="")
