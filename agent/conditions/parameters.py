"""One searched parameter as a campaign file writes it: a point's coordinate, and what it does in the reaction."""

from __future__ import annotations

from typing import Any

from pydantic import Field, ValidationError, model_validator

from agent.campaign import wrong
from knowledge.records.base import Record
from knowledge.records.quantity import UnitMismatch, convert
from knowledge.records.reaction import NOTHING, SUBSTANCES, UNITS, Meaning, Part
from knowledge.records.space import NAME, Category, Number, NumberScale, Option


class Searched(Record):
    """`options` (by name, with SMILES) or a number in `unit`: `levels`, or `low` to `high`.

    `role` says what it does. `equivalents` of a chosen substance, relative to the limiting reactant, unless a number of
    role `loading` says so; such a number names in `of` the parameter or the substance that it belongs to.
    """

    name: str = Field(pattern=NAME)
    role: Part
    options: tuple[Option, ...] = ()
    equivalents: float | None = Field(default=None, gt=0.0)
    of: str | None = None
    unit: str | None = None
    low: float | str | None = None
    high: float | str | None = None
    levels: tuple[float | str, ...] = ()
    scale: NumberScale = NumberScale.LINEAR

    @model_validator(mode="before")
    @classmethod
    def _named_options(cls, data: Any) -> Any:
        """`options: {XPhos: SMILES}`; `{none: }` leaves a substance out; a list has names without structures."""
        if not isinstance(data, dict) or "options" not in data:
            return data
        given = data["options"]
        if isinstance(given, dict):
            given = [{"name": str(name), "smiles": smiles} for name, smiles in given.items()]
        elif isinstance(given, list):
            given = [{"name": str(one)} if isinstance(one, str | int | float) else one for one in given]
        return {**data, "options": given}

    @model_validator(mode="after")
    def _possible(self) -> Searched:
        if self.options:
            self._check_options()
        elif self.role in SUBSTANCES:
            raise wrong((), f"'{self.name}' is a {self.role}: give its 'options' by name, each with a SMILES")
        else:
            self._check_number()
        try:
            self.build()
        except ValidationError as error:
            raise wrong((), first_line(error)) from None
        return self

    def _check_options(self) -> None:
        if self.role not in (*SUBSTANCES, Part.OTHER):
            raise wrong(
                ("role",), f"a {self.role} is a number: give 'levels', or 'low' and 'high', instead of 'options'"
            )
        for key in ("unit", "low", "high", "levels", "of"):
            if getattr(self, key):
                raise wrong((key,), f"'{key}' belongs to a number, and '{self.name}' has 'options'")
        if self.role is Part.OTHER:
            return
        for i, option in enumerate(self.options):
            if option.smiles is None and option.name != NOTHING:
                raise wrong(
                    ("options", i),
                    f"'{option.name}' needs a SMILES: a {self.role} is weighed in (only '{NOTHING}' leaves it out)",
                )
        if self.role is Part.SOLVENT and self.equivalents is not None:
            raise wrong(("equivalents",), "a solvent has none: the concentration says how much of it")

    def _check_number(self) -> None:
        if self.equivalents is not None:
            raise wrong(("equivalents",), f"'equivalents' belong to a substance, and '{self.name}' is a number")
        if (self.role is Part.LOADING) != (self.of is not None):
            raise wrong(("of",), "'of' names the substance that a number of role 'loading' is the amount of")

    def build(self) -> Category | Number:
        """Raises ValidationError."""
        if self.options:
            return Category(name=self.name, options=self.options)
        given = {"unit": self.unit, "low": self.low, "high": self.high, "levels": self.levels}
        number = Number.model_validate(
            {"name": self.name, "scale": self.scale, **{k: v for k, v in given.items() if v not in (None, ())}}
            | ({} if self.unit or _has_unit(self) else {"unit": "dimensionless"})
        )
        if self.role in UNITS:
            try:
                convert(1.0, number.unit, UNITS[self.role])
            except UnitMismatch as error:
                raise wrong(("unit",), f"a {self.role}: {error}") from None
        return number

    @property
    def meaning(self) -> Meaning:
        return Meaning(parameter=self.name, part=self.role, equivalents=self.equivalents, of=self.of)


def _has_unit(one: Searched) -> bool:
    return any(isinstance(v, str) for v in (one.low, one.high, *one.levels))


def first_line(error: ValidationError) -> str:
    """What a nested model complains about, in one line."""
    return " ".join(str(error.errors()[0]["msg"]).removeprefix("Value error, ").split())
