"""A batch from a short list of settings: greedily by expected improvement, or one draw of the models for each place."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from planners.optimize.choosing.fronts import front
from planners.optimize.choosing.improvement import Goals, Prospects
from planners.optimize.choosing.screening import moments
from planners.optimize.choosing.worth import Worth
from planners.optimize.process.contract import Posterior
from planners.optimize.space.encoding import Codes

Array = NDArray[np.float64]

RELEVANT = 60  # tried settings that may still be the best, or on the front; the others cannot be improved upon
_DOUBT = 3.0  # standard deviations


@dataclass(frozen=True)
class Picked:
    """`rows` of the short list in the order of choice; `acquisitions`: None for a draw."""

    rows: tuple[int, ...]
    acquisitions: tuple[float | None, ...]


def relevant(goals: Goals, tried: Codes) -> Codes:
    """Of (t, p) tried settings at most RELEVANT: those whose true outcome may be the best, or undominated."""
    if len(tried) == 0:
        return tried
    found = [moments(goals.models[a.outcome], tried) for a in goals.aims]
    utility = np.stack([a.sign * mean for a, (mean, _) in zip(goals.aims, found, strict=True)], axis=-1)
    doubt = _DOUBT * np.stack([std for _, std in found], axis=-1)
    low, high = utility - doubt, utility + doubt
    # What keeps the limits surely may rule others out; a setting that may break one cannot.
    sure = np.ones(len(tried), dtype=bool)
    for limit in goals.limits:
        mean, std = moments(goals.models[limit.outcome], tried)
        pairs = zip((mean - _DOUBT * std).tolist(), (mean + _DOUBT * std).tolist(), strict=True)
        sure &= np.array([limit.holds(a) and limit.holds(b) for a, b in pairs])
    beaten = np.all(low[None, sure, :] > high[:, None, :], axis=-1)
    beaters = beaten.sum(axis=1)
    candidates = np.flatnonzero(beaters == 0)
    scale = np.maximum(np.ptp(utility, axis=0), 1e-12)
    ahead = front(utility[candidates]) if len(goals.aims) > 1 else np.zeros(len(candidates), dtype=bool)
    order = np.lexsort((-(high[candidates] / scale).sum(axis=1), ~ahead))
    return tried[np.sort(candidates[order[:RELEVANT]])]


def greedy(goals: Goals, worth: Worth, known: Codes, codes: Codes, batch: int, seed: int, *, turn: int = 0) -> Picked:
    """`known`: settings that count as done. Every place takes what adds most to them and to the places before it.

    Families of models take turns, beginning with number `turn` (modulo their number): a batch then holds what each of
    them thinks best, and none has to be believed alone.
    """
    both = np.concatenate([known, codes])
    opinions = [Prospects(g, both, len(known), batch, seed) for g in goals.families()]
    factor = worth.log(codes)
    # Where nothing promises any improvement at all, the least known comes first.
    doubt = sum(np.log(moments(model, codes)[1]) for model in goals.models.values())
    open_ = np.ones(len(codes), dtype=bool)
    rows: list[int] = []
    acquisitions: list[float | None] = []
    while len(rows) < min(batch, len(codes)):
        values = opinions[(turn + len(rows)) % len(opinions)].log_values()[len(known) :] + factor
        values = np.where(open_, values, -np.inf)
        best = int(np.argmax(values))
        if np.isfinite(values[best]):
            acquisitions.append(float(values[best]))
        else:
            best = int(np.argmax(np.where(open_, doubt + factor, -np.inf)))
            acquisitions.append(None)
        rows.append(best)
        open_[best] = False
        for opinion in opinions:
            opinion.settle(len(known) + best)
    return Picked(tuple(rows), tuple(acquisitions))


def thompson(goals: Goals, worth: Worth, codes: Codes, batch: int, seed: int) -> Picked:
    """Each place takes the best of `codes` in a joint draw of all outcomes (W. R. Thompson, Biometrika 1933, 25, 285).

    Several objectives are made one by random weights, each time others, whose scalarisation is on average the
    hypervolume (D. Golovin, Q. Zhang, ICML 2020). Draws outside the limits count for nothing.
    """
    rng = np.random.default_rng(seed)
    factor = np.exp(worth.log(codes))
    joints = {name: model.joint(codes) for name, model in goals.models.items()}
    open_ = np.ones(len(codes), dtype=bool)
    rows: list[int] = []
    while len(rows) < min(batch, len(codes)):
        draws = {name: _draw(goals.models[name], *joints[name], rng) for name in goals.models}
        weights = np.abs(rng.normal(size=len(goals.aims)))
        gains = [
            (a.sign * draws[a.outcome] - floor) / spread
            for a, floor, spread in zip(goals.aims, goals.floors, _spreads(goals, draws), strict=True)
        ]
        value = np.min(np.stack(gains) / (weights / np.linalg.norm(weights))[:, None], axis=0)
        for name, draw in draws.items():
            for limit in goals.chances(name):
                value = np.where([limit.holds(v) for v in draw.tolist()], value, np.minimum(value, 0.0) - 1.0)
        value = np.where(value > 0.0, value * factor, value)
        best = int(np.argmax(np.where(open_, value, -np.inf)))
        rows.append(best)
        open_[best] = False
    return Picked(tuple(rows), (None,) * len(rows))


def _spreads(goals: Goals, draws: dict[str, Array]) -> list[float]:
    return [max(float(np.std(draws[a.outcome])), 1e-12) for a in goals.aims]


def _draw(posterior: Posterior, means: Array, covariances: Array, rng: np.random.Generator) -> Array:
    k = int(rng.choice(len(posterior.weights), p=posterior.weights / posterior.weights.sum()))
    covariance = covariances[k]
    scale = float(np.diagonal(covariance).max()) or 1.0
    for jitter in (1e-10, 1e-8, 1e-6):
        try:
            root = np.linalg.cholesky(covariance + jitter * scale * np.eye(len(covariance)))
            break
        except np.linalg.LinAlgError:
            continue
    else:
        values, vectors = np.linalg.eigh(covariance)
        root = vectors * np.sqrt(np.maximum(values, 0.0))
    return np.asarray(means[k] + root @ rng.normal(size=len(covariance)))
