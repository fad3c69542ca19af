"""When to stop: the budget is spent, nothing much better is plausible, or nothing has become better for long."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from knowledge.records.base import Record
from planners.optimize.insight.reasons import incumbent
from planners.optimize.process.contract import Array, Posterior
from planners.optimize.space.encoding import Codes
from planners.optimize.space.grid import Grid

WHOLE = 100_000
"""Settings of a grid that are all looked at; of larger ones, this many are drawn."""
_JOINT = 256  # settings that may be the best, whose outcomes are drawn together
_DRAWS = 2048
_LEAST = 10


class Advice(Record):
    """`words`: one sentence for people. `numbers`: what it rests on, by name."""

    rule: str
    stop: bool
    words: str
    numbers: dict[str, float] = {}


def within_budget(spent: float, budget: float, dearest: float) -> Advice:
    """Stop when the next experiment, which may cost `dearest`, no longer fits. All in the budget's unit."""
    left = budget - spent
    stop = left < dearest
    words = f"{spent:g} of {budget:g} is spent" + (f"; the next experiment may cost {dearest:g}" if stop else "")
    return Advice(rule="budget", stop=stop, words=words, numbers={"spent": spent, "budget": budget, "left": left})


def plausible_improvement(
    posterior: Posterior,
    grid: Grid,
    tried: Codes,
    *,
    maximise: bool,
    probability: float,
    seed: int,
    bound: float | None = None,
) -> tuple[float, float]:
    """(what the best setting of the grid may exceed the best tried one by, with this probability at most; the best
    tried one's mean), in the outcome's unit.

    Outcomes of the settings with the highest confidence bounds and of the best tried ones are drawn together from the
    posterior, so that doubt which they share does not count (J. T. Wilson, NeurIPS 2024, "Stopping Bayesian
    optimization with probabilistic regret bounds"). `bound`: the best value that there can be, such as a yield of 1,
    of which a Gaussian process knows nothing.
    """
    sign = 1.0 if maximise else -1.0
    row, value = incumbent(posterior, tried, maximise=maximise)
    open_ = _promising(posterior, grid, tried, sign, seed)
    rows = np.concatenate([tried[row : row + 1], open_])
    means, covariances = posterior.joint(rows)
    draw = np.random.default_rng(seed)
    counts = np.floor(posterior.weights * _DRAWS).astype(int)
    counts[int(np.argmax(posterior.weights))] += _DRAWS - int(counts.sum())
    gains: list[Array] = []
    for mean, covariance, count in zip(means, covariances, counts.tolist(), strict=True):
        if count:
            root = _root(covariance)
            outcomes = sign * (mean + draw.standard_normal((count, len(rows))) @ root.T)
            best_there = outcomes[:, 1:].max(axis=1)
            if bound is not None:
                best_there = np.minimum(best_there, sign * bound)
            gains.append((best_there - outcomes[:, 0]).clip(min=0.0))
    return float(np.quantile(np.concatenate(gains), probability)), value


def within_regret(
    posterior: Posterior,
    grid: Grid,
    tried: Codes,
    *,
    maximise: bool,
    threshold: float,
    unit: str,
    seed: int,
    probability: float = 0.95,
    bound: float | None = None,
    least: int = _LEAST,
) -> Advice:
    """Stop when, with this probability, no setting is better than the best tried one by more than `threshold` (in the
    outcome's unit). Never before `least` different settings were tried: what a model says of its own doubt has to be
    earned.
    """
    different = len(np.unique(tried, axis=0))
    if different < least:
        words = f"{different} settings were tried; what may be gained is judged from {least} on"
        return Advice(rule="regret", stop=False, words=words, numbers={"tried": float(different)})
    gain, value = plausible_improvement(
        posterior, grid, tried, maximise=maximise, probability=probability, seed=seed, bound=bound
    )
    stop = gain <= threshold
    words = (
        f"with {probability:.0%} probability no setting is more than {gain:.3g} {unit} better than the best tried one "
        f"({value:.4g} {unit}); asked for: {threshold:g} {unit}"
    )
    numbers = {"improvement": gain, "threshold": threshold, "probability": probability, "best": value}
    return Advice(rule="regret", stop=stop, words=words, numbers=numbers)


def stagnant(best: Sequence[float], *, maximise: bool, noise: float, batches: int, unit: str) -> Advice:
    """Stop when the best value found, one for each batch so far, rose by no more than two standard deviations of a
    measurement's error (`noise`) in the last `batches` batches.
    """
    if len(best) <= batches:
        done = "1 batch is" if len(best) == 1 else f"{len(best)} batches are"
        words = f"{done} done; progress is judged from {batches + 1} on"
        return Advice(rule="stagnation", stop=False, words=words, numbers={"batches": float(len(best))})
    sign = 1.0 if maximise else -1.0
    rise = sign * (best[-1] - best[-1 - batches])
    stop = rise <= 2.0 * noise
    words = (
        f"the best value moved by {rise:.3g} {unit} in {batches} batches; twice the noise is {2.0 * noise:.3g} {unit}"
    )
    return Advice(rule="stagnation", stop=stop, words=words, numbers={"rise": rise, "noise": noise})


def _promising(posterior: Posterior, grid: Grid, tried: Codes, sign: float, seed: int) -> Codes:
    """Up to `_JOINT` settings of the grid with the highest upper bounds: mean and three deviations."""
    if grid.size is not None and grid.size <= WHOLE:
        parts = list(grid.chunks(8192))
    else:
        best, _ = incumbent(posterior, tried, maximise=sign > 0.0)
        parts = [grid.draw(WHOLE // 10, seed), grid.around(tried[best : best + 1], 512, seed)]
    rows: list[Codes] = []
    bounds: list[Array] = []
    for part in parts:
        means, variances = posterior.marginal(part)
        bound = (sign * means + 3.0 * np.sqrt(np.maximum(variances, 0.0))).max(axis=0)
        keep = np.argsort(-bound, kind="stable")[:_JOINT]
        rows.append(part[keep])
        bounds.append(bound[keep])
    order = np.argsort(-np.concatenate(bounds), kind="stable")[:_JOINT]
    return np.asarray(np.concatenate(rows)[order])


def _root(covariance: Array) -> Array:
    """(n, n) R with R @ R.T = covariance, whatever rounding did to it."""
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0)))
