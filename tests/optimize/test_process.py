"""The model of an outcome over settings: exact where it can be checked by hand, sane where data is not."""

from __future__ import annotations

import numpy as np
import pytest

from knowledge.records.space import Category, Number, Option, Space
from planners.optimize.process.contract import Array, Posterior
from planners.optimize.process.descriptions import Distance, Likeness
from planners.optimize.process.evidence import JITTER, Evidence
from planners.optimize.process.families import Families
from planners.optimize.process.fit import FORM, fit, restore
from planners.optimize.process.fitted import Fitted
from planners.optimize.process.kernel import Kernel
from planners.optimize.space.encoding import Codes, Encoding

SOLVENTS = ("CCO", "CCCO", "CC(C)O", "Cc1ccccc1", "CCc1ccccc1", "CC#N", "CN(C)C=O", "CC(=O)N(C)C")
ENCODING = Encoding(
    Space(
        parameters=(
            Category(name="solvent", options=tuple(Option(name=s, smiles=s) for s in SOLVENTS)),
            Category(name="vessel", options=tuple(Option(name=s) for s in ("vial", "flask", "tube"))),
            Number(name="temperature", unit="degC", low=20.0, high=120.0),
        )
    )
)


def settings(n: int, seed: int = 0) -> Codes:
    rng = np.random.default_rng(seed)
    return np.stack([rng.integers(8, size=n), rng.integers(3, size=n), rng.random(n)], axis=1).astype(np.float64)


def outcome(codes: Codes) -> Array:
    """Alcohols are good, and so is heat up to a point."""
    return np.asarray(60.0 * (codes[:, 0] < 3) + 30.0 * np.sin(3.0 * codes[:, 2]) + 5.0 * codes[:, 1])


@pytest.fixture(scope="module")
def families() -> Families:
    codes = settings(20)
    found = fit(ENCODING, codes, outcome(codes), seed=3)
    assert isinstance(found, Families)
    return found


@pytest.fixture(scope="module")
def fitted(families: Families) -> Fitted:
    return families.models[0]


def test_posterior_is_that_of_a_gaussian_process(fitted: Fitted) -> None:
    kernel, asked = fitted.kernel, settings(6, seed=1)
    means, variances = fitted.marginal(asked)
    scaled = (outcome(fitted.codes) - fitted.center) / fitted.data_spread
    for k in (0, 7):
        latent = fitted.latents[k : k + 1]
        known = kernel.covariance(kernel.pairs(fitted.codes, fitted.codes), latent)[0]
        known = known + (kernel.noise(latent)[0] + JITTER) * np.eye(20)
        cross = kernel.covariance(kernel.pairs(asked, fitted.codes), latent)[0]
        prior = kernel.covariance(kernel.pairs(asked, asked), latent)[0]
        np.testing.assert_allclose(
            means[k], fitted.center + fitted.data_spread * cross @ np.linalg.solve(known, scaled), rtol=1e-6
        )
        covariance = prior - cross @ np.linalg.solve(known, cross.T)
        np.testing.assert_allclose(fitted.joint(asked)[1][k], covariance * fitted.data_spread**2, rtol=1e-4, atol=1e-3)
        np.testing.assert_allclose(variances[k], np.diag(covariance) * fitted.data_spread**2, rtol=1e-4, atol=1e-3)


def test_mixture_keeps_the_contract(fitted: Fitted) -> None:
    assert isinstance(fitted, Posterior)
    assert fitted.weights.sum() == pytest.approx(1.0)
    assert np.all(fitted.weights > 0.0)
    assert fitted.noise.shape == fitted.weights.shape
    codes = settings(5, seed=2)
    likeness = fitted.likeness(codes, codes)
    np.testing.assert_allclose(np.diag(likeness), 1.0)
    assert likeness.min() >= 0.0
    np.testing.assert_allclose(likeness, likeness.T)


def test_factor_of_a_column_is_its_kernel_by_hand() -> None:
    kernel = Kernel(ENCODING, FORM)
    latents = np.zeros((1, kernel.latents))
    a, b = np.array([[0.0, 0.0, 0.1]]), np.array([[0.0, 1.0, 0.4]])
    relevance, importance = (1.0 / (1.0 + np.exp(-p.mean)) for p in (FORM.relevance, FORM.importance))
    x = np.sqrt(5.0) * 0.3 / (0.5 * np.sqrt(3.0) * np.exp(FORM.length.mean))
    number = 1.0 - importance + importance * (1.0 + x + x * x / 3.0) * np.exp(-x)
    expected = 1.0 * (1.0 - relevance) * number  # same solvent, another vessel, 30 degrees apart
    assert kernel.correlation(kernel.pairs(a, b), latents)[0, 0, 0] == pytest.approx(expected)


def test_extended_is_the_same_model_on_more_data(fitted: Fitted) -> None:
    more, asked = settings(4, seed=5), settings(30, seed=6)
    extended = fitted.extended(more, outcome(more))
    codes = np.concatenate([fitted.codes, more])
    # Without error: its own noise is taken off the new measurements by hand.
    kernel, latent = fitted.kernel, fitted.latents[:1]
    known = kernel.covariance(kernel.pairs(codes, codes), latent)[0] + JITTER * np.eye(24)
    known[:20, :20] += kernel.noise(latent)[0] * np.eye(20)
    cross = kernel.covariance(kernel.pairs(asked, codes), latent)[0]
    scaled = (outcome(codes) - fitted.center) / fitted.data_spread
    np.testing.assert_allclose(
        extended.marginal(asked)[0][0],
        fitted.center + fitted.data_spread * cross @ np.linalg.solve(known, scaled),
        rtol=1e-6,
        atol=1e-6,
    )
    means, variances = extended.marginal(more)
    np.testing.assert_allclose(means, np.broadcast_to(outcome(more), means.shape), atol=0.5)
    assert variances.max() < 1e-3 * fitted.data_spread**2
    assert extended.marginal(asked)[1].sum() < fitted.marginal(asked)[1].sum()


def test_fantasies_may_differ_between_members(fitted: Fitted) -> None:
    more = settings(2, seed=7)
    values = np.linspace(0.0, 100.0, 2 * len(fitted.weights)).reshape(-1, 2)
    np.testing.assert_allclose(fitted.extended(more, values).marginal(more)[0], values, atol=0.5)


def test_gradient_of_the_evidence() -> None:
    kernel, codes = Kernel(ENCODING, FORM), settings(12)
    values = outcome(codes)
    evidence = Evidence(kernel, codes, (values - values.mean()) / values.std(), np.zeros(12))
    latent = np.random.default_rng(0).normal(size=kernel.latents)
    value, gradient = evidence.posterior(latent)
    assert value == pytest.approx(evidence(latent[None])[0] - 0.5 * latent @ latent)
    step = 1e-5 * np.eye(kernel.latents)
    up, down = evidence(latent + step), evidence(latent - step)
    np.testing.assert_allclose(gradient, (up - down) / 2e-5 - latent, atol=1e-3, rtol=1e-4)


def test_structures_tell_of_options_that_were_never_tried() -> None:
    codes = settings(40, seed=8)
    codes = codes[codes[:, 0] != 1.0]  # no propanol
    fitted = fit(ENCODING, codes, outcome(codes), seed=0)
    asked = np.array([[1.0, 1.0, 0.5], [4.0, 1.0, 0.5]])
    like_ethanol, like_toluene = fitted.weights @ fitted.marginal(asked)[0]
    assert like_ethanol > like_toluene + 30.0


def test_categories_without_structures_alone() -> None:
    encoding = Encoding(
        Space(parameters=tuple(Category(name=n, options=tuple(Option(name=o) for o in "uvwxyz")) for n in "ABC"))
    )
    rng = np.random.default_rng(4)
    every = np.stack(np.meshgrid(*[np.arange(6.0)] * 3), axis=-1).reshape(-1, 3)
    truth = every[:, 0] ** 2 + 3.0 * (every[:, 1] == 2.0)
    rows = rng.permutation(len(every))[:60]
    fitted = fit(encoding, every[rows], truth[rows], seed=0)
    error = fitted.weights @ fitted.marginal(every)[0] - truth
    assert np.sqrt(np.mean(error**2)) < 0.1 * truth.std()


def test_numbers_alone() -> None:
    encoding = Encoding(Space(parameters=tuple(Number(name=n, unit="1", low=0.0, high=1.0) for n in "xyz")))
    rng = np.random.default_rng(5)
    codes, asked = rng.random((50, 3)), rng.random((200, 3))

    def truth(x: Codes) -> Array:
        return np.asarray(np.sin(4.0 * x[:, 0]) + x[:, 1] ** 2)

    fitted = fit(encoding, codes, truth(codes), seed=0)
    means, variances = fitted.marginal(asked)
    error = fitted.weights @ means - truth(asked)
    assert np.sqrt(np.mean(error**2)) < 0.1 * truth(asked).std()
    inside = np.abs(error) < 3.0 * np.sqrt(fitted.weights @ variances)
    assert inside.mean() > 0.9


@pytest.mark.parametrize(
    "values, places",
    [
        (np.full(5, 7.0), [0, 1, 2, 3, 4]),
        (np.zeros(3), [0, 1, 2]),
        (np.array([3.0]), [0]),
        (np.array([1e300, 1.0, -1e300, 3.0]), [0, 1, 2, 3]),
        (np.array([1.0, 2.0, 3.0, 100.0]), [0, 0, 0, 0]),
        (np.array([1.0, 1.0 + 1e-13, 1.0]), [0, 1, 2]),
        (np.array([1e-300, 2e-300]), [0, 1]),
    ],
)
def test_degenerate_data_gives_a_model(values: Array, places: list[int]) -> None:
    codes = settings(5)[places]
    for cheap in (False, True):
        fitted = fit(ENCODING, codes, values, seed=0, cheap=cheap)
        means, variances = fitted.marginal(settings(9, seed=1))
        assert np.all(np.isfinite(means))
        assert np.all(np.isfinite(variances))
        assert np.all(variances > 0.0)


def test_known_errors_are_trusted_as_little_as_they_say() -> None:
    codes = np.repeat(settings(8), 2, axis=0)
    values = outcome(codes) + np.tile([0.0, 50.0], 8)
    stds = np.tile([0.1, 100.0], 8)
    fitted = fit(ENCODING, codes, values, stds=stds, seed=0)
    means = fitted.weights @ fitted.marginal(codes[::2])[0]
    np.testing.assert_allclose(means, outcome(codes[::2]), atol=15.0)


def test_same_arguments_same_model_and_back_from_its_state(families: Families) -> None:
    fitted = families
    codes, asked = settings(20), settings(10, seed=9)
    again = fit(ENCODING, codes, outcome(codes), seed=3)
    assert again.state() == fitted.state()
    restored = restore(fitted.state(), ENCODING, codes, outcome(codes))
    np.testing.assert_allclose(restored.marginal(asked)[0], fitted.marginal(asked)[0])
    np.testing.assert_allclose(restored.marginal(asked)[1], fitted.marginal(asked)[1])


@pytest.mark.parametrize("n", [130, 400])
def test_more_data_than_hyperparameters_need(n: int) -> None:
    codes = settings(n, seed=10)
    fitted = fit(ENCODING, codes, outcome(codes), seed=0)
    assert len(fitted.weights) == 1
    asked = settings(200, seed=11)
    error = fitted.weights @ fitted.marginal(asked)[0] - outcome(asked)
    assert np.sqrt(np.mean(error**2)) < 1.0


@pytest.mark.parametrize("values", [[], [1.0], [1.0, np.nan], [np.inf, 1.0]])
def test_what_is_no_data_is_refused(values: list[float]) -> None:
    with pytest.raises(ValueError, match="model needs"):
        fit(ENCODING, settings(2), np.array(values), seed=0)


def test_a_category_of_very_many_options_is_described_where_it_is_asked() -> None:
    options = tuple(Option(name=f"chain {i}", smiles="C" * (1 + i % 40) + "O" * (1 + i // 40 % 2)) for i in range(2000))
    category = Category(name="solvent", options=options)
    places = np.array([3, 1999, 17])
    likeness = Likeness(category).compare(places, places)
    np.testing.assert_allclose(np.diag(likeness), 1.0)
    distance = Distance(category).compare(places, places[:2])
    assert distance.shape == (3, 2)
    assert distance[0, 0] == 0.0
    assert distance[0, 1] > 0.1
