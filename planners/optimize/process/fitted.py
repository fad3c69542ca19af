"""A fitted model: the measurements and a mixture of hyperparameters, ready to be asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
from scipy.linalg import solve_triangular

from planners.optimize.process.contract import Array, Covariances
from planners.optimize.process.evidence import JITTER
from planners.optimize.space.encoding import Codes

ENTRIES = 1 << 22  # numbers in one chunk's covariances: 32 MB


@dataclass(frozen=True)
class Fitted:
    """Implements `Posterior`. `codes` (n, p) of what is known; of member k `factors[k]` is the Cholesky factor of the
    measurements' covariance (n, n) and `white[k]` (n,) the factor's inverse times the scaled measurements.

    `center` and `data_spread`: what was taken off the outcome and what it was divided by. `words`: for people.
    """

    kernel: Covariances
    latents: Array
    weights: Array
    codes: Codes
    factors: Array
    white: Array
    center: float
    data_spread: float
    words: str

    by_member: ClassVar[tuple[str, ...]] = ("latents", "weights", "factors", "white")

    def thinned(self, members: int) -> Self:
        """The mixture of at most so many of its members: a rough word on many settings in a part of the time."""
        kept = np.unique(np.linspace(0, len(self.weights) - 1, max(1, members)).round().astype(np.intp))
        parts = {name: getattr(self, name)[kept] for name in self.by_member}
        parts["weights"] = parts["weights"] / parts["weights"].sum()
        return replace(self, **parts)

    @property
    def guided(self) -> bool:
        """Whether an earlier campaign is followed."""
        return False

    @property
    def noise(self) -> Array:
        return np.asarray(self.kernel.noise(self.latents) * self.data_spread**2, dtype=np.float64)

    def _cross(self, codes: Codes) -> Array:
        """(K, n, m): covariances of the known settings with `codes`, through the factor."""
        covariance = self.kernel.covariance(self.kernel.pairs(self.codes, codes), self.latents)
        return np.stack(
            [
                solve_triangular(factor, cross, lower=True, check_finite=False, overwrite_b=True)
                for factor, cross in zip(self.factors, covariance, strict=True)
            ]
        )

    def _chunks(self, n: int) -> Iterator[slice]:
        size = max(1, ENTRIES // (len(self.weights) * max(1, len(self.codes))))
        for start in range(0, n, size):
            yield slice(start, min(n, start + size))

    def marginal(self, codes: Codes) -> tuple[Array, Array]:
        members = len(self.weights)
        means, variances = np.empty((members, len(codes))), np.empty((members, len(codes)))
        prior = self.kernel.variance(self.latents)[:, None]
        for part in self._chunks(len(codes)):
            cross = self._cross(codes[part])
            means[:, part] = np.einsum("kn,knm->km", self.white, cross)
            variances[:, part] = np.maximum(prior - np.einsum("knm,knm->km", cross, cross), JITTER)
        return self.center + self.data_spread * means, variances * self.data_spread**2

    def joint(self, codes: Codes) -> tuple[Array, Array]:
        cross = self._cross(codes)
        means = np.einsum("kn,knm->km", self.white, cross)
        covariance = self._prior(codes) - np.matmul(cross.transpose(0, 2, 1), cross)
        diagonal = np.arange(len(codes))
        covariance[:, diagonal, diagonal] = np.maximum(covariance[:, diagonal, diagonal], JITTER)
        return self.center + self.data_spread * means, covariance * self.data_spread**2

    def _prior(self, codes: Codes) -> Array:
        return self.kernel.covariance(self.kernel.pairs(codes, codes), self.latents)

    def extended(self, codes: Codes, values: Array) -> Fitted:
        n, m, members = len(self.codes), len(codes), len(self.weights)
        scaled = np.broadcast_to((values - self.center) / self.data_spread, (members, m))
        cross = self._cross(codes)
        covariance = self._prior(codes) - np.matmul(cross.transpose(0, 2, 1), cross)
        diagonal = np.arange(m)
        # Without error; settings that are known already need something to stand on.
        covariance[:, diagonal, diagonal] += JITTER
        corner = np.linalg.cholesky(covariance)
        residual = scaled - np.einsum("kn,knm->km", self.white, cross)
        fresh = np.stack(
            [solve_triangular(c, r, lower=True, check_finite=False) for c, r in zip(corner, residual, strict=True)]
        )
        factors = np.zeros((members, n + m, n + m))
        factors[:, :n, :n] = self.factors
        factors[:, n:, :n] = cross.transpose(0, 2, 1)
        factors[:, n:, n:] = corner
        return replace(
            self,
            codes=np.concatenate([self.codes, codes]),
            factors=factors,
            white=np.concatenate([self.white, fresh], axis=1),
        )

    def likeness(self, codes: Codes, others: Codes) -> Array:
        average = np.empty((len(codes), len(others)))
        size = max(1, ENTRIES // (len(self.weights) * max(1, len(others))))
        for start in range(0, len(codes), size):
            part = slice(start, start + size)
            correlation = self.kernel.correlation(self.kernel.pairs(codes[part], others), self.latents)
            average[part] = np.einsum("k,knm->nm", self.weights, correlation)
        return average

    def state(self) -> dict[str, Any]:
        """What `restore` needs beside the measurements; JSON."""
        return {
            "latents": self.latents.tolist(),
            "weights": self.weights.tolist(),
            "center": self.center,
            "spread": self.data_spread,
            "words": self.words,
        }


def condition(kernel: Covariances, state: Mapping[str, Any], codes: Codes, values: Array, stds: Array | None) -> Fitted:
    """The posterior for hyperparameters that are known (`Fitted.state`); `values` (n,), or (K, n) by member."""
    latents, spread = np.array(state["latents"], dtype=np.float64), float(state["spread"])
    scaled = np.broadcast_to((values - float(state["center"])) / spread, (len(latents), len(codes)))
    covariance = kernel.covariance(kernel.pairs(codes, codes), latents)
    diagonal = np.arange(len(codes))
    known = np.zeros(len(codes)) if stds is None else (stds / spread) ** 2
    covariance[:, diagonal, diagonal] += kernel.noise(latents)[:, None] + known + JITTER
    factors = np.asarray(np.linalg.cholesky(covariance), dtype=np.float64)
    white = np.stack(
        [solve_triangular(f, s, lower=True, check_finite=False) for f, s in zip(factors, scaled, strict=True)]
    )
    return Fitted(
        kernel=kernel,
        latents=latents,
        weights=np.array(state["weights"], dtype=np.float64),
        codes=codes,
        factors=factors,
        white=white,
        center=float(state["center"]),
        data_spread=spread,
        words=str(state["words"]),
    )
