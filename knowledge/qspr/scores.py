"""How good predictions with uncertainty were, each figure with a bootstrap interval."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy import stats

from knowledge.qspr.kernels import Array

RESAMPLES = 1000


@dataclass(frozen=True)
class Figure:
    """A figure and the ends of its 95 % percentile bootstrap interval over molecules (B. Efron, Ann. Stat. 7 (1979) 1);
    None where it has no meaning (R2 of equal values, a rank correlation of equal deviations).
    """

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Scores:
    """Of n molecules. `mae`, `rmse`, `width` (mean width of the intervals) in the unit of the values; `r2` coefficient
    of determination; `spearman` rank correlation of |error| and standard deviation; `coverage` share of values inside
    their interval; `nll` mean negative log likelihood of a normal distribution in nats.
    """

    n: int
    mae: Figure
    rmse: Figure
    r2: Figure
    spearman: Figure
    coverage: Figure
    width: Figure
    nll: Figure

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def score(
    values: Array, mean: Array, stds: Array, low: Array, high: Array, *, seed: int, resamples: int = RESAMPLES
) -> Scores:
    """All (n,), n >= 1: measured values, predictions, their total standard deviations and interval ends.

    The same seed gives the same bootstrap intervals. Raises ValueError without values or for different lengths.
    """
    n = len(values)
    if not n or not n == len(mean) == len(stds) == len(low) == len(high):
        lengths = f"{n}, {len(mean)}, {len(stds)}, {len(low)} and {len(high)}"
        raise ValueError(f"scores need values, means, stds and both ends of the same molecules, got {lengths}")
    draws = np.random.default_rng(seed).integers(0, n, size=(resamples, n))
    error = np.abs(values - mean)
    square = error**2
    inside = ((values >= low) & (values <= high)).astype(np.float64)
    safe = np.maximum(stds, np.finfo(float).tiny ** 0.25)
    surprise = 0.5 * square / safe**2 + np.log(safe) + 0.5 * math.log(2.0 * math.pi)

    def figure(of: Callable[[Array | slice], float]) -> Figure:
        value = of(slice(None))
        if not math.isfinite(value):
            return Figure(None, None, None)
        found = np.array([of(rows) for rows in draws])
        found = found[np.isfinite(found)]
        if not len(found):
            return Figure(value, None, None)
        ends = np.quantile(found, (0.025, 0.975))
        return Figure(value, float(ends[0]), float(ends[1]))

    return Scores(
        n=n,
        mae=figure(lambda rows: float(error[rows].mean())),
        rmse=figure(lambda rows: math.sqrt(float(square[rows].mean()))),
        r2=figure(lambda rows: _determination(square[rows], values[rows])),
        spearman=figure(lambda rows: rank_correlation(error[rows], stds[rows])),
        coverage=figure(lambda rows: float(inside[rows].mean())),
        width=figure(lambda rows: float((high - low)[rows].mean())),
        nll=figure(lambda rows: float(surprise[rows].mean())),
    )


def rank_correlation(a: Array, b: Array) -> float:
    """Spearman's rho of two arrays (n,), ties with their mean rank; NaN when one of them is constant."""
    ranks = stats.rankdata(a), stats.rankdata(b)
    x, y = (r - r.mean() for r in ranks)
    size = math.sqrt(float(x @ x) * float(y @ y))
    return float(x @ y) / size if size > 0.0 else math.nan


def _determination(square: Array, values: Array) -> float:
    spread = float(((values - values.mean()) ** 2).sum())
    return 1.0 - float(square.sum()) / spread if spread > 0.0 else math.nan
