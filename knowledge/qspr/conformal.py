"""Intervals that hold: a model's own standard deviations, stretched until they cover what they promise.

Split conformal prediction with normalised residuals (H. Papadopoulos et al., ECML 2002; J. Lei et al., J. Am. Stat.
Assoc. 113 (2018) 1094) on residuals of cross-validation. It is Mondrian (V. Vovk et al., Algorithmic Learning in a
Random World, 2005): molecules far from the training data have quantiles of their own, because that is where a model's
own deviations are too small. Far means two things: a scaffold that no training molecule has, and a low similarity to
the nearest one. Residuals of one new scaffold resemble each other and count as one observation when the finite sample
is corrected for (R. Dunn, L. Wasserman, A. Ramdas, J. Am. Stat. Assoc. 118 (2023) 2491).

Measured with a process on fingerprints and groups, mean coverage of 90 % intervals on scaffold splits 80/20 of
Photoswitch, FreeSolv and ESOL: 0.69, 0.89 and 0.80 with residuals of random folds (10 to 12 splits); 0.87, 0.88 and
0.85 with scaffold folds and bins of similarity alone; 0.93, 0.89 and 0.90 as it is here (16 to 24 splits).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from knowledge.qspr.kernels import Array

BINS = 3
SMALLEST_BIN = 40  # residuals; a 90 % quantile of fewer is decided by three of them
FEWEST_KINDS = 10  # new scaffolds; fewer say too little about the next one
_FLOOR = 1e-3  # of the residuals' size: a model that claims certainty still gets an interval


@dataclass(frozen=True)
class Bins:
    """`edges`: ascending similarities, bin i holds edges[i-1] <= similarity < edges[i]; `scores`: per bin the sorted
    normalised residuals |y - mean| / std; `sizes`: per bin the mean number of scores that count as one observation.
    """

    edges: tuple[float, ...]
    scores: tuple[tuple[float, ...], ...]
    sizes: tuple[float, ...]

    @staticmethod
    def of(scores: Array, similarity: Array, kinds: Sequence[str] | None = None) -> Bins:
        """At most BINS of equal size, fewer where one would hold less than SMALLEST_BIN. `kinds`: scores of one kind
        are one observation; without, each is its own.
        """
        number = max(1, min(BINS, len(scores) // SMALLEST_BIN))
        edges = _coarse(np.unique(np.quantile(similarity, np.arange(1, number) / number)), similarity)
        place = np.searchsorted(edges, similarity, side="right")
        parts = [np.flatnonzero(place == i) for i in range(len(edges) + 1)]
        return Bins(
            tuple(edges.tolist()),
            tuple(tuple(np.sort(scores[part]).tolist()) for part in parts),
            tuple(1.0 if kinds is None else len(part) / len({kinds[i] for i in part.tolist()}) for part in parts),
        )

    def factors(self, similarity: Array, level: float) -> Array:
        """(n,)."""
        table = np.array([quantile(s, level, size=size) for s, size in zip(self.scores, self.sizes, strict=True)])
        return np.asarray(table[np.searchsorted(np.array(self.edges), similarity, side="right")], dtype=np.float64)

    @staticmethod
    def from_dict(state: Mapping[str, Any]) -> Bins:
        scores = tuple(tuple(float(x) for x in part) for part in state["scores"])
        return Bins(tuple(map(float, state["edges"])), scores, tuple(map(float, state["sizes"])))


@dataclass(frozen=True)
class Calibrator:
    """`known`: for molecules of a scaffold that the model has seen, from all residuals; `new`: for others, None where
    too few were tested; `floor`: the smallest std that is believed, on the model scale.
    """

    known: Bins
    new: Bins | None
    floor: float

    @staticmethod
    def of(residuals: Array, stds: Array, similarity: Array, kinds: Sequence[str] | None = None) -> Calibrator:
        """From predictions of molecules that the model had not seen, each (n,): y - mean, total standard deviation,
        similarity to the nearest molecule that it had seen, and the scaffold if it had not seen that either, else "".

        Raises ValueError without residuals, for different lengths or numbers that are not finite.
        """
        if kinds is None:
            kinds = [""] * len(residuals)
        if not len(residuals) == len(stds) == len(similarity) == len(kinds) or not len(residuals):
            lengths = f"{len(residuals)}, {len(stds)}, {len(similarity)} and {len(kinds)}"
            raise ValueError(
                f"calibration needs residuals, stds, similarities and kinds of the same molecules: {lengths}"
            )
        if not (np.isfinite(residuals).all() and np.isfinite(stds).all() and np.isfinite(similarity).all()):
            raise ValueError("residuals, stds and similarities must be finite")
        size = np.abs(residuals)
        floor = max(_FLOOR * float(np.median(size)), float(np.finfo(float).tiny) ** 0.5)
        scores = size / np.maximum(stds, floor)
        rows = [i for i, kind in enumerate(kinds) if kind]
        enough = len(rows) >= SMALLEST_BIN and len({kinds[i] for i in rows}) >= FEWEST_KINDS
        new = Bins.of(scores[rows], similarity[rows], [kinds[i] for i in rows]) if enough else None
        return Calibrator(Bins.of(scores, similarity), new, floor)

    def factors(self, similarity: Array, new: NDArray[np.bool_], level: float) -> Array:
        """What the model's standard deviations are multiplied with, (n,); `new`: the molecule's scaffold is. Raises
        ValueError for a level outside (0, 1).
        """
        known = self.known.factors(similarity, level)
        return known if self.new is None else np.where(new, self.new.factors(similarity, level), known)

    def interval(
        self, mean: Array, stds: Array, similarity: Array, new: NDArray[np.bool_], level: float = 0.9
    ) -> tuple[Array, Array]:
        """Lower and upper end (n,) that hold a measured value with probability `level`; wider at a higher level."""
        half = self.factors(similarity, new, level) * np.maximum(stds, self.floor)
        return mean - half, mean + half

    def exact(self, level: float) -> bool:
        """Whether every bin has enough residuals for `level` without assuming a distribution."""
        return all(
            _rank(len(scores), level, size) <= len(scores)
            for bins in (self.known, self.new)
            if bins is not None
            for scores, size in zip(bins.scores, bins.sizes, strict=True)
        )

    def to_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return asdict(self)

    @staticmethod
    def from_dict(state: Mapping[str, Any]) -> Calibrator:
        new = state["new"]
        known = Bins.from_dict(state["known"])
        return Calibrator(known, None if new is None else Bins.from_dict(new), float(state["floor"]))


def quantile(scores: tuple[float, ...], level: float, *, size: float = 1.0) -> float:
    """The finite-sample quantile of n ascending scores, of which `size` at a time are one observation: number
    ceil((n + size) * level) of them.

    Where that is more than n, no finite interval holds whatever the distribution; then Student's t with n / size
    degrees of freedom takes over, as if the residuals were normal with the size that the scores have, never below the
    largest score. Raises ValueError for a level outside (0, 1).
    """
    if not 0.0 < level < 1.0:
        raise ValueError(f"the level of an interval must be between 0 and 1, got {level:g}")
    n = len(scores)
    rank = _rank(n, level, size)
    if rank <= n:
        return scores[rank - 1]
    typical = math.sqrt(sum(s * s for s in scores) / n)
    return max(scores[-1], typical * float(special.stdtrit(n / size, 0.5 * (1.0 + level))))


def _rank(n: int, level: float, size: float) -> int:
    # The small number keeps rounding errors of (n + size) * level from taking the next score.
    return max(1, math.ceil((n + size) * level - 1e-9))


def _coarse(edges: Array, similarity: Array) -> Array:
    """Equal similarities make bins uneven: edges are dropped until every bin is large enough."""
    kept = list(edges)
    while kept:
        sizes = np.bincount(np.searchsorted(np.array(kept), similarity, side="right"), minlength=len(kept) + 1)
        short = int(np.argmin(sizes))
        if sizes[short] >= SMALLEST_BIN:
            break
        del kept[min(short, len(kept) - 1)]
    return np.array(kept, dtype=np.float64)
