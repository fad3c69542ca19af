"""An exact Gaussian process on precomputed similarities: kernel = constant + Tanimoto + RBF + one independent term per
molecule.

Everything here is in standardised units (targets of mean 0 and variance 1). Marginal likelihood, its gradient and
prediction follow C. E. Rasmussen, C. K. I. Williams, Gaussian Processes for Machine Learning, 2006, eqs 2.25, 2.26, 5.8
and 5.9.

The independent term ("nugget") is what neither fingerprint nor descriptors explain about a molecule. It belongs to the
molecule, not to the measurement: an unmeasured molecule's uncertainty contains it, and a measured one is known to its
measurement's uncertainty.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass

import numpy as np
from scipy import linalg, optimize

from knowledge.qspr.kernels import Array

CONSTANT = 1.0  # prior variance of the mean
_JITTER = 1e-8


@dataclass(frozen=True)
class Hyperparameters:
    """Variances of the three terms and the RBF's length scale, in units of standardised targets and descriptors."""

    tanimoto: float
    rbf: float
    length: float
    nugget: float

    @property
    def prior_variance(self) -> float:
        return CONSTANT + self.tanimoto + self.rbf + self.nugget


def start_for(dimension: int) -> Hyperparameters:
    """Where a search without a warm start begins; also the centre of the weak priors. `dimension`: number of
    descriptors.
    """
    return Hyperparameters(tanimoto=0.5, rbf=1.0, length=2.0 * float(np.sqrt(max(dimension, 1))), nugget=0.03)


_PRIOR_SPREAD = np.array([1.5, 1.5, 1.0, 1.5])  # of the natural logarithms
_RANGE = np.log(np.array([[1e-4, 1e2], [1e-4, 1e2], [1e-1, 1e3], [1e-5, 1e1]]))


def covariance(h: Hyperparameters, similarity: Array, square: Array) -> Array:
    """Covariance of different molecules (n, m), the nugget left out."""
    return CONSTANT + h.tanimoto * similarity + h.rbf * np.exp(square * (-0.5 / h.length**2))


def fit_hyperparameters(
    similarity: Array,
    square: Array,
    y: Array,
    variances: Array,
    *,
    start: Hyperparameters,
    prior: Hyperparameters,
    iterations: int,
) -> Hyperparameters:
    """Maximum a posteriori by L-BFGS-B: marginal likelihood with log-normal priors around `prior`.

    `similarity`, `square`: (n, n); `y`, `variances` (known noise of each target): (n,).
    """
    n = len(y)
    centre = np.log(np.array(astuple(prior)))

    def loss(theta: Array) -> tuple[float, Array]:
        tanimoto, rbf, length, nugget = np.exp(theta)
        radial = rbf * np.exp(square * (-0.5 / length**2))
        k = CONSTANT + tanimoto * similarity + radial
        k[np.diag_indices(n)] += nugget + variances + _JITTER
        factor = linalg.cholesky(k, lower=True, overwrite_a=True, check_finite=False)
        alpha = linalg.cho_solve((factor, True), y, check_finite=False)
        log_determinant = 2.0 * float(np.log(np.diag(factor)).sum())
        lower, info = linalg.lapack.dpotri(factor, lower=1)
        if info != 0:
            raise np.linalg.LinAlgError(f"dpotri failed with {info}")
        # dpotri fills one triangle; the other still holds zeros of the factor.
        inverse = lower + np.tril(lower, -1).T
        weight = np.outer(alpha, alpha) - inverse
        gradient = 0.5 * np.array(
            [
                tanimoto * np.vdot(weight, similarity),
                np.vdot(weight, radial),
                np.vdot(weight, radial * square) / length**2,
                nugget * np.trace(weight),
            ]
        )
        away = (theta - centre) / _PRIOR_SPREAD
        value = 0.5 * float(y @ alpha) + 0.5 * log_determinant + 0.5 * float(away @ away)
        return value, -gradient + away / _PRIOR_SPREAD

    begin = np.clip(np.log(np.array(astuple(start))), _RANGE[:, 0], _RANGE[:, 1])
    found = optimize.minimize(
        loss,
        begin,
        jac=True,
        method="L-BFGS-B",
        bounds=_RANGE,
        options={"maxiter": iterations, "ftol": 1e-6, "gtol": 1e-2},
    )
    return Hyperparameters(*(float(x) for x in np.exp(found.x)))


@dataclass(frozen=True)
class Conditioned:
    """The process after seeing its training rows: Cholesky factor (n, n) and weights (n,)."""

    hyperparameters: Hyperparameters
    factor: Array
    alpha: Array

    @staticmethod
    def on(h: Hyperparameters, similarity: Array, square: Array, y: Array, variances: Array) -> Conditioned:
        k = covariance(h, similarity, square)
        k[np.diag_indices(len(y))] += h.nugget + variances + _JITTER
        factor = linalg.cholesky(k, lower=True, overwrite_a=True, check_finite=False)
        return Conditioned(h, factor, linalg.cho_solve((factor, True), y, check_finite=False))

    def leave_one_out(self, y: Array) -> tuple[Array, Array]:
        """Mean and variance (n,) of every training target as predicted from the others (Rasmussen and Williams, eq.
        5.12).
        """
        identity = np.eye(len(y))
        inverse_factor = linalg.solve_triangular(self.factor, identity, lower=True, check_finite=False)
        precision = (inverse_factor**2).sum(axis=0)
        return y - self.alpha / precision, 1.0 / precision

    def marginal(self, cross: Array) -> tuple[Array, Array]:
        """Mean and variance (m,) at new points; `cross` (n, m) is their covariance with the training rows, nugget
        included.
        """
        half = linalg.solve_triangular(self.factor, cross, lower=True, check_finite=False)
        variance = self.hyperparameters.prior_variance - (half * half).sum(axis=0)
        return cross.T @ self.alpha, np.maximum(variance, 0.0)

    def joint(self, cross: Array, own: Array) -> tuple[Array, Array]:
        """Mean (m,) and covariance (m, m); `own` (m, m) is the prior covariance of the new points, nugget included."""
        half = linalg.solve_triangular(self.factor, cross, lower=True, check_finite=False)
        return cross.T @ self.alpha, own - half.T @ half
