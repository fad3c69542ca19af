"""Figures of optimisation campaigns: what was found after how many experiments."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def hypervolume(gains: Array) -> float:
    """Volume that the rows of `gains` (n, m), larger is better, dominate above 0; for one or two columns.

    (E. Zitzler, L. Thiele, PPSN V, 1998, 292.) Raises ValueError for more columns.
    """
    if gains.shape[1] > 2:
        raise ValueError("hypervolumes of more than two goals are not computed here")
    points = np.clip(gains, 0.0, None)
    if points.shape[1] == 1:
        return float(points.max(initial=0.0))
    total, height = 0.0, 0.0
    for x, y in points[np.lexsort((points[:, 1], points[:, 0]))[::-1]].tolist():
        if y > height:
            total += x * (y - height)
            height = y
    return total


def scores(values: Array, best: Sequence[float], worst: Sequence[float], volume: float) -> Array:
    """(n,): how much of what can be found the first 1, 2, ... n experiments have found, 0 to 1.

    `values` (n, m) in order. One goal: where the best so far lies between `worst` and `best`. Several: the hypervolume
    so far above `worst`, each goal in units of `best - worst`, as a share of `volume`.
    """
    gains = (values - np.array(worst)) / (np.array(best) - np.array(worst))
    if values.shape[1] == 1:
        return np.maximum.accumulate(np.clip(gains[:, 0], 0.0, None))
    return np.array([hypervolume(gains[: i + 1]) / volume for i in range(len(gains))])


def reached(score: Array, share: float) -> int:
    """After how many experiments `share` was reached; one more than there were where it was not."""
    hits = np.flatnonzero(score >= share - 1e-12)
    return int(hits[0]) + 1 if len(hits) else len(score) + 1


def ranks(figures: Sequence[float]) -> list[float]:
    """Ranks from 1, the largest first; equal ones (to 1e-9) share the mean of theirs."""
    return [
        1.0
        + sum(other > mine + 1e-9 for other in figures)
        + (sum(abs(other - mine) <= 1e-9 for other in figures) - 1) / 2
        for mine in figures
    ]
