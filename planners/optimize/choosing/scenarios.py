"""Ways that the known settings may truly be, and what each of them leaves to expect of the others."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import qmc

from planners.optimize.process.contract import Posterior
from planners.optimize.space.encoding import Codes

Array = NDArray[np.float64]

_SETTLED = 1e-10  # a variance this much smaller than the largest one is none: the outcome there follows from the others


class Scenarios:
    """One outcome over n points in S scenarios, drawn from the joint posterior one point after the other.

    Every point that is `settled` gets a value in each scenario; `means` (S, n) and `variances` (K, n) are those of all
    points given these values, so that what the others may bring is integrated in closed form and not sampled. Values
    are in the outcome's unit, noiseless.
    """

    def __init__(self, posterior: Posterior, codes: Codes, uniform: Array) -> None:
        """`codes` (n, p); `uniform` (S, 1 + r) in (0, 1): quasi-random, a column for the mixture's member and one for
        each point to settle.
        """
        means, self._covariance = posterior.joint(codes)
        # The quantiles of the mixture's weights: with S quasi-random scenarios each member has its share of them.
        edges = np.cumsum(posterior.weights)
        self.member = np.minimum(np.searchsorted(edges, uniform[:, 0] * edges[-1]), len(edges) - 1)
        self._normal = ndtri(uniform[:, 1:])
        self.means = means[self.member]
        self.variances = np.maximum(np.diagonal(self._covariance, axis1=1, axis2=2), 0.0)
        self._floor = _SETTLED * self.variances.max(axis=1)
        self._rows: list[Array] = []

    @property
    def stds(self) -> Array:
        """(S, n), never 0."""
        floor = np.maximum(self._floor, np.finfo(float).tiny)[:, None]
        return np.asarray(np.sqrt(np.maximum(self.variances, floor))[self.member])

    def settle(self, i: int) -> Array:
        """Fix point `i` at a drawn value in every scenario: (S,) values. A step of a Cholesky factorisation."""
        variance = self.variances[:, i]
        row = self._covariance[:, i, :].copy()
        for earlier in self._rows:
            row -= earlier[:, i, None] * earlier
        unsettled = variance > self._floor
        row *= np.where(unsettled, 1.0 / np.sqrt(np.where(unsettled, variance, 1.0)), 0.0)[:, None]
        self.means = self.means + row[self.member] * self._normal[:, len(self._rows), None]
        self.variances = np.maximum(self.variances - row**2, 0.0)
        self._rows.append(row)
        return np.asarray(self.means[:, i])


def quasi_random(scenarios: int, columns: int, seed: int) -> Array:
    """(scenarios, columns) in (0, 1), spread evenly: scrambled Sobol points. `scenarios`: a power of two."""
    points = qmc.Sobol(columns, scramble=True, rng=np.random.default_rng(seed)).random(scenarios)
    return np.asarray(np.clip(points, 1e-9, 1.0 - 1e-9))
