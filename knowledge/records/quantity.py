"""Numbers that carry their unit. Unit names and conversions are pint's."""

from __future__ import annotations

from functools import cache, lru_cache
from tokenize import TokenError
from typing import TYPE_CHECKING, Any

from pydantic import field_validator, model_validator

from knowledge.records.base import Record

if TYPE_CHECKING:
    import pint


class UnitMismatch(ValueError):
    """A unit is unknown or of another dimension than the one needed."""


@cache
def _registry() -> pint.UnitRegistry[float]:
    # Imported late: building pint's registry takes a third of a second, and `--help` needs no units.
    import pint

    return pint.UnitRegistry(autoconvert_offset_to_baseunit=True)


@lru_cache(maxsize=4096)
def _affine(source: str, target: str) -> tuple[float, float]:
    """(slope, intercept) that turn a number in `source` into one in `target`.

    Raises UnitMismatch when a unit is unknown or the dimensions differ.
    """
    import pint

    registry = _registry()
    try:
        low = float(registry.Quantity(0.0, source).to(target).magnitude)
        high = float(registry.Quantity(1.0, source).to(target).magnitude)
    except pint.DimensionalityError:
        raise UnitMismatch(f"unit '{source}' does not fit: expected a unit like '{target}'") from None
    except (pint.PintError, TokenError, ArithmeticError, AssertionError, ValueError, AttributeError, TypeError):
        # pint hands the text to Python's tokenizer, which has errors of its own for texts like "(" or "1/0".
        hint = "" if source == target else f" (expected a unit like '{target}')"
        raise UnitMismatch(f"unknown unit '{source}'{hint}") from None
    return high - low, low


def convert(value: float, source: str, target: str) -> float:
    """Convert a number between units of one dimension. Raises UnitMismatch."""
    if source == target:
        return value
    slope, intercept = _affine(source, target)
    return value * slope + intercept


class Quantity(Record):
    """A value with a unit, e.g. `Quantity(value=423, unit="K")`; also reads the text "423 K"."""

    value: float
    unit: str

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, data: Any) -> Any:
        if isinstance(data, str):
            number, _, unit = data.strip().partition(" ")
            try:
                return {"value": float(number), "unit": unit.strip()}
            except ValueError:
                raise ValueError(
                    f"'{data}' is not a quantity; write a number, a blank and a unit, e.g. '423 K'"
                ) from None
        return data

    @field_validator("unit")
    @classmethod
    def _known_unit(cls, unit: str) -> str:
        if not unit:
            raise ValueError("a quantity needs a unit, e.g. '423 K' ('dimensionless' for a bare number)")
        _affine(unit, unit)
        return unit

    def to(self, unit: str) -> Quantity:
        return Quantity(value=convert(self.value, self.unit, unit), unit=unit)

    def magnitude(self, unit: str) -> float:
        """The number in `unit`. Raises UnitMismatch."""
        return convert(self.value, self.unit, unit)

    def __str__(self) -> str:
        return f"{self.value:g} {self.unit}"


class Estimate(Record):
    """A value with its standard uncertainty (GUM: one standard deviation), both in `unit`."""

    mean: float
    std: float
    unit: str
