"""A model's outcome over any two parameters of a space, as arrays for a picture."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from knowledge.records.space import Category, Number, NumberScale, Setting, Value
from knowledge.records.trial import Trial
from planners.optimize.insight.feasibility import Feasibility
from planners.optimize.insight.reasons import predicted
from planners.optimize.process.contract import Array, Posterior
from planners.optimize.space.encoding import Codes
from planners.optimize.space.grid import Grid

FINE = 25
"""Values shown of a continuous number, and levels or options at most."""
COMBINATIONS = 128
"""Settings of the other parameters among which the best is sought for each cell."""


@dataclass(frozen=True)
class Axis:
    """`values`: names of options, or numbers in `unit`, ascending, with their `codes`; `left_out`: how many more."""

    parameter: str
    unit: str | None
    scale: NumberScale
    values: tuple[Value, ...]
    codes: tuple[float, ...]
    left_out: int = 0


@dataclass(frozen=True)
class Point:
    """A trial's place on the two axes; `value` is None where it failed or the outcome was not measured. `here`: its
    other parameters stand as in the picture.
    """

    across: Value
    up: Value
    value: float | None
    failed: bool
    here: bool


@dataclass(frozen=True)
class Surface:
    """`mean`, `std`, `feasibility` (u, a): rows go up, columns across; NaN where the rules allow nothing.

    `others`: where the other parameters stand, or None when each cell shows them at their best.
    """

    outcome: str
    across: Axis
    up: Axis
    mean: Array
    std: Array
    feasibility: Array
    points: tuple[Point, ...]
    others: Setting | None


def axis(grid: Grid, name: str, tried: Sequence[Trial]) -> Axis:
    """What a picture shows of a parameter: every option or level if they are few, else those tried, then the first;
    of a continuous number even steps on its scale. Raises BadSetting for an unknown name.
    """
    parameter = grid.encoding.space.parameter(name)
    if isinstance(parameter, Category):
        known = {t.setting[name] for t in tried}
        order = sorted(range(len(parameter.options)), key=lambda i: (parameter.options[i].name not in known, i))
        shown = sorted(order[:FINE])
        values = tuple(parameter.options[i].name for i in shown)
        left = len(parameter.options) - len(shown)
        return Axis(name, None, NumberScale.LINEAR, values, tuple(float(i) for i in shown), left)
    levels = _levels(parameter, grid)
    return Axis(name, parameter.unit, parameter.scale, tuple(v for _, v in levels), tuple(c for c, _ in levels))


def _levels(parameter: Number, grid: Grid) -> list[tuple[float, float]]:
    """(code, value) pairs, ascending."""
    column = grid.encoding.space.names.index(parameter.name)
    low, high = parameter.bounds
    if low == high:
        return [(0.0, low)]
    codes = np.zeros((FINE, len(grid.encoding.space.parameters)))
    codes[:, column] = np.linspace(0.0, 1.0, FINE)
    if parameter.levels:
        codes = grid.encoding.encode(
            [{**grid.encoding.decode(codes[:1])[0], parameter.name: v} for v in parameter.levels]
        )
        if len(codes) > FINE:
            codes = codes[np.unique(np.linspace(0, len(codes) - 1, FINE).round().astype(int))]
    shown = grid.encoding.decode(codes)
    return [(float(c), float(s[parameter.name])) for c, s in zip(codes[:, column], shown, strict=True)]


def surface(
    posterior: Posterior,
    grid: Grid,
    across: str,
    up: str,
    *,
    outcome: str,
    trials: Sequence[Trial],
    at: Mapping[str, Value] | None = None,
    maximise: bool = True,
    feasibility: Feasibility | None = None,
    seed: int = 0,
) -> Surface:
    """The outcome over `across` and `up`, in its own unit.

    The other parameters stand as in the setting `at`; without it, each cell shows them where the mean is best (largest
    if `maximise`): all their combinations if they are few, else those tried and a space-filling draw. The deviation is
    that of the noiseless outcome. Raises BadSetting for unknown parameters, ValueError for one parameter twice.
    """
    if across == up:
        raise ValueError(f"a picture needs two parameters, not '{across}' twice")
    horizontal, vertical = axis(grid, across, trials), axis(grid, up, trials)
    names = grid.encoding.space.names
    i, j = names.index(across), names.index(up)
    others = grid.encoding.encode([at]) if at is not None else _others(grid, (i, j), trials, seed)
    shape = (len(vertical.codes), len(horizontal.codes))
    mean, std, chance = np.full(shape, np.nan), np.full(shape, np.nan), np.full(shape, np.nan)
    for row, high in enumerate(vertical.codes):
        block = np.tile(others, (len(horizontal.codes), 1))
        block[:, i] = np.repeat(horizontal.codes, len(others))
        block[:, j] = high
        where = np.repeat(np.arange(len(horizontal.codes)), len(others))
        block = grid.normal(block)
        # A parameter that means nothing elsewhere would leave its cell: such rows are of another cell.
        same = (block[:, i] == np.repeat(horizontal.codes, len(others))) & (block[:, j] == high)
        allowed = grid.allowed(block) & same
        if not allowed.any():
            continue
        block, where = block[allowed], where[allowed]
        means, stds = predicted(posterior, block)
        order = np.lexsort((np.arange(len(block)), -means if maximise else means, where))
        first = order[np.unique(where[order], return_index=True)[1]]
        mean[row, where[first]], std[row, where[first]] = means[first], stds[first]
        chance[row, where[first]] = 1.0 if feasibility is None else feasibility.probability(block[first])
    free = [name for name in names if name not in (across, up)]
    points = tuple(
        Point(
            t.setting[across],
            t.setting[up],
            None if t.failed else t.values.get(outcome),
            t.failed,
            here=at is None or all(t.setting[name] == at[name] for name in free),
        )
        for t in trials
    )
    return Surface(outcome, horizontal, vertical, mean, std, chance, points, None if at is None else dict(at))


def _others(grid: Grid, shown: tuple[int, int], trials: Sequence[Trial], seed: int) -> Codes:
    """Codes (m, p) that differ in the parameters that are not `shown`."""
    parameters = grid.encoding.space.parameters
    free = [k for k in range(len(parameters)) if k not in shown]
    counts = [_count(parameters[k]) for k in free]
    if all(counts) and math.prod(counts) <= COMBINATIONS:
        rows = np.zeros((math.prod(counts), len(parameters)))
        choices = []
        for k, count in zip(free, counts, strict=True):
            parameter = parameters[k]
            if isinstance(parameter, Category):
                choices.append([float(option) for option in range(count)])
            else:
                choices.append([code for code, _ in _levels(parameter, grid)])
        rows[:, free] = list(product(*choices)) if free else np.zeros((1, 0))
        return rows
    drawn = grid.draw(COMBINATIONS, seed, spread=True)
    tried = grid.encoding.encode([t.setting for t in trials])
    both = np.concatenate([tried, drawn]) if len(trials) else drawn
    both[:, list(shown)] = 0.0
    return np.unique(both, axis=0)


def _count(parameter: Category | Number) -> int:
    """Options or levels; 0 for what has too many to go through."""
    if isinstance(parameter, Category):
        return len(parameter.options)
    if parameter.continuous:
        return 0
    return len(parameter.levels) if len(parameter.levels) <= FINE else 0
