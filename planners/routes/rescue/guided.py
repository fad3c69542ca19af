"""A Gaussian process whose mean is a chemist's rule and whose scales are set: for the few trials that a rescue has.

Nothing could be learned about the scales from two or three results. They are judged by us: how sure the rule is, and
how far a result speaks for other settings.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from knowledge.records.space import Setting
from planners.optimize.process.contract import Array
from planners.optimize.space.encoding import Codes, Encoding

DOUBT = 1.0  # standard deviation of the truth about the rule, in log odds
NOISE = 0.3  # of one attempt, in log odds: isolation varies
REACH = 0.5  # of a number's range, over which results stay alike
OTHER = 0.6  # correlation of two options


class Guided:
    """A Posterior (`planners.optimize.process.contract`) of a single member."""

    def __init__(
        self, mean: Callable[[Sequence[Setting]], Sequence[float]], encoding: Encoding, codes: Codes, values: Array
    ) -> None:
        self._mean, self._encoding = mean, encoding
        self._codes, self._values = codes, np.asarray(values, dtype=np.float64)
        self._noise = np.full(len(codes), NOISE**2)
        self._prepare()

    def _prepare(self) -> None:
        covariance = self._kernel(self._codes, self._codes) + np.diag(self._noise + 1e-9)
        self._root = np.linalg.cholesky(covariance)
        self._weighed = np.linalg.solve(covariance, self._values - self._prior(self._codes))

    @property
    def weights(self) -> Array:
        return np.ones(1)

    @property
    def noise(self) -> Array:
        return np.full(1, NOISE**2)

    def marginal(self, codes: Codes) -> tuple[Array, Array]:
        cross = self._kernel(codes, self._codes)
        half = np.linalg.solve(self._root, cross.T)
        variance = np.maximum(DOUBT**2 - (half**2).sum(axis=0), 1e-12)
        return (self._prior(codes) + cross @ self._weighed)[None, :], variance[None, :]

    def joint(self, codes: Codes) -> tuple[Array, Array]:
        cross = self._kernel(codes, self._codes)
        half = np.linalg.solve(self._root, cross.T)
        covariance = self._kernel(codes, codes) - half.T @ half
        return (self._prior(codes) + cross @ self._weighed)[None, :], covariance[None, :, :]

    def extended(self, codes: Codes, values: Array) -> Guided:
        more = Guided.__new__(Guided)
        more._mean, more._encoding = self._mean, self._encoding
        more._codes = np.concatenate([self._codes, codes])
        more._values = np.concatenate([self._values, np.asarray(values, dtype=np.float64).reshape(-1)])
        more._noise = np.concatenate([self._noise, np.zeros(len(codes))])
        more._prepare()
        return more

    def likeness(self, codes: Codes, others: Codes) -> Array:
        return self._kernel(codes, others) / DOUBT**2

    def _prior(self, codes: Codes) -> Array:
        return np.asarray(self._mean(self._encoding.decode(codes)), dtype=np.float64)

    def _kernel(self, codes: Codes, others: Codes) -> Array:
        """Squared exponential over numbers, one correlation for different options, multiplied."""
        found = np.full((len(codes), len(others)), DOUBT**2)
        for j in self._encoding.numbers:
            found *= np.exp(-0.5 * ((codes[:, None, j] - others[None, :, j]) / REACH) ** 2)
        for j in self._encoding.categories:
            found *= np.where(codes[:, None, j] == others[None, :, j], 1.0, OTHER)
        return np.asarray(found)
