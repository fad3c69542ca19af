"""How much each parameter matters to an outcome, and which way, as the model has learned it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from knowledge.records.trial import Trial
from planners.optimize.insight.reasons import predicted
from planners.optimize.insight.slices import Axis, axis
from planners.optimize.process.contract import Array, Posterior
from planners.optimize.space.grid import Grid

_SETTINGS = 128


@dataclass(frozen=True)
class Influence:
    """One parameter's effect on the mean over a space.

    `alone`: the part of the mean's variance that this parameter explains by itself; `total`: the part that vanishes
    when it is fixed, interactions included (both 0 to 1; the sensitivity indices of I. M. Sobol', 1993, and T. Homma,
    A. Saltelli, 1996). `effect` (v,): the mean over all other parameters at each of the axis's values, NaN where the
    rules allow none.
    """

    axis: Axis
    alone: float
    total: float
    effect: Array


def influences(posterior: Posterior, grid: Grid, trials: Sequence[Trial], *, seed: int) -> tuple[Influence, ...]:
    """One for each parameter of the space, in its order; from a space-filling draw of settings whose parameters are
    changed one at a time.
    """
    settings = grid.draw(_SETTINGS, seed, spread=True)
    found = []
    for j, name in enumerate(grid.encoding.space.names):
        shown = axis(grid, name, trials)
        block = np.repeat(settings, len(shown.codes), axis=0)
        wanted = np.tile(shown.codes, len(settings))
        block[:, j] = wanted
        block = grid.normal(block)
        valid = grid.allowed(block) & (block[:, j] == wanted)
        table = np.full(len(block), np.nan)
        if valid.any():
            table[valid] = predicted(posterior, block[valid])[0]
        found.append(_influence(shown, table.reshape(len(settings), len(shown.codes))))
    return tuple(found)


def _influence(shown: Axis, table: Array) -> Influence:
    """`table` (settings, values): the mean outcome."""
    known = ~np.isnan(table)
    if not known.any():
        return Influence(shown, 0.0, 0.0, np.full(len(shown.codes), np.nan))
    whole = float(np.var(table[known]))
    effect = np.array([float(np.mean(c[k])) if k.any() else np.nan for c, k in zip(table.T, known.T, strict=True)])
    counts = known.sum(axis=0)
    filled = np.where(counts > 0, effect, 0.0)
    middle = float((counts * filled).sum() / counts.sum())
    main = float((counts * (filled - middle) ** 2).sum() / counts.sum())
    within = [float(np.var(row[k])) for row, k in zip(table, known, strict=True) if k.sum() > 1]
    if whole <= 1e-12 * (1.0 + middle * middle):
        return Influence(shown, 0.0, 0.0, effect)
    left = float(np.mean(within)) if within else 0.0
    return Influence(shown, min(1.0, main / whole), min(1.0, left / whole), effect)
