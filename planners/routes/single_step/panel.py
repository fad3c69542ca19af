"""Who is asked for disconnections: a quick model about every molecule, the ensemble where that has too little to say.

The ensemble ranks better, but a search that asks it about every molecule sees a quarter of the molecules in the same
time: of 60 targets of published routes it solved 80 % within ten seconds, this panel 95 % (docs/results.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from planners.routes.single_step import weights
from planners.routes.single_step.proposal import Proposer

Models = Literal["all", "rules", "learned"]
UNSURE = 0.5  # below this probability of the ensemble's quick models' best proposal its slow ones are asked as well
_LAST_MADE = "ensemble.json.gz"  # with these weights all the others are there too


@dataclass(frozen=True)
class Panel:
    """`first` and `second` of a route search."""

    first: Proposer
    second: Proposer | None = None


def learned() -> bool:
    """Whether the weights of the learned models are there."""
    return weights.available(_LAST_MADE)


def panel(models: Models = "all") -> Panel:
    """New proposers with empty caches. What is missing is said when they are asked first (WeightsMissing)."""
    from planners.routes.single_step.curated import RuleProposer

    if models == "rules":
        return Panel(RuleProposer())
    from planners.routes.single_step.combined import CombinedProposer
    from planners.routes.single_step.ensemble import EnsembleProposer
    from planners.routes.single_step.local.proposer import LocalProposer

    quick = LocalProposer()
    first = quick if models == "learned" else CombinedProposer(RuleProposer(), quick)
    return Panel(first, EnsembleProposer(gate=UNSURE))
