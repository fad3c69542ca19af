"""How well hyperparameters explain measurements: the marginal likelihood of many at once, and its gradient."""

from __future__ import annotations

import numpy as np

from planners.optimize.process.contract import Array, Covariances
from planners.optimize.process.kernel import Kernel, spread_out
from planners.optimize.space.encoding import Codes

JITTER = 1e-6  # variance added to every measurement, in the outcome's own variance
STEP = 1e-5  # of the latent in a factor's derivative
CORNER = 1e12


class Likelihood:
    """Of `values` (n,), mean 0 and variance 1 or so, measured at `codes` with known error variances `known` (n,)."""

    def __init__(self, kernel: Covariances, codes: Codes, values: Array, known: Array) -> None:
        self._kernel = kernel
        self._pairs = kernel.pairs(codes, codes)
        self._values = values
        self._known = known

    def covariance(self, latents: Array) -> Array:
        """(M, n, n), of the measurements."""
        covariance = self._kernel.covariance(self._pairs, latents)
        diagonal = np.arange(len(self._values))
        covariance[:, diagonal, diagonal] += self._kernel.noise(latents)[:, None] + self._known + JITTER
        return covariance

    def __call__(self, latents: Array, trend: Array | None = None) -> Array:
        """(M,) of (M, latents): the logarithm of the marginal likelihood. `trend` (M, n) is taken off the values."""
        n = len(self._values)
        values = self._values if trend is None else self._values - trend
        # The values as one more row: the last row of the factor is then the factor's inverse times them.
        bordered = np.empty((len(latents), n + 1, n + 1))
        bordered[:, :n, :n] = self.covariance(latents)
        bordered[:, n, :n] = values
        bordered[:, :n, n] = values
        bordered[:, n, n] = CORNER
        factor = np.linalg.cholesky(bordered)
        white = factor[:, n, :n]
        diagonal = np.diagonal(factor, axis1=1, axis2=2)[:, :n]
        return np.asarray(
            -0.5 * (white * white).sum(axis=1) - np.log(diagonal).sum(axis=1) - 0.5 * n * np.log(2.0 * np.pi),
            dtype=np.float64,
        )


class Evidence(Likelihood):
    """With the gradient, for kernels of factors."""

    def __init__(self, kernel: Kernel, codes: Codes, values: Array, known: Array) -> None:
        super().__init__(kernel, codes, values, known)
        self._factored = kernel

    def posterior(self, latent: Array, trend: Array | None = None) -> tuple[float, Array]:
        """Logarithm of marginal likelihood times prior of one choice (latents,), and its gradient. `trend` (n,) is
        taken off the values.
        """
        values = self._values if trend is None else self._values - trend
        kernel, n, row = self._factored, len(self._values), latent[None]
        spread = [spread_out(f, p)[0] for f, p in zip(kernel.factors(self._pairs, row), self._pairs, strict=True)]
        correlation = np.prod(spread, axis=0)
        scale, noise = float(kernel.scale(row)[0]), float(kernel.noise(row)[0])
        covariance = kernel.form.constant**2 + scale * correlation
        covariance[np.arange(n), np.arange(n)] += noise + self._known + JITTER
        factor = np.linalg.cholesky(covariance)
        inverse = np.linalg.inv(covariance)
        solved = inverse @ values
        value = -0.5 * float(values @ solved) - float(np.log(np.diagonal(factor)).sum())
        sensitivity = 0.5 * (np.outer(solved, solved) - inverse)
        gradient = np.empty_like(latent)
        weighted = sensitivity * correlation * scale
        for column, pair, span, own in zip(kernel.columns, self._pairs, kernel.spans, spread, strict=True):
            # How the value changes with each entry of the column's small table.
            u, v = pair.tables.shape[1:]
            places = (pair.rows[:, None] * v + pair.columns[None, :]).ravel()
            table = np.bincount(places, weights=(weighted / own).ravel(), minlength=u * v).reshape(u, v)
            for k in range(span.start, span.stop):
                moved = np.repeat(row[:, span], 2, axis=0)
                moved[:, k - span.start] += (STEP, -STEP)
                ahead, behind = column.factor(pair.tables, moved)
                gradient[k] = float((table * (ahead - behind)).sum()) / (2.0 * STEP)
        gradient[-2] = 2.0 * kernel.form.scale.deviation * float(weighted.sum())
        gradient[-1] = 2.0 * kernel.form.noise.deviation * noise * float(np.trace(sensitivity))
        constant = 0.5 * n * np.log(2.0 * np.pi)
        return value - constant - 0.5 * float(latent @ latent), gradient - latent
