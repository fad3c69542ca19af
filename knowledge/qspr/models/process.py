"""An exact Gaussian process whose covariance is a sum: constant + similarities + radial terms + one independent term
per molecule, and measurement noise.

Targets are standardised. Marginal likelihood, gradient and prediction: C. E. Rasmussen, C. K. I. Williams, Gaussian
Processes for Machine Learning, 2006, eqs 2.25, 2.26, 5.8, 5.9 and 5.12.

What is left unexplained belongs either to the molecule ("nugget": an unmeasured molecule's true value is uncertain by
it) or to the measurement ("noise"). Rows with a known variance carry that instead of the learned noise, and so tell the
two apart; where no variance is known only the priors do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, optimize

from knowledge.qspr.kernels import Array

CONSTANT = 1.0  # prior variance of the mean
_JITTER = 1e-8
_SPREAD = {"variance": 1.5, "length": 1.0, "rest": 1.5}  # of the priors' natural logarithms
_RANGE = {"variance": (1e-4, 1e2), "length": (1e-1, 1e3), "rest": (1e-5, 1e1)}


@dataclass(frozen=True)
class Terms:
    """Precomputed inputs of the kernel between two sets of molecules, each (n, m): `similarities` in [0, 1], and
    squared distances of scaled features.
    """

    similarities: tuple[Array, ...]
    squares: tuple[Array, ...]

    def of(self, order: NDArray[np.intp]) -> Terms:
        """The terms of some rows with themselves, where these are of rows with themselves."""
        cut = np.ix_(order, order)
        return Terms(tuple(s[cut] for s in self.similarities), tuple(s[cut] for s in self.squares))


@dataclass(frozen=True)
class Theta:
    """Variances of the similarity terms and of the radial terms, lengths of the latter, nugget and noise variance; in
    units of standardised targets and features.
    """

    similarities: tuple[float, ...]
    radials: tuple[float, ...]
    lengths: tuple[float, ...]
    nugget: float
    noise: float

    @property
    def prior_variance(self) -> float:
        """Of an unmeasured molecule's true value."""
        return CONSTANT + sum(self.similarities) + sum(self.radials) + self.nugget

    @property
    def vector(self) -> Array:
        return np.array([*self.similarities, *self.radials, *self.lengths, self.nugget, self.noise])

    @staticmethod
    def of(vector: Sequence[float] | Array, similarities: int, radials: int) -> Theta:
        v = [float(x) for x in vector]
        a, b = similarities + radials, similarities + 2 * radials
        return Theta(tuple(v[:similarities]), tuple(v[similarities:a]), tuple(v[a:b]), v[b], v[b + 1])


def start_for(similarities: int, dimensions: Sequence[int]) -> Theta:
    """Centre of the weak priors and begin of the search; `dimensions`: number of features of each radial term."""
    return Theta(
        similarities=tuple(0.5 / max(similarities, 1) for _ in range(similarities)),
        radials=tuple(1.0 / max(len(dimensions), 1) for _ in dimensions),
        lengths=tuple(2.0 * float(np.sqrt(max(d, 1))) for d in dimensions),
        nugget=0.02,
        noise=0.02,
    )


def matern(square: Array, length: float) -> tuple[Array, Array]:
    """Matern kernel of order 5/2 of squared distances, and its derivative by the logarithm of the length (Rasmussen and
    Williams, eq. 4.17). Rougher than a Gaussian: properties have kinks where a group appears.
    """
    return _matern(np.sqrt(square), length)


def _matern(root: Array, length: float) -> tuple[Array, Array]:
    r = root * (np.sqrt(5.0) / length)
    decay = np.exp(-r)
    third = r * r
    third /= 3.0
    r += 1.0
    slope = third * r
    slope *= decay
    r += third
    r *= decay
    return r, slope


def _value(root: Array, length: float) -> Array:
    """The kernel of distances alone, bit for bit; `root` is used up."""
    r = root
    r *= np.sqrt(5.0) / length
    decay = np.exp(-r)
    third = r * r
    third /= 3.0
    r += 1.0
    r += third
    r *= decay
    return r


def covariance(theta: Theta, terms: Terms) -> Array:
    """Covariance (n, m) of the true values of different molecules: the nugget left out."""
    shape = (*terms.similarities, *terms.squares)[0].shape
    k = np.full(shape, CONSTANT)
    for variance, similarity in zip(theta.similarities, terms.similarities, strict=True):
        k += variance * similarity
    for variance, length, square in zip(theta.radials, theta.lengths, terms.squares, strict=True):
        k += variance * _value(np.sqrt(square), length)
    return k


@dataclass(frozen=True)
class _Half:
    """Terms of rows with themselves, and what is needed to go between matrices (n, n) in columns and the lower
    triangles (n * (n + 1) / 2,) that `search` computes with: all else is said twice.
    """

    similarities: tuple[Array, ...]
    roots: tuple[Array, ...]
    place: NDArray[np.intp]
    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    diagonal: NDArray[np.intp]

    @staticmethod
    def of(terms: Terms) -> _Half:
        n = (*terms.similarities, *terms.squares)[0].shape[0]
        columns, rows = np.triu_indices(n)  # in the order of their place in memory
        return _Half(
            tuple(s[rows, columns] for s in terms.similarities),
            tuple(np.sqrt(s[rows, columns]) for s in terms.squares),
            rows + n * columns,
            rows,
            columns,
            np.flatnonzero(rows == columns),
        )


def objective(vector: Array, terms: Terms, y: Array, variances: Array, prior: Theta) -> tuple[float, Array]:
    """Negative logarithm of the posterior of `exp(vector)`, up to a constant, and its gradient; see `search`."""
    return _objective(vector, _Half.of(terms), y, variances, prior)


def _objective(vector: Array, half: _Half, y: Array, variances: Array, prior: Theta) -> tuple[float, Array]:
    n, similarities, radials = len(y), len(half.similarities), len(half.roots)
    unknown = variances == 0.0
    theta = Theta.of(np.exp(vector), similarities, radials)
    k = np.full(len(half.place), CONSTANT)
    for variance, similarity in zip(theta.similarities, half.similarities, strict=True):
        k += variance * similarity
    bumps = []
    stretched = []
    for variance, length, root in zip(theta.radials, theta.lengths, half.roots, strict=True):
        bump, stretch = _matern(root, length)
        bump *= variance
        stretch *= variance
        bumps.append(bump)
        stretched.append(stretch)
        k += bump
    k[half.diagonal] += theta.nugget + np.where(unknown, theta.noise, variances) + _JITTER
    factor = np.zeros((n, n), order="F")
    factor.T.reshape(-1)[half.place] = k
    factor, info = linalg.lapack.dpotrf(factor, lower=1, clean=0, overwrite_a=1)
    if info != 0:
        raise np.linalg.LinAlgError(f"the covariance is not positive definite: dpotrf gave {info}")
    alpha = linalg.cho_solve((factor, True), y, check_finite=False)
    log_determinant = 2.0 * float(np.log(np.diag(factor)).sum())
    inverse, info = linalg.lapack.dpotri(factor, lower=1, overwrite_c=1)
    if info != 0:
        raise np.linalg.LinAlgError(f"dpotri failed with {info}")
    weight = alpha[half.rows] * alpha[half.columns]
    weight -= inverse.T.reshape(-1)[half.place]
    trace = weight[half.diagonal]
    weight *= 2.0  # each element beside the diagonal stands for two
    weight[half.diagonal] = trace
    slopes = [v * (weight @ s) for v, s in zip(theta.similarities, half.similarities, strict=True)]
    slopes += [weight @ bump for bump in bumps]
    slopes += [weight @ stretch for stretch in stretched]
    slopes += [theta.nugget * trace.sum(), theta.noise * trace[unknown].sum()]
    spread = np.array([_SPREAD[kind] for kind in _kinds(similarities, radials)])
    away = (vector - np.log(prior.vector)) / spread
    value = 0.5 * float(y @ alpha) + 0.5 * log_determinant + 0.5 * float(away @ away)
    return value, -0.5 * np.array(slopes) + away / spread


def _kinds(similarities: int, radials: int) -> list[str]:
    return ["variance"] * (similarities + radials) + ["length"] * radials + ["rest"] * 2


def search(
    terms: Terms, y: Array, variances: Array, *, prior: Theta, iterations: int, start: Theta | None = None
) -> Theta:
    """Maximum a posteriori by L-BFGS-B from `start`, or from `prior`, the centre of log-normal priors.

    `terms` of the rows with themselves (n, n); `y`, `variances` (n,): targets and their known noise, 0 for unknown.
    """
    similarities, radials = len(terms.similarities), len(terms.squares)
    bounds = np.log(np.array([_RANGE[kind] for kind in _kinds(similarities, radials)]))
    found = optimize.minimize(
        _objective,
        np.clip(np.log((start or prior).vector), bounds[:, 0], bounds[:, 1]),
        args=(_Half.of(terms), y, variances, prior),
        jac=True,
        method="L-BFGS-B",
        bounds=bounds,
        options={"maxiter": iterations, "ftol": 1e-6, "gtol": 1e-2},
    )
    return Theta.of(np.exp(found.x), similarities, radials)


@dataclass(frozen=True)
class Conditioned:
    """The process after seeing its training rows: Cholesky factor (n, n) and weights (n,)."""

    theta: Theta
    factor: Array
    alpha: Array

    @staticmethod
    def on(theta: Theta, terms: Terms, y: Array, variances: Array) -> Conditioned:
        k = covariance(theta, terms)
        k[np.diag_indices(len(y))] += theta.nugget + np.where(variances == 0.0, theta.noise, variances) + _JITTER
        factor = linalg.cholesky(k, lower=True, overwrite_a=True, check_finite=False)
        return Conditioned(theta, factor, linalg.cho_solve((factor, True), y, check_finite=False))

    def leave_one_out(self, y: Array) -> tuple[Array, Array]:
        """Mean and variance (n,), noise included, of every training target as predicted from the others."""
        inverse_factor = linalg.solve_triangular(self.factor, np.eye(len(y)), lower=True, check_finite=False)
        precision = (inverse_factor**2).sum(axis=0)
        return y - self.alpha / precision, 1.0 / precision

    def marginal(self, cross: Array) -> tuple[Array, Array]:
        """Mean and variance (m,) of true values; `cross` (n, m) is their covariance with the training rows, the nugget
        included where the molecule is the same.
        """
        half = linalg.solve_triangular(self.factor, cross, lower=True, check_finite=False)
        variance = self.theta.prior_variance - (half * half).sum(axis=0)
        return cross.T @ self.alpha, np.maximum(variance, 0.0)

    def joint(self, cross: Array, own: Array) -> tuple[Array, Array]:
        """Mean (m,) and covariance (m, m) of true values; `own` (m, m) is their prior covariance, nugget included."""
        half = linalg.solve_triangular(self.factor, cross, lower=True, check_finite=False)
        posterior = own - half.T @ half
        return cross.T @ self.alpha, 0.5 * (posterior + posterior.T)
