"""Whether a step would work, and why: `judge(step)` gives a verdict, reasons, competing products, nearest precedent.

    check = ForwardCheck()                  caches; one per worker
    check.judge(step) -> StepCheck          supported | plausible | unsupported
    check.judge_many(steps)

Tests in order: sane reactants, every atom's origin, the product again when the reaction is run forward, competing
sites, the nearest published reaction, learned plausibility.
"""

from planners.routes.check.forward import ForwardCheck, judge, judge_many

__all__ = ["ForwardCheck", "judge", "judge_many"]
