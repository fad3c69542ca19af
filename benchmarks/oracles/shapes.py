"""How a raw value becomes a worth between 0 and 1, and how worths are put together."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

Shape = Callable[[float], float]


def clipped(upper: float) -> Shape:
    """value / upper, 0 at most below 0 and 1 from `upper` on."""
    return lambda value: min(max(value / upper, 0.0), 1.0)


def gaussian(mu: float, sigma: float) -> Shape:
    """1 at `mu`, a bell around it."""
    return lambda value: math.exp(-0.5 * ((value - mu) / sigma) ** 2)


def at_most(mu: float, sigma: float) -> Shape:
    """1 up to `mu`, half a bell beyond it ("min Gaussian")."""
    bell = gaussian(mu, sigma)
    return lambda value: bell(max(value, mu))


def at_least(mu: float, sigma: float) -> Shape:
    """1 from `mu` on, half a bell below it ("max Gaussian")."""
    bell = gaussian(mu, sigma)
    return lambda value: bell(min(value, mu))


def geometric_mean(values: Sequence[float]) -> float:
    """0 when one of the values is (none is negative)."""
    if any(value == 0.0 for value in values):
        return 0.0
    # By logarithms, since the product of small worths would underflow before their mean does.
    return math.exp(math.fsum(math.log(value) for value in values) / len(values))


def arithmetic_mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)
