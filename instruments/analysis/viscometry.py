"""Torque against shear rate -> dynamic viscosity at 298.15 K."""

from __future__ import annotations

import math

import numpy as np

from instruments.analysis.reading import measurement
from instruments.analysis.signal import CorruptSignal, Signal
from knowledge.records.measurement import Artifact, Measurement

ANALYSIS = "viscometry_slope/1"
_REFERENCE_K = 298.15


def analyse_viscometry(artifact: Artifact, signal: Signal) -> list[Measurement]:
    """mPa*s. Slope of stress over shear rate through the origin, corrected to 298.15 K for up to half a kelvin.

    Small temperature corrections after Lewis & Squires (1934). Flags: torque out of range, not Newtonian, other
    temperature.
    """
    rate, torque = signal.array("shear_rate_per_s"), signal.array("torque_mnm")
    temperature = float(signal.array("temperature_k").mean())
    if rate.shape != torque.shape or rate.size < 6 or np.any(rate <= 0.0):
        raise CorruptSignal("viscometry: shear rates and torques do not fit together")
    full = signal.number("full_scale_mnm")
    flags = []
    usable = torque < 0.999 * full
    if not usable.all():
        flags.append("the torque is out of range")
    if usable.sum() < 6 or float(torque.max()) < 2e-3:
        return [measurement(artifact, signal, "viscosity", 0.0, 0.0, ANALYSIS, ["no usable torque reading"])]
    rate, torque = rate[usable], torque[usable]
    stress = torque * signal.number("stress_pa_per_mnm")
    # Errors of torque grow with the torque: the mean of the ratios weighs every rate alike.
    ratios = stress / rate
    weights = 1.0 / (0.006**2 + (2e-4 * signal.number("stress_pa_per_mnm") / stress) ** 2)
    viscosity = float((ratios * weights).sum() / weights.sum())
    scatter = math.sqrt(float((weights * (ratios / viscosity - 1.0) ** 2).sum() / weights.sum()) / (rate.size - 1))
    positive = stress > 0.0
    exponent, exponent_std = _flow_exponent(np.log(rate[positive]), np.log(stress[positive]))
    if abs(exponent - 1.0) > max(0.03, 4.0 * exponent_std):
        flags.append(f"not Newtonian: stress rises with shear rate to the power {exponent:.2f}")
    value = viscosity * 1e3
    if abs(temperature - _REFERENCE_K) <= 0.5:
        value = float((value**-0.2661 + (_REFERENCE_K - temperature) / 233.0) ** (-1.0 / 0.2661))
    else:
        flags.append(f"measured at {temperature:.2f} K, not at 298.15 K")
    relative = math.hypot(scatter, signal.number("calibration_relative"))
    return [measurement(artifact, signal, "viscosity", value, value * relative, ANALYSIS, flags)]


def _flow_exponent(log_rate: np.ndarray, log_stress: np.ndarray) -> tuple[float, float]:
    """Ostwald-de Waele exponent and its standard error."""
    centred = log_rate - log_rate.mean()
    spread = float((centred**2).sum())
    if spread <= 0.0 or log_rate.size < 4:
        return 1.0, math.inf
    slope = float((centred * log_stress).sum()) / spread
    residual = log_stress - log_stress.mean() - slope * centred
    return slope, math.sqrt(float((residual**2).sum()) / (log_rate.size - 2) / spread)
