"""From a network's own scales to intervals that hold.

Two steps, both on molecules the network never learned from: a model of the size of its errors, then the quantile of
|error| / size within each class of strangeness (split conformal prediction with normalised residuals, H. Papadopoulos
et al., ECML 2002; Mondrian, V. Vovk et al., Algorithmic Learning in a Random World, 2005).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

LEVEL = 0.90
SMALLEST_CLASS = 60
_EDGES = (0.25, 1.0)  # of rarity: everything common; something rare; an atom's surroundings never seen
_RIDGE = 0.5  # pull of the weights towards "the network's scale as it is", in molecules
_STRANGER = 0.15  # least growth of the logarithm of an error with log(1 + rarity)

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Calibration:
    """`weights` (q, 4): constant, network's log scale, log(1 + rarity), log(atoms / 10) to the log of the expected
    error; `edges` of rarity; `factors` (len(edges) + 1, q): from expected error to half the 90 % interval.
    """

    weights: Array
    edges: tuple[float, ...]
    factors: Array

    def half(self, log_scale: Array, rarity: Array, atoms: Array) -> Array:
        """(n, q): half the width of the 90 % interval. `log_scale` (n, q); `rarity`, `atoms` (n,)."""
        place = np.searchsorted(np.array(self.edges), rarity, side="right")
        return _size(self.weights, log_scale, rarity, atoms) * self.factors[place]

    @classmethod
    def fit(cls, error: Array, log_scale: Array, rarity: Array, atoms: Array) -> Calibration:
        """`error` (n, q), signed, in the units of the answers. Raises ValueError below SMALLEST_CLASS molecules."""
        if len(error) < SMALLEST_CLASS:
            raise ValueError(f"calibration needs at least {SMALLEST_CLASS} molecules, got {len(error)}")
        weights = np.stack([_weights(error[:, k], log_scale[:, k], rarity, atoms) for k in range(error.shape[1])])
        scores = np.abs(error) / _size(weights, log_scale, rarity, atoms)
        edges = list(_EDGES)
        while edges and np.bincount(np.searchsorted(edges, rarity, side="right"), minlength=len(edges) + 1).min() < (
            SMALLEST_CLASS
        ):
            edges.pop()
        place = np.searchsorted(edges, rarity, side="right")
        factors = np.stack([_quantile(scores[place == i]) for i in range(len(edges) + 1)])
        return cls(weights, tuple(edges), factors)

    def plain(self) -> dict[str, Any]:
        return {"weights": self.weights.tolist(), "edges": list(self.edges), "factors": self.factors.tolist()}

    @classmethod
    def of_plain(cls, stored: Mapping[str, Any]) -> Calibration:
        return cls(np.array(stored["weights"]), tuple(stored["edges"]), np.array(stored["factors"]))


def _terms(rarity: Array, atoms: Array) -> tuple[Array, Array]:
    return np.log1p(rarity), np.log(np.maximum(atoms, 1.0) / 10.0)


def _size(weights: Array, log_scale: Array, rarity: Array, atoms: Array) -> Array:
    strange, large = _terms(rarity, atoms)
    terms = (
        weights[:, 0] + weights[:, 1] * log_scale + np.outer(strange, weights[:, 2]) + np.outer(large, weights[:, 3])
    )
    size: Array = np.exp(terms)
    return size


def _weights(error: Array, log_scale: Array, rarity: Array, atoms: Array) -> Array:
    """Most likely under a Laplace distribution of the errors."""
    strange, large = _terms(rarity, atoms)
    design = np.stack([np.ones(len(error)), log_scale, strange, large], axis=1)
    centre = np.array([0.0, 1.0, 0.5, 0.0])
    size = np.abs(error) + 1e-6

    def loss(w: Array) -> tuple[float, Array]:
        logs = design @ w
        ratio = size * np.exp(-logs)
        pull = w - centre
        pull[0] = 0.0
        value = float((ratio + logs).sum() + _RIDGE * (pull @ pull))
        return value, design.T @ (1.0 - ratio) + 2.0 * _RIDGE * pull

    bounds = [(None, None), (0.0, 2.0), (_STRANGER, 3.0), (-1.0, 2.0)]
    found = minimize(loss, centre, jac=True, method="L-BFGS-B", bounds=bounds)
    weights: Array = found.x
    return weights


def _quantile(scores: Array) -> Array:
    """(q,), corrected for the finite sample."""
    rank = min(math.ceil((len(scores) + 1) * LEVEL), len(scores)) - 1
    chosen: Array = np.sort(scores, axis=0)[rank]
    return chosen
