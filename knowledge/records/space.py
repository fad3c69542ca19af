"""What may be varied in an experiment, and what may not: parameters with units, and rules over them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, model_validator

from knowledge.records.base import Record
from knowledge.records.molecule import Molecule
from knowledge.records.quantity import convert

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
    """One choice of a category. `smiles` (canonical): what it is, where that is a substance."""

    name: str = Field(min_length=1, max_length=300)
    smiles: str | None = None

    @model_validator(mode="after")
    def _substance(self) -> Option:
        if self.smiles is not None:
            Molecule.from_smiles(self.smiles)
        return self


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
    """A quantity in `unit`: any value from `low` to `high`, or one of `levels` (ascending)."""

    kind: Literal["number"] = "number"
    name: str = Field(pattern=NAME)
    unit: str
    low: float | None = None
    high: float | None = None
    levels: tuple[float, ...] = ()
    scale: NumberScale = NumberScale.LINEAR

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


class Forbidden(Record):
    """Not all of `where` at once."""

    kind: Literal["forbidden"] = "forbidden"
    where: tuple[Where, ...] = Field(min_length=1)
    reason: str = ""


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


class OnlyWhen(Record):
    """`parameter` means something only where all of `where` hold; elsewhere it stands at `otherwise`."""

    kind: Literal["only_when"] = "only_when"
    parameter: str
    where: tuple[Where, ...] = Field(min_length=1)
    otherwise: Value


SpaceRule = Annotated[Forbidden | Linear | OnlyWhen, Field(discriminator="kind")]


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
