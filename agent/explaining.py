"""The reasons of a proposal: for every property that decides, the prediction, how far it may be believed, and why.

Made by the models that proposed, when they proposed, and stored with the candidate, so that a reviewer and the report
see what was known then.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from knowledge.qspr.domain import Domain
from knowledge.qspr.estimates import Z90, from_estimate
from knowledge.qspr.explain import explain
from knowledge.records.candidate import Candidate
from knowledge.records.explanation import Explanation, Forecast
from knowledge.records.quantity import Estimate
from planners.optimize.surrogate import Surrogate
from planners.optimize.surrogates import Surrogates
from planners.optimize.threads import blas_threads
from planners.optimize.widening import NONE

LEVEL = 0.9
_SMALLER = 60  # molecules that are predicted for one explanation at most
_PRECEDENTS = 3


def with_forecasts(
    candidates: Sequence[Candidate], surrogates: Surrogates, properties: Sequence[str]
) -> list[Candidate]:
    """The candidates with a forecast of each property that they have a prediction of. Deterministic."""
    found: dict[str, list[Forecast]] = {c.molecule.smiles: [] for c in candidates}
    with blas_threads(None):
        for name in properties if candidates else ():
            model = surrogates[name]
            domain = Domain.of(model.fitted.samples)
            for candidate in candidates:
                smiles = candidate.molecule.smiles
                if name in candidate.predicted:
                    found[smiles].append(_forecast(model, domain, smiles, candidate.predicted[name]))
    return [c.model_copy(update={"forecasts": tuple(found[c.molecule.smiles])}) for c in candidates]


def _forecast(model: Surrogate, domain: Domain, smiles: str, estimate: Estimate) -> Forecast:
    """The interval is that of a measurement: the proposal's own, widened deviation and the model's noise."""
    prop, fitted = model.property, model.fitted
    mean, std = from_estimate(estimate, prop)
    half = Z90 * math.hypot(std, float(fitted.predict([smiles]).noise[0]))
    (place,) = domain.place([smiles])
    why: Explanation | str
    try:
        why = explain(fitted, fitted.samples, prop, smiles, model=fitted.name, limit=_SMALLER, precedents=_PRECEDENTS)
    except ValueError as error:
        why = str(error)
    return Forecast(
        property=prop.name,
        value=prop.from_model(mean),
        low=prop.from_model(mean - half),
        high=prop.from_model(mean + half),
        level=LEVEL,
        calibrated=model.widening != NONE,
        in_domain=place.in_domain,
        reason=place.reason,
        explanation=None if isinstance(why, str) else why,
        unexplained=why if isinstance(why, str) else "",
    )
