"""Which model inside a composed one answers for a molecule."""

from __future__ import annotations

from knowledge.qspr.contract import Fitted
from knowledge.qspr.models.stack import FittedStack
from knowledge.qspr.priors.feature import FittedWithPriorFeature
from knowledge.qspr.priors.residual import FittedWithPrior, on_model_scale


def members(fitted: Fitted) -> list[tuple[float, Fitted]]:
    """(weight, model) of everything in a stack that counts, stacks in stacks included; any other model alone."""
    if not isinstance(fitted, FittedStack):
        return [(1.0, fitted)]
    return [
        (float(weight) * share, inner)
        for weight, member in zip(fitted.weights, fitted.members, strict=True)
        if weight > 0.0
        for share, inner in members(member)
    ]


def answering(fitted: Fitted, smiles: str) -> Fitted:
    """Of a model with a prior, the one that is asked about this molecule; any other model itself."""
    if isinstance(fitted, FittedWithPrior | FittedWithPriorFeature):
        inner = fitted.residual if isinstance(fitted, FittedWithPrior) else fitted.featured
        known = bool(on_model_scale(fitted.prior, [smiles])[1][0])
        return fitted.plain if inner is None or not known else inner
    return fitted
