"""Mixtures of two solvents and their ratio in one programme: both designed, or one of them from a list.

The volume fraction of the first component takes steps, so that its products with the components' Hansen parameters
are written out exactly (as in `expressions`). Blends are ideal: Hansen parameters are means by volume fraction (C. M.
Hansen, Hansen Solubility Parameters, 2nd ed., 2007, ch. 1), and so is the logarithm of viscosity (S. Arrhenius,
Z. Phys. Chem. 1 (1887) 285). What has no simple rule (boiling, melting, flashing ...) each component has to meet by
itself.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from knowledge.records.properties import HANSEN
from planners.design.camd.blending import BLENDED, Blend, Rule, blended_scores
from planners.design.camd.bounds import SumBounds
from planners.design.camd.component import Component, Vector, new_model
from planners.design.camd.contributions import Array, learned
from planners.design.camd.groups import GROUPS, fragmentation
from planners.design.camd.model import Status
from planners.design.camd.objective import missed, set_objective
from planners.design.camd.structure import MOST_GROUPS, structure
from planners.design.camd.wanted import Aim, wanted
from planners.design.generator import CannotServe
from planners.design.problem import Problem

STEPS = 10
_MOST_GROUPS = 12  # of a component: two of them are searched at once
_SPREAD = 60.0  # MPa^0.5, more than any two liquids are apart
_VISCOUS = 20.0  # ln(mPa s)


@dataclass(frozen=True)
class BlendSolution:
    """A proven best blend.  score: natural logarithm.  bound: no blend that is left has more."""

    blend: Blend
    score: float
    bound: float
    status: Status


class BlendProgramme:
    """Blends of a problem, best first; each pair of components once, at its best ratio."""

    def __init__(
        self,
        problem: Problem,
        *,
        partners: Sequence[str] = (),
        steps: int = STEPS,
        most_groups: int = _MOST_GROUPS,
        seed: int = 0,
        seconds: float | None = None,
    ) -> None:
        """`partners`: SMILES of which one is the second component; empty: it is designed as well. A liquid that is
        known need not meet requirements by estimates: those without a rule of blending hold for what is designed.

        steps: of the volume fraction, from 1/steps to 1 - 1/steps.
        Raises CannotServe for goals that have no rule of blending, and for partners that groups do not cover.
        """
        self._wanted = wanted(problem)
        for aim in self._wanted.aims:
            if aim.property not in BLENDED:
                raise CannotServe(
                    f"camd: the goal '{aim.property}' has no rule of ideal blending; those that have: "
                    f"{', '.join(sorted(BLENDED))}"
                )
        self.blended = tuple(limit for limit in self._wanted.limits if limit.property in BLENDED)
        self.alone = tuple(limit for limit in self._wanted.limits if limit.property not in BLENDED)
        self._structure = structure(problem.space, most_groups=min(most_groups, MOST_GROUPS))
        self._bounds = SumBounds(self._structure)
        self.fractions = tuple(k / steps for k in range(1, steps))
        self.partners = _vectors(partners)
        self._seed, self._seconds = seed, seconds
        self._ruled_out: dict[tuple[Vector, Vector], None] = {}

    def rule_out(self, blend: Blend) -> None:
        """Both components together, at any ratio."""
        self._ruled_out[blend.first, blend.second] = None
        if not self.partners:
            self._ruled_out[blend.second, blend.first] = None

    def log_score(self, blend: Blend) -> float:
        """From the formulas themselves; minus infinity where a limit is missed."""
        held = ("first",) if self.partners else ("first", "second")
        return float(blended_scores(self._wanted.aims, self.blended, self.alone, [blend], held=held)[0])

    def best(self) -> BlendSolution | None:
        """The best blend that is left, or None when none meets the limits."""
        model = new_model(self._seed)
        if self._seconds is not None:
            model.setParam("limits/time", self._seconds)
        first = Component(model, self._structure, self._bounds)
        penalties = self._limited(first)
        second = Component(model, self._structure, self._bounds) if not self.partners else None
        choice = {v: model.addVar(vtype="B") for v in self.partners}
        if second is not None:
            penalties += self._limited(second)
        else:
            model.addCons(sum(choice.values()) == 1)
        fractions = self.fractions
        steps = {f: model.addVar(vtype="B") for f in fractions}
        model.addCons(sum(steps.values()) == 1)
        if second is not None:
            # Which of two designed components is called the first is of no matter: the one that there is more of.
            for f in fractions:
                if f < 0.5 - 1e-9:
                    model.addCons(steps[f] == 0)
        values = _Values(model, first, second, choice, steps)
        for limit in self.blended:
            value = values.of(limit.property, limit.reference, low=math.isfinite(limit.low))
            if limit.softness > 0.0:
                penalties.append(missed(model, limit, value))
                continue
            if math.isfinite(limit.low):
                model.addCons(value >= limit.low)
            if math.isfinite(limit.high):
                model.addCons(value <= limit.high)
        plain = set_objective(model, self._wanted.aims, lambda aim: _value(values, aim), penalties)
        for one, other in self._ruled_out:
            terms = first.differs(one)
            terms += second.differs(other) if second is not None else [1 - choice[other]]
            model.addCons(sum(terms) >= 1)
        model.optimize()
        if model.getNSols() == 0:
            return None
        found = model.getBestSol()
        fraction = max(fractions, key=lambda f: float(model.getSolVal(found, steps[f])))
        partner = (
            second.read(found)
            if second is not None
            else max(choice, key=lambda v: float(model.getSolVal(found, choice[v])))
        )
        blend = Blend(first.read(found), partner, fraction)
        bound = float(model.getDualbound())
        if plain:
            bound = math.log(bound) if bound > 0.0 else -math.inf
        proven = str(model.getStatus()) in ("optimal", "gaplimit")
        return BlendSolution(blend, self.log_score(blend), bound, Status.OPTIMAL if proven else Status.STOPPED)

    def _limited(self, one: Component) -> list[Any]:
        """Hold a component to its limits; the margins by which it misses soft ones."""
        penalties = []
        for limit in self.alone:
            if limit.softness > 0.0:
                penalties.append(missed(one.model, limit, one.expressions.value(limit.property, limit.reference)))
                continue
            for constraint in one.expressions.limit(limit.property, limit.low, limit.high, limit.reference):
                one.model.addCons(constraint)
        return penalties


def _vectors(partners: Sequence[str]) -> tuple[Vector, ...]:
    found: dict[Vector, None] = {}
    for smiles in partners:
        cut = fragmentation(smiles)
        if not cut.complete:
            raise CannotServe(f"camd: the partner '{smiles}' has atoms that are in no group")
        found[tuple(cut.counts.get(i, 0) for i in range(len(GROUPS)))] = None
    return tuple(found)


def _value(values: _Values, aim: Aim) -> Any:
    return values.of(aim.property, aim.reference, low=aim.direction != "minimise")


class _Values:
    """A blend's properties as variables: p = p2 + sum over steps f of f (p1 - p2), for that step."""

    def __init__(
        self,
        model: Any,
        first: Component,
        second: Component | None,
        choice: Mapping[Vector, Any],
        steps: Mapping[float, Any],
    ) -> None:
        self._model, self._first, self._second = model, first, second
        self._choice, self._steps = choice, steps
        self._means: dict[str, Any] = {}

    def of(self, name: str, reference: tuple[float, float, float] | None, *, low: bool) -> Any:
        """A variable that equals the property; without `low` it may lie above (it is wanted small)."""
        from pyscipopt import exp

        model = self._model
        if name == "viscosity":
            value = model.addVar(vtype="C", lb=0.0, ub=math.exp(_VISCOUS))
            total = self._mean(name)
            model.addCons(exp(total) == value if low else exp(total) <= value)
            return value
        if name == "hansen_distance" and reference is not None:
            value = model.addVar(vtype="C", lb=0.0, ub=4.0 * _SPREAD)
            parts = zip((4.0, 1.0, 1.0), HANSEN, reference, strict=True)
            away = []
            for weight, part, at in parts:
                distance = model.addVar(vtype="C", lb=-2.0 * _SPREAD, ub=2.0 * _SPREAD)
                model.addCons(distance == self._mean(part) - at)
                away.append(weight * distance * distance)
            model.addCons(sum(away) == value * value if low else sum(away) <= value * value)
            return value
        return self._mean(name)

    def _mean(self, name: str) -> Any:
        if name in self._means:
            return self._means[name]
        model = self._model
        bound = _VISCOUS if name == "viscosity" else _SPREAD
        one, other = self._rule(name, self._first), self._other(name)
        gaps = {f: model.addVar(vtype="C", lb=-bound, ub=bound) for f in self._steps}
        for f, gap in gaps.items():
            model.addCons(gap <= bound * self._steps[f])
            model.addCons(gap >= -bound * self._steps[f])
        model.addCons(sum(gaps.values()) == one - other)
        mean = model.addVar(vtype="C", lb=-bound, ub=bound)
        model.addCons(mean == other + sum(f * gap for f, gap in gaps.items()))
        self._means[name] = mean
        return mean

    def _rule(self, name: str, component: Component) -> Any:
        if BLENDED[name] is Rule.LOGARITHM:
            return component.expressions.sum(learned()[name])
        return component.expressions.value(name)

    def _other(self, name: str) -> Any:
        if self._second is not None:
            return self._rule(name, self._second)
        vectors = list(self._choice)
        known = _known(name, np.array(vectors, dtype=np.float64))
        return sum(float(x) * self._choice[v] for x, v in zip(known, vectors, strict=True))


def _known(name: str, counts: Array) -> Array:
    from planners.design.camd.properties import evaluated

    found = evaluated(name, counts)
    return np.log(found) if BLENDED[name] is Rule.LOGARITHM else found
