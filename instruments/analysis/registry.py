"""Which analysis reads which kind of signal. Pure: bytes in, measurements out."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from instruments.analysis.assay import analyse_assay
from instruments.analysis.balance import analyse_balance
from instruments.analysis.chromatogram import analyse_chromatogram
from instruments.analysis.ebulliometry import analyse_ebulliometry
from instruments.analysis.flash import analyse_flash
from instruments.analysis.signal import CorruptSignal, Signal, decode
from instruments.analysis.solvency import analyse_solvency
from instruments.analysis.viscometry import analyse_viscometry
from knowledge.records.measurement import Artifact, Measurement

__all__ = ["READERS", "CorruptSignal", "analyse", "analyse_one"]


def _check_trace(artifact: Artifact, signal: Signal) -> list[Measurement]:
    """A reactor's temperature is kept for people; it yields no property."""
    signal.array("time_s"), signal.array("temperature_k")
    return []


READERS: dict[str, Callable[[Artifact, Signal], list[Measurement]]] = {
    "balance": analyse_balance,
    "chromatogram": analyse_chromatogram,
    "ebulliometry": analyse_ebulliometry,
    "flash_point": analyse_flash,
    "reaction_assay": analyse_assay,
    "reactor_temperature": _check_trace,
    "solvency": analyse_solvency,
    "viscometry": analyse_viscometry,
}


def analyse_one(artifact: Artifact) -> list[Measurement]:
    """The measurements of one signal. Raises CorruptSignal naming what is wrong with it."""
    reader = READERS.get(artifact.kind)
    if reader is None:
        raise CorruptSignal(f"no analysis reads signals of kind '{artifact.kind}'; known: {', '.join(sorted(READERS))}")
    return reader(artifact, decode(artifact))


def analyse(artifacts: Sequence[Artifact]) -> list[Measurement]:
    """The measurements of all signals, in their order. Raises CorruptSignal at the first that cannot be read."""
    return [measurement for artifact in artifacts for measurement in analyse_one(artifact)]
