"""What may be varied in an experiment, and what may not: parameters with units, and rules over them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from knowledge.records.base import Record
from knowledge.records.molecule import Molecule
from knowledge.records.quantity import Quantity, convert

Value = str | float
"""The name of an option, or a number in its parameter's unit."""
Setting = dict[str, Value]
"""One point of a space: a value for every parameter, by name."""

NAME = r"^[A-Za-z][A-Za-z0-9_ -]{0,60}$"


class BadSetting(ValueError):
    """A setting that is not of its space; the message is one line and names the parameter."""


class NumberScale(StrEnum):
    LINEAR = "linear"
    LOG = "log"  # tenfold counts alike everywhere: concentrations, loadings, times


class Option(Record):
    """One choice of a category. `smiles`: what it is, where that is a substance; it is made canonical."""

    name: str = Field(min_length=1, max_length=300)
    smiles: str | None = None

    @field_validator("smiles")
    @classmethod
    def _canonical(cls, smiles: str | None) -> str | None:
        return None if smiles is None else Molecule.from_smiles(smiles).smiles


class Category(Record):
    """A choice among named options: a ligand, a base, a solvent. With structures their likeness counts."""

    kind: Literal["category"] = "category"
    name: str = Field(pattern=NAME)
    options: tuple[Option, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _different(self) -> Category:
        for name, count in Counter(o.name for o in self.options).items():
            if count > 1:
                raise ValueError(f"'{self.name}' has the option '{name}' {count} times")
        return self

    @property
    def described(self) -> bool:
        """Whether every option has a structure."""
        return all(o.smiles is not None for o in self.options)

    def index(self, name: Value) -> int:
        """Raises BadSetting."""
        for i, option in enumerate(self.options):
            if option.name == name:
                return i
        known = ", ".join(o.name for o in self.options[:8]) + (", ..." if len(self.options) > 8 else "")
        raise BadSetting(f"'{self.name}' has no option '{name}'; it has {known}")


class Number(Record):
    """A quantity in `unit`: any value from `low` to `high`, or one of `levels` (ascending).

    Bounds and levels may be texts with a unit of their own ("30 degC"); they are converted to `unit`, which is the
    first one found where none is given.
    """

    kind: Literal["number"] = "number"
    name: str = Field(pattern=NAME)
    unit: str
    low: float | None = None
    high: float | None = None
    levels: tuple[float, ...] = ()
    scale: NumberScale = NumberScale.LINEAR

    @model_validator(mode="before")
    @classmethod
    def _from_quantities(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        read = dict(data)
        levels = read["levels"] if isinstance(read.get("levels"), list | tuple) else ()
        texts = [each for each in (read.get("low"), read.get("high"), *levels) if isinstance(each, str)]
        if texts:
            unit = read.setdefault("unit", _quantity(texts[0]).unit)
            for name in ("low", "high"):
                if isinstance(read.get(name), str):
                    read[name] = _magnitude(read[name], unit)
            if levels:
                read["levels"] = tuple(_magnitude(each, unit) if isinstance(each, str) else each for each in levels)
        return read

    @model_validator(mode="after")
    def _possible(self) -> Number:
        convert(1.0, self.unit, self.unit)
        if bool(self.levels) == (self.low is not None or self.high is not None):
            raise ValueError(f"'{self.name}' needs either 'levels' or 'low' and 'high'")
        if self.levels and list(self.levels) != sorted(set(self.levels)):
            raise ValueError(f"the levels of '{self.name}' should be different and ascending")
        if not self.levels and (self.low is None or self.high is None or self.low > self.high):
            raise ValueError(f"'{self.name}' needs 'low' and 'high', the lower one first")
        if self.scale is NumberScale.LOG and self.bounds[0] <= 0.0:
            raise ValueError(f"'{self.name}' is on a log scale, so it must be more than 0 {self.unit}")
        return self

    @property
    def bounds(self) -> tuple[float, float]:
        if self.levels:
            return self.levels[0], self.levels[-1]
        assert self.low is not None
        assert self.high is not None
        return self.low, self.high

    @property
    def continuous(self) -> bool:
        return not self.levels and self.low != self.high


def _quantity(text: str) -> Quantity:
    try:
        return Quantity.model_validate(text)
    except ValidationError as error:
        raise ValueError(error.errors()[0]["msg"].removeprefix("Value error, ")) from None


def _magnitude(text: str, unit: str) -> float:
    # Twelve digits: what a conversion adds behind them is no difference that anybody can set.
    return float(f"{_quantity(text).magnitude(unit):.12g}")


Parameter = Annotated[Category | Number, Field(discriminator="kind")]


class Where(Record):
    """Part of a space: a category's `options`, or a number from `minimum` to `maximum` (its parameter's unit)."""

    parameter: str
    options: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None

    @model_validator(mode="after")
    def _something(self) -> Where:
        if bool(self.options) == (self.minimum is not None or self.maximum is not None):
            raise ValueError(f"'{self.parameter}' needs either 'options' or a 'minimum', a 'maximum' or both")
        return self

    def holds(self, setting: Mapping[str, Value]) -> bool:
        value = setting[self.parameter]
        if self.options:
            return value in self.options
        assert not isinstance(value, str)
        return (self.minimum is None or value >= self.minimum) and (self.maximum is None or value <= self.maximum)

    def __str__(self) -> str:
        if self.options:
            more = f" or {len(self.options) - 3} others" if len(self.options) > 3 else ""
            return f"{self.parameter} is {' or '.join(self.options[:3])}{more}"
        low = "" if self.minimum is None else f"{self.minimum:g} <= "
        high = "" if self.maximum is None else f" <= {self.maximum:g}"
        return f"{low}{self.parameter}{high}"


class Forbidden(Record):
    """Not all of `where` at once."""

    kind: Literal["forbidden"] = "forbidden"
    where: tuple[Where, ...] = Field(min_length=1)
    reason: str = ""

    def __str__(self) -> str:
        return f"not where {' and '.join(str(w) for w in self.where)}{_because(self.reason)}"


class Linear(Record):
    """`minimum <= sum of factor * number <= maximum`, numbers in their parameters' units."""

    kind: Literal["linear"] = "linear"
    terms: dict[str, float] = Field(min_length=1)
    minimum: float | None = None
    maximum: float | None = None
    reason: str = ""

    @model_validator(mode="after")
    def _bounded(self) -> Linear:
        if self.minimum is None and self.maximum is None:
            raise ValueError("a linear rule needs a 'minimum', a 'maximum' or both")
        return self

    def __str__(self) -> str:
        total = " + ".join(name if factor == 1.0 else f"{factor:g} {name}" for name, factor in self.terms.items())
        low = "" if self.minimum is None else f"{self.minimum:g} <= "
        high = "" if self.maximum is None else f" <= {self.maximum:g}"
        return f"{low}{total}{high}{_because(self.reason)}"


class OnlyWhen(Record):
    """`parameter` means something only where all of `where` hold; elsewhere it stands at `otherwise`."""

    kind: Literal["only_when"] = "only_when"
    parameter: str
    where: tuple[Where, ...] = Field(min_length=1)
    otherwise: Value

    def __str__(self) -> str:
        where = " and ".join(str(w) for w in self.where)
        return f"{self.parameter} is {self.otherwise} unless {where}"


class Listed(Record):
    """Of `parameters` together (categories, and numbers with levels) only the combinations in `rows`: what is at hand,
    or what was measured.
    """

    kind: Literal["listed"] = "listed"
    parameters: tuple[str, ...] = Field(min_length=1)
    rows: tuple[tuple[Value, ...], ...] = Field(min_length=1)
    reason: str = ""

    @model_validator(mode="after")
    def _even(self) -> Listed:
        if len(set(self.parameters)) < len(self.parameters):
            raise ValueError("a list of combinations names a parameter twice")
        if any(len(row) != len(self.parameters) for row in self.rows):
            raise ValueError(f"a combination needs a value for each of {', '.join(self.parameters)}")
        return self

    def __str__(self) -> str:
        combinations = "combination" if len(self.rows) == 1 else "combinations"
        return f"only {len(self.rows)} {combinations} of {', '.join(self.parameters)}{_because(self.reason)}"


def _because(reason: str) -> str:
    return f" ({reason})" if reason else ""


SpaceRule = Annotated[Forbidden | Linear | OnlyWhen | Listed, Field(discriminator="kind")]


class Space(Record):
    """All settings of `parameters` that break none of `rules`."""

    parameters: tuple[Parameter, ...] = Field(min_length=1)
    rules: tuple[SpaceRule, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Space:
        for name, count in Counter(p.name for p in self.parameters).items():
            if count > 1:
                raise ValueError(f"there are {count} parameters called '{name}'")
        for rule in self.rules:
            if isinstance(rule, Linear):
                for name in rule.terms:
                    if not isinstance(self.parameter(name), Number):
                        raise ValueError(f"a linear rule is over numbers; '{name}' is a category")
                continue
            if isinstance(rule, Listed):
                self._check_listed(rule)
                continue
            for where in rule.where:
                self._check_where(where)
            if isinstance(rule, OnlyWhen):
                self.check_value(rule.parameter, rule.otherwise)
        return self

    def _check_where(self, where: Where) -> None:
        parameter = self.parameter(where.parameter)
        if isinstance(parameter, Category):
            if not where.options:
                raise ValueError(f"'{where.parameter}' is a category: a rule names its options")
            for option in where.options:
                parameter.index(option)
        elif where.options:
            raise ValueError(f"'{where.parameter}' is a number: a rule gives its minimum or maximum")

    def _check_listed(self, rule: Listed) -> None:
        for name, column in zip(rule.parameters, zip(*rule.rows, strict=True), strict=True):
            parameter = self.parameter(name)
            if isinstance(parameter, Number) and parameter.continuous:
                raise ValueError(f"a list of combinations needs levels of '{name}'")
            for value in dict.fromkeys(column):
                self.check_value(name, value)

    def with_rules(self, *rules: SpaceRule) -> Space:
        """The part of it that breaks none of `rules` either: a forbidden region, an operator's wish.

        Raises ValueError for a rule over what this space has not.
        """
        return Space(parameters=self.parameters, rules=(*self.rules, *rules))

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(p.name for p in self.parameters)

    def parameter(self, name: str) -> Category | Number:
        """Raises BadSetting."""
        for parameter in self.parameters:
            if parameter.name == name:
                return parameter
        raise BadSetting(f"there is no parameter '{name}'; there are {', '.join(self.names)}")

    def check_value(self, name: str, value: Value) -> None:
        """Raises BadSetting for a value outside the parameter's options, levels or bounds."""
        parameter = self.parameter(name)
        if isinstance(parameter, Category):
            parameter.index(value)
            return
        if isinstance(value, str):
            raise BadSetting(f"'{name}' is a number in {parameter.unit}, not '{value}'")
        low, high = parameter.bounds
        if not low <= value <= high or (parameter.levels and value not in parameter.levels):
            allowed = ", ".join(f"{v:g}" for v in parameter.levels) or f"{low:g} to {high:g}"
            raise BadSetting(f"'{name}' cannot be {value:g} {parameter.unit}; allowed: {allowed}")
