"""The second family of models, and how two families are asked together and by turns."""

from __future__ import annotations

import numpy as np
import pytest

from knowledge.records.objective import Direction
from knowledge.records.space import Category, Number, Option, Space
from planners.optimize.choosing.batch import greedy
from planners.optimize.choosing.goals import Aim
from planners.optimize.choosing.improvement import Goals
from planners.optimize.choosing.worth import Worth
from planners.optimize.insight.feasibility import fit_feasibility
from planners.optimize.process.contract import Array, Posterior
from planners.optimize.process.evidence import JITTER
from planners.optimize.process.families import Families, shares
from planners.optimize.process.fit import fit, restore
from planners.optimize.process.fitted import Fitted, condition
from planners.optimize.process.trend import MOST, Trend
from planners.optimize.space.encoding import Codes, Encoding

SOLVENTS = ("CCO", "CCCO", "CCCCO", "CCCCCO", "CCCCCCO", "Cc1ccccc1", "CCc1ccccc1", "CC#N", "CN(C)C=O", "CC(=O)N(C)C")


def encoding_of(options: tuple[str, ...], described: bool = True) -> Encoding:
    choice = Category(name="solvent", options=tuple(Option(name=s, smiles=s if described else None) for s in options))
    return Encoding(Space(parameters=(choice, Number(name="temperature", unit="degC", low=20.0, high=120.0))))


ENCODING = encoding_of(SOLVENTS)


def settings(n: int, seed: int) -> Codes:
    rng = np.random.default_rng(seed)
    return np.stack([rng.integers(len(SOLVENTS), size=n), rng.random(n)], axis=1).astype(np.float64)


def outcome(codes: Codes) -> Array:
    """Longer alcohols are better, and so is heat."""
    return np.asarray(10.0 * np.where(codes[:, 0] < 5, codes[:, 0], 0.0) + 20.0 * codes[:, 1])


@pytest.fixture(scope="module")
def families() -> Families:
    codes = settings(12, 3)
    found = fit(ENCODING, codes, outcome(codes), seed=3)
    assert isinstance(found, Families)
    return found


def test_trend_is_the_posterior_of_its_kernel(families: Families) -> None:
    trend, asked = families.models[1], settings(5, 4)
    kernel, latent = trend.kernel, trend.latents
    known = kernel.covariance(kernel.pairs(trend.codes, trend.codes), latent)[0]
    known = known + (kernel.noise(latent)[0] + JITTER) * np.eye(12)
    cross = kernel.covariance(kernel.pairs(asked, trend.codes), latent)[0]
    scaled = (outcome(trend.codes) - trend.center) / trend.data_spread
    means, _ = trend.marginal(asked)
    np.testing.assert_allclose(
        means[0], trend.center + trend.data_spread * cross @ np.linalg.solve(known, scaled), rtol=1e-6
    )


def test_distance_grows_along_a_series_and_is_none_for_the_same() -> None:
    trend = Trend.over(ENCODING)
    assert trend is not None
    alcohols = np.array([[float(i), 0.5] for i in range(5)])
    distances = trend.pairs(alcohols[:1], alcohols)[0]
    assert distances[0] == 0.0
    assert np.all(np.diff(distances) > 0.0)
    aromatic = trend.pairs(alcohols[:1], np.array([[5.0, 0.5]]))[0, 0]
    assert aromatic > distances[1]


def test_a_trend_goes_on_where_nothing_was_measured() -> None:
    codes = np.array([[float(i), t] for i in (0, 1, 2, 5, 7) for t in (0.2, 0.8)])
    found = fit(ENCODING, codes, outcome(codes), seed=0)
    assert isinstance(found, Families)
    trend = found.models[1]
    hexanol, seen = trend.marginal(np.array([[4.0, 0.8], [2.0, 0.8]]))[0][0]
    assert hexanol > seen


@pytest.mark.parametrize(
    "encoding",
    [
        encoding_of(SOLVENTS, described=False),
        encoding_of(tuple("C" * (1 + n % 20) + "O" + "C" * (n // 20) for n in range(MOST + 1))),
        Encoding(Space(parameters=(Number(name="temperature", unit="degC", low=20.0, high=120.0),))),
    ],
)
def test_no_trend_where_nothing_or_too_much_is_to_be_described(encoding: Encoding) -> None:
    assert Trend.over(encoding) is None


def test_families_keep_the_contract(families: Families) -> None:
    assert isinstance(families, Posterior)
    assert families.weights.sum() == pytest.approx(1.0)
    assert families.weights[-1] == pytest.approx(families.shares[1])
    asked = settings(6, 5)
    means, variances = families.marginal(asked)
    joint_means, covariances = families.joint(asked)
    assert means.shape == variances.shape == (len(families.weights), 6)
    np.testing.assert_allclose(means, joint_means)
    np.testing.assert_allclose(variances, np.diagonal(covariances, axis1=1, axis2=2), rtol=1e-5, atol=1e-6)
    assert families.noise.shape == families.weights.shape
    np.testing.assert_allclose(np.diag(families.likeness(asked, asked)), 1.0)
    wanted = np.linspace(0.0, 50.0, len(families.weights) * 2).reshape(-1, 2)
    after, left = families.extended(asked[:2], wanted).marginal(asked[:2])
    np.testing.assert_allclose(after, wanted, atol=1.0)
    assert np.all(left < variances[:, :2])
    assert len(families.thinned(4).weights) < len(families.weights)


def test_back_from_its_state(families: Families) -> None:
    codes, asked = families.models[0].codes, settings(6, 5)
    again = restore(families.state(), ENCODING, codes, outcome(codes))
    np.testing.assert_allclose(again.marginal(asked)[0], families.marginal(asked)[0])
    assert again.state() == families.state()


def test_who_foretells_better_has_the_larger_share(families: Families) -> None:
    """Against a trend that believes in wild swings within a hair's breadth."""
    good = families.models[1]
    swings = good.latents.copy()
    swings[0, 0] = -3.0
    codes = good.codes
    bad = condition(good.kernel, good.state() | {"latents": swings.tolist()}, codes, outcome(codes), None)
    first, second = shares([good, bad])
    assert first > 0.6
    assert first + second == pytest.approx(1.0)


def test_families_take_turns(families: Families) -> None:
    aim = Aim(outcome="yield", direction=Direction.MAXIMISE, unit="percent")
    goals = Goals({"yield": families}, (aim,), (), np.zeros(1))
    worth = Worth(ENCODING, fit_feasibility(ENCODING, families.models[0].codes, np.zeros(12, dtype=bool), 0), (), None)
    codes = np.array([[float(i), t] for i in range(10) for t in (0.1, 0.5, 0.9)])

    def first(models: Families | Fitted, turn: int) -> int:
        return greedy(Goals({"yield": models}, (aim,), (), np.zeros(1)), worth, codes[:0], codes, 1, 7, turn=turn).rows[
            0
        ]

    alone = [first(model, 0) for model in families.models]
    assert [first(families, 0), first(families, 1), first(families, 2)] == [alone[0], alone[1], alone[0]]
    batch = greedy(goals, worth, codes[:0], codes, 4, 7).rows
    assert len(set(batch)) == 4
