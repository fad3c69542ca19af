"""What a reaction station reports of a crude mixture -> the outcomes of the reaction."""

from __future__ import annotations

import numpy as np

from instruments.analysis.reading import measurement
from instruments.analysis.signal import CorruptSignal, Signal
from knowledge.records.measurement import Artifact, Measurement
from knowledge.records.properties import UnknownProperty, credible, get_property
from knowledge.records.quantity import UnitMismatch, convert

ANALYSIS = "reaction_assay/1"


def analyse_assay(artifact: Artifact, signal: Signal) -> list[Measurement]:
    """One measurement for each array, named after its property: the mean of its injections, in the property's unit.

    The standard uncertainty is the header's, or the standard error where there are several injections; 0 where nobody
    knows it. Raises CorruptSignal.
    """
    units, stds = signal.metadata.get("units"), signal.metadata.get("stds", {})
    if not isinstance(units, dict) or not isinstance(stds, dict):
        raise CorruptSignal("reaction_assay: header entry 'units' or 'stds' is not a table")
    found: list[Measurement] = []
    for name in sorted(signal.arrays):
        try:
            own, given = get_property(name).unit, str(units.get(name))
            values = [convert(v, given, own) for v in signal.array(name).tolist()]
            slope = convert(1.0, given, own) - convert(0.0, given, own)
        except (UnknownProperty, UnitMismatch) as error:
            raise CorruptSignal(f"reaction_assay: {error}") from None
        value = float(np.mean(values))
        std = float(np.std(values, ddof=1) / np.sqrt(len(values))) if len(values) > 1 else 0.0
        if isinstance(stds.get(name), int | float):
            std = abs(slope) * float(stds[name])
        low, high = credible(name)
        flags = [] if low <= value <= high else [f"not between {low:g} and {high:g}"]
        found.append(measurement(artifact, signal, name, value, std, ANALYSIS, flags))
    return found
