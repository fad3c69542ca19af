"""Goals: objectives with an explicit direction and unit, and hard constraints."""

from __future__ import annotations

import builtins
from collections.abc import Mapping
from enum import StrEnum

from pydantic import model_validator

from knowledge.records.base import Record
from knowledge.records.properties import HANSEN, components, get_property, hansen_distance
from knowledge.records.quantity import Quantity, convert


class Direction(StrEnum):
    MINIMISE = "minimise"
    MAXIMISE = "maximise"


class Objective(Record):
    """One thing to improve. `reference` is the point that a Hansen distance is measured from (δD, δP, δH, MPa^0.5).

    `worst`, in `unit`, is the value beyond which a result is worth nothing: the hypervolume's reference point.
    """

    property: str
    direction: Direction
    unit: str
    worst: float
    reference: tuple[float, float, float] | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Objective:
        known = get_property(self.property)
        convert(1.0, self.unit, known.unit)
        if (self.property == "hansen_distance") != (self.reference is not None):
            raise ValueError("'reference' (δD, δP, δH) belongs to property 'hansen_distance', and only to it")
        return self

    @builtins.property
    def needs(self) -> tuple[str, ...]:
        """The measured properties that this objective is computed from."""
        return components(self.property)

    def value(self, measured: Mapping[str, float]) -> float | None:
        """The objective in the property's unit from measured values (by property name); None when one is missing."""
        if any(name not in measured for name in self.needs):
            return None
        if self.reference is not None:
            d, p, h = (measured[name] for name in HANSEN)
            return hansen_distance(d, p, h, self.reference)
        return measured[self.property]

    @builtins.property
    def worst_in_property_unit(self) -> float:
        return convert(self.worst, self.unit, get_property(self.property).unit)


class Constraint(Record):
    """`minimum <= property <= maximum`; either end may be open."""

    property: str
    minimum: Quantity | None = None
    maximum: Quantity | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Constraint:
        unit = get_property(self.property).unit
        if self.minimum is None and self.maximum is None:
            raise ValueError(f"the constraint on '{self.property}' needs a minimum, a maximum or both")
        low, high = self.bounds
        if low is not None and high is not None and low > high:
            raise ValueError(
                f"the constraint on '{self.property}' is contradictory: "
                f"minimum {low:g} {unit} > maximum {high:g} {unit}"
            )
        return self

    @builtins.property
    def bounds(self) -> tuple[float | None, float | None]:
        """(low, high) in the property's own unit."""
        unit = get_property(self.property).unit
        return (
            None if self.minimum is None else self.minimum.magnitude(unit),
            None if self.maximum is None else self.maximum.magnitude(unit),
        )

    def satisfied(self, value: float) -> bool:
        low, high = self.bounds
        return (low is None or value >= low) and (high is None or value <= high)
