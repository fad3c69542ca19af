"""Settings that fill a space: far apart in numbers, options and levels as often as each other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import qmc

from planners.optimize.space.encoding import Codes


def sobol(dimensions: int, amount: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """(amount, dimensions), 0 to 1; `amount` a power of two. Scrambled (Owen, J. Complexity 14, 466, 1998)."""
    return np.asarray(qmc.Sobol(dimensions, scramble=True, rng=rng).random_base2(int(amount).bit_length() - 1))


def spaced(pool: Codes, n: int, categories: Sequence[int]) -> NDArray[np.int64]:
    """Row numbers of up to `n` of `pool`, one after the other: the one whose options were taken least, and among these
    the one farthest from all that were taken (Gower's distance; maximin, Johnson et al., J. Stat. Plan. Inference 26,
    131, 1990). The first is the pool's first.
    """
    n = min(n, len(pool))
    chosen = np.zeros(n, dtype=np.int64)
    if not n:
        return chosen
    columns = [np.unique(pool[:, j], return_inverse=True) for j in range(pool.shape[1])]
    # Few levels are balanced as options are; many, or a continuous number, are only kept apart.
    balanced = [inverse for j, (values, inverse) in enumerate(columns) if j in categories or len(values) <= n]
    taken = [np.zeros(int(inverse.max()) + 1) for inverse in balanced]
    numbers = [j for j in range(pool.shape[1]) if j not in categories]
    distance = np.full(len(pool), np.inf)
    left = np.ones(len(pool), dtype=bool)
    for i in range(n):
        if i:
            excess = np.zeros(len(pool))
            for inverse, counts in zip(balanced, taken, strict=True):
                excess += (counts - counts.min())[inverse]
            excess[~left] = np.inf
            best = np.flatnonzero(excess == excess.min())
            chosen[i] = best[np.argmax(distance[best])]
        row = pool[chosen[i]]
        left[chosen[i]] = False
        for inverse, counts in zip(balanced, taken, strict=True):
            counts[inverse[chosen[i]]] += 1.0
        apart = np.abs(pool[:, numbers] - row[numbers]).sum(axis=1)
        apart += (pool[:, list(categories)] != row[list(categories)]).sum(axis=1)
        distance = np.minimum(distance, apart)
    return chosen
