"""What is known of a category's options, as similarities between any two of them.

Nothing is ever computed for all pairs: a category may have 100,000 options, of which a campaign tries some fifty. Rows
of features are made when an option is first asked for, and kept.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from knowledge.features.descriptors import Descriptors
from knowledge.features.fingerprints import CountMorgan
from knowledge.qspr.kernels import Array, squared_distance, tanimoto, unary
from knowledge.records.space import Category

Places = NDArray[np.intp]

REFERENCE = 256  # options that descriptors are scaled by: all of a small category, evenly spaced ones of a large one
COUNTED = 4  # more occurrences of an atom environment than this count as this many


class Description(Protocol):
    """Of one category: how far options are apart."""

    def compare(self, places: Places, others: Places) -> Array:
        """(n, m), symmetric in its arguments; `places` are indices of options."""
        ...


class Same:
    """1 for an option and itself, 0 otherwise."""

    def compare(self, places: Places, others: Places) -> Array:
        return np.asarray(places[:, None] == others[None, :], dtype=np.float64)


class Likeness:
    """Min-max similarity of ECFP4 counts, 0 to 1."""

    def __init__(self, category: Category) -> None:
        self._smiles = _structures(category)
        self._counts = CountMorgan(radius=2, bits=1024)

    def compare(self, places: Places, others: Places) -> Array:
        rows = [unary(self._counts([self._smiles[i] for i in p.tolist()]), COUNTED) for p in (places, others)]
        return tanimoto(rows[0], rows[1])


class Distance:
    """Euclidean distance of scaled descriptors; the median over different options is 1."""

    def __init__(self, category: Category) -> None:
        self._smiles = _structures(category)
        self._describe = Descriptors()
        step = max(1, -(-len(self._smiles) // REFERENCE))
        rows = self._describe(self._smiles[::step])
        self._center = rows.mean(axis=0)
        spread = rows.std(axis=0)
        # A descriptor that hardly varies is rounding, not chemistry.
        varies = spread > 1e-9 * (1.0 + np.abs(self._center))
        self._factor = np.where(varies, 1.0 / np.where(varies, spread, 1.0), 0.0)
        self._unit = 1.0
        distances = np.sqrt(squared_distance(*[self._scaled(rows)] * 2))
        apart = distances[np.triu_indices(len(rows), 1)]
        if np.any(apart > 1e-6):
            self._unit = float(np.median(apart[apart > 1e-6]))

    def _scaled(self, rows: Array) -> Array:
        return np.asarray((rows - self._center) * self._factor, dtype=np.float64)

    def compare(self, places: Places, others: Places) -> Array:
        rows = [self._scaled(self._describe([self._smiles[i] for i in p.tolist()])) for p in (places, others)]
        distance = np.sqrt(squared_distance(rows[0], rows[1])) / self._unit
        # Differences of large squares leave some 1e-8 for an option and itself.
        return np.where(places[:, None] == others[None, :], 0.0, distance)


def _structures(category: Category) -> list[str]:
    structures = [option.smiles for option in category.options]
    assert all(s is not None for s in structures)
    return [s for s in structures if s is not None]
