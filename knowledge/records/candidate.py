"""What somebody proposed for an experiment, and why: a molecule, or conditions of a reaction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from knowledge.records.base import Record
from knowledge.records.explanation import Forecast
from knowledge.records.molecule import Molecule
from knowledge.records.quantity import Estimate
from knowledge.records.trial import Choice


class Provenance(Record):
    """Who proposed it: the generator, its operator, and what it was made from.

    parents: SMILES.  groups: how often each group of a group vector occurs (mathematical programming).
    latent: the point that was decoded.  route: reaction SMILES in the order of making, of molecules grown by reactions.
    geometry: atoms with coordinates in Å as an XYZ text, of molecules drawn in space.
    """

    generator: str
    operator: str
    parents: tuple[str, ...] = ()
    groups: dict[str, int] = {}
    latent: tuple[float, ...] = ()
    route: tuple[str, ...] = ()
    geometry: str = ""


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


class ConditionsCandidate(Record):
    """Conditions that somebody proposed for a reaction; `molecule` is its product."""

    kind: Literal["conditions"] = "conditions"
    molecule: Molecule
    choice: Choice

    @property
    def predicted(self) -> dict[str, Estimate]:
        return self.choice.predicted


AnyCandidate = Candidate | ConditionsCandidate


def read_candidate(body: Mapping[str, Any]) -> AnyCandidate:
    """Of a stored document; one without a kind is a molecule."""
    return ConditionsCandidate.model_validate(body) if "kind" in body else Candidate.model_validate(body)
