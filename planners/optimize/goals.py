"""Objectives and constraints as numbers: utilities on one scale, and what counts as feasible.

Utility of an objective: its improvement over `worst`, divided by |worst| (by 1 where worst is 0), in the property's own
linear unit. So it is 0 at `worst`, and 1 at the ideal value 0 of a non-negative property that is minimised. Larger is
always better.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from pydantic import Field

from knowledge.records.base import Record
from knowledge.records.objective import Constraint, Direction, Objective


class Observation(Record):
    """One molecule that was made: what was measured, by property name, in the table's units. Empty when nothing
    could be measured.
    """

    smiles: str
    values: dict[str, float] = Field(default_factory=dict)


def scale(objective: Objective) -> float:
    """What one unit of utility is in the property's unit, with the sign that makes larger better."""
    size = abs(objective.worst_in_property_unit) or 1.0
    return -size if objective.direction is Direction.MINIMISE else size


def utility(objective: Objective, value: float) -> float:
    """`value` in the property's unit."""
    return (value - objective.worst_in_property_unit) / scale(objective)


def utilities(values: Mapping[str, float], objectives: Sequence[Objective]) -> tuple[float, ...] | None:
    """One utility per objective; None when a needed property was not measured."""
    found = []
    for objective in objectives:
        value = objective.value(values)
        if value is None:
            return None
        found.append(utility(objective, value))
    return tuple(found)


def feasible(values: Mapping[str, float], constraints: Sequence[Constraint], assume_met: Collection[str] = ()) -> bool:
    """Whether every constraint was measured and holds. Constraints on `assume_met`, which the lab does not measure,
    count only when there is a value all the same.
    """
    for constraint in constraints:
        value = values.get(constraint.property)
        if value is None:
            if constraint.property not in assume_met:
                return False
        elif not constraint.satisfied(value):
            return False
    return True


def needed_properties(objectives: Sequence[Objective], constraints: Sequence[Constraint]) -> tuple[str, ...]:
    """The modelled properties behind all objectives and constraints, sorted."""
    names = {name for objective in objectives for name in objective.needs}
    return tuple(sorted(names | {constraint.property for constraint in constraints}))
