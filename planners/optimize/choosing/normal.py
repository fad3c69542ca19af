"""Closed forms for normal variables: expected improvement that stays a number however small it is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import erfcx, log_ndtr, ndtr

Array = NDArray[np.float64]

_LOG_ROOT_2PI = 0.5 * np.log(2.0 * np.pi)
TINY = 1e-300


def log_gain(u: Array) -> Array:
    """log E[max(z + u, 0)] for a standard normal z, any shape (S. Ament et al., NeurIPS 2023)."""
    found = np.empty_like(u)
    near = u > -1.0
    x = u[near]
    found[near] = np.log(np.exp(-0.5 * x * x - _LOG_ROOT_2PI) + x * ndtr(x))
    x = -u[~near]
    # phi(u) * (1 - |u| * Mills ratio); the bracket loses its digits far out, where 1/u^2 - 3/u^4 + 15/u^6 has them all.
    far = 1.0 / np.square(np.maximum(x, 100.0))
    bracket = np.where(x < 100.0, 1.0 - x * np.sqrt(0.5 * np.pi) * erfcx(x / np.sqrt(2.0)), far - 3.0 * far**2)
    found[~near] = np.log(bracket) - 0.5 * x * x - _LOG_ROOT_2PI
    return found


def gain(u: Array) -> Array:
    """E[max(z + u, 0)] for a standard normal z, any shape. 0 where it is less than about 1e-300."""
    found = np.exp(-0.5 * u * u - _LOG_ROOT_2PI) + u * ndtr(u)
    return np.asarray(np.maximum(found, 0.0))


def log_improvement(mean: Array, std: Array, best: Array, ceiling: float = np.inf) -> Array:
    """log E[max(min(y, ceiling) - best, 0)] for y ~ N(mean, std^2), shapes broadcast; finite for every std > 0 and
    every best below the ceiling.
    """
    whole = np.asarray(np.log(std) + log_gain((mean - best) / std))
    if ceiling == np.inf:
        return whole
    beyond = np.log(std) + log_gain((mean - ceiling) / std)
    return np.asarray(whole + np.log(np.maximum(-np.expm1(np.minimum(beyond - whole, 0.0)), TINY)))


def log_within(mean: Array, std: Array, low: float | None, high: float | None) -> Array:
    """log P(low <= y <= high) for y ~ N(mean, std^2); None leaves an end open."""
    if low is None:
        return np.asarray(log_ndtr(((np.inf if high is None else high) - mean) / std))
    if high is None:
        return np.asarray(log_ndtr((mean - low) / std))
    a, b = (low - mean) / std, (high - mean) / std
    # On the side where both tails are small, so that their difference keeps its digits.
    flip = a > 0.0
    upper, lower = np.where(flip, -a, b), np.where(flip, -b, a)
    above, below = log_ndtr(upper), log_ndtr(lower)
    return np.asarray(above + np.log(np.maximum(-np.expm1(below - above), TINY)))


def log_mean(values: Array, weights: Array | None = None) -> Array:
    """log of the weighted mean of exp(values) over the first axis; `weights` (n,) sum to 1, equal by default."""
    top = values.max(axis=0)
    top = np.where(np.isfinite(top), top, 0.0)
    share = np.exp(values - top)
    mean = share.mean(axis=0) if weights is None else np.tensordot(weights, share, axes=1)
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(mean) + top)
