"""From a number to a Measurement: where it came from is taken from the artifact, once, here."""

from __future__ import annotations

import hashlib

from instruments.analysis.signal import Signal
from knowledge.records.measurement import Artifact, Measurement
from knowledge.records.properties import get_property


def measurement(
    artifact: Artifact, signal: Signal, property: str, value: float, std: float, analysis: str, flags: list[str]
) -> Measurement:
    """`flags` say why the quality is in doubt; empty when it is not. Raises UnknownProperty."""
    origin = signal.metadata.get("truth", "")
    return Measurement(
        property=get_property(property).name,
        value=float(value),
        std=float(std),
        analysis=analysis,
        signals=(hashlib.sha256(artifact.data).hexdigest(),),
        source=artifact.source,
        qc_flag="; ".join(flags) or None,
        detail=origin if isinstance(origin, str) else "",
    )
