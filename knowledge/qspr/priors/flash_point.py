"""Closed-cup flash points from boiling points.

Both correlations take their boiling point from another prior, so that a better one (measured, or a model's) improves
the flash point. Catoire and Naudet's constants can be calibrated on given flash points.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from knowledge.features.featurizer import parse
from knowledge.qspr.contract import Samples
from knowledge.qspr.kernels import Array
from knowledge.qspr.priors.joback import JobackBoilingPoint, JobackVaporization, critical_ratio
from knowledge.qspr.priors.prior import Known, Prior, masked

ROOM = 298.15  # K
_ZERO_CELSIUS = 273.15
# How far the constants of the power law may move before calibration data must insist: of ln(prefactor) and the three
# exponents. The error of one flash point is taken as 4 % of its absolute temperature.
_PRIOR_SPREAD = np.array([0.1, 0.03, 0.03, 0.03])
_RELATIVE_ERROR = 0.04


class HshiehFlashPoint:
    """T = -54.5377 + 0.5883 Tb + 0.00022 Tb², all in °C (F.-Y. Hshieh, Fire Mater. 21 (1997) 277). Values in K."""

    name = "hshieh_flash_point"
    property_name = "flash_point"
    unit = "K"

    def __init__(self, boiling: Prior | None = None) -> None:
        """`boiling`: a prior of the boiling point in K; by default Joback's."""
        self._boiling = _boiling(boiling)
        self.version = f"1({self._boiling.name}/{self._boiling.version})"

    def __call__(self, smiles: Sequence[str]) -> tuple[Array, Known]:
        boiling, known = self._boiling(smiles)
        celsius = boiling - _ZERO_CELSIUS
        return masked(_ZERO_CELSIUS - 54.5377 + 0.5883 * celsius + 0.00022 * celsius**2, known)


@dataclass(frozen=True)
class CatoireNaudetFlashPoint:
    """T = exp(`log_prefactor`) Tb^`boiling_exponent` H^`vaporization_exponent` n^`carbon_exponent`.

    T and Tb in K, H the enthalpy of vaporization at 298.15 K in kJ/mol, n the number of carbons; by default the
    published constants (L. Catoire, V. Naudet, J. Phys. Chem. Ref. Data 33 (2004) 1083). H is Joback's at Tb, brought
    to 298.15 K by Watson's rule with Joback's Tc/Tb. Off outside these, and for molecules without carbon.
    """

    boiling: Prior = field(default_factory=JobackBoilingPoint)
    log_prefactor: float = float(np.log(1.477))
    boiling_exponent: float = 0.79686
    vaporization_exponent: float = 0.16845
    carbon_exponent: float = -0.05948

    name = "catoire_naudet_flash_point"
    property_name = "flash_point"
    unit = "K"

    def __post_init__(self) -> None:
        _boiling(self.boiling)

    @property
    def version(self) -> str:
        return f"1({self.boiling.name}/{self.boiling.version})"

    def __call__(self, smiles: Sequence[str]) -> tuple[Array, Known]:
        logs, known = self._logs(smiles)
        return masked(np.exp(logs @ self._vector()), known)

    def constants(self) -> dict[str, float]:
        return dict(zip(_CONSTANTS, self._vector().tolist(), strict=True))

    def with_constants(self, constants: Mapping[str, float]) -> CatoireNaudetFlashPoint:
        """Raises ValueError where a constant is missing."""
        if set(constants) != set(_CONSTANTS):
            raise ValueError(f"expected the constants {', '.join(_CONSTANTS)}, got {', '.join(sorted(constants))}")
        return CatoireNaudetFlashPoint(self.boiling, *(float(constants[c]) for c in _CONSTANTS))

    def calibrated(self, samples: Samples) -> CatoireNaudetFlashPoint:
        """The same law with constants fitted to flash points in K, by least squares of the logarithms, held to the
        present constants where the data is scarce; unchanged when none of the molecules is known.
        """
        logs, known = self._logs(samples.smiles)
        known &= samples.values > 0.0
        y, x = np.log(samples.values[known]), logs[known]
        weight = 1.0 / (_RELATIVE_ERROR**2 + samples.variances[known] / samples.values[known] ** 2)
        start = self._vector()
        precision = (x * weight[:, None]).T @ x + np.diag(_PRIOR_SPREAD**-2)
        step = np.linalg.solve(precision, x.T @ (weight * (y - x @ start)))
        return CatoireNaudetFlashPoint(self.boiling, *(float(c) for c in start + step))

    def _vector(self) -> Array:
        return np.array([getattr(self, c) for c in _CONSTANTS])

    def _logs(self, smiles: Sequence[str]) -> tuple[Array, Known]:
        """1, ln Tb, ln H and ln n as rows (n, 4), zero where unknown, and whether each is known, (n,)."""
        boiling, boiling_known = self.boiling(smiles)
        heat, heat_known = vaporization_at(ROOM, smiles, boiling)
        carbons = np.array([sum(a.GetAtomicNum() == 6 for a in parse(s).GetAtoms()) for s in smiles], dtype=np.float64)
        known = boiling_known & heat_known & (boiling > 0.0) & (carbons > 0.0)
        quantities = [np.where(known, q, 1.0) for q in (boiling, heat, carbons)]
        return np.stack([known.astype(np.float64), *(np.log(q) for q in quantities)], axis=1), known


_CONSTANTS = ("log_prefactor", "boiling_exponent", "vaporization_exponent", "carbon_exponent")


def vaporization_at(temperature: float, smiles: Sequence[str], boiling: Array) -> tuple[Array, Known]:
    """Enthalpy of vaporization in kJ/mol at `temperature` (K), (n,): Joback's at the boiling point, scaled by
    ((Tc - T) / (Tc - Tb))^0.38 (K. M. Watson, Ind. Eng. Chem. 35 (1943) 398). Off at and above Tc.
    """
    heat, known = JobackVaporization()(smiles)
    ratio, ratio_known = critical_ratio(smiles)
    critical = boiling * ratio
    known = known & ratio_known & (critical > temperature)
    share = np.where(known, critical - temperature, 1.0) / np.where(known, critical - boiling, 1.0)
    return masked(heat * share**0.38, known)


def _boiling(prior: Prior | None) -> Prior:
    used = JobackBoilingPoint() if prior is None else prior
    if used.property_name != "boiling_point" or used.unit != "K":
        raise ValueError(f"expected a prior of boiling_point in K, got {used.property_name} in {used.unit}")
    return used
