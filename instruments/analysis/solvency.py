"""Which probes a solvent dissolved, and how much of each -> the solvent's three Hansen parameters."""

from __future__ import annotations

import numpy as np
from scipy.optimize import least_squares

from instruments.analysis.reading import measurement
from instruments.analysis.signal import CorruptSignal, FloatArray, Signal
from knowledge.records.measurement import Artifact, Measurement
from knowledge.records.properties import HANSEN

ANALYSIS = "hansen_fit/1"
_AXES = np.array([4.0, 1.0, 1.0])  # Ra² = 4 ΔδD² + ΔδP² + ΔδH² (Hansen 2007, eq. 1.9)
_LOW, _HIGH = np.array([10.0, 0.0, 0.0]), np.array([26.0, 32.0, 46.0])


def _response(
    point: FloatArray, centres: FloatArray, radii: FloatArray, width: float, full: float
) -> tuple[FloatArray, FloatArray]:
    """Absorbances (n,) and their derivatives by δD, δP, δH (n, 3)."""
    difference = point - centres
    distance = np.sqrt((_AXES * difference**2).sum(axis=1)) + 1e-9
    argument = np.clip((distance / radii - 1.0) / width, -40.0, 40.0)
    share = 1.0 / (1.0 + np.exp(argument))
    slope = -full * share * (1.0 - share) / (width * radii * distance)
    return full * share, slope[:, None] * _AXES * difference


def analyse_solvency(artifact: Artifact, signal: Signal) -> list[Measurement]:
    """MPa^0.5. Weighted least squares from several starts; uncertainties from the covariance, widened by a poor fit."""
    absorbance, radii = signal.array("absorbance"), signal.array("probe_radius")
    centres = np.column_stack([signal.array(f"probe_{axis}") for axis in "dph"])
    if absorbance.shape != radii.shape or absorbance.size < 6 or np.any(radii <= 0.0):
        raise CorruptSignal("solvency: absorbances and probes do not fit together")
    width, full = signal.number("width_red"), signal.number("full_absorbance")
    noise = max(signal.number("absorbance_std"), 1e-6)

    def residual(point: FloatArray) -> FloatArray:
        values, _ = _response(point, centres, radii, width, full)
        return np.asarray((values - absorbance) / noise)

    def slope(point: FloatArray) -> FloatArray:
        _, derivative = _response(point, centres, radii, width, full)
        return np.asarray(derivative / noise)

    fits = [
        least_squares(residual, np.clip(start, _LOW + 1e-6, _HIGH - 1e-6), slope, bounds=(_LOW, _HIGH), loss="soft_l1")
        for start in _starts(centres, radii, absorbance, residual)
    ]
    best = min(fits, key=lambda fit: float(fit.cost))
    freedom = absorbance.size - 3
    misfit = float((residual(best.x) ** 2).sum()) / freedom
    information = slope(best.x).T @ slope(best.x)
    flags = []
    if np.linalg.cond(information) > 1e10:
        stds = np.full(3, 5.0)
        flags.append("the probes do not fix the solvent's position")
    else:
        stds = np.sqrt(np.diag(np.linalg.inv(information)) * max(misfit, 1.0))
        if float(stds.max()) > 1.0:
            flags.append("the probes hardly fix the solvent's position")
    if misfit > 4.0:
        flags.append(f"poor fit: chi squared per degree of freedom {misfit:.1f}")
    if best.x[0] <= _LOW[0] + 1e-3 or np.any(best.x >= _HIGH - 1e-3):
        flags.append("at the edge of what the panel can see")
    return [
        measurement(artifact, signal, name, float(value), float(max(std, 0.02)), ANALYSIS, flags)
        for name, value, std in zip(HANSEN, best.x, stds, strict=True)
    ]


def _starts(centres: FloatArray, radii: FloatArray, absorbance: FloatArray, residual: object) -> list[FloatArray]:
    """The centroid of what dissolved and the three best points of a coarse grid."""
    weights = np.clip(absorbance, 0.0, None) / radii**2
    centroid = (weights[:, None] * centres).sum(axis=0) / max(float(weights.sum()), 1e-12)
    grid = np.array(
        [[d, p, h] for d in (15.0, 17.0, 19.0) for p in (2.0, 7.0, 13.0, 19.0) for h in (2.0, 8.0, 14.0, 22.0)]
    )
    assert callable(residual)
    costs = [float(np.minimum(residual(point) ** 2, 400.0).sum()) for point in grid]
    best = np.argsort(costs, kind="stable")[:3]
    return [centroid if weights.sum() > 0.0 else grid[int(best[0])], *(grid[int(i)] for i in best)]
