"""Figures with their uncertainty."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

TOPS = (1, 3, 5, 10, 50)
RESAMPLES = 1000


def interval(values: Sequence[float], seed: int, resamples: int = RESAMPLES) -> tuple[float, float]:
    """The 95 % percentile bootstrap interval of the mean (Efron, Ann. Stat. 1979, 7, 1). Raises ValueError for none."""
    if not values:
        raise ValueError("no values to resample")
    array = np.asarray(values, dtype=float)
    generator = np.random.default_rng(seed)
    means = [float(array[generator.integers(0, len(array), len(array))].mean()) for _ in range(resamples)]
    low, high = np.quantile(means, (0.025, 0.975))
    return float(low), float(high)


def top_k(ranks: Sequence[int | None], tops: Sequence[int] = TOPS) -> dict[str, list[bool]]:
    """{"top1": [...], ...}: which of `ranks` (from 1; None: not proposed) lie within each k."""
    return {f"top{k}": [rank is not None and rank <= k for rank in ranks] for k in tops}


def shares(hits: Mapping[str, Sequence[bool]], seed: int) -> dict[str, Any]:
    """Each share in per cent, and "ci95" with the interval of each. Raises ValueError when a list is empty."""
    figures: dict[str, Any] = {name: round(100.0 * sum(h) / len(h), 2) for name, h in hits.items()}
    figures["ci95"] = {
        name: [round(100.0 * end, 2) for end in interval([float(hit) for hit in h], seed)] for name, h in hits.items()
    }
    return figures


def quantile(values: Sequence[float], q: float) -> float | None:
    """None when there are no values."""
    return round(float(np.quantile(np.asarray(values, dtype=float), q)), 4) if values else None
