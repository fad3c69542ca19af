"""What is wanted of a group vector: aims with their worth, limits hard and soft, and the score that weighs them.

The score is the problem's: the weighted geometric mean of the worths, halved for each margin that a soft limit is
missed by. Here it is kept as its logarithm, which is concave in the worths, so that a solver can bound it.
"""

from __future__ import annotations

import builtins
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from planners.design.camd.contributions import Array
from planners.design.camd.properties import PROPERTIES, evaluated
from planners.design.generator import CannotServe
from planners.design.problem import Problem

FLOOR = 1e-3  # a worth below it is none: its logarithm has to end somewhere
_TOLERANCE = 1e-6  # of a limit, relative: what SCIP takes for met
Reference = tuple[float, float, float]


@dataclass(frozen=True)
class Aim:
    """One goal, in the property's unit. `best` is the target with direction "target"."""

    property: str
    direction: str
    worst: float
    best: float
    weight: float
    words: str
    reference: Reference | None = None

    def worth(self, values: Array) -> Array:
        """0..1, (n,)."""
        if self.direction == "target":
            raw = 1.0 - np.abs(values - self.best) / abs(self.worst - self.best)
        else:
            raw = (values - self.worst) / (self.best - self.worst)
        return np.clip(np.where(np.isnan(raw), 0.0, raw), 0.0, 1.0)


@dataclass(frozen=True)
class Limit:
    """`low <= property <= high` in its unit. `softness`: how far beyond it the score is halved; 0: never beyond."""

    property: str
    low: float
    high: float
    softness: float
    words: str
    reference: Reference | None = None

    @builtins.property
    def tolerance(self) -> float:
        """What a solver takes for met."""
        return _TOLERANCE * max(1.0, *(abs(b) for b in (self.low, self.high) if math.isfinite(b)))

    def excess(self, values: Array) -> Array:
        """How far beyond the limit, (n,); infinite where the property is unknown."""
        return np.where(np.isnan(values), math.inf, np.maximum(np.maximum(self.low - values, values - self.high), 0.0))


@dataclass(frozen=True)
class Wanted:
    """`unexpressed`: requirements that groups cannot express, in words; whoever judges molecules sees to them."""

    aims: tuple[Aim, ...]
    limits: tuple[Limit, ...]
    unexpressed: tuple[str, ...] = ()

    def log_scores(self, counts: Array) -> Array:
        """Shape (n,) of group vectors (n, groups); -inf where a hard limit is missed or a goal worth nothing."""
        return log_scores(
            self.aims, self.limits, lambda name, reference: evaluated(name, counts, reference), len(counts)
        )


def log_scores(
    aims: Sequence[Aim],
    limits: Sequence[Limit],
    values_of: Callable[[str, Reference | None], Array],
    n: int,
) -> Array:
    """Logarithms of `n` scores, from the values (n,) of each property."""
    total = np.zeros(n)
    weights = sum(aim.weight for aim in aims)
    for aim in aims:
        worth = aim.worth(values_of(aim.property, aim.reference))
        with np.errstate(divide="ignore"):
            total += aim.weight / weights * np.where(worth < FLOOR * (1 - _TOLERANCE), -np.inf, np.log(worth))
    for limit in limits:
        excess = limit.excess(values_of(limit.property, limit.reference))
        if limit.softness > 0.0:
            total -= math.log(2.0) * excess / limit.softness
        else:
            total = np.where(excess > limit.tolerance, -np.inf, total)
    return total


def wanted(problem: Problem) -> Wanted:
    """Goals and requirements as the model holds them. Raises CannotServe for a goal that groups cannot express."""
    aims = []
    for goal in problem.goals:
        if goal.property not in PROPERTIES:
            known = ", ".join(sorted(PROPERTIES))
            raise CannotServe(f"camd: the goal '{goal.key}' cannot be expressed with groups; goals that can: {known}")
        aims.append(
            Aim(
                goal.property,
                goal.direction,
                goal.worst_value,
                goal.best_value,
                goal.weight,
                f"goal {goal}",
                _reference(goal.reference),
            )
        )
    limits, unexpressed = [], []
    for one in problem.requirements:
        if one.property in PROPERTIES:
            low, high = one.bounds
            words = f"requirement {one}"
            limits.append(Limit(one.property, low, high, one.softness, words, _reference(one.reference)))
        else:
            unexpressed.append(str(one))
    return Wanted(tuple(aims), tuple(limits), tuple(unexpressed))


def _reference(reference: Sequence[float] | str | None) -> Reference | None:
    if reference is None or isinstance(reference, str):
        return None
    d, p, h = reference
    return d, p, h
