"""One value out of several sources that copy, contradict and misprint.

Sources of one family (`family`) are taken as one witness: a compilation and its copy agreeing is not two measurements.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple


class Reading(NamedTuple):
    """One source's value on the property's model scale (log for viscosity), with that source's standard uncertainty."""

    value: float
    std: float
    source: str
    family: str


class Agreement(NamedTuple):
    """The consensus on the model scale, and the positions of the readings that carry it."""

    value: float
    std: float
    members: tuple[int, ...]


# Two readings agree when they differ by no more than this many combined standard uncertainties.
_COVERAGE = 2.5


def agree(readings: Sequence[Reading]) -> Agreement:
    """The value that most independent witnesses support. Raises ValueError without readings.

    The largest group of agreeing families wins, then the more precise one, then the first in the order given (the
    order of trust). The value is the mean of the group's families weighted by 1/std²; its std never falls below the
    best member's, because handbook values are seldom independent, and grows with the scatter. Where every witness
    stands alone and they contradict each other, the most precise is taken, and half the way to its nearest
    contradiction is added in quadrature.
    """
    if not readings:
        raise ValueError("a consensus needs at least one reading")
    best: tuple[int, float, int] | None = None
    group: tuple[int, ...] = ()
    for centre, reading in enumerate(readings):
        near = _one_per_family(readings, [i for i, other in enumerate(readings) if _agreeing(reading, other)], centre)
        rank = (len(near), sum(readings[i].std ** -2 for i in near), -centre)
        if best is None or rank > best:
            best, group = rank, near
    weights = [readings[i].std ** -2 for i in group]
    total = sum(weights)
    value = sum(w * readings[i].value for w, i in zip(weights, group, strict=True)) / total
    scatter = math.sqrt(sum(w * (readings[i].value - value) ** 2 for w, i in zip(weights, group, strict=True)) / total)
    std = max(min(readings[i].std for i in group), scatter)
    if len(group) == 1:
        against = [
            abs(r.value - value)
            for i, r in enumerate(readings)
            if i not in group and not _agreeing(readings[group[0]], r)
        ]
        if against:
            std = math.hypot(std, 0.5 * min(against))
    return Agreement(value, std, group)


def _agreeing(a: Reading, b: Reading) -> bool:
    return abs(a.value - b.value) <= _COVERAGE * math.hypot(a.std, b.std)


def _one_per_family(readings: Sequence[Reading], candidates: Sequence[int], centre: int) -> tuple[int, ...]:
    """The candidate nearest to the centre from each family, in the order given."""
    nearest: dict[str, int] = {}
    for i in candidates:
        family = readings[i].family
        kept = nearest.get(family)
        if kept is None or abs(readings[i].value - readings[centre].value) < abs(
            readings[kept].value - readings[centre].value
        ):
            nearest[family] = i
    return tuple(sorted(nearest.values()))
