"""How names, numbers and units are written in the report."""

from __future__ import annotations

import math

from knowledge.records.measurement import Source
from knowledge.records.objective import Constraint, Direction, Objective
from knowledge.records.properties import PROPERTIES, get_property

_UNITS = {
    "K": "K",
    "mPa*s": "mPa·s",
    "MPa**0.5": "MPa⁰·⁵",
    "dimensionless": "",
    "g": "g",
    "degC": "°C",
    "mol": "mol",
    "mL": "mL",
    "percent": "%",
}
_TITLES = {
    "hansen_distance": "Hansen distance to the reference",
    "hansen_dispersion": "Hansen, dispersion",
    "hansen_polar": "Hansen, polar",
    "hansen_hydrogen": "Hansen, hydrogen bond",
    "reaction_yield": "isolated yield",
}
TEMPERATURES = ("boiling_point", "melting_point", "flash_point")
PERCENT = ("purity", "reaction_yield")
_SOURCES = {
    Source.INSTRUMENT: ("real", "real instrument"),
    Source.HANDBOOK: ("handbook", "simulated, from an experimental handbook value"),
    Source.MODEL: ("model", "simulated, from a physical model"),
    Source.REPLAY: ("replay", "replayed, from a user's table of earlier results"),
}
_PRIORS = {
    "column": "the table's own estimate",
    "catoire_naudet_flash_point": "the rule of Catoire and Naudet",
    "hshieh_flash_point": "the rule of Hshieh",
    "xtb_hydration": "GFN2-xTB",
}
_ZERO_CELSIUS = 273.15


def unit(name: str) -> str:
    """A pint unit as it is printed."""
    return _UNITS.get(name, name.replace("**", "^").replace("*", "·"))


def title(name: str) -> str:
    """A property's name in words."""
    return _TITLES.get(name, name.replace("_", " "))


def heading(name: str) -> str:
    """A property's name in words, as the start of a line."""
    text = title(name)
    return text[:1].upper() + text[1:]


def symbol(name: str) -> str:
    return PROPERTIES[name].symbol if name in PROPERTIES else name


def property_unit(name: str) -> str:
    return "%" if name in PERCENT else unit(get_property(name).unit)


def axis(name: str) -> str:
    """Axis label: name, symbol and unit."""
    u = property_unit(name)
    return f"{heading(name)} {symbol(name)}" + (f" ({u})" if u else "")


def plain(text: str) -> str:
    """A key such as "fischer_esterification" as words."""
    return text.replace("_", " ").strip()


def prior(name: str) -> str:
    """A physics prior as the start of a line: "joback_melting_point" is Joback."""
    text = _PRIORS.get(name, "Joback" if name.startswith("joback_") else plain(name))
    return text[:1].upper() + text[1:]


def reaction(key: str) -> str:
    """A reaction class as the start of a line: "n_acylation" is an N-acylation."""
    text = plain(key)
    first, _, rest = text.partition(" ")
    if first in ("n", "o", "s", "c") and rest:
        return f"{first.upper()}-{rest}"
    return text[:1].upper() + text[1:]


def number(value: float, digits: int = 3) -> str:
    """`digits` significant digits, no exponent between 0.001 and a million, thousands kept whole."""
    if value == 0:
        return "0"
    magnitude = math.floor(math.log10(abs(value)))
    if magnitude < -3 or magnitude >= 6:
        return f"{value:.{digits - 1}e}".replace("-", "−")
    return f"{value:.{max(0, digits - 1 - magnitude)}f}".replace("-", "−")


def plus_minus(value: float, std: float) -> str:
    """Value and standard uncertainty as the Particle Data Group rounds them.

    The uncertainty has two digits up to 35 and one above; the value ends at the same place.
    """
    if std <= 0 or not math.isfinite(std):
        return number(value)
    magnitude = math.floor(math.log10(std))
    leading = std / 10.0**magnitude
    place = max(0, (1 if leading < 3.55 else 0) - magnitude)
    return f"{value:.{place}f} ± {std:.{place}f}".replace("-", "−")


def measured(name: str, value: float, std: float | None) -> str:
    """A value of a property with its unit; fractions in percent."""
    factor = 100.0 if name in PERCENT else 1.0
    text = number(value * factor) if std is None else plus_minus(value * factor, std * factor)
    u = property_unit(name)
    return f"{text} {u}" if u else text


def celsius(kelvin: float) -> str:
    return f"{kelvin - _ZERO_CELSIUS:.0f} °C".replace("-", "−")


def limits(constraint: Constraint) -> str:
    """A constraint in its property's unit, temperatures in °C as well."""
    low, high = constraint.bounds
    name = constraint.property
    factor, u = (100.0, "%") if name in PERCENT else (1.0, unit(get_property(name).unit))

    def one(value: float) -> str:
        return f"{value * factor:g}".replace("-", "−")

    if low is not None and high is not None:
        text, ends = f"{one(low)} to {one(high)} {u}", [low, high]
    elif low is not None:
        text, ends = f"at least {one(low)} {u}", [low]
    else:
        assert high is not None  # a Constraint has one end at least
        text, ends = f"at most {one(high)} {u}", [high]
    if name in TEMPERATURES:
        text += f" ({' to '.join(celsius(v) for v in ends)})"
    return text.strip()


def wish(objective: Objective) -> str:
    """An objective as a phrase: "as low as possible"."""
    return "as low as possible" if objective.direction is Direction.MINIMISE else "as high as possible"


def source_key(source: Source) -> str:
    """CSS class and legend key: real, handbook, model or replay."""
    return _SOURCES[source][0]


def source_text(source: Source) -> str:
    return _SOURCES[source][1]


def count(n: int, one: str, many: str | None = None) -> str:
    return f"{n} {one if n == 1 else many or one + 's'}"


def duration(hours: float) -> str:
    """A time in hours as a chemist writes it."""
    if hours < 1:
        return f"{hours * 60:.0f} min"
    if hours < 48:
        return f"{hours:.3g} h"
    return f"{hours / 24:.2g} days"
