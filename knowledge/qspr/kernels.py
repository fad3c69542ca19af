"""The two kernels of a property model, as plain arrays.

Tanimoto on counts is the min-max kernel, sum(min(x, y)) / sum(max(x, y)) (L. Ralaivola et al., Neural Networks 18
(2005) 1093), positive definite for non-negative counts and equal to RDKit's TanimotoSimilarity of count fingerprints.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Array = NDArray[np.float64]
Occurrences = tuple[NDArray[np.int32], NDArray[np.float64]]
"""One molecule's counts: positions of a fingerprint, each once, and how often each is set (at least once)."""

_WIDE = 512  # molecules of one side that are dense at one time


def unary(counts: Array, levels: int) -> sparse.csr_array:
    """Counts (n, d) as 0/1 columns "bit j occurs at least k times", k = 1..levels: (n, d * levels).

    In this coding the sum of the minima of two rows is their inner product. Counts above `levels` are cut to it.
    """
    rows, columns = np.nonzero(counts >= 1.0)
    repeats = np.minimum(counts[rows, columns], levels).astype(np.intp)
    level = np.arange(repeats.sum()) - np.repeat(np.cumsum(repeats) - repeats, repeats)
    place = (np.repeat(rows, repeats), np.repeat(columns, repeats) + level * counts.shape[1])
    return sparse.csr_array((np.ones(len(level)), place), shape=(counts.shape[0], counts.shape[1] * levels))


def coded(found: Sequence[Occurrences], bits: int, levels: int) -> sparse.csr_array:
    """What `unary` makes of the molecules' counts, without a dense row of `bits` numbers for each."""
    sizes = [len(positions) for positions, _ in found]
    columns = np.concatenate([positions for positions, _ in found] or [np.zeros(0, dtype=np.int32)]).astype(np.intp)
    counts = np.concatenate([counts for _, counts in found] or [np.zeros(0)])
    repeats = np.minimum(counts, levels).astype(np.intp)
    level = np.arange(repeats.sum()) - np.repeat(np.cumsum(repeats) - repeats, repeats)
    place = (np.repeat(np.repeat(np.arange(len(found)), sizes), repeats), np.repeat(columns, repeats) + level * bits)
    return sparse.csr_array((np.ones(len(level)), place), shape=(len(found), bits * levels))


def tanimoto(a: sparse.csr_array, b: sparse.csr_array) -> Array:
    """Min-max similarity of unary-coded rows, (n, m) in [0, 1]; two empty fingerprints are identical (1)."""
    if a.shape[0] < b.shape[0]:
        return np.ascontiguousarray(tanimoto(b, a).T)
    similarity = np.empty((a.shape[0], b.shape[0]))
    sizes = np.diff(a.indptr).astype(np.float64)[:, None]
    for start in range(0, b.shape[0], _WIDE):
        block = b[start : start + _WIDE]
        shared = _shared(a, block)
        total = sizes + np.diff(block.indptr)[None, :] - shared
        np.divide(shared, total, out=shared, where=total > 0.0)
        shared[total <= 0.0] = 1.0
        similarity[:, start : start + _WIDE] = shared
    return similarity


def _shared(a: sparse.csr_array, b: sparse.csr_array) -> Array:
    """Inner products of 0/1 rows. `b` becomes dense in the columns that it has: to add up rows of that takes a tenth of
    the time that a product of two sparse arrays takes. Single precision counts exactly up to 16 million.
    """
    used = np.unique(b.indices)
    place = np.full(b.shape[1], len(used), dtype=np.int32)  # what `b` has not counts nothing: a last row of zeros
    place[used] = np.arange(len(used), dtype=np.int32)
    dense = np.zeros((len(used) + 1, b.shape[0]), dtype=np.float32)
    dense[place[b.indices], np.repeat(np.arange(b.shape[0]), np.diff(b.indptr))] = 1.0
    rows = sparse.csr_array(
        (np.ones(len(a.indices), dtype=np.float32), place[a.indices], a.indptr), shape=(a.shape[0], len(used) + 1)
    )
    return np.asarray(rows @ dense, dtype=np.float64)


def squared_distance(a: Array, b: Array) -> Array:
    """Squared Euclidean distances of the rows, (n, m), never negative."""
    square = (a * a).sum(axis=1)[:, None] + (b * b).sum(axis=1)[None, :] - 2.0 * (a @ b.T)
    positive: Array = np.maximum(square, 0.0)
    return positive
