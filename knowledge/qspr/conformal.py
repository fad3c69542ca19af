"""Intervals that hold: a model's own standard deviations, stretched until they cover what they promise.

Split conformal prediction with normalised residuals (H. Papadopoulos et al., ECML 2002; J. Lei et al., J. Am. Stat.
Assoc. 113 (2018) 1094) on residuals of cross-validation. It is Mondrian (V. Vovk et al., Algorithmic Learning in a
Random World, 2005): molecules far from the training data have quantiles of their own, because that is where a model's
own deviations are too small.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

from knowledge.qspr.kernels import Array

BINS = 4
SMALLEST_BIN = 40  # residuals; a 90 % quantile of fewer is decided by three of them
_FLOOR = 1e-3  # of the residuals' size: a model that claims certainty still gets an interval


@dataclass(frozen=True)
class Calibrator:
    """`edges`: ascending similarities that part the bins, bin i holds edges[i-1] <= similarity < edges[i]; `scores`:
    per bin the sorted normalised residuals |y - mean| / std; `floor`: the smallest std that is believed, on the model
    scale.
    """

    edges: tuple[float, ...]
    scores: tuple[tuple[float, ...], ...]
    floor: float

    @staticmethod
    def of(
        residuals: Array, stds: Array, similarity: Array, *, bins: int = BINS, smallest: int = SMALLEST_BIN
    ) -> Calibrator:
        """From predictions of molecules that the model had not seen, each (n,): y - mean, total standard deviation and
        similarity to the nearest molecule that it had seen.

        At most `bins` bins of equal size, fewer where a bin would hold less than `smallest`: with few residuals all
        are pooled. Raises ValueError without residuals, for different lengths or numbers that are not finite.
        """
        if not len(residuals) == len(stds) == len(similarity) or not len(residuals):
            raise ValueError(
                f"calibration needs residuals, stds and similarities of the same molecules, got {len(residuals)}, "
                f"{len(stds)} and {len(similarity)}"
            )
        if not (np.isfinite(residuals).all() and np.isfinite(stds).all() and np.isfinite(similarity).all()):
            raise ValueError("residuals, stds and similarities must be finite")
        size = np.abs(residuals)
        floor = max(_FLOOR * float(np.median(size)), float(np.finfo(float).tiny) ** 0.5)
        scores = size / np.maximum(stds, floor)
        number = max(1, min(bins, len(residuals) // smallest))
        inner = np.quantile(similarity, np.arange(1, number) / number)
        edges = _coarse(np.unique(inner), similarity, smallest)
        place = np.searchsorted(edges, similarity, side="right")
        parts = tuple(tuple(np.sort(scores[place == i]).tolist()) for i in range(len(edges) + 1))
        return Calibrator(tuple(edges.tolist()), parts, floor)

    def factors(self, similarity: Array, level: float) -> Array:
        """What the model's standard deviations are multiplied with, (n,). Raises ValueError for a level outside
        (0, 1).
        """
        table = np.array([quantile(scores, level) for scores in self.scores])
        return np.asarray(table[np.searchsorted(np.array(self.edges), similarity, side="right")], dtype=np.float64)

    def interval(self, mean: Array, stds: Array, similarity: Array, level: float = 0.9) -> tuple[Array, Array]:
        """Lower and upper end (n,) that hold a measured value with probability `level`; wider at a higher level."""
        half = self.factors(similarity, level) * np.maximum(stds, self.floor)
        return mean - half, mean + half

    def exact(self, level: float) -> bool:
        """Whether every bin has enough residuals for `level` without assuming a distribution."""
        return all(_rank(len(scores), level) <= len(scores) for scores in self.scores)

    def to_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return {"edges": list(self.edges), "scores": [list(s) for s in self.scores], "floor": self.floor}

    @staticmethod
    def from_dict(state: Mapping[str, Any]) -> Calibrator:
        scores = tuple(tuple(float(x) for x in part) for part in state["scores"])
        return Calibrator(tuple(float(e) for e in state["edges"]), scores, float(state["floor"]))


def quantile(scores: tuple[float, ...], level: float) -> float:
    """The finite-sample quantile of n ascending scores: number ceil((n + 1) * level) of them.

    Where that is more than n, no finite interval holds whatever the distribution; then Student's t with n degrees of
    freedom takes over, as if the residuals were normal with the size that the scores have, never below the largest
    score. Raises ValueError for a level outside (0, 1).
    """
    if not 0.0 < level < 1.0:
        raise ValueError(f"the level of an interval must be between 0 and 1, got {level:g}")
    n = len(scores)
    rank = _rank(n, level)
    if rank <= n:
        return scores[rank - 1]
    size = math.sqrt(sum(s * s for s in scores) / n)
    return max(scores[-1], size * float(special.stdtrit(n, 0.5 * (1.0 + level))))


def _rank(n: int, level: float) -> int:
    # The small number keeps rounding errors of (n + 1) * level from taking the next score.
    return max(1, math.ceil((n + 1) * level - 1e-9))


def _coarse(edges: Array, similarity: Array, smallest: int) -> Array:
    """Equal similarities make bins uneven: edges are dropped until every bin is large enough."""
    kept = list(edges)
    while kept:
        sizes = np.bincount(np.searchsorted(np.array(kept), similarity, side="right"), minlength=len(kept) + 1)
        short = int(np.argmin(sizes))
        if sizes[short] >= smallest:
            break
        del kept[min(short, len(kept) - 1)]
    return np.array(kept, dtype=np.float64)
