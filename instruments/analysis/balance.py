"""Balance readings -> isolated mass, and the yield where the theoretical mass is known."""

from __future__ import annotations

import math

import numpy as np

from instruments.analysis.reading import measurement
from instruments.analysis.signal import CorruptSignal, Signal
from knowledge.records.measurement import Artifact, Measurement

ANALYSIS = "balance_difference/1"


def analyse_balance(artifact: Artifact, signal: Signal) -> list[Measurement]:
    """Loaded minus empty with a common linear drift (least squares); g. The yield is of the mass as it is,
    impurities included.
    """
    empty, loaded = signal.array("empty_g"), signal.array("loaded_g")
    if empty.size < 5 or loaded.size < 5:
        raise CorruptSignal("balance: fewer than five readings")
    readings = np.concatenate([empty, loaded])
    moment = np.arange(readings.size, dtype=float)
    step = (moment >= empty.size).astype(float)
    design = np.column_stack([np.ones_like(moment), moment, step])
    solution, *_ = np.linalg.lstsq(design, readings, rcond=None)
    residual = readings - design @ solution
    scatter = float(residual.std(ddof=3))
    inverse = np.linalg.inv(design.T @ design)
    std = math.hypot(scatter * math.sqrt(float(inverse[2, 2])), signal.number("balance_std_g"))
    flags = [] if scatter < 10.0 * signal.number("balance_std_g") else ["the balance was not at rest"]
    mass = max(float(solution[2]), 0.0)
    results = [measurement(artifact, signal, "isolated_mass", mass, std, ANALYSIS, flags)]
    if "theoretical_g" in signal.metadata:
        theory = signal.number("theoretical_g")
        if theory <= 0.0:
            raise CorruptSignal("balance: the theoretical mass is not positive")
        results.append(measurement(artifact, signal, "reaction_yield", mass / theory, std / theory, ANALYSIS, flags))
    return results
