"""Predictions made to obey what physics orders: melting below boiling below critical, pressure rising with temperature.

The smallest change weighted by inverse variance is an isotonic regression (M. J. Best, N. Chakravarti, Math. Program.
47 (1990) 425), solved exactly by pooling adjacent violators. A sublimating substance has no normal boiling point; what
is done here is meant for liquids.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from knowledge.qspr.contract import Belief
from knowledge.qspr.kernels import Array

_CERTAIN = 1e-3  # K
TRANSITIONS = ("melting_point", "boiling_point", "critical_temperature")
"""In the order that a liquid passes them on heating."""

# K between melting, boiling and critical point: the narrowest liquid range of common organics is some kelvin wide.
GAP = 1.0


def increasing(values: Array, stds: Array, *, gap: float = 0.0) -> Array:
    """The values (n,) nearest to `values` in the sense of sum(((x - value) / std)²) with x[i + 1] >= x[i] + `gap`.

    NaN values stay NaN and bind nobody. Raises ValueError where a std of a value is not positive or `gap` is negative.
    """
    values, stds = np.asarray(values, dtype=np.float64), np.asarray(stds, dtype=np.float64)
    if values.shape != stds.shape or gap < 0.0:
        raise ValueError(f"need one std per value and a gap >= 0, got {values.shape}, {stds.shape} and {gap:g}")
    there = np.flatnonzero(~np.isnan(values))
    if not (stds[there] > 0.0).all():
        raise ValueError("standard deviations must be positive")
    shift = gap * np.arange(len(there))
    # Blocks of (mean, weight, size); a block that lies below its forerunner is merged with it.
    blocks: list[tuple[float, float, int]] = []
    for value, weight in zip((values[there] - shift).tolist(), (stds[there] ** -2.0).tolist(), strict=True):
        mean, total, size = value, weight, 1
        while blocks and blocks[-1][0] > mean:
            before, heavy, count = blocks.pop()
            mean = (before * heavy + mean * total) / (heavy + total)
            total, size = heavy + total, size + count
        blocks.append((mean, total, size))
    result = values.copy()
    result[there] = np.repeat([b[0] for b in blocks], [b[2] for b in blocks]) + shift if blocks else []
    return result


def ordered_transitions(means: Array, stds: Array, *, gap: float = GAP) -> Array:
    """Melting, boiling and critical temperature, columns of (n, 3) in K, so that Tm + gap <= Tb and Tb + gap <= Tc.

    A column that is not known is NaN. Standard deviations are not narrowed by the order: they stay as they were.
    """
    means, stds = np.asarray(means, dtype=np.float64), np.asarray(stds, dtype=np.float64)
    if means.ndim != 2 or means.shape[1] != 3 or means.shape != stds.shape:
        raise ValueError(f"expected means and stds of shape (n, 3), got {means.shape} and {stds.shape}")
    rows = [increasing(m, s, gap=gap) for m, s in zip(means, stds, strict=True)]
    return np.stack(rows) if rows else means.copy()


def in_order(beliefs: Mapping[str, Belief]) -> dict[str, Array]:
    """Means (n,) in K of those TRANSITIONS that are in `beliefs`, moved least so that each is below the next.

    A mean that breaks no order stays what it is to the last bit. Raises ValueError for a property that is none of the
    three.
    """
    strange = [name for name in beliefs if name not in TRANSITIONS]
    if strange:
        raise ValueError(f"'{strange[0]}' has no place among {', '.join(TRANSITIONS)}")
    there = [name for name in TRANSITIONS if name in beliefs]
    n = max((len(beliefs[name].mean) for name in there), default=0)
    means, stds = np.full((n, 3), np.nan), np.ones((n, 3))
    for name in there:
        column = TRANSITIONS.index(name)
        # Somebody who claims certainty can be moved all the same, if only by somebody else who does.
        means[:, column], stds[:, column] = beliefs[name].mean, np.maximum(beliefs[name].total, _CERTAIN)
    moved = ordered_transitions(means, stds)
    # Pooling shifts by the gap and back again, which leaves a rounding error.
    moved = np.where(np.abs(moved - means) > 1e-9 * np.abs(means), moved, means)
    return {name: moved[:, TRANSITIONS.index(name)] for name in there}


def rising_pressure(temperatures: Array, log_pressures: Array, stds: Array) -> Array:
    """Logarithms of vapour pressures (n,), changed least so that none is lower than one at a lower temperature (K).

    In the order given; equal temperatures get one value.
    """
    temperatures = np.asarray(temperatures, dtype=np.float64)
    values, spread = np.asarray(log_pressures, dtype=np.float64), np.asarray(stds, dtype=np.float64)
    if not temperatures.shape == values.shape == spread.shape:
        raise ValueError("need one temperature and one std per pressure")
    if not (np.isfinite(values).all() and (spread > 0.0).all()):
        raise ValueError("pressures must be finite and standard deviations positive")
    levels, place = np.unique(temperatures, return_inverse=True)
    weight = np.bincount(place, weights=spread**-2.0, minlength=len(levels))
    mean = np.bincount(place, weights=values * spread**-2.0, minlength=len(levels)) / weight
    return increasing(mean, np.sqrt(1.0 / weight))[place]
