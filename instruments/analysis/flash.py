"""Ignition tests at rising temperatures -> closed-cup flash point."""

from __future__ import annotations

import math

import numpy as np

from instruments.analysis.reading import measurement
from instruments.analysis.signal import CorruptSignal, Signal
from knowledge.records.measurement import Artifact, Measurement

ANALYSIS = "flash_bracket/1"
_SCALE_K = 0.35  # how gradually flashes set in, as a logistic scale
_BAROMETRIC = 0.25  # K/kPa, ISO 3679


def analyse_flash(artifact: Artifact, signal: Signal) -> list[Measurement]:
    """K at 101.325 kPa. Likeliest threshold of a logistic response over all tests; its spread from the likelihood."""
    temperature, rise = signal.array("temperature_k"), signal.array("rise_kpa")
    if temperature.shape != rise.shape:
        raise CorruptSignal("flash_point: temperatures and pressure rises do not fit together")
    flashed = rise > signal.number("threshold_kpa")
    correction = _BAROMETRIC * (101.325 - signal.number("pressure_kpa"))
    if not flashed.any():
        top = float(temperature.max()) + correction
        return [measurement(artifact, signal, "flash_point", top, 15.0, ANALYSIS, [f"no flash up to {top:.0f} K"])]
    flags = []
    if not (~flashed).any() or float(temperature[flashed].min()) <= signal.number("coldest_k") + 5.0:
        flags.append("flashes at the coldest temperature that the tester reaches")
    low = float(temperature[flashed].min()) - 6.0
    grid = np.arange(low, float(temperature[flashed].max()) + 6.0, 0.02)
    signs = np.where(flashed, 1.0, -1.0)
    arguments = signs[:, None] * (temperature[:, None] - grid[None, :]) / _SCALE_K
    likelihood = -np.logaddexp(0.0, -arguments).sum(axis=0)
    weight = np.exp(likelihood - likelihood.max())
    weight /= weight.sum()
    centre = float((weight * grid).sum())
    spread = math.sqrt(float((weight * (grid - centre) ** 2).sum()))
    if float(likelihood.max()) < -8.0:
        flags.append("flashes and misses are mixed")
    std = math.hypot(spread, signal.number("thermometer_std_k"))
    return [measurement(artifact, signal, "flash_point", centre + correction, std, ANALYSIS, flags)]
