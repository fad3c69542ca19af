"""What to ask the network for next: what the problem names, and what told scores teach about the rest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri
from scipy.stats import rankdata

from planners.design.diffusion.wishes import FARTHEST, Aim, Array, Flags

_ENOUGH = 16  # told molecules from which the regression speaks
_NOISE = 0.7  # of normal scores about the regression
_PRIOR = 0.5  # of its weights
_JITTER = 0.35  # standard deviations
_CANDIDATES = 256
_ASKED = 0.5  # chance of a property that the problem does not name to be asked for


@dataclass(frozen=True)
class Lesson:
    """A posterior over weights of a quadratic model of normal scores: mean (f,), factor (f, f) of the covariance."""

    mean: Array
    factor: Array


def lesson(had: Array, rank: Array) -> Lesson | None:
    """had: (m, p), standardised properties of told molecules.  rank: (m,), higher is better.  None: too few."""
    if len(had) < _ENOUGH:
        return None
    scores = ndtri((rankdata(rank) - 0.5) / len(rank))
    features = _features(had)
    precision = features.T @ features / _NOISE**2 + np.eye(features.shape[1]) / _PRIOR**2
    covariance = np.asarray(np.linalg.inv(precision), dtype=np.float64)
    mean = covariance @ features.T @ scores / _NOISE**2
    factor = np.asarray(np.linalg.cholesky((covariance + covariance.T) / 2), dtype=np.float64)
    return Lesson(mean, factor)


def wishes(aim: Aim, had: Array, learnt: Lesson | None, n: int, rng: np.random.Generator) -> tuple[Array, Flags]:
    """n wishes: values and which are asked for, (n, p). Each follows one draw of the model's weights (Thompson, 1933),
    among properties like those that told molecules have; what the problem names is asked for always, near its aim."""
    p = len(aim.values)
    values, given = np.zeros((n, p)), np.zeros((n, p), dtype=np.bool_)
    if learnt is not None:
        for i in range(n):
            pool = had[rng.integers(len(had), size=_CANDIDATES)] + _JITTER * rng.normal(size=(_CANDIDATES, p))
            weights = learnt.mean + learnt.factor @ rng.normal(size=len(learnt.mean))
            values[i] = pool[int(np.argmax(_features(pool) @ weights))]
        given = rng.random((n, p)) < _ASKED
    aimed = aim.values + _JITTER * rng.normal(size=(n, p))
    values = np.where(aim.named, aimed, values).clip(-FARTHEST, FARTHEST)
    return values, given | aim.named


def _features(had: Array) -> Array:
    near = had.clip(-FARTHEST, FARTHEST)
    return np.concatenate([np.ones((len(near), 1)), near, near**2 - 1], axis=1)
