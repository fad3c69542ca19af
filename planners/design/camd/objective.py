"""The score of a problem as the objective of a SCIP model."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from planners.design.camd.wanted import FLOOR, Aim, Limit


def set_objective(
    model: Any,
    aims: Sequence[Aim],
    value_of: Callable[[Aim], Any],
    penalties: Sequence[Any],
    corrections: Sequence[Any] = (),
) -> bool:
    """The logarithm of the score. One goal alone: its worth, which rises with it; then the answer is True.

    value_of: a variable for what an aim is about; to be minimised, it may lie above the property.
    penalties: margins by which soft limits are missed.  corrections: terms to add.
    """
    from pyscipopt import log

    weights = sum(aim.weight for aim in aims)
    worths = [_worth(model, aim, value_of(aim)) for aim in aims]
    if len(aims) == 1 and not penalties and not corrections:
        model.setObjective(worths[0], "maximize")
        return True
    terms = [-math.log(2.0) * penalty for penalty in penalties]
    terms += corrections
    for aim, worth in zip(aims, worths, strict=True):
        term = model.addVar(vtype="C", lb=math.log(FLOOR), ub=0.0)
        model.addCons(term <= log(worth))
        terms.append(aim.weight / weights * term)
    if terms:
        model.setObjective(sum(terms), "maximize")
    return False


def missed(model: Any, limit: Limit, value: Any) -> Any:
    """A variable: how many margins a soft limit is missed by, at least."""
    margins = model.addVar(vtype="C", lb=0.0)
    if math.isfinite(limit.low):
        model.addCons(margins * limit.softness >= limit.low - value)
    if math.isfinite(limit.high):
        model.addCons(margins * limit.softness >= value - limit.high)
    return margins


def _worth(model: Any, aim: Aim, value: Any) -> Any:
    worth = model.addVar(vtype="C", lb=FLOOR, ub=1.0)
    span = abs(aim.best - aim.worst)
    if aim.direction == "maximise":
        model.addCons(worth * span <= value - aim.worst)
    elif aim.direction == "minimise":
        model.addCons(worth * span <= aim.worst - value)
    else:
        model.addCons(worth * span <= span - (value - aim.best))
        model.addCons(worth * span <= span - (aim.best - value))
    return worth
