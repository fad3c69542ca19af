"""What molecules are worth to a problem: values with intervals, worths, a score, and what they break, in words.

The score of a molecule is the weighted geometric mean of its goals' worths, times the factor of every soft requirement,
times the probability that all hard ones hold (properties being independent). It lies in [0, 1]. So uncertainty enters
twice. Of two molecules with the same predicted values, the one that is surer to keep the limits has the higher score,
and a search moves away from their edges by as much as the models are unsure. A molecule is *feasible* when every hard
requirement holds with at least the problem's `confidence`, nothing is unknown, no hazard alert stands against it and,
if the problem asks for that, every model knows molecules like it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from knowledge.hazards import assess
from planners.design.evaluation import worth
from planners.design.evaluation.evaluator import Array, Evaluator, Flags, Values
from planners.design.evolve import Scores
from planners.design.generator import Evaluated
from planners.design.problem import Problem, Requirement, plain

HAZARD = "hazard"
DOMAIN = "domain"


@dataclass(frozen=True)
class Value:
    """One value of a molecule in the property's unit, with its central 90 % interval (equal ends: computed exactly)."""

    key: str
    mean: float
    std: float
    low: float
    high: float
    unit: str
    in_domain: bool

    @property
    def known(self) -> bool:
        return bool(np.isfinite(self.mean))

    def __str__(self) -> str:
        if not self.known:
            return f"{self.key} is not known"
        if self.low == self.high:
            return f"{self.key} is {plain(self.mean, self.unit)}"
        return f"{self.key} is {plain(self.mean, self.unit)} ({self.low:.4g} to {self.high:.4g})"


@dataclass(frozen=True)
class Violation:
    """Something that makes a molecule infeasible. `rule`: the same for all that break the same thing."""

    rule: str
    words: str


@dataclass(frozen=True)
class Judged:
    """One molecule. `worths`: expected, 0..1, for each goal; `chances`: that each requirement holds, in their order;
    `objectives`: what a search climbs, one for each goal, higher is better; they tell values beyond `worst` apart.
    """

    smiles: str
    values: tuple[Value, ...]
    worths: tuple[float, ...]
    chances: tuple[float, ...]
    score: float
    feasible: bool
    violations: tuple[Violation, ...]
    objectives: tuple[float, ...]

    def evaluated(self) -> Evaluated:
        """What generators are told."""
        return Evaluated(smiles=self.smiles, score=self.score, feasible=self.feasible, objectives=self.objectives)

    def value(self, key: str) -> Value:
        """Raises KeyError."""
        found = next((value for value in self.values if value.key == key), None)
        if found is None:
            raise KeyError(key)
        return found


@dataclass(frozen=True)
class Verdicts:
    """Of n molecules as arrays: `worths`, `objectives` (n, goals), `chances` (n, requirements), `score`, `feasible`,
    `known` (n,). `alerts`: the first hazard alert of each, "" where there is none.
    """

    smiles: tuple[str, ...]
    values: Values
    worths: Array
    objectives: Array
    chances: Array
    score: Array
    feasible: Flags
    alerts: tuple[str, ...]

    def scores(self) -> Scores:
        """For `planners.design.evolve`."""
        return Scores(values=self.score, feasible=self.feasible)


class Judge:
    """Judges molecules by a problem's goals and requirements. Judging is pure; whether a molecule is in the problem's
    space is asked elsewhere (`planners.design.filters`).

    Raises ValueError when the evaluator does not give what the problem needs.
    """

    def __init__(self, problem: Problem, evaluator: Evaluator) -> None:
        missing = [key for key in problem.wanted if key not in evaluator.names]
        if missing:
            raise ValueError(f"the evaluator does not give {', '.join(missing)}")
        self.problem = problem
        self._evaluator = evaluator
        self._keys = evaluator.names
        self._properties = {one.key: one.quantity.property for one in problem.entries}
        self._column = {key: i for i, key in enumerate(evaluator.names)}

    def verdicts(self, smiles: Sequence[str]) -> Verdicts:
        """`smiles` canonical. Raises InvalidMolecule."""
        problem, n = self.problem, len(smiles)
        values = self._evaluator(smiles)
        goals, requirements = problem.goals, problem.requirements
        worths, objectives = np.zeros((n, len(goals))), np.zeros((n, len(goals)))
        for k, goal in enumerate(goals):
            mean, std = self._of(values, goal.key)
            worths[:, k] = worth.expected_worth(goal, mean, std)
            objectives[:, k] = worth.guiding_worth(goal, mean, std)
        chances, factors = np.ones((n, len(requirements))), np.ones((n, len(requirements)))
        for k, one in enumerate(requirements):
            mean, std = self._of(values, one.key)
            chances[:, k] = worth.chance(one, mean, std)
            factors[:, k] = (worth.guiding_chance if one.margin is None else worth.softened)(one, mean, std)
        weights = np.array([goal.weight for goal in goals])
        with np.errstate(divide="ignore"):
            score = np.exp((np.log(objectives) * weights).sum(axis=1) / weights.sum()) * factors.prod(axis=1)
        alerts = tuple(_alert(text) for text in smiles) if problem.no_hazard_alert else ("",) * n
        hard = [k for k, one in enumerate(requirements) if one.margin is None]
        feasible = (chances[:, hard] >= problem.confidence).all(axis=1)
        feasible &= np.isfinite(values.mean).all(axis=1) & np.array([not alert for alert in alerts], dtype=np.bool_)
        if problem.within_domain:
            feasible &= values.in_domain.all(axis=1)
        return Verdicts(tuple(smiles), values, worths, objectives, chances, score, feasible, alerts)

    def judge(self, smiles: Sequence[str]) -> list[Judged]:
        """`smiles` canonical. Raises InvalidMolecule."""
        verdicts = self.verdicts(smiles)
        columns = [self._values(verdicts.values, key) for key in self._keys]
        found = []
        for i, text in enumerate(verdicts.smiles):
            values = tuple(column[i] for column in columns)
            found.append(
                Judged(
                    smiles=text,
                    values=values,
                    worths=tuple(verdicts.worths[i].tolist()),
                    chances=tuple(verdicts.chances[i].tolist()),
                    score=float(verdicts.score[i]),
                    feasible=bool(verdicts.feasible[i]),
                    violations=self._violations(values, verdicts.chances[i].tolist(), verdicts.alerts[i]),
                    objectives=tuple(verdicts.objectives[i].tolist()),
                )
            )
        return found

    def evaluated(self, smiles: Sequence[str]) -> list[Evaluated]:
        """What generators are told of molecules."""
        return [one.evaluated() for one in self.judge(smiles)]

    def _of(self, values: Values, key: str) -> tuple[Array, Array]:
        column = self._column[key]
        return values.mean[:, column], values.std[:, column]

    def _values(self, values: Values, key: str) -> list[Value]:
        prop = self._properties[key]
        mean, std = self._of(values, key)
        low, high = worth.interval(mean, std, prop)
        inside = values.in_domain[:, self._column[key]]
        columns = zip(mean.tolist(), std.tolist(), low.tolist(), high.tolist(), inside.tolist(), strict=True)
        return [Value(key, m, s, lo, hi, prop.unit, known) for m, s, lo, hi, known in columns]

    def _violations(self, values: Sequence[Value], chances: Sequence[float], alert: str) -> tuple[Violation, ...]:
        found = []
        for one, chance in zip(self.problem.requirements, chances, strict=True):
            value = values[self._column[one.key]]
            if one.margin is None and chance < self.problem.confidence:
                found.append(Violation(f"requirement: {one}", _miss(value, one, chance)))
        for value in values:
            if not value.known:
                found.append(Violation(f"unknown: {value.key}", str(value)))
        if alert:
            found.append(Violation(f"{HAZARD}: {alert}", f"hazard alert: {alert}"))
        if self.problem.within_domain:
            strange = [value.key for value in values if value.known and not value.in_domain]
            if strange:
                found.append(Violation(DOMAIN, f"nothing like it is known to the model of {', '.join(strange)}"))
        return tuple(found)


def _miss(value: Value, requirement: Requirement, chance: float) -> str:
    if value.low == value.high:
        return f"{value}, wanted is {requirement}"
    return f"{value}, wanted is {requirement}: held with probability {chance:.2f}"


def _alert(smiles: str) -> str:
    blocking = assess(smiles).blocking
    return blocking[0].text if blocking else ""
