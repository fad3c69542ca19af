"""A molecule that somebody proposed, and why."""

from __future__ import annotations

from knowledge.records.base import Record
from knowledge.records.explanation import Forecast
from knowledge.records.molecule import Molecule
from knowledge.records.quantity import Estimate


class Provenance(Record):
    """Who proposed it: the generator, its operator, and the SMILES that it was made from."""

    generator: str
    operator: str
    parents: tuple[str, ...] = ()


class Candidate(Record):
    """`predicted` is by property name, in the table's units, at the moment of proposing (for the prospective error).

    `forecasts`: the same predictions with their reasons, by the models that proposed it; what later models think
    changes nothing in them. Empty while nobody has chosen it. `acquisition` is the value that the batch rule gave it;
    None when it was chosen by another rule (random, library).
    """

    molecule: Molecule
    provenance: Provenance
    predicted: dict[str, Estimate] = {}
    forecasts: tuple[Forecast, ...] = ()
    acquisition: float | None = None
    purchasable: bool = False
