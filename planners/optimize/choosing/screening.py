"""A quick word on any number of settings: their improvement by marginal predictions alone, over the best known one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from planners.optimize.choosing.fronts import front, undominated
from planners.optimize.choosing.improvement import Goals, best_below, hypervolume_gain
from planners.optimize.choosing.normal import TINY, log_improvement, log_mean, log_within
from planners.optimize.choosing.worth import Worth
from planners.optimize.process.contract import Posterior
from planners.optimize.space.encoding import Codes

Array = NDArray[np.float64]

_SCORED = 2048  # settings at a time where each is held against every box of a front


def moments(posterior: Posterior, codes: Codes) -> tuple[Array, Array]:
    """Mean and standard deviation (n,) of the mixture, noiseless."""
    return _mixed(posterior, *posterior.marginal(codes))


def _mixed(posterior: Posterior, means: Array, variances: Array) -> tuple[Array, Array]:
    mean = posterior.weights @ means
    variance = posterior.weights @ (variances + (means - mean) ** 2)
    return mean, np.sqrt(np.maximum(variance, TINY))


@dataclass(frozen=True)
class Screen:
    """`best`: the incumbent utilities, (1,) of one objective; of several the boxes above the known front."""

    goals: Goals
    worth: Worth
    incumbents: Array

    @staticmethod
    def over(goals: Goals, worth: Worth, known: Codes) -> Screen:
        """Known settings count with the model's mean, and only where that keeps the limits."""
        if len(known) == 0:
            return Screen(goals, worth, np.empty((0, len(goals.aims))))
        utilities = np.stack([a.sign * moments(goals.models[a.outcome], known)[0] for a in goals.aims], axis=-1)
        met = np.ones(len(known), dtype=bool)
        for limit in goals.limits:
            mean, _ = moments(goals.models[limit.outcome], known)
            met &= np.array([limit.holds(value) for value in mean.tolist()])
        utilities = utilities[met]
        return Screen(goals, worth, utilities[front(utilities)])

    def __call__(self, codes: Codes) -> Array:
        """(n,): logarithms, comparable with each other."""
        models = self.goals.models
        marginals = {name: models[name].marginal(codes) for name in models}
        if len(self.goals.aims) == 1:
            aim = self.goals.aims[0]
            means, variances = marginals[aim.outcome]
            best = np.array([max(float(self.goals.floors[0]), *self.incumbents[:, 0].tolist(), -np.inf)])
            std = np.sqrt(np.maximum(variances, TINY))
            best = best_below(best, aim.ceiling)
            logs = log_mean(log_improvement(aim.sign * means, std, best, aim.ceiling), models[aim.outcome].weights)
        else:
            logs = self._of_several(marginals)
        for name in models:
            for limit in self.goals.chances(name):
                means, variances = marginals[name]
                std = np.sqrt(np.maximum(variances, TINY))
                logs = logs + log_mean(log_within(means, std, limit.minimum, limit.maximum), models[name].weights)
        return logs + self.worth.log(codes, every=False)

    def _of_several(self, marginals: dict[str, tuple[Array, Array]]) -> Array:
        lower, upper = undominated(self.incumbents, self.goals.floors, np.array([a.ceiling for a in self.goals.aims]))
        mixed = [
            (aim.sign, *_mixed(self.goals.models[aim.outcome], *marginals[aim.outcome])) for aim in self.goals.aims
        ]
        found = np.empty(len(mixed[0][1]))
        for start in range(0, len(found), _SCORED):
            part = slice(start, start + _SCORED)
            found[part] = hypervolume_gain(
                [s * m[part] for s, m, _ in mixed], [d[part] for _, _, d in mixed], lower, upper
            )
        return np.asarray(np.log(np.maximum(found, TINY)))
