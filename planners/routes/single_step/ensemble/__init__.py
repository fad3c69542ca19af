"""Four learned models fused: one pool of precursor sets, one reranker, one calibrated probability.

proposer = EnsembleProposer()                      every model, for the best list
proposer = EnsembleProposer(gate=0.5)              slow models only where the quick ones are unsure
proposer.propose(["CC(=O)Nc1ccc(O)cc1"], 10)
"""

from planners.routes.single_step.ensemble.proposer import EnsembleProposer

__all__ = ["EnsembleProposer"]
