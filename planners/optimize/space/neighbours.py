"""Small changes of settings, for a search around them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from planners.optimize.space.encoding import Codes
from planners.optimize.space.rules import Rules

_TWO = 0.4  # share of the changes that are of two parameters
_NEXT = 0.6  # of the changes of a level that are to the next one
_DECADES = 2.0  # between the largest and the smallest steps of a continuous number
_LOOKED_AT = 8  # listed combinations, of which the nearest is taken


def changed(codes: Codes, rules: Rules, reach: float, rng: np.random.Generator) -> Codes:
    """(n, p): each row with one or two parameters changed; not all of them keep the rules.

    Where parameters have a list of combinations, a whole combination is taken now and then.
    """
    codes = np.array(codes)
    n = len(codes)
    counts = rules.counts()
    free = np.array([j for j, count in enumerate(counts) if count is None or count > 1])
    if not len(free):
        return codes
    chosen = np.zeros((n, len(counts)), dtype=bool)
    rows = np.arange(n)
    chosen[rows, free[rng.integers(len(free), size=n)]] = True
    second = rng.random(n) < _TWO
    chosen[rows[second], free[rng.integers(len(free), size=int(second.sum()))]] = True
    for column in free:
        here = rows[chosen[:, column]]
        codes[here, column] = _other(codes[here, column], int(column), counts[column], rules, reach, rng)
    for columns, listed in rules.lists:
        tied = chosen[:, list(columns)].any(axis=1) & (rng.random(n) < 0.5)
        here = rows[tied]
        tried = listed[rng.integers(len(listed), size=(len(here), _LOOKED_AT))]
        differences = (tried != codes[here][:, None, list(columns)]).sum(axis=2)
        # The combination itself is no neighbour.
        differences[differences == 0] = len(columns) + 1
        nearest = differences.argmin(axis=1)
        codes[here[:, None], list(columns)] = tried[np.arange(len(here)), nearest]
    return codes


def _other(
    codes: NDArray[np.float64], column: int, count: int | None, rules: Rules, reach: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    n = len(codes)
    if count is None:
        width = reach * 10.0 ** (-_DECADES * rng.random(n))
        return np.asarray(np.clip(codes + width * rng.standard_normal(n), 0.0, 1.0))
    index = rules.index(column, codes)
    other = (index + rng.integers(1, count, size=n)) % count
    if column in rules.encoding.numbers:
        step = index + np.where(rng.random(n) < 0.5, 1, -1)
        step = np.where((step < 0) | (step >= count), 2 * index - step, step)
        other = np.where(rng.random(n) < _NEXT, step, other)
    return rules.nth(column, other)
