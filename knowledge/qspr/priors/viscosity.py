"""Viscosity of liquids as a function of temperature: Andrade's law, from groups or from given points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from rdkit.Chem import rdMolDescriptors

from knowledge.features.featurizer import parse
from knowledge.qspr.kernels import Array
from knowledge.qspr.priors.joback import group_sum
from knowledge.qspr.priors.prior import Known, masked

ROOM = 298.15  # K


@dataclass(frozen=True)
class Andrade:
    """ln(viscosity / mPa s) = a + b / T, T in K (E. N. da C. Andrade, Nature 125 (1930) 309).

    Never rises with T: raises ValueError unless b >= 0.
    """

    a: float
    b: float

    def __post_init__(self) -> None:
        if not (np.isfinite([self.a, self.b]).all() and self.b >= 0.0):
            raise ValueError(f"Andrade constants need b >= 0, got a={self.a:g}, b={self.b:g}")

    def __call__(self, temperatures: Sequence[float] | Array) -> Array:
        """mPa s at temperatures in K, (n,)."""
        values: Array = np.exp(self.a + self.b / np.asarray(temperatures, dtype=np.float64))
        return values

    @staticmethod
    def through(temperatures: Sequence[float], viscosities: Sequence[float]) -> Andrade:
        """Least squares of ln(viscosity) on 1/T, b held at 0 where the points would make it negative.

        K and mPa s. Raises ValueError for fewer than two different temperatures or a number that is not positive.
        """
        t, eta = np.asarray(temperatures, dtype=np.float64), np.asarray(viscosities, dtype=np.float64)
        if t.shape != eta.shape or len(set(t.tolist())) < 2:
            raise ValueError("need viscosities at two different temperatures at least, one for each temperature")
        if not ((t > 0.0).all() and (eta > 0.0).all()):
            raise ValueError("temperatures in K and viscosities must be positive")
        inverse, logs = 1.0 / t, np.log(eta)
        away = inverse - inverse.mean()
        b = max(float(away @ logs) / float(away @ away), 0.0)
        return Andrade(a=float(logs.mean()) - b * float(inverse.mean()), b=b)


class JobackViscosity:
    """Viscosity of the liquid at 298.15 K in mPa s by Joback's groups: M exp((sum_a - 597.82) / T + sum_b - 11.202) in
    Pa s, with M in g/mol. Off where it would rise with temperature.
    """

    name = "joback_viscosity"
    version = "1"
    property_name = "viscosity"
    unit = "mPa*s"

    def __call__(self, smiles: Sequence[str]) -> tuple[Array, Known]:
        laws = self.laws(smiles)
        known = np.array([law is not None for law in laws], dtype=np.bool_)
        return masked(np.array([np.nan if law is None else float(law([ROOM])[0]) for law in laws]), known)

    def laws(self, smiles: Sequence[str]) -> list[Andrade | None]:
        """Each molecule's law of temperature, None where it is unknown. Joback fitted it below 0.7 Tc."""
        slopes, slope_known = group_sum(smiles, "mua")
        offsets, offset_known = group_sum(smiles, "mub")
        found: list[Andrade | None] = []
        for text, slope, offset, sure in zip(smiles, slopes, offsets, slope_known & offset_known, strict=True):
            if not sure or slope < 597.82:
                found.append(None)
                continue
            # The monoisotopic mass, within 1 % of the average one that Joback used.
            mass = rdMolDescriptors.CalcExactMolWt(parse(text))
            found.append(Andrade(a=float(offset) - 11.202 + float(np.log(1e3 * mass)), b=float(slope) - 597.82))
        return found
