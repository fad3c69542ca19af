"""The two kernels of a property model, as plain arrays.

Tanimoto on counts is the min-max kernel, sum(min(x, y)) / sum(max(x, y)) (L. Ralaivola et al., Neural Networks 18
(2005) 1093), positive definite for non-negative counts and equal to RDKit's TanimotoSimilarity of count fingerprints.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Array = NDArray[np.float64]


def unary(counts: Array, levels: int) -> sparse.csr_array:
    """Counts (n, d) as 0/1 columns "bit j occurs at least k times", k = 1..levels: (n, d * levels).

    In this coding the sum of the minima of two rows is their inner product. Counts above `levels` are cut to it.
    """
    rows, columns = np.nonzero(counts >= 1.0)
    repeats = np.minimum(counts[rows, columns], levels).astype(np.intp)
    level = np.arange(repeats.sum()) - np.repeat(np.cumsum(repeats) - repeats, repeats)
    place = (np.repeat(rows, repeats), np.repeat(columns, repeats) + level * counts.shape[1])
    return sparse.csr_array((np.ones(len(level)), place), shape=(counts.shape[0], counts.shape[1] * levels))


def tanimoto(a: sparse.csr_array, b: sparse.csr_array) -> Array:
    """Min-max similarity of unary-coded rows, (n, m) in [0, 1]; two empty fingerprints are identical (1)."""
    shared = np.asarray((a @ b.T).todense(), dtype=np.float64)
    total = np.asarray(a.sum(axis=1)).reshape(-1, 1) + np.asarray(b.sum(axis=1)).reshape(1, -1) - shared
    similarity: Array = np.where(total > 0.0, shared / np.where(total > 0.0, total, 1.0), 1.0)
    return similarity


def squared_distance(a: Array, b: Array) -> Array:
    """Squared Euclidean distances of the rows, (n, m), never negative."""
    square = (a * a).sum(axis=1)[:, None] + (b * b).sum(axis=1)[None, :] - 2.0 * (a @ b.T)
    positive: Array = np.maximum(square, 0.0)
    return positive
