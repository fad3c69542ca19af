"""Random graphs from which the generator draws: trees with a few rings, about as branched as molecules are.

They are the noise of this adversarial network. A draw begins close to its scribble, so that different scribbles give
different molecules: what a generator fed with plain noise has to learn, and loses first when it collapses.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from planners.design.adversarial.alphabet import CAPACITY

Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

# Shares of the kinds among atoms of the handbook's small compounds, of bond orders, and of rings by size.
_KINDS = (0.715, 0.085, 0.140, 0.016, 0.017, 0.005, 0.001, 0.008, 0.001, 0.003, 0.005, 0.002, 0.002)
_ORDERS = (0.82, 0.16, 0.02)
_SPANS, _RING = (4, 5, 5, 4, 6), 0.4  # atoms along the chain between the ends of a closing bond; chance of each of two
_ONWARD = 0.6  # chance that an atom follows the one before it
_DEGREE = 3
# Aromatic rings cannot be come by in small steps, so scribbles begin with one as often as molecules have one: chance,
# orders of the bonds around the ring, kinds that its first atom may have.
_CORES = (
    (0.42, (2, 1, 2, 1, 2, 1), (0, 0, 0, 0, 1)),
    (0.12, (1, 2, 1, 2, 1), (1, 1, 2, 7)),
)


@dataclass(frozen=True)
class Scribbles:
    """kinds: shape (batch, n).  orders: shape (batch, n, n), symmetric. Valences may be exceeded."""

    kinds: Integers
    orders: Integers


def scribbled(rng: np.random.Generator, batch: int, n: int) -> Scribbles:
    """Connected random graphs of n atoms."""
    rows = np.arange(batch)
    kinds = rng.choice(len(_KINDS), size=(batch, n), p=np.array(_KINDS) / sum(_KINDS))
    orders = np.zeros((batch, n, n), dtype=np.int64)
    taken = np.ones(batch, dtype=np.int64)  # atoms that the ring at the beginning has

    def bind(some: Flags, first: Integers, second: Integers, order: Integers) -> None:
        at, i, j = rows[some], first[some], second[some]
        orders[at, i, j] = orders[at, j, i] = order[some]

    draw = rng.random(batch)
    for chance, around, heads in _CORES:
        size = len(around)
        some = (draw >= 0.0) & (draw < chance) & (size <= n)
        draw = draw - chance
        for i, order in enumerate(around if size <= n else ()):
            bind(some, np.full(batch, i), np.full(batch, (i + 1) % size), np.full(batch, order))
        kinds[some, 0] = rng.choice(heads, size=int(some.sum()))
        taken[some] = size
    for k in range(1, n):
        degree = (orders[:, :k] > 0).sum(-1)
        anywhere = (rng.random((batch, k)) - 2.0 * (degree >= _DEGREE)).argmax(1)
        onward = (rng.random(batch) < _ONWARD) & (degree[:, k - 1] < _DEGREE)
        order = rng.choice(3, size=batch, p=_ORDERS) + 1
        order[(taken > 1) & (anywhere < taken)] = 1
        bind(k >= taken, np.where(onward, k - 1, anywhere), np.full(batch, k), order)
    for _ in range(2):
        span = rng.choice(_SPANS, size=batch)
        first = (rng.random(batch) * np.maximum(1, n - span)).astype(np.int64)
        second = np.minimum(first + span, n - 1)
        closes = (first + span < n) & (rng.random(batch) < _RING) & (orders[rows, first, second] == 0)
        bind(closes & (first >= taken - 1), first, second, np.ones(batch, dtype=np.int64))
    kinds[np.array(CAPACITY)[kinds] < orders.sum(-1)] = 0
    return Scribbles(kinds, orders)


def smudged(rng: np.random.Generator, known: Scribbles, opened: Flags, level: npt.NDArray[np.float64]) -> Scribbles:
    """Known graphs whose open atoms, and the pairs of which one is open, are scribbled over.

    opened: shape (batch, n).  level: shape (batch,), the share of the open places that lose what is known.
    """
    batch, n = opened.shape
    new = scribbled(rng, batch, n)
    kinds = opened & (rng.random((batch, n)) < level[:, None])
    draw = np.triu(rng.random((batch, n, n)), 1)
    pairs = (opened[:, :, None] | opened[:, None, :]) & (draw + draw.transpose(0, 2, 1) < level[:, None, None])
    return Scribbles(np.where(kinds, new.kinds, known.kinds), np.where(pairs, new.orders, known.orders))
