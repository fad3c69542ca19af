"""What a source says: one value of one property of one molecule, and where it comes from."""

from __future__ import annotations

from enum import StrEnum

from knowledge.records.base import Record


class Kind(StrEnum):
    EXPERIMENTAL = "experimental"
    CURATED = "curated"  # a compilation that mixes measured and smoothed values
    MEASURED_HERE = "measured_here"  # by a lab of ours, simulated or not
    CALCULATED = "calculated"  # by group contributions, quantum chemistry or simulation: nobody measured it


class Fact(Record):
    """`value` and `std` (standard uncertainty of this source) in the unit of `knowledge.records.properties`."""

    smiles: str
    inchikey: str
    property: str
    value: float
    std: float
    source: str
    kind: Kind
