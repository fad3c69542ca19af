"""What a reviewer approves: everything that will happen in the lab, under one hash."""

from __future__ import annotations

from knowledge.records.base import Record
from knowledge.records.hazard import HazardReport


class Material(Record):
    """Something taken from stock for this experiment."""

    smiles: str
    inchikey: str
    grams: float
    supplier: str


class Dossier(Record):
    """Hashes of the plan's parts, and the parts that are judged beside them.

    Any change gives another hash and voids approvals.
    """

    experiment: str
    candidate: str  # SHA-256 of the Candidate
    route: str  # SHA-256 of the Route
    procedures: str  # SHA-256 of the list of Procedures
    protocol: str  # SHA-256 of the Protocol
    materials: tuple[Material, ...]
    hazards: HazardReport
    instruments: tuple[str, ...]
