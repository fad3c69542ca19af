"""Numbers and units as people write them into tables: "150 °C", "flash point (K)", "log mol/L", "s-1"."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from knowledge.records.quantity import Quantity

_NUMBER = re.compile(r"^([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(.*)$", re.DOTALL)
_RANGE = re.compile(r"^(?:-|–|—|to\b)\s*[+-]?[\d.]")
_DECIMAL_COMMA = re.compile(r"^[+-]?\d+,\d+$")
_POWER = re.compile(r"(?<=[A-Za-zµμΩ])\^?([+-]?\d+)\b")
_LOGARITHM = re.compile(r"(?i)\b(?:log|ln)")
_HEADER = (
    re.compile(r"\[([^\[\]]+)\]\s*$"),
    re.compile(r"\(((?:[^()]|\([^()]*\))+)\)\s*$"),
    re.compile(r"\s/\s*(\S.*)$"),
    re.compile(r"\s+in\s+(\S.*)$"),
    re.compile(r"_(K|degC|nm|eV)$"),
)
# In pint C and F are coulomb and farad, and water is a density; in a chemist's table they are not.
_SPELLING = {
    "C": "degC",
    "°C": "degC",
    "ºC": "degC",
    "℃": "degC",
    "deg C": "degC",
    "Celsius": "degC",
    "celsius": "degC",
}
_SPELLING |= {"F": "degF", "°F": "degF", "℉": "degF", "deg F": "degF", "Kelvin": "K", "°K": "K"}
_SOLVENTS = frozenset({"water", "H2O", "h2o", "mercury", "Hg", "air"})


class BadCell(ValueError):
    """A cell that does not hold one finite number."""


class Cell(NamedTuple):
    """`unit` as written behind the number, in pint's spelling; "" when there is none."""

    number: float
    unit: str


def read_cell(text: str) -> Cell:
    """A number, with or without a unit. Raises BadCell, which says what is written instead."""
    plain = text.strip().replace("\u2212", "-")
    if plain.lower() in {"", "nan", "na", "n/a", "none", "null", "-"}:
        raise BadCell("no value")
    if plain[0] in "<>≤≥~≈":
        raise BadCell(f"'{plain}' is a limit, not a value")
    if _DECIMAL_COMMA.match(plain):
        raise BadCell(f"'{plain}' has a decimal comma; write a point")
    match = _NUMBER.match(plain)
    if match is None:
        raise BadCell(f"'{plain}' is not a number")
    number, rest = float(match[1]), match[2].strip()
    if abs(number) == float("inf"):
        raise BadCell(f"'{plain}' is too large")
    if _RANGE.match(rest):
        raise BadCell(f"'{plain}' is a range, not a value")
    unit = spelled(rest)
    if unit and not known(unit):
        raise BadCell(f"'{plain}' is not a number with a unit")
    return Cell(number, unit)


def spelled(unit: str) -> str:
    """The same unit as pint spells it: "°C" degC, "s-1" s**-1."""
    plain = unit.strip().replace("\u2212", "-").replace("·", "*")
    return _SPELLING.get(plain) or _POWER.sub(r"**\1", plain)


@lru_cache(maxsize=1024)
def known(unit: str) -> bool:
    """Whether pint knows it. A text that begins with a number is a condition ("298 K"), not a unit."""
    if not unit or unit[0].isdigit() or unit in _SOLVENTS or _LOGARITHM.search(unit):
        return False
    try:
        Quantity(value=1.0, unit=unit)
    except ValueError:
        return False
    return True


def header_unit(header: str) -> str:
    """The unit that a column's name ends with ("Tb (K)", "Tb [°C]", "Tb / K", "wavelength in nm", "Tb_K"), or "".

    Of a logarithm ("log solubility in mol/L") it is "log(mol/L)", which nothing converts.
    """
    for pattern in _HEADER:
        match = pattern.search(header)
        if match is None:
            continue
        inner = match[1].strip()
        if _LOGARITHM.match(inner):
            return inner
        unit = spelled(inner)
        if known(unit):
            return f"log({unit})" if _LOGARITHM.search(header[: match.start()]) else unit
    return ""
