"""What a single-step retrosynthesis model says, and the narrow interface that all of them share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class Proposal:
    """One disconnection.

    `reactants` are canonical SMILES in the template's order, repeated by stoichiometry (a diethyl ester: two ethanols).
    `score` in (0, 1]: for curated rules the documented reliability times penalties, for learned models
    a probability. `reaction_class` and `template` are "" when the model does not know one.
    `model`: who proposes it, several joined by "+" in alphabetical order.
    """

    reactants: tuple[str, ...]
    reaction_class: str
    template: str
    score: float
    model: str = "rules"


@runtime_checkable
class Proposer(Protocol):
    """Batched, as learned models want it; an answer list has at most `k` proposals, best first."""

    def propose(self, molecules: Sequence[str], k: int) -> list[list[Proposal]]: ...
