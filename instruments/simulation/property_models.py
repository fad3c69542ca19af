"""Physical models of the virtual world, for what no handbook says. Forms are in `forms`, figures in `contributions`."""

from __future__ import annotations

from functools import lru_cache

from instruments.simulation.contributions import COLUMNS, CONSTANTS, CONTRIBUTIONS, FLASH_PER_BOILING
from instruments.simulation.forms import FORMS, finished
from instruments.simulation.groups import count_groups

MODEL_NAMES = {
    "boiling_point": "group contribution (Nannoolal form)",
    "melting_point": "group contribution (size-scaled)",
    "flash_point": "boiling point correlation with groups (Patil form)",
    "viscosity": "group contribution (van Velzen form)",
    "hansen_dispersion": "group contribution (Stefanis-Panayiotou form)",
    "hansen_polar": "group contribution (Stefanis-Panayiotou form)",
    "hansen_hydrogen": "group contribution (Stefanis-Panayiotou form)",
}


@lru_cache(maxsize=16384)
def _linear(smiles: str) -> dict[str, float]:
    """The linear form of every property, without its term in Tb."""
    counts, atoms = count_groups(smiles)
    totals = [0.0] * len(COLUMNS)
    for name, count in counts.items():
        for column, contribution in enumerate(CONTRIBUTIONS[name]):
            totals[column] += count * contribution
    return {
        name: CONSTANTS[column] + totals[column] / atoms ** FORMS[name].power for column, name in enumerate(COLUMNS)
    }


def boiling_point(smiles: str) -> float:
    """K at 101.325 kPa."""
    return finished("boiling_point", _linear(smiles)["boiling_point"])


def melting_point(smiles: str) -> float:
    """K."""
    return finished("melting_point", _linear(smiles)["melting_point"])


def flash_point(smiles: str, boiling_point_k: float) -> float:
    """Closed cup, K, from the boiling point in K."""
    linear = _linear(smiles)["flash_point"] + FLASH_PER_BOILING * boiling_point_k
    return finished("flash_point", linear, boiling_point_k)


def viscosity(smiles: str) -> float:
    """mPa*s of the (possibly supercooled) liquid at 298.15 K."""
    return finished("viscosity", _linear(smiles)["viscosity"])


def hansen(smiles: str) -> tuple[float, float, float]:
    """(δD, δP, δH) in MPa^0.5."""
    linear = _linear(smiles)
    return (
        finished("hansen_dispersion", linear["hansen_dispersion"]),
        finished("hansen_polar", linear["hansen_polar"]),
        finished("hansen_hydrogen", linear["hansen_hydrogen"]),
    )
