"""What a choice of experiments is for: outcomes to improve, limits to keep, what operators prefer, what it costs."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Literal

from pydantic import Field, model_validator

from knowledge.records.base import Record
from knowledge.records.objective import Direction
from knowledge.records.space import Setting, Where


class Aim(Record):
    """An outcome to improve, in `unit`. `worst`: the value beyond which a result is worth nothing; None: learned.

    `best`: the value that no result can pass, such as a yield of 100 percent: what a model expects beyond it, which it
    does without knowing better, does not count.
    """

    outcome: str = Field(min_length=1)
    direction: Direction
    unit: str
    worst: float | None = None
    best: float | None = None

    @model_validator(mode="after")
    def _apart(self) -> Aim:
        if self.worst is not None and self.best is not None and self.sign * self.worst >= self.sign * self.best:
            raise ValueError(f"'{self.outcome}': the best value should be better than the worst, {self.worst:g}")
        return self

    @property
    def ceiling(self) -> float:
        """The utility that cannot be passed, perhaps infinite."""
        return math.inf if self.best is None else self.sign * self.best

    @property
    def sign(self) -> float:
        """What turns a value into a utility, of which more is better."""
        return 1.0 if self.direction is Direction.MAXIMISE else -1.0


class Limit(Record):
    """`minimum <= outcome <= maximum`, in `unit`, the outcome's; either end may be open."""

    outcome: str = Field(min_length=1)
    minimum: float | None = None
    maximum: float | None = None
    unit: str = "dimensionless"

    @model_validator(mode="after")
    def _possible(self) -> Limit:
        if self.minimum is None and self.maximum is None:
            raise ValueError(f"the limit on '{self.outcome}' needs a minimum, a maximum or both")
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise ValueError(f"no '{self.outcome}' lies above {self.minimum:g} and below {self.maximum:g}")
        return self

    def holds(self, value: float) -> bool:
        return (self.minimum is None or value >= self.minimum) and (self.maximum is None or value <= self.maximum)


Rule = Literal["auto", "improvement", "thompson", "random"]
"""How to choose. Auto: by improvement, and by Thompson sampling where there are more than four aims."""


class Preference(Record):
    """An operator's word on part of a space: an improvement found there counts `weight` times.

    Less than 1 for what is disliked, more for what is wanted; what must not be is a rule of the space. The weights of
    all preferences that hold for a setting are multiplied.
    """

    where: tuple[Where, ...] = Field(min_length=1)
    weight: float = Field(gt=0.0)
    reason: str = ""


class CostTable(Record):
    """What an experiment costs, money or hours: `base`, plus what each option adds, plus each number times its factor.

    `options` by parameter and option; an option that is not named adds nothing. `factors` by parameter, per unit of it.
    """

    base: float = Field(default=1.0, gt=0.0)
    options: dict[str, dict[str, float]] = {}
    factors: dict[str, float] = {}


Costs = CostTable | Mapping[str, Mapping[str, float]] | Callable[[Setting], float]
"""A table, only its `options` (with a base of 1), or any function of a setting; more than 0 everywhere."""
