"""What a person asks for: the campaign as typed models, validated whole before anything runs."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from instruments.simulation.config import KINDS, LabConfig
from knowledge.records.base import Record
from knowledge.records.objective import Constraint, Direction, Objective
from knowledge.records.properties import HANSEN, Scale, get_property
from knowledge.records.quantity import Quantity, UnitMismatch
from planners.design.families import FAMILIES
from planners.design.space import DesignSpace

LARGEST_SEED = 2**31 - 1  # what every database keeps as an integer
MOST_INSTRUMENTS = 96
PREDICTED = ("boiling_point", "flash_point", "melting_point", "viscosity", *HANSEN)
"""What the loop has models for; the other properties only describe a sample."""
LISTED = ("oxygen-balance", "iarc:", "ntp", "exposure-limit", "flammable:")
"""Hazard codes that come from lists and sums, beside those of the structural rules."""


class CampaignError(ValueError):
    """A campaign file that cannot be used; the message is one line with file, line and key."""


def wrong(at: tuple[str | int, ...], words: str) -> PydanticCustomError:
    """An error that belongs to the key at `at`, below the model that raises it."""
    return PydanticCustomError("impossible", "{words}", {"words": words, "at": at})


def _within(key: str, quantity: Quantity, unit: str, above: float, most: float) -> None:
    try:
        value = quantity.magnitude(unit)
    except UnitMismatch as error:
        raise wrong((key,), str(error)) from None
    if not above < value <= most:
        raise wrong((key,), f"should be more than {above:g} {unit} and at most {most:g} {unit} (got {quantity})")


class Budget(Record):
    experiments: int = Field(ge=1, le=100_000, strict=True)
    batch: int = Field(ge=1, le=96, strict=True)

    @model_validator(mode="after")
    def _possible(self) -> Budget:
        if self.batch > self.experiments:
            raise wrong(
                ("batch",), f"a batch of {self.batch} is more than the budget of {self.experiments} experiments"
            )
        return self


class References(Record):
    """Molecules that can simply be bought check the lab against known values: `share` of the experiments at most."""

    share: float = Field(default=0.25, ge=0.0, le=1.0)


class Prior(Record):
    """What the agent may know before it starts.

    `withheld` is the share of handbook compounds hidden from it, chosen by `seed`.
    """

    withheld: float = Field(default=0.0, ge=0.0, lt=1.0)
    seed: int = Field(default=0, ge=0, le=LARGEST_SEED, strict=True)


class Rescue(Record):
    """What a molecule whose synthesis failed may still cost: other conditions for the same reaction.

    `share` of the budget's experiments at most (0: never), `attempts` per molecule beside the first. A synthesis has
    failed when it gave no product, a yield below `below` (0 .. 1) in any step, or a sample under the minimum purity.
    """

    share: float = Field(default=0.2, ge=0.0, le=1.0)
    attempts: int = Field(default=3, ge=1, le=20, strict=True)
    below: float = Field(default=0.1, ge=0.0, lt=1.0)


class Making(Record):
    """Limits on synthesis. `target_mass` is what the characterisation needs."""

    max_steps: int = Field(default=3, ge=1, le=10)
    expansions: int = Field(default=60, ge=1, le=100_000)
    target_mass: Quantity = Quantity(value=20.0, unit="g")
    minimum_purity: float = Field(default=0.90, ge=0.0, le=1.0)
    rescue: Rescue = Rescue()

    @model_validator(mode="after")
    def _mass(self) -> Making:
        _within("target_mass", self.target_mass, "g", 0.0, 10_000.0)
        return self


class Search(Record):
    """How candidates are sought: `pool` molecules bred per iteration, of which `checked` get a route search."""

    generators: tuple[str, ...] = Field(default=("genetic", "library"), min_length=1)
    generations: int = Field(default=6, ge=1, le=1000)
    population: int = Field(default=150, ge=4, le=100_000)
    checked: int = Field(default=100, ge=4, le=100_000)
    acquisition: Literal["auto", "random"] = "auto"

    @model_validator(mode="after")
    def _known_generators(self) -> Self:
        known = sorted({*FAMILIES, "library"})
        for i, name in enumerate(self.generators):
            if name not in known:
                raise wrong(("generators", i), f"no generator is called '{name}'; there are {', '.join(known)}")
            if name in self.generators[:i]:
                raise wrong(("generators", i), f"'{name}' stands here twice")
        return self


class Mode(StrEnum):
    AUTO = "auto"
    MANUAL = "manual"


class Envelope(Record):
    """Inside these limits the `auto` policy approves by itself."""

    max_steps: int = Field(default=3, ge=0)
    max_temperature: Quantity = Quantity(value=523.15, unit="K")
    max_vessel: Quantity = Quantity(value=5.0, unit="L")

    @model_validator(mode="after")
    def _possible(self) -> Envelope:
        _within("max_temperature", self.max_temperature, "K", 0.0, 2000.0)
        _within("max_vessel", self.max_vessel, "L", 0.0, 1000.0)
        return self


class Review(Record):
    """Who must approve, and for how long an approval holds.

    `outside`: what `auto` does with work outside its envelope.  `two_people_for`: beginnings of hazard codes.
    """

    mode: Mode = Mode.AUTO
    approvals: int = Field(default=1, ge=1, le=5)
    expires_after: Quantity = Quantity(value=72.0, unit="hour")
    two_people_for: tuple[str, ...] = ("energetic", "oxygen-balance")
    envelope: Envelope = Envelope()
    outside: Literal["ask", "reject"] = "ask"

    @model_validator(mode="after")
    def _possible(self) -> Review:
        _within("expires_after", self.expires_after, "hour", 0.0, 24.0 * 3660)
        if self.two_people_for:
            from knowledge.hazard_rules import RULES

            codes = {rule.code for rule in RULES} | set(LISTED)
            for i, name in enumerate(self.two_people_for):
                # A misspelt name would quietly let one person decide.
                if not name or not any(code.startswith(name.removeprefix("material:")) for code in codes):
                    known = ", ".join(sorted({code.partition(":")[0] for code in codes}))
                    raise wrong(("two_people_for", i), f"no hazard code begins with '{name}'; they begin with: {known}")
        return self


class CommonSpec(Record):
    """What campaigns of every kind say. Two files with the same content are the same revision, whatever their layout.

    `constraints`: what a result must meet to count. `no_hazard_alert`: an alert on what is made ends an experiment
    before anybody is asked.
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,40}$")
    title: str = Field(min_length=1, max_length=300)
    background: str = ""
    seed: int = Field(default=0, ge=0, le=LARGEST_SEED, strict=True)
    objectives: tuple[Objective, ...] = Field(min_length=1)
    constraints: tuple[Constraint, ...] = ()
    no_hazard_alert: bool = True
    budget: Budget
    review: Review = Review()

    @model_validator(mode="after")
    def _once(self) -> Self:
        for what, names in (
            ("objective", [o.property for o in self.objectives]),
            ("constraint", [c.property for c in self.constraints]),
        ):
            for i, name in enumerate(names):
                if name in names[:i]:
                    raise wrong((f"{what}s", i), f"'{name}' stands in more than one {what}; write it once")
        return self

    @property
    def properties(self) -> tuple[str, ...]:
        """Every property that must be predicted: behind the objectives and in the constraints."""
        names = {n for o in self.objectives for n in o.needs} | {c.property for c in self.constraints}
        return tuple(sorted(names))

    @property
    def minimum_purity(self) -> float:
        """Below it, a sample's properties are not learned from."""
        return 0.0


class CampaignSpec(CommonSpec):
    """A goal with a budget: molecules with wanted properties."""

    references: References = References()
    knowledge: Prior = Prior()
    space: DesignSpace = DesignSpace()
    search: Search = Search()
    making: Making = Making()
    lab: LabConfig = LabConfig()

    @model_validator(mode="after")
    def _possible(self) -> CampaignSpec:
        for i, objective in enumerate(self.objectives):
            self._check_objective(i, objective)
        for i, constraint in enumerate(self.constraints):
            self._check_constraint(i, constraint)
        for kind in KINDS:
            if self.lab.count(kind) > MOST_INSTRUMENTS:
                raise wrong(("lab", f"{kind}s"), f"a lab has at most {MOST_INSTRUMENTS} (got {self.lab.count(kind)})")
        return self

    def _check_objective(self, i: int, objective: Objective) -> None:
        known, worst = get_property(objective.property), objective.worst_in_property_unit
        if known.name == "melting_point":
            raise wrong(("objectives", i, "property"), "no instrument measures melting_point; make it a constraint")
        if any(name not in PREDICTED for name in objective.needs):
            allowed = ", ".join(("hansen_distance", *(n for n in PREDICTED if n != "melting_point")))
            raise wrong(("objectives", i, "property"), f"'{known.name}' cannot be an objective; choose from: {allowed}")
        if worst < 0.0 or (worst == 0.0 and (known.scale is Scale.LOG or objective.direction is Direction.MINIMISE)):
            words = (
                f"'worst' should be more than 0 {objective.unit}: no {known.name} is better than {objective.worst:g}"
            )
            if objective.direction is Direction.MAXIMISE:
                words = f"'worst' should be more than 0 {objective.unit}: no {known.name} is negative"
            raise wrong(("objectives", i, "worst"), words)

    def _check_constraint(self, i: int, constraint: Constraint) -> None:
        name, (low, high) = constraint.property, constraint.bounds
        unit = get_property(name).unit
        if name not in PREDICTED:
            hints = {
                "purity": "write making.minimum_purity",
                "hansen_distance": "constrain " + ", ".join(HANSEN) + ", or make it an objective",
            }
            hint = hints.get(name, f"choose from: {', '.join(PREDICTED)}")
            raise wrong(("constraints", i, "property"), f"'{name}' cannot be a constraint; {hint}")
        if high is not None and high <= 0.0:
            raise wrong(("constraints", i, "maximum"), f"no molecule has a {name} of {high:g} {unit} or less")
        for objective in (o for o in self.objectives if o.property == name):
            worst = objective.worst_in_property_unit
            minimise = objective.direction is Direction.MINIMISE
            end = low if minimise else high
            if end is not None and (end >= worst if minimise else end <= worst):
                key, sign = ("minimum", ">=") if minimise else ("maximum", "<=")
                raise wrong(
                    ("constraints", i, key),
                    f"contradicts the objective: with {name} {sign} {end:g} {unit} nothing is better than its 'worst', "
                    f"{worst:g} {unit}",
                )
        # A liquid melts below and flashes below its boiling point, so these demands exclude every molecule.
        if name in ("melting_point", "flash_point") and low is not None:
            for ceiling in (c.bounds[1] for c in self.constraints if c.property == "boiling_point"):
                if ceiling is not None and low >= ceiling:
                    raise wrong(
                        ("constraints", i, "minimum"),
                        f"constraints contradict: {name} >= {low:g} K cannot hold with boiling_point <= {ceiling:g} K, "
                        f"because the {name.replace('_', ' ')} lies below the boiling point",
                    )

    @property
    def minimum_purity(self) -> float:
        return self.making.minimum_purity

    def with_acquisition(self, rule: str) -> Self:
        """Chosen by `rule`, "auto" or "random"; not validated."""
        return self.model_copy(update={"search": self.search.model_copy(update={"acquisition": rule})})

    @property
    def characterised(self) -> tuple[str, ...]:
        """What the lab is asked to measure; the melting point shows itself when a sample is not liquid."""
        return tuple(n for n in self.properties if n != "melting_point")
