"""Finds boiling points that were measured at reduced pressure but tabulated as normal ones.

Handbooks hold hundreds of them, CAS Common Chemistry above all: whoever distils a heavy compound does it in vacuum.
They lie far below what the structure lets one expect, which a robust fit over functional groups can see without being
good at prediction.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

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
    groups = Groups()(smiles)
    heavy = np.array([_heavy_atoms(text) for text in smiles], dtype=np.float64)
    residual = values - _robust_fit(_design(groups, heavy), values)
    sigma = 1.4826 * float(np.median(np.abs(residual)))
    low = np.array([_LOW[a] for a in attested])
    too_far: npt.NDArray[np.bool_] = (residual < -low * sigma) | (residual > np.maximum(low, _HIGH) * sigma)
    return too_far & (heavy >= _SMALLEST)


def _heavy_atoms(smiles: str) -> int:
    from rdkit import Chem

    return int(Chem.MolFromSmiles(smiles).GetNumHeavyAtoms())


def _design(groups: npt.NDArray[np.float64], heavy: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
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
