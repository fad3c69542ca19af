"""What to design: a space, goals with direction and unit, requirements, read from a YAML file."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from knowledge.records.base import Record
from knowledge.records.quantity import Quantity
from planners.design.space import DesignSpace


class Goal(Record):
    """One thing to improve.

    property: a name of the table of properties or of the computed quantities (`planners.design.evaluation`).
    unit: of `target`, `worst` and `best`.
    target: the value to come near to, with direction "target".
    worst, best: values that are worth nothing and everything; between them a goal's worth is linear, 0..1.
    weight: in the score, which is the weighted geometric mean of the worths.
    """

    property: str
    direction: Literal["minimise", "maximise", "target"]
    unit: str
    target: float | None = None
    worst: float
    best: float | None = None
    weight: float = Field(default=1.0, gt=0.0)


class Requirement(Record):
    """`minimum <= property <= maximum`, either end may be open.

    margin: None for a hard limit; else how far beyond it the score is halved (a soft one).
    """

    property: str
    minimum: Quantity | None = None
    maximum: Quantity | None = None
    margin: Quantity | None = None


class Problem(Record):
    """A design problem. Raises pydantic.ValidationError; the message names the key and what conflicts."""

    name: str
    title: str = ""
    background: str = ""
    seed: int = 0
    space: DesignSpace = DesignSpace()
    goals: tuple[Goal, ...] = Field(min_length=1)
    requirements: tuple[Requirement, ...] = ()
    no_hazard_alert: bool = True
