"""The process behind fusion: one function of molecules seen by several sources, each with its own way of being wrong.

    value_s(x) = scale_s f(x) + bias_s + delta_s(x) + noise_s,    scale_0 = 1, bias_0 = delta_0 = 0

f and every delta_s are sums of the same terms (constant, similarities of fingerprints, radial terms of descriptors)
with variances of their own: a linear model of coregionalisation whose matrix is, for each term, of rank one plus a
diagonal (E. V. Bonilla, K. M. A. Chai, C. K. I. Williams, NIPS 2007; M. A. Alvarez, L. Rosasco, N. D. Lawrence, Found.
Trends Mach. Learn. 4 (2012) 195). With two sources it is the autoregressive form of M. C. Kennedy and A. O'Hagan,
Biometrika 87 (2000) 1, read from the accurate source to the cheap one, so that sources need not be in a chain.

A term of its own for each molecule ("nugget") is part of f: sources that agree on a molecule against its neighbours are
believed, where a single source would be taken for noisy. Each value may have a weight of its own that divides its
noise; see `knowledge.qspr.fusion.tails`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, optimize

from knowledge.qspr.kernels import Array
from knowledge.qspr.models.process import CONSTANT, Terms, matern, start_for

BIAS = 1.0  # prior variance of a source's bias, in units of standardised targets
_JITTER = 1e-8
_SPREAD = {"variance": 1.5, "length": 1.0, "rest": 1.5, "scale": 0.3, "delta": 1.5}
_RANGE = {
    "variance": (1e-4, 1e2),
    "length": (1e-1, 1e3),
    "rest": (1e-6, 1e1),
    "scale": (0.2, 5.0),
    "delta": (1e-6, 1e2),
}
# Centre of the priors of a secondary source's deviations and noise, in units of standardised targets.
_DELTA = {True: 1e-3, False: 0.05}
_NOISE = {True: 5e-3, False: 0.02}


@dataclass(frozen=True)
class Rows:
    """N values: `molecule` and `source` (N,) are numbers, `y` standardised values, `variances` known
    ones, 0 where nothing is known, `weights` what the values' noise is divided by.
    """

    molecule: NDArray[np.intp]
    source: NDArray[np.intp]
    y: Array
    variances: Array
    weights: Array


@dataclass(frozen=True)
class Coregion:
    """Hyperparameters of S sources and T view terms, in units of standardised targets and features: `variances` (T,) of
    f, `lengths` of the radial terms (the last of T), `nugget`; `scales` (S,), `deltas` (S, T), `noises` (S,).
    The primary source's scale is 1 and its deltas are 0.
    """

    variances: Array
    lengths: Array
    nugget: float
    scales: Array
    deltas: Array
    noises: Array

    @property
    def vector(self) -> Array:
        rest = [self.scales[1:], self.deltas[1:].ravel(), self.noises]
        return np.concatenate([self.variances, self.lengths, [self.nugget], *rest])

    @staticmethod
    def of(vector: Array, sources: int, terms: int, radials: int) -> Coregion:
        sizes = [terms, radials, 1, sources - 1, (sources - 1) * terms]
        variances, lengths, nugget, scales, deltas, noises = np.split(vector, np.cumsum(sizes))
        return Coregion(
            variances=variances,
            lengths=lengths,
            nugget=float(nugget[0]),
            scales=np.concatenate([[1.0], scales]),
            deltas=np.vstack([np.zeros((1, terms)), deltas.reshape(sources - 1, terms)]),
            noises=noises,
        )

    @staticmethod
    def kinds(sources: int, terms: int, radials: int) -> list[str]:
        secondary = sources - 1
        return (
            ["variance"] * terms
            + ["length"] * radials
            + ["rest"]
            + ["scale"] * secondary
            + ["delta"] * (secondary * terms)
            + ["rest"] * sources
        )

    @property
    def prior_variance(self) -> float:
        """Of f at an unmeasured molecule."""
        return CONSTANT + float(self.variances.sum()) + self.nugget

    def kernels(self, terms: Terms) -> list[Array]:
        """Each view term without its variance."""
        bumps = [matern(square, float(length))[0] for square, length in zip(terms.squares, self.lengths, strict=True)]
        return [*terms.similarities, *bumps]

    def row_noise(self, rows: Rows) -> Array:
        """Variance (N,) of each value about f + bias + delta. A primary value of known variance has that alone, as in
        the model `gp`; what a secondary source states is a lower limit.
        """
        known = (rows.source == 0) & (rows.variances > 0.0)
        base = np.where(known, 0.0, self.noises[rows.source]) + rows.variances
        return np.asarray(base / rows.weights)


def start(similarities: int, dimensions: Sequence[int], measured: Sequence[bool]) -> Coregion:
    """Centre of the priors and begin of the search; `measured`: of each source, the primary first."""
    theta = start_for(similarities, dimensions)
    shape = np.array([*theta.similarities, *theta.radials])
    deltas = np.array([[_DELTA[m]] * len(shape) for m in measured])
    deltas[0] = 0.0
    # Witnesses of one quantity start as equals, the primary source among them.
    first = _NOISE[True] if any(measured[1:]) else theta.noise
    noises = np.array([first, *(_NOISE[m] for m in measured[1:])])
    return Coregion(shape, np.array(theta.lengths), theta.nugget, np.ones(len(measured)), deltas, noises)


def covariance(theta: Coregion, kernels: Sequence[Array], rows: Rows) -> Array:
    """(N, N) of the rows, noise included; `kernels` between the molecules (m, m) as `Coregion.kernels` gives them."""
    source, scale = rows.source, theta.scales[rows.source]
    f = np.full(kernels[0].shape, CONSTANT)
    for variance, kernel in zip(theta.variances, kernels, strict=True):
        f += variance * kernel
    f[np.diag_indices(len(f))] += theta.nugget
    k = f[np.ix_(rows.molecule, rows.molecule)]
    k *= scale[:, None]
    k *= scale[None, :]
    for s in range(1, len(theta.scales)):
        part = np.flatnonzero(source == s)
        own = rows.molecule[part]
        block = np.ix_(own, own)
        k[np.ix_(part, part)] += BIAS + sum(
            d * kernel[block] for d, kernel in zip(theta.deltas[s], kernels, strict=True)
        )
    k[np.diag_indices(len(k))] += theta.row_noise(rows) + _JITTER
    return k


def objective(vector: Array, terms: Terms, rows: Rows, prior: Coregion) -> tuple[float, Array]:
    """Negative logarithm of the posterior of `exp(vector)`, up to a constant, and its gradient; see `search`.

    `terms` (m, m) between the molecules that `rows.molecule` counts.
    """
    similarities, radials, sources = len(terms.similarities), len(terms.squares), len(prior.scales)
    count = similarities + radials
    theta = Coregion.of(np.exp(vector), sources, count, radials)
    pairs = [matern(square, float(length)) for square, length in zip(terms.squares, theta.lengths, strict=True)]
    kernels = [*terms.similarities, *(value for value, _ in pairs)]
    k = covariance(theta, kernels, rows)
    factor = linalg.cholesky(k, lower=True, overwrite_a=True, check_finite=False)
    alpha = linalg.cho_solve((factor, True), rows.y, check_finite=False)
    log_determinant = 2.0 * float(np.log(np.diag(factor)).sum())
    half, info = linalg.lapack.dpotri(factor, lower=1)
    if info != 0:
        raise np.linalg.LinAlgError(f"dpotri failed with {info}")
    weight = np.outer(alpha, alpha) - (half + np.tril(half, -1).T)
    of_source = (rows.source[:, None] == np.arange(sources)).astype(np.float64)
    places = np.ix_(rows.molecule, rows.molecule)

    def blocks(term: Array | None) -> Array:
        """Sum of weight times the term over each pair of sources, (S, S); a source may have no row."""
        product = weight if term is None else weight * term[places]
        return np.asarray(of_source.T @ (product @ of_source))

    outer = np.outer(theta.scales, theta.scales)
    sums = [blocks(kernel) for kernel in kernels]
    same = blocks(np.eye(len(kernels[0])))
    f = CONSTANT * blocks(None) + theta.nugget * same + sum(v * m for v, m in zip(theta.variances, sums, strict=True))
    mixed = [v * outer + np.diag(d) for v, d in zip(theta.variances, theta.deltas.T, strict=True)]
    by_noise = np.where((rows.source == 0) & (rows.variances > 0.0), 0.0, np.diag(weight) / rows.weights)
    slopes = [
        *(v * float((m * outer).sum()) for v, m in zip(theta.variances, sums, strict=True)),
        *(float((blocks(slope) * mix).sum()) for (_, slope), mix in zip(pairs, mixed[similarities:], strict=True)),
        theta.nugget * float((same * outer).sum()),
        *(2.0 * theta.scales * (f @ theta.scales))[1:],
        *(theta.deltas[s, j] * sums[j][s, s] for s in range(1, sources) for j in range(count)),
        *(theta.noises * np.bincount(rows.source, weights=by_noise, minlength=sources)),
    ]
    kinds = Coregion.kinds(sources, count, radials)
    away = (vector - np.log(prior.vector)) / np.array([_SPREAD[kind] for kind in kinds])
    value = 0.5 * float(rows.y @ alpha) + 0.5 * log_determinant + 0.5 * float(away @ away)
    return value, -0.5 * np.array(slopes) + away / np.array([_SPREAD[kind] for kind in kinds])


def search(terms: Terms, rows: Rows, *, prior: Coregion, begin: Coregion | None = None, iterations: int) -> Coregion:
    """Maximum a posteriori by L-BFGS-B from `begin` (by default `prior`, the centre of log-normal priors)."""
    radials, sources = len(terms.squares), len(prior.scales)
    count = len(terms.similarities) + radials
    bounds = np.log(np.array([_RANGE[kind] for kind in Coregion.kinds(sources, count, radials)]))
    found = optimize.minimize(
        objective,
        np.clip(np.log((begin or prior).vector), bounds[:, 0], bounds[:, 1]),
        args=(terms, rows, prior),
        jac=True,
        method="L-BFGS-B",
        bounds=bounds,
        options={"maxiter": iterations, "ftol": 1e-6, "gtol": 1e-2},
    )
    return Coregion.of(np.exp(found.x), sources, count, radials)
