"""Physical models of the virtual world, for what no handbook says. Forms and figures stand in `contributions`."""

from __future__ import annotations

import math
from functools import lru_cache

from instruments.simulation.contributions import (
    COLUMNS,
    CONSTANTS,
    CONTRIBUTIONS,
    FLASH_PER_BOILING,
    MELTING_SIZE,
    VISCOSITY_SIZE,
)
from instruments.simulation.groups import count_groups, molar_volume

MODEL_NAMES = {
    "boiling_point": "group contribution (Nannoolal form)",
    "melting_point": "group contribution (size-scaled)",
    "flash_point": "boiling point correlation with groups (Patil form)",
    "viscosity": "group contribution (van Velzen form)",
    "hansen_dispersion": "Hoftyzer-Van Krevelen",
    "hansen_polar": "Hoftyzer-Van Krevelen",
    "hansen_hydrogen": "Hoftyzer-Van Krevelen",
}


@lru_cache(maxsize=16384)
def _sums(smiles: str) -> tuple[tuple[float, ...], int]:
    counts, atoms = count_groups(smiles)
    totals = [0.0] * len(COLUMNS)
    for name, count in counts.items():
        for column, contribution in enumerate(CONTRIBUTIONS[name]):
            totals[column] += count * contribution
    return tuple(totals), atoms


def _clipped(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)


def boiling_point(smiles: str) -> float:
    """K at 101.325 kPa."""
    sums, atoms = _sums(smiles)
    return _clipped(CONSTANTS[0] + sums[0] / atoms**0.6, 110.0, 1000.0)


def melting_point(smiles: str) -> float:
    """K."""
    sums, atoms = _sums(smiles)
    return _clipped(CONSTANTS[1] + sums[1] / atoms**0.8 + MELTING_SIZE * math.sqrt(atoms), 60.0, 700.0)


def flash_point(smiles: str, boiling_point_k: float) -> float:
    """Closed cup, K, from the boiling point in K."""
    sums, atoms = _sums(smiles)
    value = CONSTANTS[2] + FLASH_PER_BOILING * boiling_point_k + sums[2] / math.sqrt(atoms)
    return _clipped(value, 0.45 * boiling_point_k, 0.92 * boiling_point_k)


def viscosity(smiles: str) -> float:
    """mPa*s of the (possibly supercooled) liquid at 298.15 K."""
    sums, atoms = _sums(smiles)
    logarithm = CONSTANTS[3] + sums[3] + VISCOSITY_SIZE * 3.0 * math.sqrt(atoms)
    return math.exp(_clipped(logarithm, math.log(0.18), math.log(5000.0)))


def hansen(smiles: str) -> tuple[float, float, float]:
    """(δD, δP, δH) in MPa^0.5."""
    sums, _ = _sums(smiles)
    volume = molar_volume(smiles)
    dispersion = (CONSTANTS[4] + sums[4]) / volume
    polar = math.sqrt(max(CONSTANTS[5] + sums[5], 0.0) * 1e3) / volume
    hydrogen = math.sqrt(max(CONSTANTS[6] + sums[6], 0.0) * 1e2 / volume)
    return _clipped(dispersion, 11.0, 25.0), _clipped(polar, 0.0, 30.0), _clipped(hydrogen, 0.0, 45.0)
