"""One step back: from a molecule to sets of precursors."""

from planners.routes.single_step.proposal import Proposal, Proposer

__all__ = ["Proposal", "Proposer"]
