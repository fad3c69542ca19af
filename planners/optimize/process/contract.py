"""What a model of one outcome over a space offers to whoever chooses by it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from planners.optimize.space.encoding import Codes

Array = NDArray[np.float64]


@runtime_checkable
class Posterior(Protocol):
    """A mixture of K Gaussian processes (K = 1 where hyperparameters are a single guess), in the outcome's own unit.

    All members see the same data; they differ in kernel or hyperparameters. The mixture's mean at a point is
    `weights @ means`; its variance adds the spread of the members' means.
    """

    @property
    def weights(self) -> Array:
        """(K,), positive, summing to 1."""
        ...

    @property
    def noise(self) -> Array:
        """(K,): variance of one measurement's error, in the outcome's unit squared."""
        ...

    def marginal(self, codes: Codes) -> tuple[Array, Array]:
        """Means and variances of the noiseless outcome, each (K, n). Memory is bounded whatever n is."""
        ...

    def joint(self, codes: Codes) -> tuple[Array, Array]:
        """Means (K, n) and covariances (K, n, n) of the noiseless outcome."""
        ...

    def extended(self, codes: Codes, values: Array) -> Posterior:
        """As if `values` (n,), or (K, n) with one row for each member, had been measured at `codes` without error.

        Hyperparameters stay.
        """
        ...

    def likeness(self, codes: Codes, others: Codes) -> Array:
        """(n, m): prior correlation, averaged over the members."""
        ...


@dataclass(frozen=True)
class Earlier:
    """An earlier campaign over the same encoding: `codes` (m, p) and what came of them, `values` (m,), in a unit of its
    own; `stds` (m,): standard uncertainties, where they are known.
    """

    name: str
    codes: Codes
    values: Array
    stds: Array | None = None


class Covariances(Protocol):
    """A kernel for many choices of hyperparameters (`latents`, (M, ...)) at once, in deviations of the outcome."""

    def pairs(self, codes: Codes, others: Codes) -> Any:
        """What the other methods need to know of two sets of settings, whatever the hyperparameters."""
        ...

    def correlation(self, pairs: Any, latents: Array) -> Array:
        """(M, n, m), 1 for a setting and itself."""
        ...

    def covariance(self, pairs: Any, latents: Array) -> Array:
        """(M, n, m), of the noiseless outcome; the unknown mean is in it."""
        ...

    def variance(self, latents: Array) -> Array:
        """(M,): of the noiseless outcome at any setting."""
        ...

    def noise(self, latents: Array) -> Array:
        """(M,): variance of a measurement's error."""
        ...
