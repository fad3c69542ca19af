"""What each part of a molecule adds to a prediction, for any model: a Shapley value over real, smaller molecules.

The molecule is grown at random: a part (`parts.Parts`) is drawn to begin with, then one of those bonded to what is
there is added, until all are. Each part is credited with the change of the prediction when it is added, averaged over
all ways to grow (L. S. Shapley, in Contributions to the Theory of Games II, 1953, 307; of the more general random-order
values, R. J. Weber, in The Shapley Value, 1988, 101; restricted to connected coalitions as in R. B. Myerson, Math.
Oper. Res. 2 (1977) 225, and for molecules S. Homberg et al., ChemRxiv 2023, doi 10.26434/chemrxiv-2023-1hxxc). Growth
begins at methane, which is what hydrogen makes of nothing, so that

    prediction = prediction of methane + sum of the parts,

exactly, and of two molecules the same part can be compared. Unlike a mask of fingerprint bits (S. Riniker,
G. A. Landrum, J. Cheminf. 5 (2013) 43) no model is shown anything but molecules, so all its inputs count, descriptors
and priors too.

What the numbers mean: how this model uses the part, averaged over the environments that it has in pieces of this
molecule. What they do not: they are no measurement, and no prediction of what happens when the part is exchanged for
another (predict that molecule instead). A cut bond ends in hydrogen: an ether's oxygen is at times met as a hydroxyl
group, and the carbon that follows is charged with the hydrogen bond that it takes away. Small pieces can lie outside
the model's domain; there a model says little more than its mean, and what the parts add comes from the larger pieces.
The atoms of a part get equal shares of it; nothing is known of differences within a part.

Few parts are computed exactly; of many, a seeded sample of ways to grow is taken, and parts that a symmetry of the
molecule exchanges share alike.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from knowledge.qspr.explain.inside import Predicts
from knowledge.qspr.explain.parts import Parts
from knowledge.qspr.kernels import Array

LIMIT = 120
"""Smaller molecules that are predicted for one explanation at most."""
_COALITIONS = 600  # connected sets of parts that are looked at
_ORIGIN = "C"
_SEED = 0

_Moves = Mapping[tuple[int, int], float]  # (set, part added to it) -> probability that a growth does this


@dataclass(frozen=True)
class Part:
    """`atoms`: those that the part is drawn on, in the order of the SMILES; a heteroatom of a ring is in its ring's
    part as well. `value` is on the model scale.
    """

    name: str
    atoms: tuple[int, ...]
    value: float


@dataclass(frozen=True)
class Contributions:
    """prediction = `origin` + sum of `parts`, on the model scale. `origin`: the prediction of methane. `atoms` (n,):
    each part's value spread over its atoms. `exact`: all ways to grow were counted. `evaluated`: molecules predicted.
    """

    smiles: str
    prediction: float
    origin: float
    parts: tuple[Part, ...]
    atoms: Array
    exact: bool
    evaluated: int


def contributions(fitted: Predicts, smiles: str, *, limit: int = LIMIT) -> Contributions:
    """Of one molecule. Deterministic. Raises InvalidMolecule, and ValueError for several molecules in one SMILES or one
    that cannot be taken apart.
    """
    parts = Parts(smiles)
    moves, texts, exact = _all_growths(parts, limit) or _some_growths(parts, limit)
    asked = list(dict.fromkeys([_ORIGIN, smiles, *texts.values()]))
    mean = dict(zip(asked, fitted.predict(asked).mean.tolist(), strict=True))
    origin, whole = mean[_ORIGIN], mean[smiles]
    worth = {0: origin} | {chosen: mean[text] for chosen, text in texts.items()}
    values = np.zeros(len(parts.pieces))
    for (chosen, added), share in moves.items():
        values[added] += share * (worth[chosen | 1 << added] - worth[chosen])
    values = _alike(values, [p.kin for p in parts.pieces])
    found = []
    atoms = np.zeros(1 + max(a for p in parts.pieces for a in p.atoms))
    for i, piece in enumerate(parts.pieces):
        held = [q.atoms for q in parts.pieces if q.ring == i]
        members = tuple(sorted([*piece.atoms, *(a for own in held for a in own)]))
        atoms[list(members)] += values[i] / len(members)
        found.append(Part(piece.name, members, float(values[i])))
    return Contributions(smiles, whole, origin, tuple(found), atoms, exact, len(asked))


def _all_growths(parts: Parts, limit: int) -> tuple[_Moves, dict[int, str], bool] | None:
    """None where there are too many of them."""
    texts: dict[int, str] = {}
    moves: dict[tuple[int, int], float] = {}
    reached = {0: 1.0}
    for _ in parts.pieces:
        following: dict[int, float] = {}
        for chosen, chance in reached.items():
            additions = parts.additions(chosen)
            for added in additions:
                moves[chosen, added] = chance / len(additions)
                grown = chosen | 1 << added
                following[grown] = following.get(grown, 0.0) + chance / len(additions)
        if len(texts) + len(following) > _COALITIONS:
            return None
        texts |= {grown: parts.molecule(grown) for grown in following}
        if len(set(texts.values())) > limit:
            return None
        reached = following
    return moves, texts, True


def _some_growths(parts: Parts, limit: int) -> tuple[_Moves, dict[int, str], bool]:
    """Ways to grow, drawn until the next would ask for more than `limit` molecules; at least one."""
    rng = np.random.default_rng(_SEED)
    texts: dict[int, str] = {}
    ways: list[list[int]] = []
    while len(ways) < limit and len(texts) < _COALITIONS:
        way = _way(parts, rng.random)
        met = [sum(1 << i for i in way[: k + 1]) for k in range(len(way))]
        fresh = {chosen: texts.get(chosen) or parts.molecule(chosen) for chosen in met}
        if ways and len({*texts.values(), *fresh.values()}) > limit:
            break
        texts |= fresh
        ways.append(way)
    moves: dict[tuple[int, int], float] = {}
    for way in ways:
        chosen = 0
        for added in way:
            moves[chosen, added] = moves.get((chosen, added), 0.0) + 1.0 / len(ways)
            chosen |= 1 << added
    return moves, texts, False


def _way(parts: Parts, draw: Callable[[], float]) -> list[int]:
    way: list[int] = []
    chosen = 0
    while len(way) < len(parts.pieces):
        options = parts.additions(chosen)
        way.append(options[int(draw() * len(options))])
        chosen |= 1 << way[-1]
    return way


def _alike(values: Array, kin: Sequence[tuple[int, ...]]) -> Array:
    """The mean over parts that a symmetry exchanges: what a sample of growths, or Kekulé's double bonds, told apart."""
    groups: dict[tuple[int, ...], list[int]] = {}
    for i, key in enumerate(kin):
        groups.setdefault(key, []).append(i)
    shared = values.copy()
    for members in groups.values():
        shared[members] = values[members].mean()
    return shared
