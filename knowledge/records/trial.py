"""Experiments on a reaction's conditions: what was tried, what came of it, and why the next one is proposed."""

from __future__ import annotations

from pydantic import Field

from knowledge.records.base import Record
from knowledge.records.quantity import Estimate
from knowledge.records.space import Setting


class Trial(Record):
    """A setting that was carried out.

    `values` by outcome name, in the outcome's unit; an outcome that was not measured is left out. `stds`: standard
    uncertainties, where they are known. `failed`: the chemistry gave nothing that could be measured (decomposition, a
    solid in a flow reactor), which teaches where not to go; a robot's failure is no trial at all. `cost` in whatever
    the campaign counts (its budget's unit, 1 each by default).
    """

    setting: Setting
    values: dict[str, float] = {}
    stds: dict[str, float] = {}
    failed: bool = False
    cost: float = Field(default=1.0, gt=0.0)


class Neighbour(Record):
    """An earlier trial near a proposed one: `likeness` is the model's correlation between the two, 0 to 1."""

    setting: Setting
    values: dict[str, float]
    likeness: float


class Choice(Record):
    """A setting proposed for an experiment, with its reasons.

    `predicted` by outcome name at the moment of proposing, in the outcome's unit. `acquisition`: what the batch rule
    gave it (natural logarithm of the expected improvement), None when it was chosen by another rule. `promise` and
    `uncertainty` split the expected improvement: the part that is there when the model's mean is taken for the truth,
    and the rest, which only its doubt offers; both in units of the objective (or of hypervolume). `feasibility`:
    probability that the experiment gives a measurable product and meets the outcome constraints. `rule`: how it was
    chosen ("improvement", "thompson", "random", "start"). `nearest`: the known trials that speak most for the
    prediction, the most alike first.
    """

    setting: Setting
    predicted: dict[str, Estimate] = {}
    acquisition: float | None = None
    promise: float | None = None
    uncertainty: float | None = None
    feasibility: float = 1.0
    rule: str = "improvement"
    nearest: tuple[Neighbour, ...] = ()
