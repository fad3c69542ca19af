"""What the measurements of a campaign say: objective values, limits met or missed, the Pareto front."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from agent.report.data import ExperimentReport, Goal
from knowledge.records.measurement import Measurement, Source
from knowledge.records.objective import Constraint, Direction, Objective

# The first of these that stands behind a derived value names it: a value is only as good as its weakest part.
_WEAKEST_FIRST = (Source.MODEL, Source.REPLAY, Source.HANDBOOK, Source.INSTRUMENT)


class Verdict(StrEnum):
    MET = "met"
    MISSED = "missed"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Value:
    """A measured or derived value, standard uncertainty in the same unit, and where the truth behind it came from."""

    property: str
    value: float
    std: float
    source: Source


@dataclass(frozen=True)
class Result:
    """One experiment's numbers. `feasible` is None while something that the lab measures is missing."""

    label: str
    values: Mapping[str, Value]
    objectives: tuple[Value | None, ...]
    limits: tuple[Verdict, ...]
    feasible: bool | None

    @property
    def complete(self) -> bool:
        return all(v is not None for v in self.objectives)

    @property
    def source(self) -> Source | None:
        """Weakest source behind the objectives; None without objectives."""
        return weakest([v.source for v in self.objectives if v is not None])


def weakest(sources: Sequence[Source]) -> Source | None:
    return next((s for s in _WEAKEST_FIRST if s in sources), None)


def usable(measurements: Sequence[Measurement]) -> dict[str, Measurement]:
    """The last measurement of each property whose quality is not in doubt."""
    return {m.property: m for m in measurements if m.qc_flag is None}


def objective_value(objective: Objective, measured: Mapping[str, Measurement]) -> Value | None:
    """The objective with its uncertainty (GUM 5.1.2: first order, independent inputs); None without all inputs."""
    centre = {name: m.value for name, m in measured.items()}
    value = objective.value(centre)
    if value is None:
        return None
    variance = 0.0
    for name in objective.needs:
        std = measured[name].std
        if std <= 0:
            continue
        # Half the difference over ± one standard uncertainty: the derivative times the uncertainty, and finite where a
        # distance has no derivative (at its reference point).
        up = objective.value(centre | {name: centre[name] + std})
        down = objective.value(centre | {name: centre[name] - std})
        if up is not None and down is not None:
            variance += (max(abs(up - value), abs(value - down))) ** 2
    source = weakest([measured[name].source for name in objective.needs])
    assert source is not None  # `needs` is never empty
    return Value(objective.property, value, math.sqrt(variance), source)


def evaluate(goal: Goal, experiments: Sequence[ExperimentReport]) -> tuple[Result, ...]:
    """One Result per experiment, in order.

    A limit on a property that no experiment of the campaign measured stays UNKNOWN and excludes nobody; one that others
    have and this one lacks leaves its feasibility open.
    """
    per_experiment = [usable(e.measurements) for e in experiments]
    ever = {name for found in per_experiment for name in found}
    return tuple(_result(goal, e.label, found, ever) for e, found in zip(experiments, per_experiment, strict=True))


def _result(goal: Goal, label: str, found: Mapping[str, Measurement], ever: set[str]) -> Result:
    values = {name: Value(name, m.value, m.std, m.source) for name, m in found.items()}
    objectives = tuple(objective_value(o, found) for o in goal.objectives)
    for value in objectives:
        if value is not None:
            values[value.property] = value
    verdicts = tuple(verdict(c, values) for c in goal.constraints)
    feasible: bool | None = True
    if any(v is Verdict.MISSED for v in verdicts):
        feasible = False
    elif any(
        v is Verdict.UNKNOWN and c.property in ever for c, v in zip(goal.constraints, verdicts, strict=True)
    ) or any(v is None for v in objectives):
        feasible = None
    return Result(label, values, objectives, verdicts, feasible)


def verdict(constraint: Constraint, values: Mapping[str, Value]) -> Verdict:
    value = values.get(constraint.property)
    if value is None:
        return Verdict.UNKNOWN
    return Verdict.MET if constraint.satisfied(value.value) else Verdict.MISSED


def front(goal: Goal, results: Sequence[Result]) -> tuple[Result, ...]:
    """Feasible results that no other feasible result beats in every objective, best in the first objective first."""
    signs = [1.0 if o.direction is Direction.MINIMISE else -1.0 for o in goal.objectives]
    points = [
        (tuple(s * v.value for s, v in zip(signs, r.objectives, strict=True) if v is not None), r)
        for r in results
        if r.feasible and r.complete
    ]
    kept = [(p, r) for p, r in points if not any(_dominates(q, p) for q, _ in points)]
    return tuple(r for _, r in sorted(kept, key=lambda pair: (pair[0], pair[1].label)))


def _dominates(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    return all(x <= y for x, y in zip(a, b, strict=True)) and a != b
