"""Vapour temperature against time -> normal boiling point."""

from __future__ import annotations

import math

import numpy as np
from scipy.ndimage import uniform_filter1d

from instruments.analysis.reading import measurement
from instruments.analysis.signal import CorruptSignal, FloatArray, Signal
from knowledge.records.measurement import Artifact, Measurement

ANALYSIS = "boiling_plateau/1"
_ATMOSPHERE_KPA = 101.325
_GAS_CONSTANT = 8.314462618
_FLAT_K_PER_MIN = 0.8
_SHARP_K_PER_MIN = 2.5
_SHORTEST = 50


def normal_boiling_point(temperature_k: float, pressure_kpa: float) -> float:
    """K at 101.325 kPa, by Clausius-Clapeyron with Kistiakowsky's entropy, ΔS = 36.6 + R ln Tb J/(mol K) (1923)."""
    normal = temperature_k
    for _ in range(8):
        entropy = 36.6 + _GAS_CONSTANT * math.log(normal)
        normal = temperature_k * (1.0 - _GAS_CONSTANT / entropy * math.log(pressure_kpa / _ATMOSPHERE_KPA))
    return normal


def _plateau(time: FloatArray, temperature: FloatArray) -> tuple[int, int] | None:
    """First and last index of the longest flat stretch that a sharp bend begins; None when there is none."""
    smooth = uniform_filter1d(temperature, 25)
    slope = np.gradient(smooth, time) * 60.0
    flat = np.abs(uniform_filter1d(slope, 15)) < _FLAT_K_PER_MIN
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flat.astype(int), [0]])))
    runs = sorted(
        ((int(b) - int(a), int(a), int(b) - 1) for a, b in zip(edges[::2], edges[1::2], strict=True)), reverse=True
    )
    for length, first, last in runs:
        # Boiling ends the rise at a bend; a bath that is merely warm is approached without one.
        before = slope[max(first - 45, 0) : max(first - 15, 3)]
        if length >= _SHORTEST and first >= 3 and float(before.mean()) > _SHARP_K_PER_MIN:
            return first, last
    return None


def analyse_ebulliometry(artifact: Artifact, signal: Signal) -> list[Measurement]:
    """K. Mean over the first half of the plateau, corrected to 101.325 kPa."""
    time, temperature = signal.array("time_s"), signal.array("vapour_k")
    pressure = float(signal.array("pressure_kpa").mean())
    if time.shape != temperature.shape or time.size < 100 or np.any(np.diff(time) <= 0.0):
        raise CorruptSignal("ebulliometry: times and temperatures do not fit together")
    if pressure <= 0.0 or float(temperature.min()) <= 0.0:
        raise CorruptSignal("ebulliometry: pressure or temperature is not positive")
    thermometer = signal.number("thermometer_std_k")
    found = _plateau(time, temperature)
    flags = []
    if found is None:
        value = float(temperature[-50:].mean())
        flags.append(f"no boiling plateau up to {value:.0f} K")
        return [measurement(artifact, signal, "boiling_point", value, 25.0, ANALYSIS, flags)]
    first, last = found
    stretch = temperature[first + 10 : first + 10 + max((last - first) // 2, 20)]
    plateau = float(stretch.mean())
    creep = float(temperature[last - 25 : last + 1].mean()) - plateau
    if creep > 1.5:
        flags.append(f"the plateau creeps by {creep:.1f} K: impure or decomposing")
    value = normal_boiling_point(plateau, pressure)
    scatter = float(stretch.std(ddof=1)) / math.sqrt(stretch.size)
    std = math.sqrt(thermometer**2 + scatter**2 + (0.05 * (value - plateau)) ** 2 + (0.3 * creep) ** 2)
    return [measurement(artifact, signal, "boiling_point", value, std, ANALYSIS, flags)]
