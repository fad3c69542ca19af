"""What the surrogates say about molecules in terms of a campaign's goals, molecule by molecule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr
from scipy.stats import norm, qmc

from knowledge.qspr.estimates import to_estimate
from knowledge.qspr.kernels import Array
from knowledge.records.objective import Constraint, Objective
from knowledge.records.properties import HANSEN, Scale, get_property
from knowledge.records.quantity import Estimate
from planners.optimize.goals import needed_properties, scale
from planners.optimize.surrogates import Surrogates

_SAMPLES = 64  # quasi-random, the same for every molecule


@dataclass(frozen=True)
class Outlook:
    """Marginal predictions of n molecules.

    `means`, `stds`: by property, (n,), model scale. `feasibility` (n,): probability that all constraints hold,
    properties being independent. `values` (n, k): mean of each objective in its property's unit; `utility`,
    `utility_std` (n, k): mean and deviation of its utility.
    """

    means: dict[str, Array]
    stds: dict[str, Array]
    feasibility: Array
    derived: dict[str, tuple[Array, Array]]
    utility: Array
    utility_std: Array

    @staticmethod
    def of(
        surrogates: Surrogates,
        smiles: Sequence[str],
        objectives: Sequence[Objective],
        constraints: Sequence[Constraint],
    ) -> Outlook:
        """`smiles` in canonical form. Raises MissingSurrogate."""
        n = len(smiles)
        names = sorted({*surrogates.models, *needed_properties(objectives, constraints)})
        told = surrogates.beliefs(names, smiles)
        means, stds = {name: told[name][0] for name in names}, {name: told[name][1] for name in names}
        probability = feasibility(means, stds, constraints, n)
        derived: dict[str, tuple[Array, Array]] = {}
        utility, spread = np.zeros((n, len(objectives))), np.zeros((n, len(objectives)))
        for k, objective in enumerate(objectives):
            values = draws(objective, means, stds)
            if objective.property not in means:
                derived[objective.property] = (values.mean(axis=0), values.std(axis=0))
            u = (values - objective.worst_in_property_unit) / scale(objective)
            utility[:, k], spread[:, k] = u.mean(axis=0), u.std(axis=0)
        return Outlook(means, stds, probability, derived, utility, spread)

    def estimates(self, i: int) -> dict[str, Estimate]:
        """All predictions of molecule `i` in property units, by name."""
        found = {
            name: to_estimate(float(self.means[name][i]), float(self.stds[name][i]), get_property(name))
            for name in self.means
        }
        for name, (mean, std) in self.derived.items():
            found[name] = Estimate(mean=float(mean[i]), std=float(std[i]), unit=get_property(name).unit)
        return found


def feasibility(
    means: Mapping[str, Array], stds: Mapping[str, Array], constraints: Sequence[Constraint], n: int
) -> Array:
    """Probability (n,) that all constraints hold, properties being independent."""
    probability = np.ones(n)
    for constraint in constraints:
        name, (low, high) = constraint.property, constraint.bounds
        prop, std = get_property(name), np.maximum(stds[name], 1e-9)
        above = np.ones(n) if high is None else ndtr((prop.to_model(high) - means[name]) / std)
        below = np.zeros(n) if low is None else ndtr((prop.to_model(low) - means[name]) / std)
        probability = probability * np.clip(above - below, 0.0, 1.0)
    return probability


def draws(objective: Objective, means: Mapping[str, Array], stds: Mapping[str, Array]) -> Array:
    """(samples, n) values of the objective in its property's unit."""
    names = objective.needs
    z = _normal(len(names))
    columns = []
    for j, name in enumerate(names):
        y = means[name][None, :] + z[:, j : j + 1] * stds[name][None, :]
        columns.append(np.exp(np.minimum(y, 100.0)) if get_property(name).scale is Scale.LOG else y)
    if objective.reference is None:
        return np.asarray(columns[0])
    d, p, h = (columns[names.index(name)] - r for name, r in zip(HANSEN, objective.reference, strict=True))
    return np.asarray(np.sqrt(4.0 * d**2 + p**2 + h**2))


def _normal(dimension: int) -> Array:
    """Standard normal quasi-random numbers (samples, dimension), always the same ones."""
    uniform = qmc.Sobol(dimension, scramble=True, rng=np.random.default_rng(20_250_101)).random(_SAMPLES)
    return np.asarray(norm.ppf(np.clip(uniform, 1e-9, 1.0 - 1e-9)))
