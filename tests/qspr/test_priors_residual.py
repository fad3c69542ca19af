from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import pytest

from knowledge.features.joback_groups import JobackGroups
from knowledge.qspr.contract import Belief, Fitted, Model, Samples, Stored
from knowledge.qspr.priors.flash_point import CatoireNaudetFlashPoint
from knowledge.qspr.priors.joback import JobackBoilingPoint, JobackMeltingPoint
from knowledge.qspr.priors.residual import Line, WithPrior
from knowledge.qspr.priors.viscosity import JobackViscosity
from knowledge.records.properties import get_property
from knowledge.sources.handbook import Handbook

BOOK = Handbook.full()


class Ridge:
    """Linear in Joback's groups: enough of a model to wrap."""

    name, version = "ridge", "1"

    def fit(self, samples: Samples, *, seed: int) -> RidgeFitted:
        if len(samples) < 2:
            raise ValueError("two samples at least")
        x = JobackGroups()(samples.smiles)
        centre, away = samples.values.mean(), samples.values - samples.values.mean()
        weights = np.linalg.solve(x.T @ x + 3.0 * np.eye(x.shape[1]), x.T @ away)
        spread = float((away - x @ weights).std())
        return RidgeFitted(weights, np.array([centre, spread]))

    def restore(self, stored: Stored) -> RidgeFitted:
        return RidgeFitted(stored.arrays["weights"], stored.arrays["level"])


class RidgeFitted:
    def __init__(self, weights: np.ndarray, level: np.ndarray) -> None:
        self.weights, self.level = weights, level

    def predict(self, smiles: Sequence[str]) -> Belief:
        mean = JobackGroups()(smiles) @ self.weights + self.level[0]
        return Belief(mean, np.full(len(smiles), self.level[1]), np.full(len(smiles), 2.0))

    def stored(self) -> Stored:
        return Stored({}, {"weights": self.weights, "level": self.level})


def samples(prop: str, every: int, start: int = 0) -> Samples:
    facts = BOOK.facts(prop)[start::every]
    to_model = get_property(prop).to_model
    values = np.array([to_model(f.value) for f in facts])
    return Samples(tuple(f.smiles for f in facts), values, np.zeros(len(facts)))


def mae(fitted: Fitted, test: Samples) -> float:
    return float(np.abs(fitted.predict(test.smiles).mean - test.values).mean())


def test_with_thirty_samples_the_prior_is_worth_most_of_the_model() -> None:
    train, test = samples("boiling_point", 280), samples("boiling_point", 40, 7)
    assert len(train) == 31
    model = WithPrior(Ridge(), JobackBoilingPoint())
    assert isinstance(model, Model)
    fitted = model.fit(train, seed=0)
    assert fitted.uses_prior
    assert mae(fitted, test) < 0.85 * mae(Ridge().fit(train, seed=0), test)


def test_unknown_molecules_get_the_plain_model() -> None:
    train = samples("boiling_point", 100)
    fitted, plain = WithPrior(Ridge(), JobackBoilingPoint()).fit(train, seed=0), Ridge().fit(train, seed=0)
    asked = ["CS(C)=O", "CCO", "C[Si](C)(C)C"]
    mixed, alone = fitted.predict(asked), plain.predict(asked)
    np.testing.assert_array_equal(mixed.mean[[0, 2]], alone.mean[[0, 2]])
    np.testing.assert_array_equal(mixed.epistemic[[0, 2]], alone.epistemic[[0, 2]])
    assert mixed.mean[1] != alone.mean[1]
    # The order of the question does not matter.
    np.testing.assert_array_equal(fitted.predict(asked[::-1]).mean, mixed.mean[::-1])
    assert fitted.predict([]).mean.shape == (0,)


def test_a_prior_that_says_nothing_is_not_used() -> None:
    train = samples("boiling_point", 100)
    plain = Ridge().fit(train, seed=0)
    against = Samples(train.smiles, 1000.0 - train.values, train.variances)
    silicon = Samples(
        ("C[Si](C)(C)C", "CC[Si](C)(C)C", "CCCC", "CS(C)=O"), np.array([299.8, 335.0, 272.7, 462.0]), np.zeros(4)
    )
    shuffled = Samples(train.smiles, np.random.default_rng(0).permutation(train.values), train.variances)
    for unfit in (against, silicon, shuffled):
        assert not WithPrior(Ridge(), JobackBoilingPoint()).fit(unfit, seed=0).uses_prior
    fitted = WithPrior(Ridge(), JobackBoilingPoint()).fit(against, seed=0)
    np.testing.assert_allclose(fitted.predict(["CCO"]).mean, 1000.0 - plain.predict(["CCO"]).mean)


def test_the_line_stays_near_the_published_one_until_the_data_insists() -> None:
    rng = np.random.default_rng(0)
    prior = rng.uniform(300.0, 500.0, 400)
    values = 40.0 + 0.8 * prior + rng.normal(0.0, 20.0, 400)
    few, many = (Line.through(prior[:n], values[:n], np.zeros(n)) for n in (3, 400))
    assert abs(many.slope - 0.8) < 0.06
    assert abs(few.slope - 0.8) < 0.4
    assert few.slope_std > 3.0 * many.slope_std
    assert many(np.array([400.0]))[0] == pytest.approx(360.0, abs=4.0)
    assert many.std(np.array([many.centre]))[0] == 0.0


def test_logarithmic_properties_use_the_logarithm_of_the_prior() -> None:
    train, test = samples("viscosity", 4), samples("viscosity", 4, 1)
    fitted = WithPrior(Ridge(), JobackViscosity()).fit(train, seed=0)
    assert fitted.uses_prior
    assert fitted.line is not None
    assert 0.5 < fitted.line.slope < 1.5
    assert mae(fitted, test) < 0.6 * float(np.abs(test.values - test.values.mean()).mean())


def test_stored_and_restored_models_predict_the_same() -> None:
    asked = ["CCO", "CS(C)=O", "CCCCCC", "CC(C)=O"]
    for model, train in (
        (WithPrior(Ridge(), JobackBoilingPoint()), samples("boiling_point", 100)),
        (WithPrior(Ridge(), CatoireNaudetFlashPoint()), samples("flash_point", 10)),
    ):
        fitted = model.fit(train, seed=0)
        assert fitted.uses_prior
        stored = fitted.stored()
        read = Stored(json.loads(json.dumps(stored.settings)), stored.arrays)
        again = model.restore(read)
        for field in ("mean", "epistemic", "noise"):
            np.testing.assert_array_equal(getattr(again.predict(asked), field), getattr(fitted.predict(asked), field))
        assert again.stored().settings == stored.settings


def test_a_model_that_went_without_its_prior_is_restored_as_such() -> None:
    train = samples("boiling_point", 100)
    model = WithPrior(Ridge(), JobackBoilingPoint())
    fitted = model.fit(Samples(train.smiles, -train.values, train.variances), seed=0)
    again = model.restore(fitted.stored())
    assert not again.uses_prior
    np.testing.assert_array_equal(again.predict(["CCO"]).mean, fitted.predict(["CCO"]).mean)


def test_another_models_state_is_refused() -> None:
    stored = WithPrior(Ridge(), JobackBoilingPoint()).fit(samples("boiling_point", 200), seed=0).stored()
    with pytest.raises(ValueError, match="fit again"):
        WithPrior(Ridge(), JobackMeltingPoint()).restore(stored)
    with pytest.raises(ValueError, match="fit again"):
        WithPrior(Ridge(), JobackBoilingPoint()).restore(Stored({**stored.settings, "version": "0"}, stored.arrays))
    with pytest.raises(ValueError, match="lacks"):
        WithPrior(Ridge(), JobackBoilingPoint()).restore(Stored({**stored.settings, "plain": None}, stored.arrays))


def test_fit_needs_two_samples_and_is_deterministic() -> None:
    model = WithPrior(Ridge(), JobackBoilingPoint())
    train = samples("boiling_point", 300)
    with pytest.raises(ValueError, match="two samples"):
        model.fit(train.take([0]), seed=0)
    two = model.fit(train.take([0, 1]), seed=0).predict(["CCO"])
    assert np.isfinite(two.mean).all()
    first, second = (model.fit(train, seed=1).predict(["CCO"]).mean for _ in range(2))
    np.testing.assert_array_equal(first, second)
