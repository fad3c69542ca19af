"""The mixed-integer programme of a design problem, solved by SCIP to proven optimality, one vector after another.

SCIP (S. Bolusani et al., The SCIP Optimization Suite 9.0, arXiv:2402.17702) bounds the score from above by convex
relaxations and branches until the best vector found is the best there is. One thread and fixed seeds: the same problem
gives the same vectors.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from planners.design.camd.bounds import SumBounds
from planners.design.camd.component import Component, Vector, new_model
from planners.design.camd.contributions import Array
from planners.design.camd.groups import GROUPS
from planners.design.camd.objective import missed, set_objective
from planners.design.camd.structure import Structure
from planners.design.camd.wanted import Limit, Wanted

_WARM = 5  # vectors of one search that are offered to the next


class Status(StrEnum):
    OPTIMAL = "optimal"
    NONE = "none"  # no vector is left that meets the limits
    STOPPED = "stopped"  # a limit of time or nodes; the best so far, with its gap


@dataclass(frozen=True)
class Solution:
    """One group vector and what is known of it.

    score: natural logarithm of the score, from the formulas themselves.  bound: no vector that is left has more.
    gap: bound less score; 0 within SCIP's tolerance of 1e-6 where proven.
    """

    vector: Vector
    score: float
    bound: float
    status: Status

    @property
    def gap(self) -> float:
        return max(self.bound - self.score, 0.0)


class Programme:
    """All vectors of a structure, best first. Vectors are ruled out one by one, and never come back.

    Every search begins from a fresh model, so its answer depends on the arguments, on what was ruled out and on `warm`
    only.
    """

    def __init__(
        self,
        structure: Structure,
        wanted: Wanted,
        *,
        seed: int = 0,
        correction: Mapping[int, float] | None = None,
        seconds: float | None = None,
        ruled_out: Sequence[Vector] = (),
        warm: Sequence[Vector] = (),
    ) -> None:
        """`correction`: added to the logarithm of the score for each group. `seconds`: of one search, at most.
        `warm`: vectors to begin the search from; they may be ruled out or miss the limits.
        """
        self.structure, self.wanted = structure, wanted
        self._correction = {i: v for i, v in sorted((correction or {}).items()) if i in structure.numbers}
        self._seed, self._seconds = seed, seconds
        self._bounds = SumBounds(structure)
        self._ruled_out: dict[Vector, None] = dict.fromkeys(ruled_out)
        self._warm: dict[Vector, None] = dict.fromkeys(warm)

    @property
    def ruled_out(self) -> tuple[Vector, ...]:
        return tuple(self._ruled_out)

    @property
    def warm(self) -> tuple[Vector, ...]:
        return tuple(self._warm)

    def rule_out(self, vector: Vector) -> None:
        self._ruled_out[vector] = None

    def log_scores(self, vectors: Sequence[Vector]) -> Array:
        """Of group vectors, correction included."""
        counts = np.array(vectors, dtype=np.float64).reshape(len(vectors), len(GROUPS))
        scores = self.wanted.log_scores(counts)
        for i, value in self._correction.items():
            scores = scores + value * counts[:, i]
        return scores

    def possible(self) -> bool:
        """Whether any vector is left at all; a search that ran out of time counts as one."""
        model = self._written()[0].model
        model.setObjective(0.0)
        model.setParam("limits/solutions", 1)
        model.optimize()
        return str(model.getStatus()) != "infeasible"

    def best(self) -> Solution | None:
        """The best vector that is left, or None when none meets the limits."""
        one, plain = self._written()
        model = one.model
        for vector in self._warm:
            one.offer(vector)
        model.optimize()
        if model.getNSols() == 0:
            return None
        found = [one.read(solution) for solution in model.getSols()]
        vector = one.read(model.getBestSol())
        self._keep_warm([v for v in found if v != vector])
        bound = float(model.getDualbound())
        if plain:
            bound = math.log(bound) if bound > 0.0 else -math.inf
        proven = model.getStatus() in ("optimal", "gaplimit")
        score = float(self.log_scores([vector])[0])
        return Solution(vector, score, bound, Status.OPTIMAL if proven else Status.STOPPED)

    def _written(self) -> tuple[Component, bool]:
        """A fresh model, and whether its objective is a worth itself instead of a logarithm."""
        model = new_model(self._seed)
        if self._seconds is not None:
            model.setParam("limits/time", self._seconds)
        one = Component(model, self.structure, self._bounds)
        penalties = [p for limit in self.wanted.limits if (p := self._limit(one, limit)) is not None]
        plain = set_objective(
            model,
            self.wanted.aims,
            lambda aim: one.expressions.value(aim.property, aim.reference, convex_below=aim.direction == "minimise"),
            penalties,
            [value * one.counts[i] for i, value in self._correction.items()],
        )
        for vector in self._ruled_out:
            model.addCons(sum(one.differs(vector)) >= 1)
        return one, plain

    def _limit(self, one: Component, limit: Limit) -> Any | None:
        """Add it; the variable that counts the margins it is missed by, of a soft one."""
        if limit.softness <= 0.0:
            for constraint in one.expressions.limit(limit.property, limit.low, limit.high, limit.reference):
                one.model.addCons(constraint)
            return None
        only_above = not math.isfinite(limit.low)
        value = one.expressions.value(limit.property, limit.reference, convex_below=only_above)
        return missed(one.model, limit, value)

    def _keep_warm(self, found: Sequence[Vector]) -> None:
        seen = [v for v in dict.fromkeys((*found, *self._warm)) if v not in self._ruled_out]
        scores = self.log_scores(seen)
        order = sorted(range(len(seen)), key=lambda i: (-scores[i], seen[i]))[:_WARM]
        self._warm = {seen[i]: None for i in order}
