"""What an experiment is worth: the improvement over what is known, expected over all that is uncertain.

One objective: noisy expected improvement (B. Letham et al., Bayesian Anal. 2019, 14, 495; its logarithm: S. Ament et
al., NeurIPS 2023). Several: noisy expected hypervolume improvement (S. Daulton et al., NeurIPS 2021). In both the known
settings, those being made and those already chosen are drawn jointly in scenarios; given a scenario the improvement of
one more setting is a closed form, so no value depends on a lucky draw and none is lost where all are tiny.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from planners.optimize.choosing.fronts import undominated
from planners.optimize.choosing.goals import Aim, Limit
from planners.optimize.choosing.normal import gain, log_improvement, log_mean, log_within
from planners.optimize.choosing.scenarios import Scenarios, quasi_random
from planners.optimize.process.contract import Posterior
from planners.optimize.process.families import Families
from planners.optimize.process.fitted import Fitted
from planners.optimize.space.encoding import Codes

Array = NDArray[np.float64]

SCENARIOS = 256
SCENARIOS_OF_SEVERAL = 128


@dataclass(frozen=True)
class Goals:
    """`models` by outcome, for every aim and limit. `floors` (m,): the utility from which a result is worth something
    (the reference point).
    """

    models: dict[str, Posterior]
    aims: tuple[Aim, ...]
    limits: tuple[Limit, ...]
    floors: Array

    def thinned(self, members: int) -> Goals:
        """By models of fewer members, where they know how to be."""
        thinned = {
            name: model.thinned(members) if isinstance(model, Fitted | Families) else model
            for name, model in self.models.items()
        }
        return replace(self, models=thinned)

    def families(self) -> tuple[Goals, ...]:
        """The same by each family of models alone, where there are several."""
        count = max(len(m.models) if isinstance(m, Families) else 1 for m in self.models.values())
        return tuple(
            replace(
                self,
                models={
                    name: m.models[min(i, len(m.models) - 1)] if isinstance(m, Families) else m
                    for name, m in self.models.items()
                },
            )
            for i in range(count)
        )

    def chances(self, outcome: str) -> list[Limit]:
        """The limits on an outcome that count as a probability. The end that an aim strives away from does not: values
        beyond it are worth nothing (see `floor_of`).
        """
        signs = {a.outcome: a.sign for a in self.aims}
        found = []
        for limit in self.limits:
            if limit.outcome != outcome:
                continue
            low, high = limit.minimum, limit.maximum
            if outcome in signs:
                low, high = (None, high) if signs[outcome] > 0.0 else (low, None)
            if low is not None or high is not None:
                found.append(Limit(outcome=outcome, minimum=low, maximum=high))
        return found


def floor_of(aim: Aim, limits: Sequence[Limit], worst: float) -> float:
    """The utility from which a result of `aim` counts: `worst` (a utility), or a limit that is stricter."""
    ends = [limit.minimum if aim.sign > 0.0 else limit.maximum for limit in limits if limit.outcome == aim.outcome]
    return max([worst, *(aim.sign * end for end in ends if end is not None)])


def best_below(best: Array, ceiling: float) -> Array:
    """Incumbents that a model puts above what can be are just below it, so that improvements keep an order."""
    return np.minimum(best, ceiling - 1e-6 * max(abs(ceiling), 1e-6)) if np.isfinite(ceiling) else best


class Prospects:
    """What each of n candidates adds to b known settings, greedily one after the other.

    Both in one list: `codes` (b + n, p), the known ones first.
    """

    def __init__(self, goals: Goals, codes: Codes, known: int, batch: int, seed: int) -> None:
        self._goals = goals
        outcomes = list(goals.models)
        count = SCENARIOS if len(goals.aims) == 1 else SCENARIOS_OF_SEVERAL
        columns = 1 + known + batch
        uniform = quasi_random(count, columns * len(outcomes), seed)
        self._outcomes = {
            name: Scenarios(goals.models[name], codes, uniform[:, k * columns : (k + 1) * columns])
            for k, name in enumerate(outcomes)
        }
        self._points: list[Array] = []  # (S, m) utilities of what is settled
        self._met: list[NDArray[np.bool_]] = []  # (S,)
        for i in range(known):
            self.settle(i)

    def settle(self, i: int) -> None:
        """Count point `i` as known from now on."""
        values = {name: outcome.settle(i) for name, outcome in self._outcomes.items()}
        self._points.append(np.stack([a.sign * values[a.outcome] for a in self._goals.aims], axis=-1))
        met = np.ones(len(self._points[-1]), dtype=bool)
        for name in values:
            for limit in self._goals.chances(name):
                low = -np.inf if limit.minimum is None else limit.minimum
                high = np.inf if limit.maximum is None else limit.maximum
                met &= (values[name] >= low) & (values[name] <= high)
        self._met.append(met)

    def log_values(self) -> Array:
        """(b + n,): the logarithm of each point's expected improvement, times its chance to keep the limits."""
        return self._of_one() if len(self._goals.aims) == 1 else self._of_several()

    def _log_chance(self) -> Array | float:
        """(S, n), or 0 where nothing limits."""
        total: Array | float = 0.0
        for name, outcome in self._outcomes.items():
            for limit in self._goals.chances(name):
                total = total + log_within(outcome.means, outcome.stds, limit.minimum, limit.maximum)
        return total

    def _of_one(self) -> Array:
        aim = self._goals.aims[0]
        outcome = self._outcomes[aim.outcome]
        best = np.full(len(outcome.means), self._goals.floors[0])
        for point, met in zip(self._points, self._met, strict=True):
            best = np.maximum(best, np.where(met, point[:, 0], -np.inf))
        best = best_below(best, aim.ceiling)
        logs = log_improvement(aim.sign * outcome.means, outcome.stds, best[:, None], aim.ceiling)
        return log_mean(logs + self._log_chance())

    def _of_several(self) -> Array:
        aims = self._goals.aims
        outcomes = [self._outcomes[a.outcome] for a in aims]
        means = [a.sign * o.means for a, o in zip(aims, outcomes, strict=True)]
        stds = [o.stds for o in outcomes]
        floors, ceilings = self._goals.floors, np.array([a.ceiling for a in aims])
        found = np.empty_like(means[0])
        points = np.stack(self._points, axis=1) if self._points else np.empty((len(found), 0, len(aims)))
        met = np.stack(self._met, axis=1) if self._met else np.empty((len(found), 0), dtype=bool)
        for s in range(len(found)):
            lower, upper = undominated(points[s][met[s]], floors, ceilings)
            found[s] = hypervolume_gain([m[s] for m in means], [d[s] for d in stds], lower, upper)
        with np.errstate(divide="ignore"):
            logs = np.log(found)
        return log_mean(logs + self._log_chance())


def hypervolume_gain(means: Sequence[Array], stds: Sequence[Array], lower: Array, upper: Array) -> Array:
    """(n,): volume that a point adds, expected over its independent normal utilities (m arrays (n,) of each).

    `lower`, `upper` (c, m): disjoint boxes of what is not dominated yet. (M. Emmerich, K. Yang et al.; the box form: K.
    Yang et al., J. Glob. Optim. 2019, 75, 3.)
    """
    product = np.ones((len(means[0]), len(lower)))
    for i, (mean, std) in enumerate(zip(means, stds, strict=True)):
        levels = np.unique(np.concatenate([lower[:, i], upper[np.isfinite(upper[:, i]), i]]))
        above = std[:, None] * gain((mean[:, None] - levels) / std[:, None])
        above = np.concatenate([above, np.zeros((len(mean), 1))], axis=1)
        product *= above[:, np.searchsorted(levels, lower[:, i])] - above[:, np.searchsorted(levels, upper[:, i])]
    return np.asarray(np.maximum(product, 0.0).sum(axis=1))
