"""Factors for a process's standard deviations, on handbook values that it had not seen."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pytest

from knowledge.features import CountMorgan, Descriptors
from knowledge.qspr.contract import Belief, Samples, Stored
from knowledge.qspr.models.gp import FittedGaussianProcess, GaussianProcess, Views
from knowledge.qspr.training import choose, merge
from knowledge.records.properties import get_property
from knowledge.sources.handbook import Handbook
from planners.optimize.widening import NONE, Widening


@pytest.fixture(scope="module")
def viscosity() -> tuple[FittedGaussianProcess, Samples]:
    prop = get_property("viscosity")
    samples = choose(merge(Handbook.full().facts("viscosity"), prop), seed=0, limit=200).samples
    return GaussianProcess(views=Views((CountMorgan(),), (Descriptors(),))).fit(samples, seed=0), samples


class Boastful:
    """A process that believes its errors to be a quarter of what they are."""

    def __init__(self, fitted: FittedGaussianProcess) -> None:
        self._fitted = fitted

    def predict(self, smiles: list[str]) -> Belief:
        return self._shrunk(self._fitted.predict(smiles))

    def stored(self) -> Stored:
        return self._fitted.stored()

    def leave_one_out(self) -> Belief:
        return self._shrunk(self._fitted.leave_one_out())

    @staticmethod
    def _shrunk(belief: Belief) -> Belief:
        return Belief(belief.mean, belief.epistemic / 4.0, belief.noise / 4.0)


def test_who_boasts_is_widened_by_as_much(viscosity: tuple[FittedGaussianProcess, Samples]) -> None:
    fitted, samples = viscosity
    exact = Samples(samples.smiles, samples.values, np.zeros(len(samples)))  # so that the model's noise is used
    honest, boastful = Widening.of(fitted, exact), Widening.of(Boastful(fitted), exact)
    assert honest.known.edges == boastful.known.edges
    np.testing.assert_allclose(boastful.known.factors, 4.0 * np.array(honest.known.factors), rtol=1e-9)
    assert 0.5 < min(honest.known.factors) <= max(honest.known.factors) < 3.0


def test_nine_in_ten_of_what_was_left_out_are_inside(viscosity: tuple[FittedGaussianProcess, Samples]) -> None:
    from knowledge.qspr.domain import leave_one_out

    fitted, samples = viscosity
    belief = fitted.leave_one_out()
    widening = Widening.of(fitted, samples)
    factors = widening.known(leave_one_out(samples.smiles))
    inside = np.abs(samples.values - belief.mean) <= 1.6449 * factors * np.hypot(
        belief.epistemic, np.sqrt(samples.variances)
    )
    assert 0.88 <= inside.mean() <= 0.93


def test_it_is_kept_as_json_and_few_molecules_change_nothing(viscosity: tuple[FittedGaussianProcess, Samples]) -> None:
    fitted, samples = viscosity
    widening = Widening.of(fitted, samples)
    assert widening != NONE
    assert Widening.from_dict(json.loads(json.dumps(asdict(widening)))) == widening
    few = samples.take(range(39))
    assert Widening.of(fitted, few) is NONE
    np.testing.assert_array_equal(NONE.factors(np.array([0.1, 0.9]), np.array([True, False])), [1.0, 1.0])
    assert Widening.from_dict(json.loads(json.dumps(asdict(NONE)))) == NONE
