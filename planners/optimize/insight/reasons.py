"""Why a setting is proposed: what the mean promises, what only doubt offers, and which known trials speak for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr
from scipy.stats import norm

from knowledge.records.quantity import Estimate
from knowledge.records.trial import Choice, Neighbour, Trial
from planners.optimize.choosing.fronts import undominated
from planners.optimize.choosing.goals import Aim, Limit
from planners.optimize.choosing.improvement import hypervolume_gain
from planners.optimize.process.contract import Array, Posterior
from planners.optimize.space.encoding import Codes, Encoding

NEAREST = 3


@dataclass(frozen=True)
class Split:
    """Parts of the expected improvement of n settings, each (n,) and not negative; their sum is the whole."""

    promise: Array
    uncertainty: Array


def predicted(posterior: Posterior, codes: Codes, *, measured: bool = False) -> tuple[Array, Array]:
    """Mean and standard deviation (n,) of the mixture; with `measured`, of a measurement, noise and all."""
    weights = posterior.weights
    means, variances = posterior.marginal(codes)
    mean = weights @ means
    variance = weights @ (variances + (means - mean) ** 2)
    if measured:
        variance = variance + float(weights @ posterior.noise)
    return mean, np.sqrt(np.maximum(variance, 0.0))


def incumbent(posterior: Posterior, codes: Codes, *, maximise: bool) -> tuple[int, float]:
    """The tried setting with the best mean, and that mean: noise cannot make a setting the best."""
    mean, _ = predicted(posterior, codes)
    best = int(np.argmax(mean if maximise else -mean))
    return best, float(mean[best])


def split_improvement(posterior: Posterior, codes: Codes, best: float, *, maximise: bool) -> Split:
    """Expected improvement over `best` in the outcome's unit (J. Mockus, 1975), in two parts.

    Promise is the improvement if the mean were the truth; uncertainty is the rest, which is never negative because an
    improvement is a convex function of the outcome.
    """
    sign = 1.0 if maximise else -1.0
    means, variances = posterior.marginal(codes)
    gain, std = sign * (means - best), np.sqrt(np.maximum(variances, 1e-18))
    z = gain / std
    expected = posterior.weights @ (gain * ndtr(z) + std * norm.pdf(z))
    promise = np.maximum(posterior.weights @ gain, 0.0)
    return Split(promise, np.maximum(expected - promise, 0.0))


def split_hypervolume(means: Array, stds: Array, known: Array, floors: Array) -> Split:
    """The same for several objectives: means and deviations (n, m) and what is known (k, m) as utilities, larger being
    better; volumes count from `floors` (m,) up. Objectives are taken as independent.
    """
    lower, upper = undominated(known, floors)
    columns = list(means.T)
    expected = hypervolume_gain(columns, list(stds.T), lower, upper)
    tiny = 1e-9 * np.maximum(np.abs(means).max(axis=0), 1.0)
    promise = hypervolume_gain(columns, [np.full(len(means), t) for t in tiny], lower, upper)
    return Split(promise, np.maximum(expected - promise, 0.0))


def split(
    posteriors: Mapping[str, Posterior],
    codes: Codes,
    tried: Codes,
    aims: Sequence[Aim],
    limits: Sequence[Limit],
    floors: Array,
) -> Split:
    """Of (n, p) settings against the tried ones (t, p) whose mean outcomes keep all `limits`; where none does, against
    `floors` (m,), the utilities from which a result of each aim is worth something.
    """
    good = tried[_kept(posteriors, tried, limits)]
    if len(aims) == 1:
        aim = aims[0]
        known, _ = _utility(posteriors[aim.outcome], good, aim)
        best = float(max(known.max(initial=-np.inf), floors[0]))
        return split_improvement(posteriors[aim.outcome], codes, aim.sign * best, maximise=aim.sign > 0.0)
    front = np.stack([_utility(posteriors[a.outcome], good, a)[0] for a in aims], axis=1)
    outlook = [_utility(posteriors[a.outcome], codes, a) for a in aims]
    means, stds = (np.stack([o[i] for o in outlook], axis=1) for i in (0, 1))
    return split_hypervolume(means, stds, front, floors)


def _utility(posterior: Posterior, codes: Codes, aim: Aim) -> tuple[Array, Array]:
    mean, std = predicted(posterior, codes)
    return aim.sign * mean, std


def _kept(posteriors: Mapping[str, Posterior], codes: Codes, limits: Sequence[Limit]) -> NDArray[np.bool_]:
    kept = np.ones(len(codes), dtype=bool)
    for limit in limits:
        mean, _ = predicted(posteriors[limit.outcome], codes)
        kept &= np.array([limit.holds(value) for value in mean.tolist()], dtype=bool)
    return kept


def nearest(
    posterior: Posterior, codes: Codes, tried: Codes, trials: Sequence[Trial], count: int = NEAREST
) -> list[tuple[Neighbour, ...]]:
    """For each of `codes`, the trials most alike by the model's prior correlation, the most alike first; `tried` are
    the trials' codes.
    """
    if not len(tried):
        return [() for _ in range(len(codes))]
    alike = posterior.likeness(codes, tried)
    found = []
    for row in alike:
        order = np.argsort(-row, kind="stable")[:count]
        found.append(
            tuple(
                Neighbour(setting=trials[i].setting, values=trials[i].values, likeness=float(np.clip(row[i], 0.0, 1.0)))
                for i in order.tolist()
            )
        )
    return found


def explain_choices(
    encoding: Encoding,
    codes: Codes,
    posteriors: Mapping[str, Posterior],
    units: Mapping[str, str],
    split: Split,
    trials: Sequence[Trial],
    *,
    leading: str,
    feasibility: Array,
    acquisitions: Sequence[float | None],
    rules: Sequence[str],
) -> tuple[Choice, ...]:
    """One Choice for each row of `codes` (n, p), with its reasons.

    `posteriors` and `units` by outcome name; predictions are those of a measurement, so that they can be held against
    one. `leading`: the outcome whose model says which trials are near; trials without it are not. `split`,
    `feasibility` (n,), `acquisitions` and `rules` are taken over.
    """
    settings = encoding.decode(codes)
    known = [t for t in trials if leading in t.values]
    near = nearest(posteriors[leading], codes, encoding.encode([t.setting for t in known]), known)
    outlook = {name: predicted(model, codes, measured=True) for name, model in sorted(posteriors.items())}
    return tuple(
        Choice(
            setting=setting,
            predicted={
                name: Estimate(mean=float(mean[i]), std=float(std[i]), unit=units[name])
                for name, (mean, std) in outlook.items()
            },
            acquisition=acquisitions[i],
            promise=float(split.promise[i]),
            uncertainty=float(split.uncertainty[i]),
            feasibility=float(feasibility[i]),
            rule=rules[i],
            nearest=near[i],
        )
        for i, setting in enumerate(settings)
    )
