"""Several sources of one property in one model, each with its own bias and noise.

What helps (FreeSolv, RMSE in kcal/mol with 30 / 100 random molecules and on scaffold splits, means over 10 / 10 / 5
tests of 128 molecules; `benchmarks.fusion`):

- calculations that err differently, together. Plain process 2.01 / 1.28 / 1.47; molecular dynamics as a residual
  1.36 / 1.08 / 1.23, fused 1.32 / 1.04 / 1.19; xTB fused 1.59 / 1.10 / 1.36; both fused 1.25 / 0.99 / 1.14.
  Tested on all 542 molecules that are not among the 100: plain 1.39, residual 1.08, both fused 1.04.
- calculations of other molecules, where the asked ones have none: 1.39 / 1.20 instead of 2.06 / 1.30 without them
  (molecular dynamics of 400 others, 3 draws, 200 molecules tested).

What does not help (boiling points; `benchmarks.fusion_handbook`): handbooks that mostly agree. Their noise, 1 to 3 K,
is small beside the model's error, so the mean absolute error with 200 molecules is that of the most trusted table alone
(14.7 and 14.6 K), and the consensus, which leaves out implausible values, is better (13.9 K). Fusion then tells which
values to doubt. A prior with errors that grow with the molecule, as Joback's, is better used by its residual (22.8
against 24.3 K with 30 molecules).

The standard deviations are too small where sources are many (raw coverage of 90 % intervals 0.78 to 0.92), so intervals
need the conformal calibrator like any other model's.
"""

from knowledge.qspr.fusion.model import FittedFusion, Fusion
from knowledge.qspr.fusion.report import SourceReport
from knowledge.qspr.fusion.sources import ComputedSource, FusedSamples, Source, TableSource

__all__ = ["ComputedSource", "FittedFusion", "FusedSamples", "Fusion", "Source", "SourceReport", "TableSource"]
