"""Several sources of one property in one model, each with its own bias and noise."""

from knowledge.qspr.fusion.model import FittedFusion, Fusion
from knowledge.qspr.fusion.report import SourceReport
from knowledge.qspr.fusion.sources import ComputedSource, FusedSamples, Source, TableSource

__all__ = ["ComputedSource", "FittedFusion", "FusedSamples", "Fusion", "Source", "SourceReport", "TableSource"]
