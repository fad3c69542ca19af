"""What to design: a space, goals with direction and unit, requirements."""

from __future__ import annotations

import builtins
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from knowledge.records.base import Record
from knowledge.records.properties import Property
from knowledge.records.quantity import Quantity, convert
from planners.design.contradictions import first_contradiction, lies_outside
from planners.design.evaluation import quantities
from planners.design.evaluation.quantities import QUANTITIES, Reference
from planners.design.space import DesignSpace

Anchor = tuple[float, float, float] | str
"""What a quantity is relative to: δD, δP, δH in MPa**0.5 (hansen_distance), or a SMILES (similarity)."""


def _read_reference(value: Any) -> Any:
    """Before pydantic tries all kinds of references and complains about each."""
    if value is None or isinstance(value, str):
        return value
    numbers = [isinstance(x, int | float) and not isinstance(x, bool) for x in value] if _is_list(value) else []
    if len(numbers) != 3 or not all(numbers):
        raise ValueError("'reference' should be three numbers, as in [18.0, 12.3, 7.2], or a SMILES in quotes")
    return tuple(value)


def _is_list(value: Any) -> bool:
    return isinstance(value, list | tuple)


class Entry(Record):
    """What goals and requirements say of the value they are about.

    property: a name of the table of quantities (`planners.design.evaluation.quantities`), or one of the user's own.
    reference: what a distance or a similarity is relative to.
    defined: of a property of the user's own, what its model predicts.
    """

    property: str
    reference: Annotated[Anchor | None, BeforeValidator(_read_reference)] = None
    defined: Property | None = None

    @builtins.property
    def quantity(self) -> quantities.Quantity:
        """Raises UnknownProperty."""
        return _quantity(self.property, self.defined)

    @builtins.property
    def own_unit(self) -> str:
        """The property's unit in the table, or that of its model."""
        return self.quantity.property.unit

    @builtins.property
    def key(self) -> str:
        return key_of(self.property, self.reference)


class Goal(Entry):
    """One thing to improve.

    unit: of `target`, `worst` and `best`.
    target: the value to come near to, with direction "target".
    worst, best: values that are worth nothing and everything; between them a goal's worth is linear, 0..1. Without
        `best` it is the limit that nature sets (a distance of 0, a likeness of 1). Around a target, `worst` counts on
        both sides: what is as far away on the other side is worth nothing either.
    weight: in the score, which is the weighted geometric mean of the worths.
    """

    direction: Literal["minimise", "maximise", "target"]
    unit: str
    target: float | None = None
    worst: float
    best: float | None = None
    weight: float = Field(default=1.0, gt=0.0)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        known = self.quantity
        convert(1.0, self.unit, known.property.unit)
        _check_reference(known, self.reference)
        if self.direction == "target":
            self._check_target()
        else:
            self._check_ends(known.low if self.direction == "minimise" else known.high)
        return self

    def _check_target(self) -> None:
        if self.target is None:
            raise ValueError(f"direction 'target' of '{self.property}' needs the key 'target'")
        if self.best is not None:
            raise ValueError(f"'best' of '{self.property}' is superfluous: with direction 'target' the target is best")
        if self.worst == self.target:
            raise ValueError(
                f"'worst' of '{self.property}' must not be the target itself ({self.target:g} {self.unit})"
            )
        if lies_outside(self.quantity, convert(self.target, self.unit, self.own_unit)):
            raise ValueError(f"no molecule has the target: {_nature(self.quantity)}")

    def _check_ends(self, limit: float) -> None:
        if self.target is not None:
            raise ValueError(f"'target' of '{self.property}' is superfluous with direction '{self.direction}'")
        if self.best is None and abs(limit) == float("inf"):
            raise ValueError(
                f"the key 'best' is missing: nothing ends '{self.property}' by nature when you {self.direction} it"
            )
        worst, best = self.worst_value, self.best_value
        if (worst > best) != (self.direction == "minimise") or worst == best:
            order = "above" if self.direction == "minimise" else "below"
            said = f"best {self.best:g}" if self.best is not None else f"its natural limit {best:g} {self.own_unit}"
            raise ValueError(
                f"direction '{self.direction}' of '{self.property}' wants 'worst' {order} 'best': "
                f"worst {self.worst:g}, {said}"
            )

    @builtins.property
    def worst_value(self) -> float:
        """`worst` in the property's unit."""
        return convert(self.worst, self.unit, self.own_unit)

    @builtins.property
    def best_value(self) -> float:
        """`best` or `target` in the property's unit, or nature's limit."""
        stated = self.target if self.direction == "target" else self.best
        if stated is not None:
            return convert(stated, self.unit, self.own_unit)
        known = self.quantity
        return known.low if self.direction == "minimise" else known.high

    @builtins.property
    def span(self) -> tuple[float, float]:
        """Between which values the property is worth something, its unit."""
        worst, best = self.worst_value, self.best_value
        if self.direction == "minimise":
            return -float("inf"), worst
        if self.direction == "maximise":
            return worst, float("inf")
        return best - abs(best - worst), best + abs(best - worst)

    def __str__(self) -> str:
        worst = f"worth nothing at {plain(self.worst, self.unit)}"
        if self.target is not None:
            return f"{self.key} near {plain(self.target, self.unit)}, {worst}"
        return f"{self.direction} {self.key}, {worst}"


class Requirement(Entry):
    """`minimum <= property <= maximum`, either end may be open.

    margin: None for a hard limit; else how far beyond it the score is halved (a soft one).
    A bare number will do for what has no unit.
    """

    minimum: Quantity | None = None
    maximum: Quantity | None = None
    margin: Quantity | None = None

    @model_validator(mode="before")
    @classmethod
    def _bare_numbers(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        if not _has_no_unit(data):
            return data
        ends = ("minimum", "maximum", "margin")
        bare = {k: v for k, v in data.items() if k in ends and isinstance(v, int | float) and not isinstance(v, bool)}
        return {**data, **{key: {"value": value, "unit": "dimensionless"} for key, value in bare.items()}}

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        unit = self.own_unit
        _check_reference(self.quantity, self.reference)
        if self.minimum is None and self.maximum is None:
            raise ValueError(f"the requirement on '{self.property}' needs a minimum, a maximum or both")
        low, high = self.bounds
        if low > high:
            ends = f"minimum {plain(low, unit)} > maximum {plain(high, unit)}"
            raise ValueError(f"the requirement on '{self.property}' is contradictory: {ends}")
        if self.margin is not None and not self.softness > 0.0:
            raise ValueError(f"the margin of '{self.property}' must be above 0, got {self.margin}")
        if lies_outside(self.quantity, low, high):
            raise ValueError(f"no molecule meets the requirement {self}: {_nature(self.quantity)}")
        return self

    @builtins.property
    def bounds(self) -> tuple[float, float]:
        """Lowest and highest allowed value in the property's unit; infinite where the end is open."""
        unit = self.own_unit
        low = -float("inf") if self.minimum is None else self.minimum.magnitude(unit)
        high = float("inf") if self.maximum is None else self.maximum.magnitude(unit)
        return low, high

    @builtins.property
    def span(self) -> tuple[float, float]:
        return self.bounds

    @builtins.property
    def softness(self) -> float:
        """The margin in the property's unit, as a difference (10 degC are 10 K); 0 for a hard limit."""
        if self.margin is None:
            return 0.0
        return self.margin.magnitude(self.own_unit) - convert(0.0, self.margin.unit, self.own_unit)

    def __str__(self) -> str:
        if self.minimum is not None and self.maximum is not None:
            return f"{self.key} from {_said(self.minimum)} to {_said(self.maximum)}"
        if self.minimum is not None:
            return f"{self.key} at least {_said(self.minimum)}"
        return f"{self.key} at most {_said(self.maximum)}"


class Problem(Record):
    """A design problem. Raises pydantic.ValidationError; the message names the key and what conflicts.

    confidence: how likely each hard requirement must hold, of values that a model predicts. 0.5 believes the models'
        means; the nearer to 1, the farther from the limits a molecule has to stay where the models are unsure.
    within_domain: whether a molecule is refused where a model that judges it knows nothing like it.
    start: molecules to begin from; empty: the handbook's that fit the space.  exclude: never propose these.
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")
    title: str = ""
    background: str = ""
    seed: int = Field(default=0, ge=0)
    space: DesignSpace = DesignSpace()
    goals: tuple[Goal, ...] = Field(min_length=1)
    requirements: tuple[Requirement, ...] = ()
    no_hazard_alert: bool = True
    confidence: float = Field(default=0.5, ge=0.5, lt=1.0)
    within_domain: bool = False
    start: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    @field_validator("start", "exclude")
    @classmethod
    def _readable(cls, smiles: tuple[str, ...]) -> tuple[str, ...]:
        for text in smiles:
            _check_molecule(text)
        return smiles

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        keys = [goal.key for goal in self.goals]
        for i, key in enumerate(keys):
            if key in keys[:i]:
                raise _wrong(("goals", i), f"'{key}' is a goal already: goals[{keys.index(key)}]")
        first: dict[str, Property | None] = {}
        for kind, entries in (("goals", self.goals), ("requirements", self.requirements)):
            for i, one in enumerate(entries):
                if first.setdefault(one.property, one.defined) != one.defined:
                    raise _wrong((kind, i), f"'{one.property}' was defined otherwise before")
        found = first_contradiction(self.goals, self.requirements, self.space)
        if found is not None:
            raise _wrong(*found)
        return self

    @builtins.property
    def wanted(self) -> tuple[str, ...]:
        """Keys of all values that judging needs, each once, goals first."""
        return tuple(dict.fromkeys(one.key for one in self.entries))

    @builtins.property
    def entries(self) -> tuple[Entry, ...]:
        """Goals, then requirements."""
        return (*self.goals, *self.requirements)


def plain(value: float, unit: str) -> str:
    """A number with its unit, if it has one."""
    return f"{value:.4g}" if unit == "dimensionless" else f"{value:.4g} {unit}"


def _said(quantity: Quantity | None) -> str:
    return "" if quantity is None else plain(quantity.value, quantity.unit)


def key_of(name: str, reference: Anchor | None) -> str:
    """The name of a value: the property's, with its reference where it has one."""
    if reference is None:
        return name
    said = reference if isinstance(reference, str) else ", ".join(f"{x:g}" for x in reference)
    return f"{name} to {said}"


def _quantity(name: str, defined: Property | None) -> quantities.Quantity:
    if defined is None:
        return quantities.get_quantity(name)
    if defined.name != name:
        raise ValueError(f"'defined' is about '{defined.name}', and not about '{name}'")
    return quantities.own_quantity(defined)


def _has_no_unit(data: Mapping[str, Any]) -> bool:
    """Of an entry as it is read, whether its property is a bare number."""
    defined = data.get("defined")
    if isinstance(defined, Property):
        return defined.unit == "dimensionless"
    if isinstance(defined, Mapping):
        return bool(defined.get("unit") == "dimensionless")
    known = QUANTITIES.get(str(data.get("property")))
    return known is not None and known.property.unit == "dimensionless"


def _check_reference(known: quantities.Quantity, reference: Anchor | None) -> None:
    name, wanted = known.property.name, known.reference
    if wanted is Reference.NONE:
        if reference is not None:
            raise ValueError(f"'{name}' is relative to nothing; leave 'reference' out")
    elif reference is None or isinstance(reference, str) != (wanted is Reference.MOLECULE):
        raise ValueError(f"'{name}' needs the key 'reference': {wanted}")
    if isinstance(reference, str):
        _check_molecule(reference)


def _check_molecule(text: str) -> None:
    from knowledge.records.molecule import InvalidMolecule, Molecule

    try:
        Molecule.from_smiles(text)
    except InvalidMolecule as error:
        raise ValueError(str(error)) from None


def _nature(known: quantities.Quantity) -> str:
    name, unit = known.property.name, known.property.unit
    if known.high == float("inf"):
        return f"'{name}' is never below {plain(known.low, unit)}"
    return f"'{name}' lies from {plain(known.low, unit)} to {plain(known.high, unit)}"


def _wrong(at: tuple[str | int, ...], words: str) -> PydanticCustomError:
    """An error about the key `at`, which readers of files show."""
    return PydanticCustomError("impossible", "{words}", {"words": words, "at": at})
