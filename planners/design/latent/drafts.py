"""Points worth decoding: near known molecules, from the prior, around the best ones and between them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from planners.design.latent.sampling import Array, LatentSpace

_NEAR = (0.2, 0.4, 0.7)  # radii around known molecules
_ELSEWHERE = 0.1  # share of a cloud that is drawn from the prior: chemistry that nobody has told of yet
_BETWEEN = 0.3  # share of steps that begin on the way to another of the best


@dataclass(frozen=True)
class Draft:
    """point: (d,).  operator, parents: how it was found, as provenance has it."""

    point: Array
    operator: str
    parents: tuple[str, ...] = ()


def cold(
    model: LatentSpace, known: Sequence[str], place: Callable[[str], Array], count: int, rng: np.random.Generator
) -> list[Draft]:
    """By turns near a known molecule drawn by lot and from the prior; all from the prior where none is known.

    place: the point of a molecule.
    """
    drafts = []
    for turn, point in enumerate(model.prior(count, rng)):
        if turn % 2 or not known:
            drafts.append(Draft(point, "prior sample"))
            continue
        parent = known[int(rng.integers(len(known)))]
        radius = _NEAR[int(rng.integers(len(_NEAR)))]
        drafts.append(Draft(_step(place(parent), radius, model, rng), f"near {parent}", (parent,)))
    return drafts


def around(
    model: LatentSpace,
    centres: Sequence[str],
    place: Callable[[str], Array],
    radius: float,
    count: int,
    rng: np.random.Generator,
) -> list[Draft]:
    """Steps of at most `radius` (in standard deviations of molecules' points) from one of `centres` or from the way
    between two of them, and some points of the prior.
    """
    drafts = []
    for point in model.prior(count, rng):
        draw = rng.random()
        if draw < _ELSEWHERE:
            drafts.append(Draft(point, "prior sample"))
            continue
        first, second = (centres[int(i)] for i in rng.integers(len(centres), size=2))
        begin: Array = place(first)
        parents: tuple[str, ...] = (first,)
        if draw < _ELSEWHERE + _BETWEEN and second != first:
            begin = begin + rng.random() * (place(second) - begin)
            parents = (first, second)
        drafts.append(Draft(_step(begin, radius * rng.random(), model, rng), "latent step", parents))
    return drafts


def _step(begin: Array, radius: float, model: LatentSpace, rng: np.random.Generator) -> Array:
    moved: Array = begin + radius * model.spread * rng.standard_normal(len(begin))
    return moved
