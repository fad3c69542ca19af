"""The reasons of a proposal: for every property that decides, the prediction, how far it may be believed, and why.

Made by the models that proposed, when they proposed, and stored with the candidate, so that a reviewer and the report
see what was known then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from knowledge.qspr.contract import Belief, Samples
from knowledge.qspr.domain import Domain
from knowledge.qspr.explain import explain
from knowledge.qspr.model import PropertyModel, from_estimate
from knowledge.records.candidate import Candidate
from knowledge.records.explanation import Explanation, Forecast
from knowledge.records.quantity import Estimate
from planners.optimize.surrogates import Surrogates
from planners.optimize.threads import blas_threads

LEVEL = 0.9
_DEVIATIONS = 1.6448536269514722  # half width of the central 90 % of a normal distribution
_SMALLER = 60  # molecules that are predicted for one explanation at most
_PRECEDENTS = 3


@dataclass(frozen=True)
class _Predicts:
    """A property model of the loop as explanations ask it."""

    model: PropertyModel

    def predict(self, smiles: Sequence[str]) -> Belief:
        mean, std = self.model.predict(smiles)
        return Belief(mean, std, np.zeros(len(smiles)))


def with_forecasts(
    candidates: Sequence[Candidate], surrogates: Surrogates, properties: Sequence[str]
) -> list[Candidate]:
    """The candidates with a forecast of each property that they have a prediction of; none by a model that knows a
    single molecule. Deterministic.
    """
    found: dict[str, list[Forecast]] = {c.molecule.smiles: [] for c in candidates}
    with blas_threads(None):
        for name in properties if candidates else ():
            model = surrogates[name]
            samples = Samples(model.rows.smiles, model.rows.values, model.rows.variances)
            if len(samples) < 2:
                continue
            domain = Domain.of(samples)
            for candidate in candidates:
                smiles = candidate.molecule.smiles
                if name in candidate.predicted:
                    found[smiles].append(_forecast(model, samples, domain, smiles, candidate.predicted[name]))
    return [c.model_copy(update={"forecasts": tuple(found[c.molecule.smiles])}) for c in candidates]


def _forecast(model: PropertyModel, samples: Samples, domain: Domain, smiles: str, estimate: Estimate) -> Forecast:
    prop = model.property
    mean, std = from_estimate(estimate, prop)
    (place,) = domain.place([smiles])
    why: Explanation | str
    try:
        why = explain(_Predicts(model), samples, prop, smiles, limit=_SMALLER, precedents=_PRECEDENTS)
    except ValueError as error:
        why = str(error)
    return Forecast(
        property=prop.name,
        value=prop.from_model(mean),
        low=prop.from_model(mean - _DEVIATIONS * std),
        high=prop.from_model(mean + _DEVIATIONS * std),
        level=LEVEL,
        calibrated=False,
        in_domain=place.in_domain,
        reason=place.reason,
        explanation=None if isinstance(why, str) else why,
        unexplained=why if isinstance(why, str) else "",
    )
