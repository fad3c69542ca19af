"""What was tried and measured, checked once and put into an order that does not depend on how it was told."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from knowledge.records.space import BadSetting, Setting, Space, Value
from knowledge.records.trial import Trial
from planners.optimize.space.encoding import Codes
from planners.optimize.space.grid import Grid

Array = NDArray[np.float64]

_DIGITS = 7  # of a code: settings that agree so far are one setting


class BadTrials(ValueError):
    """Something told about trials cannot be; the message is one line and names it."""


@dataclass(frozen=True)
class Measured:
    """One outcome: `values` (n,) at `codes` (n, p), repeats being rows of their own; `stds` (n,), 0 where unknown, or
    None where none is known.
    """

    codes: Codes
    values: Array
    stds: Array | None


@dataclass(frozen=True)
class Results:
    """`tried` (t, p): different settings that were carried out, `failed` (t,) those whose chemistry gave nothing (by
    the majority of their trials). `pending` (w, p): different settings under way that are not among the tried.
    """

    tried: Codes
    failed: NDArray[np.bool_]
    pending: Codes
    outcomes: dict[str, Measured]

    def blocked(self) -> set[bytes]:
        return {*keys(self.tried), *keys(self.pending)}

    def tried_with(self, outcomes: Sequence[str]) -> Codes:
        """The tried settings where any of the outcomes was measured."""
        known = {key for name in outcomes if name in self.outcomes for key in keys(self.outcomes[name].codes)}
        return self.tried[[key in known for key in keys(self.tried)]]

    def average(self, outcome: str) -> dict[bytes, float]:
        """By setting, the mean of what was measured there, weighed by precision where that is known."""
        measured = self.outcomes[outcome]
        stds = np.zeros(len(measured.values)) if measured.stds is None else measured.stds
        found: dict[bytes, list[tuple[float, float]]] = {}
        for key, value, std in zip(keys(measured.codes), measured.values.tolist(), stds.tolist(), strict=True):
            found.setdefault(key, []).append((value, std))
        return {key: _weighed(pairs) for key, pairs in found.items()}


def keys(codes: Codes) -> list[bytes]:
    """One for each row; equal for equal settings."""
    rounded = np.ascontiguousarray(np.round(codes, _DIGITS) + 0.0)
    return [row.tobytes() for row in rounded]


def gather(
    grid: Grid, space: Space, trials: Sequence[Trial], pending: Sequence[Mapping[str, Value]], outcomes: Sequence[str]
) -> Results:
    """Settings that break a rule of the space are welcome: they were tried before it was made, or in spite of it.

    Raises BadTrials for values that are not finite, deviations that are negative or of nothing, and settings that are
    incomplete or outside their parameters' options, levels or bounds.
    """
    for i, trial in enumerate(trials):
        _check_setting(space, trial.setting, f"trial {i + 1}")
        _check_values(trial, f"trial {i + 1}")
    for i, setting in enumerate(pending):
        _check_setting(space, setting, f"pending setting {i + 1}")
    codes = _codes(grid, [t.setting for t in trials])
    order = _order(codes)
    ordered = [trials[i] for i in order]
    codes = codes[order]
    tried, failed = _tried(codes, ordered)
    waiting = _codes(grid, pending)
    waiting = waiting[_order(waiting)]
    seen = set(keys(tried))
    fresh = []
    for i, key in enumerate(keys(waiting)):
        if key not in seen:
            fresh.append(i)
            seen.add(key)
    measured = {}
    for name in outcomes:
        rows = [i for i, t in enumerate(ordered) if name in t.values]
        if rows:
            measured[name] = _measured(codes[rows], [ordered[i] for i in rows], name)
    return Results(tried, failed, waiting[fresh], measured)


def _codes(grid: Grid, settings: Sequence[Mapping[str, Value]]) -> Codes:
    if not settings:
        return np.empty((0, len(grid.encoding.space.parameters)))
    return grid.normal(grid.encoding.encode(settings))


def _order(codes: Codes) -> list[int]:
    return [int(i) for i in np.lexsort(np.round(codes, _DIGITS).T[::-1])]


def _tried(codes: Codes, trials: Sequence[Trial]) -> tuple[Codes, NDArray[np.bool_]]:
    first: dict[bytes, int] = {}
    votes: dict[bytes, list[bool]] = {}
    for i, key in enumerate(keys(codes)):
        first.setdefault(key, i)
        votes.setdefault(key, []).append(trials[i].failed)
    return codes[list(first.values())], np.array([2 * sum(v) > len(v) for v in votes.values()], dtype=bool)


def _measured(codes: Codes, trials: Sequence[Trial], name: str) -> Measured:
    values = np.array([t.values[name] for t in trials])
    stds = np.array([t.stds.get(name, 0.0) for t in trials])
    # Repeats of a setting, too, in an order of their own.
    order = np.lexsort((stds, values, *np.round(codes, _DIGITS).T[::-1]))
    return Measured(codes[order], values[order], stds[order] if stds.any() else None)


def _weighed(pairs: Sequence[tuple[float, float]]) -> float:
    values, stds = np.array(pairs).T
    weights = 1.0 / stds**2 if np.all(stds > 0.0) else np.ones(len(values))
    return float(weights @ values / weights.sum())


def _check_setting(space: Space, setting: Setting | Mapping[str, Value], where: str) -> None:
    for name in setting:
        if name not in space.names:
            raise BadTrials(f"{where}: there is no parameter '{name}'; there are {', '.join(space.names)}")
    for name in space.names:
        if name not in setting:
            raise BadTrials(f"{where}: '{name}' is missing")
        try:
            space.check_value(name, setting[name])
        except BadSetting as bad:
            raise BadTrials(f"{where}: {bad}") from None


def _check_values(trial: Trial, where: str) -> None:
    for name, value in trial.values.items():
        if not math.isfinite(value):
            raise BadTrials(f"{where}: '{name}' is {value}; what was not measured is left out")
    for name, std in trial.stds.items():
        if name not in trial.values:
            raise BadTrials(f"{where}: '{name}' has a deviation and no value")
        if not math.isfinite(std) or std < 0.0:
            raise BadTrials(f"{where}: the deviation of '{name}' is {std}")
