"""The learned order of a pool: LambdaMART (C. Burges, MSR-TR-2010-82) by LightGBM, and its calibration.

The booster is stored as LightGBM's own text, which is parsed, never executed.
"""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
from numpy.typing import NDArray

from planners.routes.single_step.ensemble.features import NAMES
from planners.routes.single_step.weights import find

FILE = "ensemble.json.gz"


@dataclass(frozen=True)
class Calibration:
    """p_i = exp(s_i / t) / (exp(c) + sum_j exp(s_j / t)): a softmax with a share kept for "none of these"."""

    temperature: float
    none: float

    def probabilities(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """[n] scores of one pool -> [n] probabilities, their sum below 1."""
        if not len(scores):
            return scores
        scaled = scores / self.temperature
        top = max(float(scaled.max()), self.none)
        powers = np.exp(scaled - top)
        return np.asarray(powers / (powers.sum() + np.exp(self.none - top)))


class Ranker:
    """`score` orders the rows of one pool; `probabilities` says how far the order is to be trusted."""

    def __init__(self, booster: lightgbm.Booster, calibration: Calibration, popularity: dict[str, int]) -> None:
        self._booster = booster
        self.calibration = calibration
        self.popularity = popularity

    @classmethod
    def load(cls) -> Ranker:
        """Raises WeightsMissing, and ValueError when the file was made for other features."""
        return cls.read(find(FILE))

    @classmethod
    def read(cls, path: Path) -> Ranker:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            stored: dict[str, Any] = json.load(lines)
        if tuple(stored["features"]) != NAMES:
            raise ValueError(f"{path.name} was trained on other features; `make train-routes` makes it anew")
        booster = lightgbm.Booster(model_str=stored["booster"])
        return cls(booster, Calibration(**stored["calibration"]), stored["popularity"])

    def write(self, path: Path) -> None:
        stored = {
            "features": list(NAMES),
            "booster": self._booster.model_to_string(),
            "calibration": {"temperature": self.calibration.temperature, "none": self.calibration.none},
            "popularity": self.popularity,
        }
        text = json.dumps(stored, separators=(",", ":"), sort_keys=True)
        path.write_bytes(gzip.compress(text.encode(), mtime=0))

    def score(self, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        """[n, len(NAMES)] -> [n], higher is better."""
        if not len(rows):
            return np.zeros(0)
        return np.asarray(self._booster.predict(rows, num_threads=1), dtype=np.float64)

    def probabilities(self, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        return self.calibration.probabilities(self.score(rows))
