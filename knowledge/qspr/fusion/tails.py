"""How far single values of measured sources are believed: handbooks agree to half a kelvin, or misprint by fifty.

Their noise is Student's t with `FREEDOM` degrees of freedom, a normal distribution whose precision is multiplied by a
weight drawn from a gamma distribution. The weight of a value is taken, in the geometric mean, over what the other
molecules and the other sources of the same molecule leave possible. That distribution has a peak at each reading where
two contradict each other; a variational one (M. E. Tipping, N. D. Lawrence, Neurocomputing 69 (2005) 123) sits on the
peak where it started and declared the reading of the less noisy source right, however far it was from what similar
molecules have.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from knowledge.qspr.fusion.coregion import Coregion, Rows, covariance
from knowledge.qspr.kernels import Array

FREEDOM = 3.0
_WIDE = np.linspace(-6.0, 6.0, 61)
_NARROW = np.sinh(np.linspace(-5.0, 5.0, 41)) / 3.0  # fine at a reading, 25 deviations wide


def reweighted(theta: Coregion, kernels: Sequence[Array], rows: Rows, heavy: NDArray[np.bool_]) -> Array:
    """New weights (N,) of rows whose source is `heavy` (S,); 1 for the others. `kernels` (m, m) as
    `Coregion.kernels` gives them.
    """
    factor = linalg.cholesky(covariance(theta, kernels, rows), lower=True, overwrite_a=True, check_finite=False)
    alpha = linalg.cho_solve((factor, True), rows.y, check_finite=False)
    inverse_factor = linalg.solve_triangular(factor, np.eye(len(alpha)), lower=True, check_finite=False)
    precision = inverse_factor.T @ inverse_factor
    noise = theta.row_noise(rows)
    weights = np.ones(len(alpha))
    mine = np.flatnonzero(heavy[rows.source])
    mine = mine[np.argsort(rows.molecule[mine], kind="stable")]
    for own in np.split(mine, np.flatnonzero(np.diff(rows.molecule[mine])) + 1) if len(mine) else ():
        # What all other rows leave of this molecule's readings, their sources' biases taken off (GPML, eqs 5.10 to
        # 5.12, for several rows at once). What remains is one value that all of them see, and their noise.
        left = linalg.inv(precision[np.ix_(own, own)], check_finite=False)
        spread = np.sqrt(max(float((left - np.diag(noise[own])).mean()), 1e-8))
        weights[own] = expected(left @ alpha[own], np.sqrt(noise[own] * rows.weights[own]), float(spread))
    return weights


def expected(readings: Array, scales: Array, spread: float) -> Array:
    """Geometric mean of each reading's weight (n,): readings of one value, normal about 0 with deviation `spread`
    before any of them is seen, each with t noise of its own scale (n,).
    """
    near = (readings[:, None] + scales[:, None] * _NARROW).ravel()
    u = np.sort(np.concatenate([spread * _WIDE, near]))
    square = ((readings[:, None] - u) / scales[:, None]) ** 2
    surprise = 0.5 * (u / spread) ** 2 + 0.5 * (FREEDOM + 1.0) * np.log1p(square / FREEDOM).sum(axis=0)
    mass = np.exp(surprise.min() - surprise) * np.gradient(u)
    weight: Array = np.exp(np.log((FREEDOM + 1.0) / (FREEDOM + square)) @ (mass / mass.sum()))
    return weight
