"""Random graphs from which the generator draws: trees with a few rings, about as branched as molecules are.

They are the noise of this adversarial network. A draw begins close to its scribble, so that different scribbles give
different molecules: what a generator fed with plain noise has to learn, and loses first when it collapses.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from planners.design.adversarial.alphabet import CAPACITY, KINDS

Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

# Of handbook compounds up to 14 atoms: kinds of atoms within, of those at the end of a single, a double and a triple
# bond, the orders of bonds within (out of aromatic rings) and to ends. A few rare kinds are left to the network.
_WITHIN = {"C": 0.812, "N": 0.110, "O": 0.069, "S": 0.007, "Si": 0.002}
_ENDS = (
    {"C": 0.600, "O": 0.178, "N": 0.068, "F": 0.060, "Cl": 0.055, "Br": 0.030, "I": 0.005, "S": 0.004},
    {"O": 0.891, "C": 0.053, "N": 0.036, "S": 0.020},
    {"N": 0.594, "C": 0.406},
)
_ORDERS, _END_ORDERS = (0.93, 0.06, 0.01), (0.71, 0.23, 0.06)
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
    kinds = _kinds(rng, _WITHIN, (batch, n))
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
        for i, bond in enumerate(around if size <= n else ()):
            bind(some, np.full(batch, i), np.full(batch, (i + 1) % size), np.full(batch, bond))
        kinds[some, 0] = rng.choice(heads, size=int(some.sum()))
        taken[some] = size
    for k in range(1, n):
        degree = (orders[:, :k] > 0).sum(-1)
        anywhere = (rng.random((batch, k)) - 2.0 * (degree >= _DEGREE)).argmax(1)
        onward = (rng.random(batch) < _ONWARD) & (degree[:, k - 1] < _DEGREE)
        parent = np.where(onward, k - 1, anywhere)
        order = rng.choice(3, size=batch, p=_ORDERS) + 1
        bind(k >= taken, parent, np.full(batch, k), np.where(parent < taken, 1, order))
    for _ in range(2):
        span = rng.choice(_SPANS, size=batch)
        first = (rng.random(batch) * np.maximum(1, n - span)).astype(np.int64)
        second = np.minimum(first + span, n - 1)
        closes = (first + span < n) & (rng.random(batch) < _RING) & (orders[rows, first, second] == 0)
        bind(closes & (first >= taken - 1), first, second, np.ones(batch, dtype=np.int64))
    _finish_ends(rng, kinds, orders)
    kinds[np.array(CAPACITY)[kinds] < orders.sum(-1)] = 0
    return Scribbles(kinds, orders)


def _finish_ends(rng: np.random.Generator, kinds: Integers, orders: Integers) -> None:
    """Give atoms with one bond an order that their neighbour has room for, and a kind that goes with it, in place."""
    batch, n = kinds.shape
    last = (orders > 0).sum(-1) == 1
    wished = rng.choice(3, size=(batch, n), p=_END_ORDERS) + 1
    ends = [_kinds(rng, shares, (batch, n)) for shares in _ENDS]
    for k in range(n):
        at = np.flatnonzero(last[:, k])
        neighbour = orders[at, k].argmax(1)
        room = np.array(CAPACITY)[kinds[at, neighbour]] - orders[at, neighbour].sum(-1) + orders[at, k, neighbour]
        order = np.clip(np.minimum(wished[at, k], room), 1, 3)
        orders[at, k, neighbour] = orders[at, neighbour, k] = order
        kinds[at, k] = np.stack(ends)[order - 1, at, k]


def _kinds(rng: np.random.Generator, shares: dict[str, float], size: tuple[int, int]) -> Integers:
    of = [next(i for i, (element, _) in enumerate(KINDS) if element == name) for name in shares]
    weights = np.array(list(shares.values()))
    return np.array(of)[rng.choice(len(of), size=size, p=weights / weights.sum())]


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
