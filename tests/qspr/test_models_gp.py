from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import check_grad

from knowledge.features import CountMorgan, Descriptors
from knowledge.qspr.contract import Samples
from knowledge.qspr.kernels import squared_distance
from knowledge.qspr.models.gp import GaussianProcess, Views
from knowledge.qspr.models.process import Conditioned, Terms, Theta, covariance, objective, start_for
from tests.qspr.test_models import samples


def problem(n: int = 30) -> tuple[Terms, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(n, 3)), rng.normal(size=(n, 5))
    similarity = np.exp(-squared_distance(a, a))
    variances = np.where(np.arange(n) % 3 == 0, 0.05, 0.0)
    return Terms((similarity,), (squared_distance(a, a), squared_distance(b, b))), a[:, 0] + 0.3 * b[:, 1], variances


def test_gradient_of_the_posterior_is_that_of_its_value() -> None:
    terms, y, variances = problem()
    prior = start_for(1, [3, 5])
    for shift in (0.0, 0.4, -0.7):
        at = np.log(prior.vector) + shift
        error = check_grad(
            lambda v: objective(v, terms, y, variances, prior)[0],
            lambda v: objective(v, terms, y, variances, prior)[1],
            at,
        )
        assert error < 1e-3


def test_leave_one_out_is_what_conditioning_on_the_others_gives() -> None:
    terms, y, variances = problem(12)
    theta = Theta((0.5,), (0.4, 0.6), (2.0, 4.0), 0.05, 0.1)
    mean, variance = Conditioned.on(theta, terms, y, variances).leave_one_out(y)
    for i in (0, 5, 11):
        rest = np.delete(np.arange(12), i)

        def pick(rows: np.ndarray, columns: np.ndarray) -> Terms:
            cut = np.ix_(rows, columns)
            return Terms(tuple(s[cut] for s in terms.similarities), tuple(s[cut] for s in terms.squares))

        process = Conditioned.on(theta, pick(rest, rest), y[rest], variances[rest])
        m, v = process.marginal(covariance(theta, pick(rest, np.array([i]))))
        own_noise = variances[i] or theta.noise
        assert mean[i] == pytest.approx(m[0], abs=1e-6)
        assert variance[i] == pytest.approx(v[0] + own_noise, abs=1e-6)


def light() -> GaussianProcess:
    return GaussianProcess(views=Views((CountMorgan(),), (Descriptors(),)))


def test_a_search_that_begins_at_an_earlier_result_ends_near_it() -> None:
    cold = light().fit(samples(), seed=0)
    warm = light().starting(cold.process.theta).fit(samples(), seed=0)
    asked = ["CCCCCCCO", "CCOC(=O)CC"]
    np.testing.assert_allclose(warm.predict(asked).mean, cold.predict(asked).mean, atol=0.5)


def test_samples_and_hyperparameters_are_the_whole_model() -> None:
    fitted = light().fit(samples(), seed=0)
    again = light().conditioned(samples(), Theta.of(fitted.process.theta.vector, 1, 1))
    asked = ["CCCCCCCO", "CCOC(=O)CC", "CCO"]
    for a, b in zip(again.joint(asked), fitted.joint(asked), strict=True):
        np.testing.assert_array_equal(a, b)


def test_joint_prediction_has_the_marginals_on_its_diagonal() -> None:
    fitted = light().fit(samples(), seed=0)
    asked = ["CCCCCO", "CCCCCCCO", "CCCCCCCCO", "C[Si](C)(C)O[Si](C)(C)C"]
    belief = fitted.predict(asked)
    mean, joint = fitted.joint(asked)
    np.testing.assert_allclose(mean, belief.mean, rtol=1e-10)
    np.testing.assert_allclose(np.sqrt(np.diag(joint)), belief.epistemic, rtol=1e-6)
    assert np.linalg.eigvalsh(joint).min() > 0.0
    assert joint[1, 2] / np.sqrt(joint[1, 1] * joint[2, 2]) > joint[1, 3] / np.sqrt(joint[1, 1] * joint[3, 3])
    assert fitted.joint([])[1].shape == (0, 0)
    with pytest.raises(ValueError, match="different molecules"):
        fitted.joint(["CCO", "CCO"])


def test_leaving_one_out_is_close_to_a_fit_without_it() -> None:
    plain = samples()
    fitted = light().fit(plain, seed=0)
    belief = fitted.leave_one_out()
    i = plain.smiles.index("CCCCCO")
    rest = plain.take([j for j in range(len(plain)) if j != i])
    without = light().conditioned(rest, fitted.process.theta).predict(["CCCCCO"])
    # Not equal: without it the values' mean and spread are a little different.
    assert belief.mean[i] == pytest.approx(without.mean[0], abs=1.0)
    assert belief.epistemic[i] == pytest.approx(without.epistemic[0], rel=0.05)


def test_known_noise_is_reported_as_noise_and_not_as_doubt_about_the_molecule() -> None:
    plain = samples()
    exact = light().fit(Samples(plain.smiles, plain.values, np.full(len(plain), 0.01)), seed=0)
    noisy = light().fit(Samples(plain.smiles, plain.values, np.full(len(plain), 400.0)), seed=0)
    asked = ["CCCCCCCO"]
    np.testing.assert_allclose(exact.predict(asked).noise, 0.1)
    np.testing.assert_allclose(noisy.predict(asked).noise, 20.0)
    assert noisy.predict(asked).epistemic[0] > exact.predict(asked).epistemic[0]


def test_a_measured_molecule_is_known_better_than_a_similar_one() -> None:
    belief = light().fit(samples(), seed=0).predict(["CCCCCO", "CCCCC(O)CCl", "C[Si](C)(C)O[Si](C)(C)C"])
    assert belief.epistemic[0] < belief.epistemic[1] < belief.epistemic[2]
    assert abs(belief.mean[0] - 138.0) < 8.0


def test_an_extra_view_that_is_the_answer_is_used() -> None:
    class Answer:
        name, version, columns = "answer", "1", ("answer",)

        def __call__(self, smiles: list[str]) -> np.ndarray:
            return np.array([[float(len(s)) ** 2] for s in smiles])

    smiles = samples().smiles
    target = Samples(smiles, np.array([float(len(s)) ** 2 for s in smiles]), np.zeros(len(smiles)))
    base = Views((CountMorgan(),), (Descriptors(),))
    asked = ["CCCCCCCO", "CCOC(=O)CC", "CCCCCOC(C)=O"]
    truth = np.array([float(len(s)) ** 2 for s in asked])
    without = GaussianProcess(views=base).fit(target, seed=0).predict(asked)
    given = GaussianProcess(views=base, extra=(Answer(),)).fit(target, seed=0).predict(asked)
    assert np.abs(given.mean - truth).max() < np.abs(without.mean - truth).max()
    assert np.abs(given.mean - truth).max() < 5.0


def test_a_process_without_any_view_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one featurizer"):
        Views((), ())
