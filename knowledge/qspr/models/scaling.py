"""Targets and features brought to common scales, as every model of this package needs them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from knowledge.qspr.contract import Samples, Stored
from knowledge.qspr.kernels import Array

_MODEL_SHARE = 0.05  # of the targets' variance: keeps a nearly exact value from outweighing all others
LIMIT = 4.0  # standard deviations at which a feature is cut
_TAIL = 1.0  # per cent of the rows at either end that do not stretch a feature's scale


@dataclass(frozen=True)
class Target:
    """Values to mean 0 and variance 1; the spread of a constant is 1."""

    centre: float
    spread: float

    @staticmethod
    def of(values: Array) -> Target:
        spread = float(values.std())
        return Target(float(values.mean()), spread if spread > 1e-9 * (1.0 + float(np.abs(values).max())) else 1.0)

    def standard(self, values: Array) -> Array:
        return (values - self.centre) / self.spread

    def back(self, standard: Array) -> Array:
        return standard * self.spread + self.centre


@dataclass(frozen=True)
class Features:
    """Features to mean 0 and variance 1 on the training rows, cut at `LIMIT`; constant columns are dropped."""

    columns: Array
    centre: Array
    scale: Array

    @staticmethod
    def of(values: Array) -> Features:
        """`values` (n, d) for n >= 1."""
        least = 1e-9 * (1.0 + np.abs(values).max(axis=0, initial=0.0))
        low, high = np.percentile(values, [_TAIL, 100.0 - _TAIL], axis=0)
        inner = np.clip(values, low, high)
        # One diverged value must not flatten a column; but a group that few molecules have is all tail.
        rare = inner.std(axis=0) <= least
        inner[:, rare] = values[:, rare]
        spread = inner.std(axis=0)
        keep = np.flatnonzero(spread > least)
        return Features(keep.astype(np.float64), inner.mean(axis=0)[keep], spread[keep])

    def __call__(self, values: Array) -> Array:
        chosen = values[:, self.columns.astype(np.intp)]
        # Contiguous, as it comes back from a file: sums then run in the same order.
        return np.ascontiguousarray(np.clip((chosen - self.centre) / self.scale, -LIMIT, LIMIT))


def importance(variances: Array, target: Target) -> Array:
    """Weights (n,) of mean 1 for least squares: less for rows of known noise."""
    weight = 1.0 / (_MODEL_SHARE + variances / target.spread**2)
    scaled: Array = weight / weight.mean()
    return scaled


def require_two(samples: Samples, name: str) -> None:
    """Raises ValueError for fewer than 2 molecules."""
    if len(samples) < 2:
        raise ValueError(f"model '{name}' needs at least 2 molecules with values, got {len(samples)}")


def require_version(stored: Stored, expected: Mapping[str, Any]) -> None:
    """Raises ValueError when a setting that names a model, a version or a featurizer differs from `expected`."""
    for key, value in expected.items():
        found = stored.settings.get(key)
        if found != value:
            raise ValueError(f"the stored model has {key} {found!r}, this program has {value!r}; fit again")
