"""The file of a conditions campaign as typed models, validated whole before anything runs."""

from __future__ import annotations

from functools import cached_property
from typing import Literal, Self

from pydantic import Field, ValidationError, model_validator

from agent.campaign import CommonSpec, wrong
from agent.conditions.parameters import Searched, first_line
from instruments.simulation.config import ReplayConfig
from knowledge.records.base import Record
from knowledge.records.objective import Direction, Objective
from knowledge.records.properties import REACTION_OUTCOMES, get_property, possible
from knowledge.records.quantity import Quantity
from knowledge.records.reaction import SUBSTANCES, Meaning, Part, Reaction, Substance
from knowledge.records.space import Space, SpaceRule


class Charged(Record):
    """A substance that is in every experiment."""

    smiles: str
    name: str = ""
    role: Part = Part.REAGENT
    equivalents: float | None = Field(default=None, gt=0.0)


class Reactant(Record):
    smiles: str
    name: str = ""
    equivalents: float = Field(default=1.0, gt=0.0)


class ReactionSpec(Record):
    """`agents` are in every experiment; `temperature`, `time` and `concentration` hold where no parameter says them."""

    product: str
    reactants: tuple[Reactant, ...] = Field(min_length=1)
    agents: tuple[Charged, ...] = ()
    scale: Quantity = Quantity(value=1.0, unit="mmol")
    temperature: Quantity = Quantity(value=298.15, unit="K")
    time: Quantity = Quantity(value=16.0, unit="hour")
    concentration: Quantity = Quantity(value=0.1, unit="mol/L")

    @model_validator(mode="after")
    def _possible(self) -> ReactionSpec:
        charged: tuple[Reactant | Charged, ...] = (*self.reactants, *self.agents)
        for i, one in enumerate(charged):
            try:
                _substance(one)
            except ValidationError as error:
                of_agents = i - len(self.reactants)
                at = ("reactants", i) if of_agents < 0 else ("agents", of_agents)
                raise wrong(at, first_line(error)) from None
        try:
            self.build()
        except ValidationError as error:
            raise wrong((), first_line(error)) from None
        return self

    def build(self) -> Reaction:
        """Raises ValidationError."""
        charged: tuple[Reactant | Charged, ...] = (*self.reactants, *self.agents)
        return Reaction(
            substances=tuple(_substance(one) for one in charged),
            product=self.product,
            scale=self.scale,
            temperature=self.temperature,
            time=self.time,
            concentration=self.concentration,
        )


def _substance(one: Reactant | Charged) -> Substance:
    part = one.role if isinstance(one, Charged) else Part.REACTANT
    return Substance(smiles=one.smiles, name=one.name, part=part, equivalents=one.equivalents)


class Stop(Record):
    """When to end before the budget is spent. `regret`: nothing is likely to be better by more than this, in the
    objective's unit; `stagnation`: the best value did not rise in so many batches.
    """

    regret: float | None = Field(default=None, ge=0.0)
    probability: float = Field(default=0.95, gt=0.5, lt=1.0)
    stagnation: int | None = Field(default=None, ge=1, strict=True)


class ConditionsSpec(CommonSpec):
    """One reaction, the space that is searched for it, and a budget.

    `start`: experiments of the first batch, spread over the space. `rules` say what must not be tried. `earlier`:
    campaigns of the same store, by id, whose results on these parameters are learned from.
    """

    kind: Literal["conditions"]
    no_hazard_alert: bool = False  # the product is the user's wish; its alerts are shown to whoever decides
    reaction: ReactionSpec
    space: tuple[Searched, ...] = Field(min_length=1)
    rules: tuple[SpaceRule, ...] = ()
    earlier: tuple[str, ...] = ()
    start: int = Field(default=5, ge=1, le=1000, strict=True)
    acquisition: Literal["auto", "random"] = "auto"
    stop: Stop = Stop()
    lab: ReplayConfig

    @model_validator(mode="after")
    def _possible(self) -> ConditionsSpec:
        if self.start > self.budget.experiments:
            raise wrong(("start",), f"{self.start} is more than the budget of {self.budget.experiments} experiments")
        for i, objective in enumerate(self.objectives):
            self._check_objective(i, objective)
        for i, constraint in enumerate(self.constraints):
            self._check_outcome(("constraints", i, "property"), constraint.property)
        if self.stop.regret is not None and len(self.objectives) > 1:
            raise wrong(("stop", "regret"), "a regret is that of one objective; with several, 'stagnation' can end it")
        self._check_space()
        for name in self.lab.parameters:
            if name not in self.searched.names:
                known = ", ".join(self.searched.names)
                raise wrong(("lab", "parameters", name), f"'space' has no parameter '{name}'; it has {known}")
        return self

    def _check_objective(self, i: int, objective: Objective) -> None:
        self._check_outcome(("objectives", i, "property"), objective.property)
        low, high = possible(objective.property)
        worst = objective.worst_in_property_unit
        if not low <= worst <= high:
            raise wrong(("objectives", i, "worst"), f"no {objective.property} is {objective.worst:g} {objective.unit}")
        if worst == (high if objective.direction is Direction.MAXIMISE else low):
            raise wrong(("objectives", i, "worst"), f"nothing is better than {objective.worst:g} {objective.unit}")

    def _check_outcome(self, at: tuple[str | int, ...], name: str) -> None:
        if name not in REACTION_OUTCOMES:
            allowed = ", ".join(REACTION_OUTCOMES)
            raise wrong(at, f"'{name}' is not what becomes of a reaction; choose from: {allowed}")
        if name not in self.lab.outcomes:
            told = ", ".join(self.lab.outcomes)
            raise wrong(at, f"the lab's table tells nothing of '{name}'; lab.outcomes has: {told}")

    def _check_space(self) -> None:
        parameters = tuple(one.build() for one in self.space)
        for i, one in enumerate(self.space):
            if one.name in [other.name for other in self.space[:i]]:
                raise wrong(("space", i, "name"), f"there is more than one parameter called '{one.name}'")
            self._check_amount(i, one)
        for i, rule in enumerate(self.rules):
            try:
                Space(parameters=parameters, rules=(rule,))
            except ValidationError as error:
                raise wrong(("rules", i), first_line(error)) from None
        self._check_size()

    def _check_amount(self, i: int, one: Searched) -> None:
        """Every chosen substance has one amount, and what may be said only once is said once."""
        if one.role in (Part.TEMPERATURE, Part.TIME, Part.CONCENTRATION, Part.SOLVENT):
            twice = one.role in [other.role for other in self.space[:i]]
            if twice or (one.role is Part.SOLVENT and any(a.role is Part.SOLVENT for a in self.reaction.agents)):
                raise wrong(("space", i, "role"), f"there is more than one {one.role}")
        loaded = [other.of for other in self.space if other.role is Part.LOADING]
        if one.role is Part.LOADING:
            substances = [s.name for s in self.space if s.role in SUBSTANCES and s.role is not Part.SOLVENT]
            substances += [s.name or s.smiles for s in self.reaction.build().substances]
            if one.of not in substances:
                raise wrong(("space", i, "of"), f"there is no substance '{one.of}'; there are: {', '.join(substances)}")
            if loaded.count(one.of) > 1:
                raise wrong(("space", i, "of"), f"'{one.of}' has more than one loading")
        elif one.role in SUBSTANCES and one.role is not Part.SOLVENT:
            if one.equivalents is not None and one.name in loaded:
                raise wrong(("space", i, "equivalents"), f"a loading says how much '{one.name}' there is; leave it out")
            if one.equivalents is None and one.name not in loaded:
                raise wrong(("space", i), f"'{one.name}' needs its 'equivalents', or a number of role 'loading'")

    def _check_size(self) -> None:
        """Something is left to choose from. Imported late: reading a file of another kind must not load NumPy."""
        from planners.optimize.space.encoding import Encoding
        from planners.optimize.space.feasibility import EmptySpace
        from planners.optimize.space.grid import Grid

        try:
            size = Grid(Encoding(self.searched)).size
        except EmptySpace as error:
            raise wrong(("rules",) if self.rules else ("space",), " ".join(str(error).split())) from None
        if size is None:
            return
        if size == 1:
            raise wrong(("space",), "there is only one setting: nothing is left to choose")
        if size < self.budget.experiments:
            raise wrong(
                ("budget", "experiments"), f"{self.budget.experiments} are more than the {size} settings of the space"
            )

    @cached_property
    def searched(self) -> Space:
        return Space(parameters=tuple(one.build() for one in self.space), rules=self.rules)

    def with_acquisition(self, rule: str) -> Self:
        """Chosen by `rule`, "auto" or "random"; not validated."""
        return self.model_copy(update={"acquisition": rule})

    @property
    def meanings(self) -> tuple[Meaning, ...]:
        return tuple(one.meaning for one in self.space)

    @property
    def units(self) -> dict[str, str]:
        """By outcome, the unit in which models, trials and choices speak of it: the objective's, else the table's."""
        return {c.property: get_property(c.property).unit for c in self.constraints} | {
            o.property: o.unit for o in self.objectives
        }
