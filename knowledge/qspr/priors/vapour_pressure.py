"""Vapour pressure as a function of temperature that cannot fall: every constant that could make it fall is refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from knowledge.qspr.kernels import Array
from knowledge.qspr.priors.joback import JobackBoilingPoint, JobackVaporization
from knowledge.qspr.priors.prior import Prior

ATMOSPHERE = 101.325  # kPa
GAS_CONSTANT = 8.314462618e-3  # kJ/(mol K)
_COMPRESSIBILITY = 0.97  # of the vapour less that of the liquid, at the boiling point (Lyman)
SLOPE_ERROR = 0.133
"""Antoine's curve from the true boiling point and Joback's heat is wrong by at most this share of |ln(p/p0)|, p0 the
atmosphere, in 90 % of cases. Measured against the Antoine equations of B. E. Poling, J. M. Prausnitz, J. P. O'Connell,
The Properties of Gases and Liquids, 5th ed., 2001, as `chemicals` has them: 279 molecules at 7 temperatures each, where
|ln(p/p0)| > 0.3.
"""
TESTED = (0.7, 1.1)  # of T/Tb, the range of these temperatures


@dataclass(frozen=True)
class VapourPressure:
    """Antoine's ln(p / kPa) = a - b / (T - c), T in K; Clausius-Clapeyron with constant heat is c = 0.

    Rises with T wherever it is defined, T > c. Raises ValueError unless b > 0 and c >= 0.
    """

    a: float
    b: float
    c: float = 0.0

    def __post_init__(self) -> None:
        if not (np.isfinite([self.a, self.b, self.c]).all() and self.b > 0.0 and self.c >= 0.0):
            raise ValueError(f"Antoine constants need b > 0 and c >= 0, got a={self.a:g}, b={self.b:g}, c={self.c:g}")

    def __call__(self, temperatures: Sequence[float] | Array) -> Array:
        """kPa at temperatures in K, (n,); NaN at and below the pole c."""
        t = np.asarray(temperatures, dtype=np.float64)
        above = t > self.c
        values: Array = np.where(above, np.exp(self.a - self.b / np.where(above, t - self.c, 1.0)), np.nan)
        return values

    def boiling_point(self, pressure: float = ATMOSPHERE) -> float:
        """K at `pressure` in kPa. Raises ValueError for a pressure that the curve never reaches."""
        if not 0.0 < pressure < np.exp(self.a):
            raise ValueError(f"the curve has no temperature of {pressure:g} kPa; it ends at {np.exp(self.a):.3g} kPa")
        return float(self.c + self.b / (self.a - np.log(pressure)))

    @staticmethod
    def clausius_clapeyron(boiling: float, vaporization: float) -> VapourPressure:
        """From the normal boiling point (K) and the heat of vaporization (kJ/mol), taken as constant. Raises ValueError
        unless both are positive.
        """
        _check(boiling, vaporization)
        b = vaporization / GAS_CONSTANT
        return VapourPressure(a=float(np.log(ATMOSPHERE)) + b / boiling, b=b)

    @staticmethod
    def antoine(boiling: float, vaporization: float) -> VapourPressure:
        """The same data with c = 0.19 Tb - 18 K (Thomson's rule) and the slope at Tb from the heat there (W. J. Lyman,
        W. F. Reehl, D. H. Rosenblatt, Handbook of Chemical Property Estimation Methods, 1990, ch. 14, method 1).
        """
        _check(boiling, vaporization)
        c = max(0.19 * boiling - 18.0, 0.0)
        b = vaporization * (boiling - c) ** 2 / (_COMPRESSIBILITY * GAS_CONSTANT * boiling**2)
        return VapourPressure(a=float(np.log(ATMOSPHERE)) + b / (boiling - c), b=b, c=c)


def vapour_pressures(smiles: Sequence[str], boiling: Prior | None = None) -> list[VapourPressure | None]:
    """Antoine curves of liquids, from `boiling` (by default Joback's) and Joback's heat of vaporization; None where one
    of the two does not know the molecule. Raises InvalidMolecule.
    """
    temperatures, known = (boiling or JobackBoilingPoint())(smiles)
    heats, heat_known = JobackVaporization()(smiles)
    return [
        VapourPressure.antoine(t, h) if sure and t > 0.0 else None
        for t, h, sure in zip(temperatures.tolist(), heats.tolist(), (known & heat_known).tolist(), strict=True)
    ]


def _check(boiling: float, vaporization: float) -> None:
    if not (boiling > 0.0 and vaporization > 0.0):
        raise ValueError(f"need a positive boiling point and heat, got {boiling:g} K and {vaporization:g} kJ/mol")


def pressure_range(
    boiling: tuple[float, float, float], vaporization: float, temperature: float, level: float
) -> tuple[float, float, float] | None:
    """kPa at `temperature` (K), and the ends of an interval of `level`: from a boiling point with the ends of its own
    interval of that level (K) and the heat of vaporization there (kJ/mol). None at and below the pole of the curve.

    The ends of the boiling point give those of the pressure, the higher one the lower. The curve's own error is added
    in squares: `SLOPE_ERROR` at a level of 90 %, at others as a normal distribution has it.
    Raises ValueError for numbers that are not positive or a level outside (0, 1).
    """
    if not (0.0 < level < 1.0 and temperature > 0.0):
        raise ValueError(
            f"need a level between 0 and 1 and a positive temperature, got {level:g} and {temperature:g} K"
        )
    value, lower, upper = boiling
    middle, low, high = (
        float(np.log(VapourPressure.antoine(t, vaporization)([temperature])[0])) for t in (value, upper, lower)
    )
    if not np.isfinite(middle):
        return None
    factor = special.ndtri(0.5 * (1.0 + level)) / special.ndtri(0.95)
    own = SLOPE_ERROR * float(factor) * abs(middle - float(np.log(ATMOSPHERE)))
    # A boiling point whose upper end has no curve at this temperature leaves only the curve's own error below.
    below = middle - low if np.isfinite(low) else 0.0
    above = high - middle if np.isfinite(high) else 0.0
    ends = middle - float(np.hypot(below, own)), middle + float(np.hypot(above, own))
    return float(np.exp(middle)), float(np.exp(ends[0])), float(np.exp(ends[1]))
