"""Earlier campaigns: followed where this one's results agree with them, and left where they do not."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest

from knowledge.records.space import Category, Number, Setting, Space
from planners.optimize.process.contract import Array, Earlier, Posterior
from planners.optimize.process.evidence import Evidence
from planners.optimize.process.families import Families
from planners.optimize.process.fit import FORM, fit, restore
from planners.optimize.process.kernel import Kernel
from planners.optimize.process.transfer import UNBELIEVED, GuidedEvidence, GuidedFitted, correlations
from planners.optimize.space.encoding import Codes, Encoding
from tests.optimize.conditions import LIGANDS, SOLVENTS, options, yield_of

SPACE = Space(
    parameters=(
        Category(name="ligand", options=options(LIGANDS)),
        Category(name="solvent", options=options(SOLVENTS)),
        Number(name="temperature", unit="degC", levels=(60.0, 80.0, 100.0)),
    )
)
ENCODING = Encoding(SPACE)


def everything() -> tuple[Codes, Array]:
    parts = [p.levels if isinstance(p, Number) else [o.name for o in p.options] for p in SPACE.parameters]
    settings: list[Setting] = [dict(zip(SPACE.names, row, strict=True)) for row in itertools.product(*parts)]
    return ENCODING.encode(settings), np.array([yield_of({**s, "loading": 1.0}) for s in settings])


CODES, YIELDS = everything()
RNG = np.random.default_rng(0)
HERE = RNG.permutation(len(YIELDS))[:8]
THERE = RNG.permutation(len(YIELDS))[:30]
# Another substrate: everything is slower, and solvents matter less.
SLOWER = 0.4 * YIELDS + 3.0 * np.sin(np.arange(len(YIELDS)))
RELATED = Earlier("related", CODES[THERE], SLOWER[THERE])
TURNED = Earlier("turned", CODES[THERE], -SLOWER[THERE])


def rmse(model: Posterior) -> float:
    left = np.setdiff1d(np.arange(len(YIELDS)), HERE)
    mean = model.weights @ model.marginal(CODES[left])[0]
    return float(np.sqrt(np.mean((mean - YIELDS[left]) ** 2)))


def fitted(*earlier: Earlier, cheap: bool = False) -> Posterior:
    return fit(ENCODING, CODES[HERE], YIELDS[HERE], seed=3, earlier=earlier, cheap=cheap)


def test_a_related_campaign_helps_and_a_misleading_one_is_left() -> None:
    without, related, turned = fitted(), fitted(RELATED), fitted(TURNED)
    assert rmse(related) < 0.6 * rmse(without)
    assert rmse(turned) < 1.15 * rmse(without)
    assert isinstance(related, GuidedFitted)
    assert isinstance(turned, Families)  # what is not followed leaves room for the trend
    left = turned.models[0]
    assert isinstance(left, GuidedFitted)
    assert (related.correlations > 0.5).mean() > 0.6
    assert (left.correlations > 0.0).mean() < 0.3
    assert "follow 'related' (correlation 0." in related.words


def test_of_two_the_right_one_is_followed() -> None:
    both = fitted(TURNED, RELATED)
    assert isinstance(both, GuidedFitted)
    turned, related = both.correlations.mean(axis=0)
    assert related > 0.5
    assert turned < 0.1
    assert rmse(both) < 0.7 * rmse(fitted())


def test_units_of_the_earlier_campaign_do_not_matter() -> None:
    stretched = Earlier("related", RELATED.codes, 1e3 * RELATED.values - 7.0)
    one, other = fitted(RELATED), fitted(stretched)
    assert one.marginal(CODES)[0] == pytest.approx(other.marginal(CODES)[0], abs=1e-3)


def test_it_is_a_posterior_like_any_other() -> None:
    model = fitted(RELATED)
    assert isinstance(model, Posterior)
    means, variances = model.marginal(CODES[:6])
    joint_means, covariances = model.joint(CODES[:6])
    assert joint_means == pytest.approx(means)
    assert np.diagonal(covariances, axis1=1, axis2=2) == pytest.approx(variances, rel=1e-6, abs=1e-6)
    told = model.extended(CODES[40:42], np.array([12.0, 60.0]))
    after, doubt = told.marginal(CODES[40:42])
    assert after == pytest.approx(np.tile([12.0, 60.0], (len(means), 1)), abs=0.1)
    assert (doubt <= model.marginal(CODES[40:42])[1]).all()
    assert told.extended(CODES[:1], means[:, :1]).marginal(CODES[:1])[0] == pytest.approx(
        told.extended(CODES[:1], means[:, :1]).joint(CODES[:1])[0]
    )


def test_it_is_the_same_again_and_is_restored_from_its_state() -> None:
    model = fit(ENCODING, CODES[HERE], YIELDS[HERE], seed=3, earlier=[RELATED, TURNED])
    again = fit(ENCODING, CODES[HERE], YIELDS[HERE], seed=3, earlier=[RELATED, TURNED])
    assert np.array_equal(model.marginal(CODES)[0], again.marginal(CODES)[0])
    state = json.loads(json.dumps(model.state()))
    restored = restore(state, ENCODING, CODES[HERE], YIELDS[HERE], earlier=[TURNED, RELATED])
    assert restored.marginal(CODES)[0] == pytest.approx(model.marginal(CODES)[0], abs=1e-9)
    assert restored.words == model.words
    with pytest.raises(ValueError, match="fitted with the earlier campaign 'turned', which is not given"):
        restore(state, ENCODING, CODES[HERE], YIELDS[HERE], earlier=[RELATED])


def test_the_best_hyperparameters_find_what_helps() -> None:
    model = fitted(RELATED, cheap=True)
    assert isinstance(model, GuidedFitted)
    assert model.correlations.shape == (1, 1)
    assert model.correlations[0, 0] > 0.5
    assert fitted(TURNED, cheap=True).correlations[0, 0] < 0.1  # type: ignore[attr-defined]


def test_the_gradient_is_that_of_the_evidence() -> None:
    rng = np.random.default_rng(1)
    kernel = Kernel(ENCODING, FORM)
    values = (YIELDS[HERE] - YIELDS[HERE].mean()) / YIELDS[HERE].std()
    guided = np.stack([values + rng.normal(size=8), rng.normal(size=8)], axis=1)
    evidence = GuidedEvidence(kernel, CODES[HERE], values, np.zeros(8), guided)
    latent = rng.normal(size=kernel.latents + 2)
    latent[-2:] = (1.4, 1.1)  # both are believed
    value, gradient = evidence.posterior(latent)
    assert value == pytest.approx(float(evidence(latent[None])[0]) - 0.5 * latent @ latent, abs=1e-8)
    for k in range(len(latent)):
        step = 1e-5 * np.eye(len(latent))[k]
        slope = (evidence.posterior(latent + step)[0] - evidence.posterior(latent - step)[0]) / 2e-5
        assert gradient[k] == pytest.approx(slope, abs=1e-4)
    # What believes nothing is the model without earlier campaigns.
    latent[-2:] = -1.0
    plain = Evidence(kernel, CODES[HERE], values, np.zeros(8))
    assert evidence(latent[None]) == pytest.approx(plain(latent[None, :-2]))


@pytest.mark.parametrize("tasks", [1, 2, 10])
def test_the_prior_doubts_all_alike_however_many_tasks(tasks: int) -> None:
    r = correlations(np.random.default_rng(0).normal(size=(4000, tasks)))
    assert float((r == 0.0).all(axis=1).mean()) == pytest.approx(UNBELIEVED, abs=0.04)
    assert (r >= 0.0).all()
    assert ((r * r).sum(axis=1) < 1.0).all()


def test_what_says_nothing_is_left_out_and_what_is_wrong_is_named() -> None:
    equal = Earlier("equal", CODES[:4], np.full(4, 7.0))
    one = Earlier("one", CODES[:1], np.array([7.0]))
    assert not isinstance(fitted(equal, one), GuidedFitted)
    with pytest.raises(ValueError, match="two earlier campaigns are called 'related'"):
        fitted(RELATED, RELATED)
    with pytest.raises(ValueError, match="'broken' needs one finite value for each setting"):
        fitted(Earlier("broken", CODES[:4], np.array([1.0, 2.0, np.nan, 3.0])))
    with pytest.raises(ValueError, match="'short' needs one finite value"):
        fitted(Earlier("short", CODES[:4], np.array([1.0, 2.0])))


def test_before_results_speak_nothing_is_followed() -> None:
    with_it, without = (fit(ENCODING, CODES[:1], YIELDS[:1], seed=0, earlier=past) for past in ([RELATED], []))
    assert np.array_equal(with_it.marginal(CODES)[0], without.marginal(CODES)[0])
    left = fitted(TURNED)
    assert np.array_equal(left.marginal(CODES)[0], fitted().marginal(CODES)[0])
    assert "0 of 16 follow 'turned'" in left.words  # type: ignore[attr-defined]
