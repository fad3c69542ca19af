"""Several models of one outcome, kept apart so that a batch can be chosen by turns, and asked together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from planners.optimize.process.contract import Array
from planners.optimize.process.fitted import Fitted
from planners.optimize.space.encoding import Codes


@dataclass(frozen=True)
class Families:
    """Implements `Posterior`: the members of all `models` in a row, each model's weight being its `shares` (F,).

    Shares are for predictions. Who searches lets the models take turns, because the one that explains the measurements
    better is not always the one that leads farther.
    """

    models: tuple[Fitted, ...]
    shares: tuple[float, ...]

    @property
    def weights(self) -> Array:
        return np.concatenate([share * m.weights for share, m in zip(self.shares, self.models, strict=True)])

    @property
    def noise(self) -> Array:
        return np.concatenate([m.noise for m in self.models])

    @property
    def center(self) -> float:
        return self.models[0].center

    @property
    def data_spread(self) -> float:
        return self.models[0].data_spread

    @property
    def words(self) -> str:
        told = zip(self.shares, self.models, strict=True)
        return "; ".join(f"{m.words} (share {share:.0%})" for share, m in told)

    def thinned(self, members: int) -> Families:
        each = max(1, members // len(self.models))
        return Families(tuple(m.thinned(each) for m in self.models), self.shares)

    def marginal(self, codes: Codes) -> tuple[Array, Array]:
        return _stacked([m.marginal(codes) for m in self.models])

    def joint(self, codes: Codes) -> tuple[Array, Array]:
        return _stacked([m.joint(codes) for m in self.models])

    def extended(self, codes: Codes, values: Array) -> Families:
        ends = np.cumsum([len(m.weights) for m in self.models])[:-1]
        parts = np.split(values, ends) if values.ndim == 2 else [values] * len(self.models)
        return Families(tuple(m.extended(codes, part) for m, part in zip(self.models, parts, strict=True)), self.shares)

    def likeness(self, codes: Codes, others: Codes) -> Array:
        parts = [share * m.likeness(codes, others) for share, m in zip(self.shares, self.models, strict=True)]
        return np.asarray(np.sum(parts, axis=0), dtype=np.float64)

    def state(self) -> dict[str, Any]:
        return {"families": [m.state() for m in self.models], "shares": list(self.shares)}


def _stacked(parts: Sequence[tuple[Array, Array]]) -> tuple[Array, Array]:
    return np.concatenate([a for a, _ in parts]), np.concatenate([b for _, b in parts])


def shares(models: Sequence[Fitted]) -> tuple[float, ...]:
    """By how well each model foretells every one of its measurements from all the others.

    Products of leave-one-out densities as weights (pseudo Bayesian model averaging; Y. Yao et al., Bayesian Anal. 2018,
    13, 917).
    """
    scores = np.array([_foretold(m) for m in models])
    odds = np.exp(scores - scores.max())
    return tuple((odds / odds.sum()).tolist())


def _foretold(model: Fitted) -> float:
    """The sum of the logarithms of leave-one-out densities of the mixture (R. Sundararajan and S. S. Keerthi, Neural
    Comput. 2001, 13, 1103), outcomes in deviations of the data.
    """
    inverse = np.linalg.inv(model.factors)
    precision = np.matmul(inverse.transpose(0, 2, 1), inverse)
    solved = np.einsum("knm,kn->km", inverse, model.white)
    variances = 1.0 / np.diagonal(precision, axis1=1, axis2=2)
    logs = -0.5 * (solved**2 * variances + np.log(2.0 * np.pi * variances))
    weights = np.log(model.weights)[:, None]
    top = (logs + weights).max(axis=0)
    each = top + np.log(np.exp(logs + weights - top).sum(axis=0))
    return float(each.sum())
