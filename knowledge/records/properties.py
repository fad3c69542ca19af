"""The properties Athanor can predict, constrain, optimise and measure: one table, one spelling, one unit each."""

from __future__ import annotations

import math
from enum import StrEnum

from knowledge.records.base import Record


class Scale(StrEnum):
    """The scale on which a property's error is roughly even, and on which models are fitted."""

    LINEAR = "linear"
    LOG = "log"


class Property(Record):
    name: str
    unit: str
    scale: Scale = Scale.LINEAR
    symbol: str
    description: str

    def to_model(self, value: float) -> float:
        return math.log(value) if self.scale is Scale.LOG else value

    def from_model(self, value: float) -> float:
        return math.exp(value) if self.scale is Scale.LOG else value


_ALL = (
    Property(name="boiling_point", unit="K", symbol="Tb", description="normal boiling point at 101.325 kPa"),
    Property(name="melting_point", unit="K", symbol="Tm", description="melting point"),
    Property(name="flash_point", unit="K", symbol="Tf", description="closed-cup flash point"),
    Property(
        name="viscosity",
        unit="mPa*s",
        scale=Scale.LOG,
        symbol="η",
        description="dynamic viscosity of the liquid at 298.15 K",
    ),
    Property(name="hansen_dispersion", unit="MPa**0.5", symbol="δD", description="Hansen parameter, dispersion part"),
    Property(name="hansen_polar", unit="MPa**0.5", symbol="δP", description="Hansen parameter, polar part"),
    Property(name="hansen_hydrogen", unit="MPa**0.5", symbol="δH", description="Hansen parameter, hydrogen-bond part"),
    Property(
        name="hansen_distance",
        unit="MPa**0.5",
        symbol="Ra",
        description="Hansen distance to a reference point; derived from the three Hansen parameters",
    ),
    Property(
        name="hydration_free_energy",
        unit="kJ/mol",
        symbol="ΔGhyd",
        description="free energy of transfer from gas to water at 298.15 K, 1 mol/l in both",
    ),
    Property(name="purity", unit="dimensionless", symbol="x", description="mass fraction of the target in a sample"),
    Property(
        name="reaction_yield", unit="dimensionless", symbol="Y", description="isolated amount over theoretical amount"
    ),
    Property(name="isolated_mass", unit="g", symbol="m", description="mass of sample after purification"),
    Property(
        name="conversion", unit="dimensionless", symbol="X", description="share of the limiting reactant consumed"
    ),
    Property(
        name="selectivity",
        unit="dimensionless",
        symbol="S",
        description="share of the converted reactant in the product",
    ),
    Property(
        name="impurity", unit="dimensionless", symbol="w", description="share of by-products in the crude product"
    ),
    Property(
        name="enantiomeric_excess",
        unit="dimensionless",
        symbol="ee",
        description="(major - minor) / (major + minor) of the enantiomers; negative where the unwanted one prevails",
    ),
    Property(
        name="turnover_number", unit="dimensionless", symbol="TON", description="mol of product per mol of catalyst"
    ),
    Property(
        name="cost", unit="dimensionless", symbol="C", description="cost of an amount of product that the user fixes"
    ),
)
PROPERTIES: dict[str, Property] = {p.name: p for p in _ALL}

REACTION_OUTCOMES = (
    "reaction_yield",
    "conversion",
    "selectivity",
    "impurity",
    "enantiomeric_excess",
    "turnover_number",
    "cost",
)
"""What a reaction's conditions can be optimised for."""
_SLACK = 0.1  # a calibration's error may take a yield of 100 % beyond it

HANSEN = ("hansen_dispersion", "hansen_polar", "hansen_hydrogen")


class UnknownProperty(ValueError):
    """A property name that is not in the table; the message lists the names that are."""


def get_property(name: str) -> Property:
    """Raises UnknownProperty."""
    try:
        return PROPERTIES[name]
    except KeyError:
        known = ", ".join(sorted(PROPERTIES, key=lambda other: (other in REACTION_OUTCOMES, other)))
        raise UnknownProperty(f"unknown property '{name}'; known: {known}") from None


def possible(name: str) -> tuple[float, float]:
    """The lowest and the highest value that an outcome of a reaction can have, in the property's unit."""
    if name == "enantiomeric_excess":
        return -1.0, 1.0
    return 0.0, math.inf if name in ("turnover_number", "cost") else 1.0


def credible(name: str) -> tuple[float, float]:
    """Between which values a measured outcome of a reaction can be believed."""
    low, high = possible(name)
    return low - _SLACK, high + _SLACK


def components(name: str) -> tuple[str, ...]:
    """What must be known to give `name`: itself, or for a derived property the measured ones behind it."""
    return HANSEN if name == "hansen_distance" else (name,)


def hansen_distance(d: float, p: float, h: float, reference: tuple[float, float, float]) -> float:
    """Ra in MPa^0.5: Ra² = 4 ΔδD² + ΔδP² + ΔδH² (C. M. Hansen, Hansen Solubility Parameters, 2nd ed., 2007, eq 1.9)."""
    return math.sqrt(4.0 * (d - reference[0]) ** 2 + (p - reference[1]) ** 2 + (h - reference[2]) ** 2)
