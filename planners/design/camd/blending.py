"""What a mixture of two liquids is, and its properties by ideal rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

import numpy as np

from knowledge.records.properties import HANSEN
from planners.design.camd.component import Vector
from planners.design.camd.contributions import Array
from planners.design.camd.properties import evaluated
from planners.design.camd.wanted import Aim, Limit, Reference, log_scores


class Rule(StrEnum):
    """Of what the mean by volume fraction is taken. `distance`: of the Hansen parameters, before the distance."""

    VALUE = "value"
    LOGARITHM = "logarithm"
    DISTANCE = "distance"


BLENDED: dict[str, Rule] = {
    **dict.fromkeys(HANSEN, Rule.VALUE),
    "viscosity": Rule.LOGARITHM,
    "hansen_distance": Rule.DISTANCE,
}


@dataclass(frozen=True)
class Blend:
    """`fraction`: volume of the first component over the sum of both volumes before mixing."""

    first: Vector
    second: Vector
    fraction: float


def blended(name: str, blends: Sequence[Blend], reference: Reference | None = None) -> Array:
    """A property (n,) of blends, in its unit. Raises KeyError for one without a rule."""
    rule = BLENDED[name]
    if rule is Rule.DISTANCE:
        if reference is None:
            raise ValueError("a Hansen distance needs a reference")
        d, p, h = (blended(part, blends) - r for part, r in zip(HANSEN, reference, strict=True))
        return np.sqrt(4.0 * d**2 + p**2 + h**2)
    fraction = np.array([b.fraction for b in blends])
    one = evaluated(name, np.array([b.first for b in blends], dtype=np.float64))
    other = evaluated(name, np.array([b.second for b in blends], dtype=np.float64))
    if rule is Rule.LOGARITHM:
        return np.exp(fraction * np.log(one) + (1.0 - fraction) * np.log(other))
    return fraction * one + (1.0 - fraction) * other


def _of(counts: Array, name: str, reference: Reference | None) -> Array:
    return evaluated(name, counts, reference)


def blended_scores(
    aims: Sequence[Aim],
    blended_limits: Sequence[Limit],
    own_limits: Sequence[Limit],
    blends: Sequence[Blend],
    *,
    held: Sequence[str] = ("first", "second"),
) -> Array:
    """Logarithms of the scores (n,); minus infinity where a hard limit is missed.

    blended_limits: of the blend.  own_limits: of each component that is `held` to them.
    """
    scores = log_scores(aims, blended_limits, lambda name, reference: blended(name, blends, reference), len(blends))
    for side in ("first", "second"):
        counts = np.array([getattr(b, side) for b in blends], dtype=np.float64)
        if side in held:
            scores = scores + log_scores((), own_limits, partial(_of, counts), len(blends))
    return scores
