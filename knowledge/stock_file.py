"""A user's stock file, whatever its dialect: InChIKeys or SMILES, one a line or in a table, gzipped or not."""

from __future__ import annotations

import csv
import gzip
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from knowledge.records.molecule import InvalidMolecule, Molecule

_INCHIKEY = re.compile(r"^[A-Z]{14}-[A-Z]{10}-[A-Z]$")


class EmptyStock(ValueError):
    """A stock file in which nothing can be read."""


class Contents(NamedTuple):
    """`found`: InChIKey -> (molar mass in g/mol, 0 where unknown; price per g or None). A key given twice: the last
    line counts. `bad_lines`: one message per line that could not be read.
    """

    found: dict[str, tuple[float, float | None]]
    bad_lines: tuple[str, ...]


def read(path: Path, *, strict: bool) -> Contents:
    """See Stock.from_file. Raises InvalidMolecule (strict), EmptyStock (not strict) and OSError."""
    found: dict[str, tuple[float, float | None]] = {}
    bad: list[str] = []
    for number, word, price in _entries(path):
        try:
            if _INCHIKEY.match(word):
                found[word] = (0.0, _price(price))
            else:
                key, weight = _molecule(word)
                found[key] = (weight, _price(price))
        except (InvalidMolecule, ValueError) as error:
            if strict:
                raise InvalidMolecule(f"{path}, line {number}: {error}") from error
            bad.append(f"line {number}: {error}")
    if not strict and not found:
        why = f"none of its {len(bad)} lines can be read ({'; '.join(bad[:3])})" if bad else "it is empty"
        raise EmptyStock(f"no stock in {path}: {why}; one InChIKey or SMILES per line, or a table with such a column")
    return Contents(found, tuple(bad))


def _molecule(smiles: str) -> tuple[str, float]:
    from rdkit import Chem
    from rdkit.Chem.Descriptors import MolWt  # type: ignore[attr-defined]  # missing in RDKit's stubs

    molecule = Molecule.from_smiles(smiles)
    return molecule.inchikey, float(MolWt(Chem.MolFromSmiles(molecule.smiles)))


def _price(text: str) -> float | None:
    """Raises ValueError."""
    if not text.strip():
        return None
    price = float(text)
    if not 0.0 <= price < float("inf"):
        raise ValueError(f"a price of {text} per g makes no sense")
    return price


def _entries(path: Path) -> Iterator[tuple[int, str, str]]:
    """(line number, SMILES or InChIKey, price or "")."""
    with (
        gzip.open(path, "rt", encoding="utf-8-sig")
        if path.suffix == ".gz"
        else path.open(encoding="utf-8-sig") as stream
    ):
        columns: _Columns | None = None
        first = True
        for number, line in enumerate(stream, start=1):
            text = line.strip()
            if not text or text.startswith("#"):
                continue
            if first:
                first = False
                columns = _header(text)
                if columns is not None:
                    continue
            if columns is None:
                yield number, text.split(None, 1)[0], ""
            else:
                yield (number, *columns.read(line.rstrip("\r\n")))


class _Columns(NamedTuple):
    delimiter: str
    molecule: int
    price: int | None

    def read(self, line: str) -> tuple[str, str]:
        cells = next(csv.reader([line], delimiter=self.delimiter))
        word = cells[self.molecule].strip() if self.molecule < len(cells) else ""
        price = cells[self.price] if self.price is not None and self.price < len(cells) else ""
        return word, price


def _header(line: str) -> _Columns | None:
    """The columns, when a line names them; InChIKeys are preferred because they need no chemistry to read."""
    for delimiter in ("\t", ",", ";"):
        names = [name.strip().strip('"').lower() for name in line.split(delimiter)]
        for wanted in ("inchikey", "inchi_key", "smiles"):
            if wanted in names:
                price = names.index("price_per_g") if "price_per_g" in names else None
                return _Columns(delimiter, names.index(wanted), price)
    return None
