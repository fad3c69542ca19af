"""From predicted values to worths and chances: numbers between 0 and 1, with the models' uncertainty in them.

A value is not known but believed, so that everything here is an expectation over what is believed: a worth is the mean
of the worths of the values that may come true, a chance is the probability that a limit holds. A molecule far inside
its limits, or one that the models are sure of, is worth more than one that may just as well miss them.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy.special import ndtr, ndtri

from knowledge.qspr.estimates import Z90
from knowledge.records.properties import Property, Scale
from planners.design.evaluation.evaluator import Array
from planners.design.problem import Goal, Requirement

# Quantiles of a normal distribution at equal steps of probability: a mean over them is exact to 1 % of the scale for
# the piecewise linear functions here.
_NODES = ndtri((np.arange(32) + 0.5) / 32)
# What a value beyond `worst`, or beyond a hard limit, still counts in the score, so that a search that begins there can
# tell better from worse; it halves with every width of the scale.
FAINT = 0.01
_RELATIVE = 0.1  # of its limit: the width of the scale on which a hard limit without a margin is missed


def believed(mean: Array, std: Array, prop: Property) -> tuple[Array, Array]:
    """Mean and deviation on the property's own scale (see `Values`)."""
    if prop.scale is not Scale.LOG:
        return mean, std
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log(mean), np.arcsinh(std / mean)


def interval(mean: Array, std: Array, prop: Property) -> tuple[Array, Array]:
    """Ends (n,) of the central 90 %, in the property's unit; NaN where nothing is believed."""
    centre, width = believed(mean, std, prop)
    with np.errstate(over="ignore", invalid="ignore"):
        low, high = centre - Z90 * width, centre + Z90 * width
        return (np.exp(low), np.exp(high)) if prop.scale is Scale.LOG else (low, high)


def expected_worth(goal: Goal, mean: Array, std: Array) -> Array:
    """(n,) in [0, 1]: 0 where nothing is known."""
    return _over(lambda value: _worth(goal, value), mean, std, goal.quantity.property)


def guiding_worth(goal: Goal, mean: Array, std: Array) -> Array:
    """The same, and beyond `worst` a faint number that says how far beyond: for a search, not for people."""
    low, high = goal.span
    faint = _faint(mean, low, high, abs(goal.best_value - goal.worst_value))
    return np.maximum(expected_worth(goal, mean, std), faint)


def chance(requirement: Requirement, mean: Array, std: Array) -> Array:
    """(n,): the probability that the requirement holds; 0 where nothing is known."""
    prop = requirement.quantity.property
    centre, width = believed(mean, std, prop)
    low, high = requirement.bounds
    if prop.scale is Scale.LOG:
        low, high = (math.log(end) if end > 0.0 else -math.inf for end in (low, high))
    with np.errstate(divide="ignore", invalid="ignore"):
        # Where nothing is uncertain, a value on the limit meets it.
        above = np.where(width > 0.0, ndtr((high - centre) / width), centre <= high)
        below = np.where(width > 0.0, ndtr((low - centre) / width), centre < low)
        probability = np.clip(above - below, 0.0, 1.0)
    return np.where(np.isfinite(centre) & np.isfinite(width), probability, 0.0)


def guiding_chance(requirement: Requirement, mean: Array, std: Array) -> Array:
    """The chance, and where there is next to none a faint number that says how far the mean misses the limit."""
    low, high = requirement.bounds
    ends = [abs(end) for end in (low, high) if math.isfinite(end)]
    faint = _faint(mean, low, high, _RELATIVE * max(ends) or 1.0)
    return np.maximum(chance(requirement, mean, std), faint)


def softened(requirement: Requirement, mean: Array, std: Array) -> Array:
    """(n,): the factor of a soft requirement, 1 where it holds, halved with every margin beyond it; `FAINT` where
    nothing is known.
    """
    low, high = requirement.bounds
    margin = requirement.softness

    def factor(value: Array) -> Array:
        return np.asarray(np.exp2(-np.maximum(np.maximum(low - value, value - high), 0.0) / margin))

    found = _over(factor, mean, std, requirement.quantity.property)
    return np.where(np.isfinite(mean), found, FAINT)


def _worth(goal: Goal, value: Array) -> Array:
    worst, best = goal.worst_value, goal.best_value
    away = abs(value - best) if goal.direction == "target" else (value - best) * np.sign(worst - best)
    return np.asarray(np.clip(1.0 - away / abs(worst - best), 0.0, 1.0))


def _faint(mean: Array, low: float, high: float, width: float) -> Array:
    with np.errstate(invalid="ignore", under="ignore"):
        beyond = np.maximum(np.maximum(low - mean, mean - high), 0.0) / width
        return np.where(np.isfinite(mean), FAINT * np.exp2(-beyond), 0.0)


def _over(function: Callable[[Array], Array], mean: Array, std: Array, prop: Property) -> Array:
    """The mean of a function of the value over what is believed; 0 where nothing is."""
    centre, width = believed(mean, std, prop)
    known = np.isfinite(centre) & np.isfinite(width)
    values = np.where(known, centre, 0.0)[:, None] + np.where(known, width, 0.0)[:, None] * _NODES
    if prop.scale is Scale.LOG:
        values = np.exp(np.minimum(values, 100.0))
    found = function(values).mean(axis=1)
    return np.where(known, found, 0.0)
