"""Why a model predicts what it does of one molecule, for every model behind `knowledge.qspr.contract`."""

from knowledge.qspr.explain.atoms import Contributions, contributions
from knowledge.qspr.explain.explanation import explain

__all__ = ["Contributions", "contributions", "explain"]
