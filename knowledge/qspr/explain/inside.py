"""Which model inside a composed one answers for a molecule."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from knowledge.qspr.audit import FittedAudited
from knowledge.qspr.contract import Belief
from knowledge.qspr.models.stack import FittedStack
from knowledge.qspr.priors.feature import FittedWithPriorFeature
from knowledge.qspr.priors.residual import FittedWithPrior, on_model_scale


class Predicts(Protocol):
    """All that an explanation needs of a model; every `Fitted` is one."""

    def predict(self, smiles: Sequence[str]) -> Belief: ...


def members(fitted: Predicts) -> list[tuple[float, Predicts]]:
    """(weight, model) of everything in a stack that counts, stacks in stacks included; any other model alone. Of an
    audited model, the model itself.
    """
    if isinstance(fitted, FittedAudited):
        return members(fitted.inner)
    if not isinstance(fitted, FittedStack):
        return [(1.0, fitted)]
    return [
        (float(weight) * share, inner)
        for weight, member in zip(fitted.weights, fitted.members, strict=True)
        if weight > 0.0
        for share, inner in members(member)
    ]


def answering(fitted: Predicts, smiles: str) -> Predicts:
    """Of a model with a prior, the one that is asked about this molecule; any other model itself."""
    if isinstance(fitted, FittedWithPrior | FittedWithPriorFeature):
        inner = fitted.residual if isinstance(fitted, FittedWithPrior) else fitted.featured
        known = bool(on_model_scale(fitted.prior, [smiles])[1][0])
        return answering(fitted.plain if inner is None or not known else inner, smiles)
    return answering(fitted.inner, smiles) if isinstance(fitted, FittedAudited) else fitted
