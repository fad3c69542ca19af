"""The properties that group vectors have: each by name, with its unit, as numbers for many vectors at once.

`planners.design.camd.expressions` writes the same formulas for SCIP; a test holds one against the other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from knowledge.records.properties import HANSEN
from planners.design.camd.contributions import (
    Array,
    Contributions,
    joback,
    learned,
    molar_mass,
    molar_volume,
    values,
)

Reference = tuple[float, float, float]
ROOM = 298.15  # K
WATSON = 0.38
JOBACK_BOILING, JOBACK_HEAT = 198.2, 15.30  # constants of Joback's sums, K and kJ/mol
JOBACK_RATIO = (0.584, 0.965, -1.0)  # Tb/Tc = 0.584 + 0.965 s - s²
LARGEST_CRITICAL_SUM = 0.965 / 2.0  # beyond it the parabola turns round


@dataclass(frozen=True)
class Expressible:
    """`simple`: the sum behind it, of a property that is one; None where the property is made of several sums.

    spread: of a published method, a standard deviation of the true value in shares of the estimate: nine of ten
        measured compounds of at most 24 groups lie within 1.645 of it (package `chemicals`: 756 critical temperatures
        of IUPAC and CRC, 1,624 enthalpies of vaporization of CRC and Gharagheizi, 1,382 densities of CRC).
    """

    name: str
    unit: str
    simple: Callable[[], Contributions] | None = None
    spread: float | None = None


def _learned(name: str) -> Callable[[], Contributions]:
    return lambda: learned()[name]


PROPERTIES: dict[str, Expressible] = {
    e.name: e
    for e in (
        Expressible("boiling_point", "K", _learned("boiling_point")),
        Expressible("melting_point", "K", _learned("melting_point")),
        Expressible("flash_point", "K", _learned("flash_point")),
        Expressible("viscosity", "mPa*s", _learned("viscosity")),
        Expressible("hansen_dispersion", "MPa**0.5", _learned("hansen_dispersion")),
        Expressible("hansen_polar", "MPa**0.5", _learned("hansen_polar")),
        Expressible("hansen_hydrogen", "MPa**0.5", _learned("hansen_hydrogen")),
        Expressible("logp", "dimensionless", _learned("logp")),
        Expressible("molar_mass", "g/mol", molar_mass),
        Expressible("molar_volume", "cm**3/mol", molar_volume, spread=0.055),
        Expressible("hansen_distance", "MPa**0.5"),
        Expressible("solubility_parameter", "MPa**0.5"),
        Expressible("critical_temperature", "K", spread=0.061),
        Expressible("enthalpy_of_vaporization", "kJ/mol", spread=0.104),
    )
}


def evaluated(name: str, counts: Array, reference: Reference | None = None) -> Array:
    """A property (n,) of group vectors (n, groups of the table); NaN where the method does not reach.

    hansen_distance: to `reference`, see `knowledge.records.properties.hansen_distance`.
    solubility_parameter: Hildebrand's, from Hansen's three parts (C. M. Hansen, Hansen Solubility Parameters, 2nd ed.,
        2007, eq 1.6).
    critical_temperature: Joback and Reid's, with their boiling point.
    enthalpy_of_vaporization: at 298.15 K, Joback and Reid's at the boiling point brought there by Watson's rule (K. M.
        Watson, Ind. Eng. Chem. 35 (1943) 398); NaN where the liquid is above its critical temperature.
    """
    simple = PROPERTIES[name].simple
    if simple is not None:
        return values(simple(), counts)
    if name == "hansen_distance":
        if reference is None:
            raise ValueError("a Hansen distance needs a reference")
        d, p, h = (values(learned()[part], counts) - r for part, r in zip(HANSEN, reference, strict=True))
        return np.sqrt(4.0 * d**2 + p**2 + h**2)
    if name == "solubility_parameter":
        d, p, h = (values(learned()[part], counts) for part in HANSEN)
        return np.sqrt(d**2 + p**2 + h**2)
    boiling = JOBACK_BOILING + values(joback("Tb"), counts)
    s = values(joback("Tc"), counts)
    s = np.where(s <= LARGEST_CRITICAL_SUM, s, np.nan)
    critical: Array = boiling / (JOBACK_RATIO[0] + JOBACK_RATIO[1] * s + JOBACK_RATIO[2] * s**2)
    if name == "critical_temperature":
        return critical
    heat = JOBACK_HEAT + values(joback("Hvap"), counts)
    share = np.where(critical > ROOM, (critical - ROOM) / (critical - boiling), np.nan)
    return np.where(heat > 0.0, heat, np.nan) * share**WATSON
