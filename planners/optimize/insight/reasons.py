"""Why a setting is proposed: what the mean promises, what only doubt offers, and which known trials speak for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr
from scipy.stats import norm, qmc

from knowledge.records.quantity import Estimate
from knowledge.records.trial import Choice, Neighbour, Trial
from planners.optimize.hypervolume import dominated_volume
from planners.optimize.process.contract import Array, Posterior
from planners.optimize.space.encoding import Codes, Encoding

NEAREST = 3
_DRAWS = 128


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


def split_hypervolume(means: Array, stds: Array, front: Array) -> Split:
    """The same for several objectives: means and deviations (n, k) and known points (m, k) as utilities, larger being
    better, 0 where an objective counts for nothing. Improvement is of the volume dominated above 0; objectives are
    taken as independent.
    """
    n, k = means.shape
    known = [tuple(row) for row in front.tolist() if min(row) > 0.0]
    uniform = qmc.Sobol(k, scramble=True, rng=np.random.default_rng(20_250_101)).random(_DRAWS)
    normal = norm.ppf(np.clip(uniform, 1e-9, 1.0 - 1e-9))
    promise = np.array([_added(row, known) for row in means.tolist()])
    expected = np.array(
        [np.mean([_added(row, known) for row in (means[i] + normal * stds[i]).tolist()]) for i in range(n)]
    )
    return Split(promise, np.maximum(expected - promise, 0.0))


def _added(point: Sequence[float], known: Sequence[tuple[float, ...]]) -> float:
    """Its own box, less what the known points dominate within that box."""
    if min(point) <= 0.0:
        return 0.0
    inside = [tuple(min(a, b) for a, b in zip(point, other, strict=True)) for other in known]
    return float(np.prod(point)) - dominated_volume(inside)


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
                Neighbour(
                    setting=trials[i].setting, values=trials[i].values, likeness=float(np.clip(row[i], 0.0, 1.0))
                )
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
