"""Quantum chemistry: GFN2-xTB of one molecule or many, with conformer search, solvation and a lasting cache.

Needs the extra `quantum` (tblite, LGPL-3.0-or-later, called as a library and not part of this repository). Without it,
and a thousand times faster, `knowledge.quantum.surrogate` guesses the same values; `knowledge.quantum.answers` asks it
first and computes only where it is unsure. Both load torch, so neither is imported here.
"""

from knowledge.quantum.batch import outcomes
from knowledge.quantum.cache import Outcome, QuantumCache, QuantumCacheBroken
from knowledge.quantum.calculation import compute
from knowledge.quantum.errors import (
    NoConformer,
    NotConverged,
    QuantumError,
    QuantumUnavailable,
    StructureChanged,
    Unsupported,
)
from knowledge.quantum.properties import METHOD, SOLVENTS, QuantumProperties, Settings

__all__ = [
    "METHOD",
    "SOLVENTS",
    "NoConformer",
    "NotConverged",
    "Outcome",
    "QuantumCache",
    "QuantumCacheBroken",
    "QuantumError",
    "QuantumProperties",
    "QuantumUnavailable",
    "Settings",
    "StructureChanged",
    "Unsupported",
    "compute",
    "outcomes",
]
