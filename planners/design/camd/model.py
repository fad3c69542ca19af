"""The mixed-integer programme of one design problem, solved by SCIP to proven optimality, one group vector after another.

SCIP (S. Bolusani et al., The SCIP Optimization Suite 9.0, arXiv:2402.17702) bounds the score from above by convex
relaxations and branches until the best vector found is the best there is. One thread and fixed seeds: the same problem
gives the same vectors.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from planners.design.camd.bounds import SumBounds
from planners.design.camd.contributions import Array, Contributions
from planners.design.camd.expressions import Expressions
from planners.design.camd.groups import GROUPS
from planners.design.camd.structure import Structure
from planners.design.camd.wanted import FLOOR, Aim, Limit, Wanted

Vector = tuple[int, ...]
"""How often each group of the table occurs."""
_SEEDS = ("randomization/randomseedshift", "randomization/permutationseed", "randomization/lpseed")
_SETTINGS = {
    "parallel/maxnthreads": 1,
    "limits/gap": 0.0,
    "limits/absgap": 1e-7,
    "limits/maxorigsol": 20,
}
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
        written = self._written()
        written.model.setObjective(0.0)
        written.model.setParam("limits/solutions", 1)
        written.model.optimize()
        return written.model.getStatus() != "infeasible"

    def best(self) -> Solution | None:
        """The best vector that is left, or None when none meets the limits."""
        written = self._written()
        for vector in self._warm:
            written.offer(vector)
        model = written.model
        model.optimize()
        if model.getNSols() == 0:
            return None
        found = [written.read(solution) for solution in model.getSols()]
        vector = written.read(model.getBestSol())
        self._keep_warm([v for v in found if v != vector])
        bound = float(model.getDualbound())
        if written.plain:
            bound = math.log(bound) if bound > 0.0 else -math.inf
        proven = model.getStatus() in ("optimal", "gaplimit")
        score = float(self.log_scores([vector])[0])
        return Solution(vector, score, bound, Status.OPTIMAL if proven else Status.STOPPED)

    def _written(self) -> _Written:
        written = _Written(self.structure, self.wanted, self._correction, self._bounds, self._seed)
        if self._seconds is not None:
            written.model.setParam("limits/time", self._seconds)
        for vector in self._ruled_out:
            written.cut(vector)
        return written

    def _keep_warm(self, found: Sequence[Vector]) -> None:
        seen = [v for v in dict.fromkeys((*found, *self._warm)) if v not in self._ruled_out]
        scores = self.log_scores(seen)
        order = sorted(range(len(seen)), key=lambda i: (-scores[i], seen[i]))[:_WARM]
        self._warm = {seen[i]: None for i in order}


class _Written:
    """One SCIP model."""

    def __init__(
        self,
        structure: Structure,
        wanted: Wanted,
        correction: Mapping[int, float],
        bounds: Callable[[Contributions], tuple[float, float]],
        seed: int,
    ) -> None:
        import pyscipopt

        self.structure, self.wanted, self._correction = structure, wanted, correction
        self.model: Any = pyscipopt.Model()
        self.model.hideOutput()
        for name in _SEEDS:
            self.model.setParam(name, seed % 2**31)
        for name, value in _SETTINGS.items():
            self.model.setParam(name, value)
        self._steps: dict[tuple[int, int], Any] = {}
        self._build(bounds)

    def _build(self, bounds: Callable[[Contributions], tuple[float, float]]) -> None:
        model, of = self.model, self.structure
        counts = {i: model.addVar(GROUPS[i].name, vtype="I", lb=0, ub=of.upper[i]) for i in of.numbers}
        helpers = {
            "rings_aromatic": model.addVar("rings_aromatic", vtype="I", lb=0, ub=of.rings[0]),
            "rings_saturated": model.addVar("rings_saturated", vtype="I", lb=0, ub=of.rings[1]),
            "double_bonds": model.addVar("double_bonds", vtype="I", lb=0, ub=20),
            "lone_ring": model.addVar("lone_ring", vtype="B"),
        }
        variables: dict[int | str, Any] = {**counts, **helpers}
        for row in of.rows:
            terms = [c * variables[k] for k, c in row.coefficients.items() if c]
            if terms:
                _add(model, sum(terms), row.low, row.high)
            elif not row.low <= 0.0 <= row.high:
                model.addCons(helpers["lone_ring"] >= 2)  # no group can fulfil it
        self._counts = counts
        sizes = {h: model.addVar(f"heavy_{h}", vtype="B") for h in range(of.heavy[0], of.heavy[1] + 1)}
        atoms = model.addVar("heavy_atoms", vtype="I", lb=of.heavy[0], ub=of.heavy[1])
        model.addCons(sum(GROUPS[i].heavy_atoms * n for i, n in counts.items()) - atoms == 0)
        model.addCons(sum(sizes.values()) == 1)
        model.addCons(sum(h * y for h, y in sizes.items()) - atoms == 0)
        for y in sizes.values():
            model.chgVarBranchPriority(y, 1)
        rings = helpers["rings_aromatic"] + helpers["rings_saturated"]
        self._expressions = Expressions(model, counts, rings, atoms, sizes, bounds)
        self._set_objective([c for limit in self.wanted.limits if (c := self._limit(limit)) is not None])

    def _set_objective(self, penalties: Sequence[Any]) -> None:
        model, aims = self.model, self.wanted.aims
        weights = sum(aim.weight for aim in aims)
        worths = [self._worth(aim) for aim in aims]
        self.plain = len(aims) == 1 and not penalties and not self._correction
        if self.plain:
            # One goal alone: its worth rises with its logarithm, so the logarithm need not be written.
            model.setObjective(worths[0], "maximize")
            return
        from pyscipopt import log

        terms = []
        for aim, worth in zip(aims, worths, strict=True):
            term = model.addVar(vtype="C", lb=math.log(FLOOR), ub=0.0)
            model.addCons(term <= log(worth))
            terms.append(aim.weight / weights * term)
        terms += [-math.log(2.0) * penalty for penalty in penalties]
        terms += [value * self._counts[i] for i, value in sorted(self._correction.items()) if i in self._counts]
        model.setObjective(sum(terms), "maximize")

    def _worth(self, aim: Aim) -> Any:
        model = self.model
        worth = model.addVar(vtype="C", lb=FLOOR, ub=1.0)
        value = self._expressions.value(aim.property, aim.reference, convex_below=aim.direction == "minimise")
        span = abs(aim.best - aim.worst)
        if aim.direction == "maximise":
            model.addCons(worth * span <= value - aim.worst)
        elif aim.direction == "minimise":
            model.addCons(worth * span <= aim.worst - value)
        else:
            model.addCons(worth * span <= span - (value - aim.best))
            model.addCons(worth * span <= span - (aim.best - value))
        return worth

    def _limit(self, limit: Limit) -> Any | None:
        """Add it; the variable that counts the margins it is missed by, of a soft one."""
        model = self.model
        if limit.softness <= 0.0:
            for constraint in self._expressions.limit(limit.property, limit.low, limit.high, limit.reference):
                model.addCons(constraint)
            return None
        only_above = not math.isfinite(limit.low)
        value = self._expressions.value(limit.property, limit.reference, convex_below=only_above)
        missed = model.addVar(vtype="C", lb=0.0)
        if math.isfinite(limit.low):
            model.addCons(missed * limit.softness >= limit.low - value)
        if math.isfinite(limit.high):
            model.addCons(missed * limit.softness >= value - limit.high)
        return missed

    def cut(self, vector: Vector) -> None:
        """Rule out one vector and nothing else: at least one count differs.

        For every group whose count could be above or below, a binary that says "at least k" (shared by all cuts).
        """
        terms = []
        for i in self.structure.numbers:
            k = vector[i]
            if k < self.structure.upper[i]:
                terms.append(self._at_least(i, k + 1))
            if k > 0:
                terms.append(1 - self._at_least(i, k))
        self.model.addCons(sum(terms) >= 1)

    def _at_least(self, i: int, k: int) -> Any:
        if (i, k) not in self._steps:
            upper = self.structure.upper[i]
            binary = self.model.addVar(f"{GROUPS[i].name}>={k}", vtype="B")
            self.model.addCons(self._counts[i] >= k * binary)
            self.model.addCons(self._counts[i] <= (k - 1) + (upper - k + 1) * binary)
            self._steps[i, k] = binary
        return self._steps[i, k]

    def offer(self, vector: Vector) -> None:
        """As a first solution: its counts; SCIP works out the rest."""
        partial = self.model.createPartialSol()
        for i, variable in self._counts.items():
            self.model.setSolVal(partial, variable, vector[i])
        self.model.addSol(partial)

    def read(self, solution: Any) -> Vector:
        found = {i: round(self.model.getSolVal(solution, variable)) for i, variable in self._counts.items()}
        return tuple(found.get(i, 0) for i in range(len(GROUPS)))


def _add(model: Any, total: Any, low: float, high: float) -> None:
    if low == high:
        model.addCons(total == low)
        return
    if math.isfinite(low):
        model.addCons(total >= low)
    if math.isfinite(high):
        model.addCons(total <= high)


def counts_of(vector: Vector) -> dict[str, int]:
    """By name, those that occur."""
    return {GROUPS[i].name: n for i, n in enumerate(vector) if n}
