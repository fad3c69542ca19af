"""What judged molecules say against the model: a small number for each group, added to the logarithm of the score."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from planners.design.camd.component import Vector
from planners.design.camd.groups import GROUPS
from planners.design.camd.wanted import FLOOR, Wanted

LEAST = 12  # molecules with scores before anything is corrected
_PENALTY = 10.0  # ridge: as much as ten molecules that say the model is right
_MOST = 0.5  # of one group
_REFUSED = -1.0  # of a molecule that was judged not to be feasible where the model said it was


def fitted(wanted: Wanted, judged: Mapping[Vector, Sequence[tuple[float, bool]]]) -> dict[int, float]:
    """Group number -> correction, by ridge regression of (score told less score expected) on counts.

    judged: scores 0..1 and whether feasible, of each group vector. Empty with fewer than `LEAST` vectors that the model
    scores, or where a score is no worth between 0 and 1 (another scale says nothing about this one).
    """
    vectors = list(judged)
    if not vectors or any(not 0.0 <= score <= 1.0 for told in judged.values() for score, _ in told):
        return {}
    counts = np.array(vectors, dtype=np.float64)
    expected = wanted.log_scores(counts)
    kept = np.isfinite(expected)
    if kept.sum() < LEAST:
        return {}
    differences = [
        np.mean([math.log(max(score, FLOOR)) - model if fits else _REFUSED for score, fits in judged[vector]])
        for vector, model in zip(vectors, expected.tolist(), strict=True)
        if math.isfinite(model)
    ]
    target = np.array(differences) - np.mean(differences)
    columns = counts[kept] - counts[kept].mean(axis=0)
    weights = np.linalg.solve(columns.T @ columns + _PENALTY * np.eye(len(GROUPS)), columns.T @ target)
    clipped = np.clip(weights, -_MOST, _MOST)
    return {i: round(float(v), 9) for i, v in enumerate(clipped) if abs(v) > 1e-6}
