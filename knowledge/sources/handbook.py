"""What the literature knows: measured properties of organic compounds, each with its sources.

The tables are those of the `chemicals` package (Bell, https://github.com/CalebBell/chemicals), read at first use and
kept in the cache folder. Estimates are not in it; see `knowledge.sources.compilation` for what is, and `consensus` for
how one value is chosen.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from knowledge.records.fact import Fact, Kind
from knowledge.records.molecule import Molecule
from knowledge.records.properties import UnknownProperty
from knowledge.sources import tables
from knowledge.sources.cache import build_once
from knowledge.sources.compilation import PROPERTIES, SOURCES

# Raise it when what `build` writes changes; the packages' versions are in the name as well.
_LAYOUT = 4


class _Tables:
    """The cached file in memory. Rows are sorted by (molecule, property)."""

    def __init__(self) -> None:
        path = build_once(f"handbook-{_LAYOUT}-{tables.versions()}.npz", _build)
        with np.load(path, allow_pickle=False) as data:
            self.keys = _lines(data["keys"])
            self.smiles = _lines(data["smiles"])
            self.raw_index: npt.NDArray[np.int32] = data["raw_index"]
            self.raw_value: npt.NDArray[np.float64] = data["raw_value"]
            self.best_index: npt.NDArray[np.int32] = data["best_index"]
            self.best_value: npt.NDArray[np.float64] = data["best_value"]
            self.best_sources: npt.NDArray[np.uint64] = data["best_sources"]
        self.raw_molecule = np.ascontiguousarray(self.raw_index[:, 0])
        self.best_molecule = np.ascontiguousarray(self.best_index[:, 0])
        self.position = {key: i for i, key in enumerate(self.keys)}


def _build(path: Path) -> None:
    # Imported late: reading the cached file needs no RDKit.
    from knowledge.sources.handbook_build import build

    build(path)


@cache
def _tables() -> _Tables:
    return _Tables()


class Handbook:
    """Facts by molecule and property. Immutable; every instance of a process shares one set of tables.

    Properties: boiling_point, melting_point, flash_point (K), viscosity (mPa*s at 298.15 K), hansen_dispersion,
    hansen_polar, hansen_hydrogen (MPa**0.5). Asking for another one raises UnknownProperty.
    """

    def __init__(self, withheld: float = 0.0, seed: int = 0) -> None:
        """Use `full()` or `known()`."""
        if not 0.0 <= withheld <= 1.0:
            raise ValueError(f"the withheld fraction must lie between 0 and 1, got {withheld:g}")
        self._data = _tables()
        self.withheld = withheld
        self.seed = seed
        self._visible: npt.NDArray[np.bool_] = np.ones(len(self._data.keys), dtype=np.bool_)
        if withheld > 0.0:
            self._visible[:] = [not is_withheld(key, withheld, seed) for key in self._data.keys]
        self._facts: dict[str, tuple[Fact, ...]] = {}

    @classmethod
    def full(cls) -> Handbook:
        return cls()

    @classmethod
    def known(cls, withheld: float, seed: int) -> Handbook:
        """The view of somebody who has never seen a seeded fraction of the compounds.

        Whether a compound is withheld depends on the seed and the connectivity block of its InChIKey only, so no
        stereoisomer or isotopologue of it can be seen either.
        """
        return cls(withheld, seed)

    def molecules(self) -> list[Molecule]:
        """Every visible compound, with facts or without, sorted by InChIKey: single neutral organics of H C N O F Si P
        S Cl Br I.
        """
        data = self._data
        return [Molecule(smiles=data.smiles[i], inchikey=data.keys[i]) for i in np.flatnonzero(self._visible).tolist()]

    def facts(self, property: str) -> list[Fact]:
        """The consensus of every visible molecule that has one, sorted by InChIKey. Raises UnknownProperty."""
        if property not in self._facts:
            rows = np.flatnonzero(self._data.best_index[:, 1] == _number(property))
            rows = rows[self._visible[self._data.best_index[rows, 0]]]
            self._facts[property] = tuple(self._best(int(row)) for row in rows)
        return list(self._facts[property])

    def fact(self, inchikey: str, property: str) -> Fact | None:
        """The consensus, or None where nothing is known (or withheld). Raises UnknownProperty."""
        rows = self._rows(self._data.best_molecule, self._data.best_index[:, 1], inchikey, property)
        return self._best(rows[0]) if rows else None

    def sources(self, inchikey: str, property: str) -> list[Fact]:
        """Every source's own value, in the order of trust, also where they were too contradictory for a consensus.

        Raises UnknownProperty.
        """
        data = self._data
        found = []
        for row in self._rows(data.raw_molecule, data.raw_index[:, 1], inchikey, property):
            molecule, _, source = data.raw_index[row].tolist()
            value, std = data.raw_value[row].tolist()
            found.append(self._fact(molecule, property, value, std, SOURCES[source].name, SOURCES[source].kind))
        return found

    def __contains__(self, inchikey: str) -> bool:
        i = self._data.position.get(inchikey)
        return i is not None and bool(self._visible[i])

    def __len__(self) -> int:
        return int(self._visible.sum())

    def _rows(
        self, molecules: npt.NDArray[np.int32], properties: npt.NDArray[np.int32], inchikey: str, property: str
    ) -> list[int]:
        number = _number(property)
        if inchikey not in self:
            return []
        i = np.int32(self._data.position[inchikey])
        low, high = int(np.searchsorted(molecules, i)), int(np.searchsorted(molecules, i, side="right"))
        return [row for row in range(low, high) if properties[row] == number]

    def _best(self, row: int) -> Fact:
        data = self._data
        molecule, number = data.best_index[row].tolist()
        value, std = data.best_value[row].tolist()
        mask = int(data.best_sources[row])
        members = [s for i, s in enumerate(SOURCES) if mask >> i & 1]
        measured = all(s.kind is Kind.EXPERIMENTAL for s in members)
        names = " + ".join(s.name for s in members)
        return self._fact(
            molecule, PROPERTIES[number], value, std, names, Kind.EXPERIMENTAL if measured else Kind.CURATED
        )

    def _fact(self, molecule: int, property: str, value: float, std: float, source: str, kind: Kind) -> Fact:
        return Fact(
            smiles=self._data.smiles[molecule],
            inchikey=self._data.keys[molecule],
            property=property,
            value=value,
            std=std,
            source=source,
            kind=kind,
        )


def is_withheld(inchikey: str, fraction: float, seed: int) -> bool:
    """The rule behind `Handbook.known`: the connectivity block decides, together with the seed, by SHA-256."""
    digest = hashlib.sha256(f"{seed}:{inchikey[:14]}".encode("ascii")).digest()
    return int.from_bytes(digest[:8], "big") < fraction * 2.0**64


def _number(property: str) -> int:
    try:
        return PROPERTIES.index(property)
    except ValueError:
        raise UnknownProperty(f"the handbook has no property '{property}'; it has: {', '.join(PROPERTIES)}") from None


def _lines(data: npt.NDArray[np.uint8]) -> list[str]:
    return data.tobytes().decode("ascii").split("\n")
