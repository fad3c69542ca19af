"""Finds tabulated values that the rest of what is known makes implausible: misprints, and vacuum distillations.

Handbooks hold hundreds of boiling points at reduced pressure without saying so, CAS Common Chemistry above all:
whoever distils a heavy compound does it in vacuum. They lie far below what the structure lets one expect, which a
robust fit over functional groups can see without being good at prediction.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from rdkit import Chem

from knowledge.features.groups import Groups

# Below this many heavy atoms group contributions fail (ketene, carbon monoxide), and vacuum distillation is rare.
_SMALLEST = 5
# How many robust standard deviations (about 19 K) below or above expectation is too far, by how well the value is
# attested.
_LOW = {"one": 3.5, "handbook": 4.0, "several": 6.0}
_HIGH = 5.0


def implausible_boiling_points(
    smiles: Sequence[str], values: npt.NDArray[np.float64], attested: Sequence[str]
) -> npt.NDArray[np.bool_]:
    """True where a boiling point (K) cannot be a normal one. `attested` is "one", "handbook" or "several" witnesses
    each.
    """
    heavy = _heavy_atoms(smiles)
    surprise = _surprise(_diluted(Groups()(smiles), heavy), values)
    low = np.array([_LOW[a] for a in attested])
    too_far: npt.NDArray[np.bool_] = (surprise < -low) | (surprise > np.maximum(low, _HIGH))
    return too_far & (heavy >= _SMALLEST)


def implausibly_thin(smiles: Sequence[str], viscosities: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """True where a viscosity (mPa*s) is far too low for the structure, as after a misprinted coefficient.

    Too high is no sign of an error: rings, sulfones and many hydroxyl groups thicken a liquid more than groups can
    tell.
    """
    groups = Groups()(smiles)
    # The logarithm of viscosity adds up over groups, so they are not diluted here.
    design = np.hstack([np.ones((len(groups), 1)), groups])
    thin: npt.NDArray[np.bool_] = _surprise(design, np.log(viscosities)) < -_LOW["one"]
    return thin & (_heavy_atoms(smiles) >= _SMALLEST)


def implausible_flash_point(flash: float, boiling: float | None) -> bool:
    """Further than 60 K from 0.686 Tb + 26 K, or above the boiling point.

    The line is a robust fit over 700 organics of the handbook with a scatter of 13 K; flash points follow boiling
    points because both follow vapour pressure (Butler et al., Ind. Eng. Chem. 1956, 48, 808).
    """
    return boiling is not None and (abs(flash - (0.686 * boiling + 26.0)) > 60.0 or flash >= boiling)


def _surprise(design: npt.NDArray[np.float64], values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Residuals of the robust fit in units of their robust standard deviation."""
    residual: npt.NDArray[np.float64] = values - _robust_fit(design, values)
    return residual / max(1.4826 * float(np.median(np.abs(residual))), 1e-6)


def _heavy_atoms(smiles: Sequence[str]) -> npt.NDArray[np.float64]:
    return np.array([Chem.MolFromSmiles(text).GetNumHeavyAtoms() for text in smiles], dtype=np.float64)


def _diluted(groups: npt.NDArray[np.float64], heavy: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Size on three scales, and groups diluted by size: a hydroxyl group lifts methanol more than stearyl alcohol."""
    n = np.maximum(heavy, 1.0)[:, None]
    return np.hstack([np.ones_like(n), np.sqrt(n), n, np.log(n), groups / np.sqrt(n), groups / n])


def _robust_fit(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64], rounds: int = 6) -> npt.NDArray[np.float64]:
    """Fitted values of a ridge regression with Cauchy weights, so that the values looked for do not pull at the fit."""
    weights = np.ones(len(y))
    fitted = np.zeros(len(y))
    for _ in range(rounds):
        weighted = x * weights[:, None]
        fitted = x @ np.linalg.solve(weighted.T @ x + np.eye(x.shape[1]), weighted.T @ y)
        residual = y - fitted
        scale = max(1.4826 * float(np.median(np.abs(residual))), 1e-6)
        weights = 1.0 / (1.0 + (residual / (2.0 * scale)) ** 2)
    return fitted
