"""Circular fingerprints with counts (Rogers and Hahn, J. Chem. Inf. Model. 2010, 50, 742; as implemented in RDKit)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from rdkit.Chem import rdFingerprintGenerator

from knowledge.features.featurizer import CACHED_ROWS, parse


@cache
def _generator(radius: int, bits: int) -> Any:
    return rdFingerprintGenerator.GetMorganGenerator(radius=radius, fpSize=bits, includeChirality=False)


@lru_cache(maxsize=CACHED_ROWS)
def _counts(smiles: str, radius: int, bits: int) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float64]]:
    """Kept sparse: a small molecule sets some 20 of 2048 positions."""
    found = _generator(radius, bits).GetCountFingerprint(parse(smiles)).GetNonzeroElements()
    positions = np.fromiter(found.keys(), dtype=np.int32, count=len(found))
    return positions, np.fromiter(found.values(), dtype=np.float64, count=len(found))


class CountMorgan:
    """How often each atom environment up to `radius` bonds occurs, folded to `bits` positions. Stereochemistry is
    ignored.
    """

    def __init__(self, radius: int = 2, bits: int = 2048) -> None:
        if radius < 0 or bits < 1:
            raise ValueError(f"radius must be >= 0 and bits >= 1, got {radius} and {bits}")
        self.radius = radius
        self.bits = bits
        self.name = f"count_morgan_r{radius}_{bits}"
        self.version = "1"

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(f"bit_{i}" for i in range(self.bits))

    def occurrences(self, smiles: Sequence[str]) -> list[tuple[npt.NDArray[np.int32], npt.NDArray[np.float64]]]:
        """Positions and counts of each molecule's environments. Raises InvalidMolecule."""
        return [_counts(text, self.radius, self.bits) for text in smiles]

    def __call__(self, smiles: Sequence[str]) -> npt.NDArray[np.float64]:
        """Counts, shape (len(smiles), bits). Raises InvalidMolecule."""
        rows = np.zeros((len(smiles), self.bits))
        for row, text in zip(rows, smiles, strict=True):
            positions, counts = _counts(text, self.radius, self.bits)
            row[positions] = counts
        return rows
