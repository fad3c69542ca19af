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
_RIDGE = 0.5  # pull of the weights towards these, in molecules: the network's scale as it is, more where it is strange
_CENTRE = np.array([0.0, 1.0, 0.5, 0.5, 0.0])
# Strangeness never makes an answer surer.
_BOUNDS = [(None, None), (0.0, 2.0), (0.15, 3.0), (0.1, 2.0), (-1.0, 2.0)]

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Signs:
    """What may tell how wrong an answer is. `log_scale` (n, q): the network's own; (n,) each: `rarity` of the atoms'
    surroundings, `leverage` of the molecule in the network's last features, 1 for the average of the training data,
    `atoms` without hydrogens.
    """

    log_scale: Array
    rarity: Array
    leverage: Array
    atoms: Array

    def design(self, quantity: int) -> Array:
        """(n, 5), to be weighted."""
        strange = np.log1p(self.rarity)
        far = np.log(np.maximum(self.leverage, 1e-3))
        large = np.log(np.maximum(self.atoms, 1.0) / 10.0)
        return np.stack([np.ones(len(strange)), self.log_scale[:, quantity], strange, far, large], axis=1)


@dataclass(frozen=True)
class Calibration:
    """`weights` (q, 5): from the columns of `Signs.design` to the logarithm of the expected error; `edges` of rarity;
    `factors` (len(edges) + 1, q): from expected error to half the 90 % interval.
    """

    weights: Array
    edges: tuple[float, ...]
    factors: Array

    def half(self, signs: Signs) -> Array:
        """(n, q): half the width of the 90 % interval."""
        place = np.searchsorted(np.array(self.edges), signs.rarity, side="right")
        return _size(self.weights, signs) * self.factors[place]

    @classmethod
    def fit(cls, error: Array, signs: Signs) -> Calibration:
        """`error` (n, q), signed, in the units of the answers. Raises ValueError below SMALLEST_CLASS molecules."""
        if len(error) < SMALLEST_CLASS:
            raise ValueError(f"calibration needs at least {SMALLEST_CLASS} molecules, got {len(error)}")
        weights = np.stack([_weights(error[:, k], signs.design(k)) for k in range(error.shape[1])])
        scores = np.abs(error) / _size(weights, signs)
        rarity = signs.rarity
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


def _size(weights: Array, signs: Signs) -> Array:
    size: Array = np.exp(np.stack([signs.design(k) @ w for k, w in enumerate(weights)], axis=1))
    return size


def _weights(error: Array, design: Array) -> Array:
    """Most likely under a Laplace distribution of the errors."""
    size = np.abs(error) + 1e-6

    def loss(w: Array) -> tuple[float, Array]:
        logs = design @ w
        ratio = size * np.exp(-logs)
        pull = w - _CENTRE
        pull[0] = 0.0
        value = float((ratio + logs).sum() + _RIDGE * (pull @ pull))
        return value, design.T @ (1.0 - ratio) + 2.0 * _RIDGE * pull

    found = minimize(loss, _CENTRE, jac=True, method="L-BFGS-B", bounds=_BOUNDS)
    weights: Array = found.x
    return weights


def _quantile(scores: Array) -> Array:
    """(q,), corrected for the finite sample."""
    rank = min(math.ceil((len(scores) + 1) * LEVEL), len(scores)) - 1
    chosen: Array = np.sort(scores, axis=0)[rank]
    return chosen
