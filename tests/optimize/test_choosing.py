"""Improvement against its textbook forms and against brute force, on processes small enough to be exact."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm

from knowledge.records.objective import Direction
from planners.optimize.choosing.batch import greedy, relevant, thompson
from planners.optimize.choosing.fronts import front, reference_point, undominated
from planners.optimize.choosing.goals import Aim, Limit
from planners.optimize.choosing.improvement import Goals, Prospects, floor_of, hypervolume_gain
from planners.optimize.choosing.normal import gain, log_gain, log_improvement, log_mean, log_within
from planners.optimize.choosing.scenarios import Scenarios, quasi_random
from planners.optimize.choosing.screening import Screen
from planners.optimize.choosing.worth import Worth
from planners.optimize.insight.feasibility import Always
from planners.optimize.space.encoding import Encoding
from tests.optimize.conditions import TEMPERATURE_ONLY

UP = Aim(outcome="yield", direction=Direction.MAXIMISE, unit="percent")
DOWN = Aim(outcome="yield", direction=Direction.MINIMISE, unit="percent")
CHEAP = Aim(outcome="cost", direction=Direction.MINIMISE, unit="dimensionless")


@dataclass(frozen=True)
class Table:
    """A posterior over numbered points (their codes): means (K, n) and covariances (K, n, n)."""

    means: np.ndarray
    covariances: np.ndarray
    weights: np.ndarray

    @property
    def noise(self):
        return np.zeros(len(self.weights))

    def joint(self, codes):
        rows = codes[:, 0].astype(int)
        return self.means[:, rows], self.covariances[:, rows][:, :, rows]

    def marginal(self, codes):
        means, covariances = self.joint(codes)
        return means, np.diagonal(covariances, axis1=1, axis2=2)

    def extended(self, codes, values):
        raise AssertionError("nothing here asks for it")

    def likeness(self, codes, others):
        raise AssertionError("nothing here asks for it")


def table(seed, n, members=1, scale=1.0):
    rng = np.random.default_rng(seed)
    roots = rng.normal(size=(members, n, n + 2)) * scale / np.sqrt(n)
    weights = np.arange(1.0, members + 1.0)
    return Table(rng.normal(size=(members, n)), roots @ roots.transpose(0, 2, 1), weights / weights.sum())


def rows(n):
    return np.arange(float(n))[:, None]


def goals(models, aims, limits=(), floors=None):
    return Goals(models, tuple(aims), tuple(limits), np.full(len(aims), -50.0) if floors is None else np.array(floors))


def settled(model, points):
    """`model` with points that are known exactly."""
    covariances = model.covariances.copy()
    covariances[:, points, :] = 0.0
    covariances[:, :, points] = 0.0
    return Table(model.means, covariances, model.weights)


# Closed forms


def test_the_logarithm_of_the_gain_is_right_near_and_far():
    u = np.array([-3.0, -1.0, 0.0, 2.0, 6.0])
    assert np.exp(log_gain(u)) == pytest.approx(norm.pdf(u) + u * norm.cdf(u), rel=1e-10)
    assert gain(u) == pytest.approx(norm.pdf(u) + u * norm.cdf(u), rel=1e-10)
    # Far out: phi(u)/u^2 (1 - 3/u^2 + 15/u^4 - 105/u^6).
    for far in (-20.0, -99.0, -101.0, -1e4):
        expected = norm.logpdf(far) - 2.0 * np.log(-far) + np.log1p(-3.0 / far**2 + 15.0 / far**4 - 105.0 / far**6)
        assert log_gain(np.array([far]))[0] == pytest.approx(expected, rel=1e-8)
    assert np.isfinite(log_gain(np.array([-1e12]))).all()


@pytest.mark.parametrize("low, high", [(None, 1.0), (-0.5, None), (-0.5, 1.0), (4.0, 5.0), (-5.0, -4.0)])
def test_the_chance_of_keeping_a_limit(low, high):
    mean, std = np.array([0.3, -2.0]), np.array([0.7, 1.5])
    a = -np.inf if low is None else low
    b = np.inf if high is None else high
    expected = norm.cdf(b, mean, std) - norm.cdf(a, mean, std)
    assert np.exp(log_within(mean, std, low, high)) == pytest.approx(expected, rel=1e-9)


def test_limits_far_away_keep_an_order():
    far = log_within(np.array([0.0, 1.0]), np.array([0.01, 0.01]), 50.0, 51.0)
    assert np.isfinite(far).all()
    assert far[1] > far[0]


# Several objectives


def dominated_volume(points):
    """Between the origin and positive points, by inclusion and exclusion: slow, and plainly right."""
    total = 0.0
    for size in range(1, len(points) + 1):
        total += (-1) ** (size + 1) * sum(np.prod(np.min(some, axis=0)) for some in combinations(points, size))
    return total


@pytest.mark.parametrize("m", [1, 2, 3, 4])
def test_boxes_cover_exactly_what_is_not_dominated(m):
    rng = np.random.default_rng(m)
    points, reference = rng.normal(size=(9, m)), np.full(m, -0.5)
    lower, upper = undominated(points, reference)
    inside = np.clip(np.minimum(upper, 4.0) - lower, 0.0, None).prod(axis=1).sum()
    above = [tuple(p) for p in (points - reference).tolist() if min(p) > 0.0]
    assert inside == pytest.approx(4.5**m - dominated_volume(above))
    # Disjoint: no point lies in two boxes, and a point lies in one if and only if nothing dominates it.
    probes = rng.uniform(-1.0, 3.0, size=(500, m))
    boxes = ((probes[:, None] > lower) & (probes[:, None] < upper)).all(axis=-1).sum(axis=1)
    free = (probes > reference).all(axis=1) & ~(points[None] >= probes[:, None]).all(axis=-1).any(axis=1)
    assert (boxes == free).all()


@pytest.mark.parametrize("m", [2, 3])
def test_expected_hypervolume_gain_against_draws(m):
    rng = np.random.default_rng(10 + m)
    points, reference = rng.random((3, m)), np.zeros(m)
    means, stds = 0.5 + 0.5 * rng.random((2, m)), rng.uniform(0.1, 0.5, size=(2, m))
    known = [tuple(p) for p in points.tolist()]
    for ceiling in (np.full(m, np.inf), np.full(m, 1.1)):
        found = hypervolume_gain(list(means.T), list(stds.T), *undominated(points, reference, ceiling))
        for i in range(2):
            draws = means[i] + stds[i] * norm.ppf(quasi_random(1024, m, 5))
            draws = np.clip(draws, 0.0, ceiling)
            after = sum(dominated_volume([*known, tuple(d)]) for d in draws.tolist()) / len(draws)
            assert found[i] == pytest.approx(after - dominated_volume(known), rel=0.03)


def test_front_and_reference_point():
    points = np.array([[0.0, 4.0], [2.0, 2.0], [4.0, 0.0], [1.0, 1.0], [2.0, 2.0]])
    assert front(points).tolist() == [True, True, True, False, True]
    assert reference_point(points, [None, None]) == pytest.approx([-0.4, -0.4])
    assert reference_point(points, [1.0, None]) == pytest.approx([1.0, -0.4])
    single = np.array([[5.0, 5.0], [1.0, 3.0]])
    assert reference_point(single, [None, None]) == pytest.approx([4.6, 4.8])


# One objective


@pytest.mark.parametrize("aim", [UP, DOWN])
def test_improvement_over_known_results_is_the_textbook_one(aim):
    model = settled(table(0, 8), [0, 1])
    prospects = Prospects(goals({"yield": model}, [aim]), rows(8), 2, 1, seed=0)
    best = max(aim.sign * model.means[0, :2])
    mean, std = aim.sign * model.means[0, 2:], np.sqrt(np.diagonal(model.covariances[0])[2:])
    expected = (mean - best) * norm.cdf((mean - best) / std) + std * norm.pdf((mean - best) / std)
    assert np.exp(prospects.log_values()[2:]) == pytest.approx(expected, rel=1e-6)


def test_improvement_over_uncertain_points_against_draws():
    """With noise the incumbents are uncertain and hang together with what may follow; three members are mixed."""
    model = table(1, 7, members=3)
    prospects = Prospects(goals({"yield": model}, [UP]), rows(7), 3, 1, seed=0)
    expected = np.zeros(4)
    for k, weight in enumerate(model.weights):
        draws = multivariate_normal(model.means[k], model.covariances[k], seed=3).rvs(200_000)
        best = draws[:, :3].max(axis=1)
        expected += weight * np.maximum(draws[:, 3:] - best[:, None], 0.0).mean(axis=0)
    assert np.exp(prospects.log_values()[3:]) == pytest.approx(expected, rel=0.08)


def test_a_batch_is_worth_what_draws_say_of_it():
    """The places of a greedy batch add up to the improvement of the batch as a whole."""
    model = settled(table(2, 9), [0])
    prospects = Prospects(goals({"yield": model}, [UP]), rows(9), 1, 3, seed=0)
    total = 0.0
    for i in (4, 6, 8):
        total += float(np.exp(prospects.log_values()[i]))
        prospects.settle(i)
    draws = multivariate_normal(model.means[0], model.covariances[0], allow_singular=True, seed=4).rvs(200_000)
    batch = np.maximum(draws[:, [4, 6, 8]].max(axis=1) - model.means[0, 0], 0.0).mean()
    assert total == pytest.approx(batch, rel=0.05)


def test_nothing_is_gained_beyond_what_can_be():
    mean, std, best = np.array([0.5, 0.9]), np.array([0.4, 0.01]), np.array(0.8)
    draws = np.minimum(mean + std * norm.ppf(quasi_random(4096, 1, 0)), 1.0)
    assert np.exp(log_improvement(mean, std, best, 1.0)) == pytest.approx(
        np.maximum(draws - best, 0.0).mean(axis=0), rel=1e-2
    )
    aim = UP.model_copy(update={"best": 1.0})
    model = settled(table(9, 6), [0])
    model.means[0, 0] = 1.2  # the model expects the incumbent above what can be
    logs = Prospects(goals({"yield": model}, [aim]), rows(6), 1, 1, seed=0).log_values()[1:]
    assert np.isfinite(logs).all()
    with pytest.raises(ValueError, match="better than the worst"):
        Aim(outcome="yield", direction=Direction.MINIMISE, unit="percent", worst=0.0, best=100.0)


def test_what_is_settled_has_nothing_left_to_offer():
    prospects = Prospects(goals({"yield": table(3, 6)}, [UP]), rows(6), 0, 2, seed=0)
    before = prospects.log_values()
    prospects.settle(2)
    assert prospects.log_values()[2] < before[2] - 10.0


def test_an_order_is_left_where_all_improvements_vanish():
    model = settled(Table(np.array([[100.0, 1.0, 2.0, 3.0]]), 1e-2 * np.eye(4)[None], np.ones(1)), [0])
    logs = Prospects(goals({"yield": model}, [UP]), rows(4), 1, 1, seed=0).log_values()[1:]
    assert np.isfinite(logs).all()
    assert logs[0] < logs[1] < logs[2] < -1e5


def test_scenarios_have_the_joint_distribution():
    model = table(4, 5)
    scenarios = Scenarios(model, rows(5), quasi_random(4096, 6, 0))
    drawn = np.stack([scenarios.settle(i) for i in range(5)], axis=1)
    assert drawn.mean(axis=0) == pytest.approx(model.means[0], abs=0.02)
    assert np.cov(drawn.T) == pytest.approx(model.covariances[0], abs=0.06)
    assert scenarios.variances.max() < 1e-9


# Limits


def test_a_limit_on_another_outcome_counts_by_its_chance():
    yields, costs = settled(table(5, 6), [0]), settled(table(6, 6), [0])
    costs.means[0, 0] = -9.0  # the incumbent keeps the limit
    limit = Limit(outcome="cost", maximum=0.2)
    free = Prospects(goals({"yield": yields}, [UP]), rows(6), 1, 1, seed=0).log_values()[1:]
    both = Prospects(goals({"yield": yields, "cost": costs}, [UP], [limit]), rows(6), 1, 1, seed=0).log_values()[1:]
    chance = norm.cdf(0.2, costs.means[0, 1:], np.sqrt(np.diagonal(costs.covariances[0])[1:]))
    assert np.exp(both - free) == pytest.approx(chance, rel=1e-6)


def test_a_result_outside_the_limits_is_no_incumbent():
    yields, costs = settled(table(7, 4), [0]), settled(table(8, 4), [0])
    yields.means[0, 0], costs.means[0, 0] = 40.0, 5.0
    limit = Limit(outcome="cost", maximum=1.0)
    values = Prospects(
        goals({"yield": yields, "cost": costs}, [UP], [limit], floors=[-2.0]), rows(4), 1, 1, seed=0
    ).log_values()[1:]
    std = np.sqrt(np.diagonal(yields.covariances[0])[1:])
    expected = log_improvement(yields.means[0, 1:], std, np.array(-2.0))
    chance = norm.logcdf(1.0, costs.means[0, 1:], np.sqrt(np.diagonal(costs.covariances[0])[1:]))
    assert values == pytest.approx(expected + chance, rel=1e-6)


def test_a_limit_on_the_aim_itself_raises_what_counts():
    low, high = Limit(outcome="yield", minimum=0.5), Limit(outcome="yield", maximum=2.0)
    assert floor_of(UP, [low], -1.0) == 0.5
    assert floor_of(DOWN, [high], -9.0) == -2.0
    assert floor_of(UP, [high], -1.0) == -1.0
    assert not goals({}, [UP], [low]).chances("yield")
    assert goals({}, [UP], [high]).chances("yield") == [high]


def test_impossible_limits_are_refused():
    with pytest.raises(ValueError, match="needs a minimum"):
        Limit(outcome="yield")
    with pytest.raises(ValueError, match="above 3 and below 2"):
        Limit(outcome="yield", minimum=3.0, maximum=2.0)


# Batches


def worth():
    return Worth(Encoding(TEMPERATURE_ONLY), Always())


def test_a_batch_does_not_buy_the_same_knowledge_twice():
    """Points 1 and 2 are the same by the model; the second best other one comes with the better of them."""
    covariance = np.diag([0.0, 1.0, 1.0, 0.9])
    covariance[1, 2] = covariance[2, 1] = 1.0 - 1e-9
    model = Table(np.array([[0.0, 0.51, 0.5, 0.2]]), covariance[None], np.ones(1))
    picked = greedy(goals({"yield": model}, [UP]), worth(), rows(4)[:1], rows(4)[1:], 2, seed=0)
    assert picked.rows == (0, 2)
    assert picked.acquisitions[0] > picked.acquisitions[1]


def test_two_objectives_fill_the_gap_of_the_front():
    """Known: the two ends. Among equally uncertain points the one between them adds most hypervolume."""
    first = Table(np.array([[0.0, 1.0, 0.7, 0.02, 0.98]]), np.diag([0, 0, 1e-3, 1e-3, 1e-3])[None], np.ones(1))
    second = Table(np.array([[1.0, 0.0, 0.7, 0.98, 0.02]]), np.diag([0, 0, 1e-3, 1e-3, 1e-3])[None], np.ones(1))
    aims = [UP, CHEAP.model_copy(update={"direction": Direction.MAXIMISE})]
    both = goals({"yield": first, "cost": second}, aims, floors=[-0.1, -0.1])
    picked = greedy(both, worth(), rows(5)[:2], rows(5)[2:], 1, seed=0)
    assert picked.rows == (0,)
    assert np.exp(picked.acquisitions[0]) == pytest.approx(0.49 + 0.14 - 0.14, abs=0.02)
    # Minimising the second outcome, what was a gap is dominated by the second point.
    down = goals({"yield": first, "cost": second}, [UP, CHEAP], floors=[-0.1, -1.1])
    assert greedy(down, worth(), rows(5)[:2], rows(5)[2:], 1, seed=0).rows == (2,)


def test_only_what_may_still_be_best_counts_as_incumbent():
    means = np.array([[0.0, 1.0, 5.0, 5.5, 2.0]])
    model = Table(means, np.diag([0.01, 0.01, 0.1, 0.1, 4.0])[None], np.ones(1))
    assert relevant(goals({"yield": model}, [UP]), rows(5))[:, 0].tolist() == [2.0, 3.0, 4.0]
    assert relevant(goals({"yield": model}, [DOWN]), rows(5))[:, 0].tolist() == [0.0, 4.0]


def test_the_quick_score_orders_like_the_exact_one():
    model = settled(table(11, 30, members=4), [0, 1, 2])
    exact = Prospects(goals({"yield": model}, [UP]), rows(30), 3, 1, seed=0).log_values()[3:]
    quick = Screen.over(goals({"yield": model}, [UP]), worth(), rows(30)[:3])(rows(30)[3:])
    assert np.corrcoef(np.argsort(np.argsort(exact)), np.argsort(np.argsort(quick)))[0, 1] > 0.9


def test_draws_choose_as_often_as_a_point_is_best():
    model = Table(np.array([[0.0, 0.0, -1.0]]), np.diag([1.0, 1.0, 0.01])[None], np.ones(1))
    one = goals({"yield": model}, [UP])
    first = [thompson(one, worth(), rows(3), 1, seed).rows[0] for seed in range(200)]
    chance = np.bincount(first, minlength=3) / 200
    draws = np.random.default_rng(0).normal(size=(100_000, 3)) * [1.0, 1.0, 0.1] + [0.0, 0.0, -1.0]
    assert chance == pytest.approx(np.bincount(draws.argmax(axis=1), minlength=3) / 100_000, abs=0.08)
    assert sorted(thompson(one, worth(), rows(3), 5, 0).rows) == [0, 1, 2]


def test_means_of_logarithms():
    values = np.array([[-1000.0, 0.0], [-1001.0, -np.inf]])
    assert log_mean(values)[0] == pytest.approx(-1000.0 + np.log(0.5 + 0.5 * np.exp(-1.0)))
    assert log_mean(values, np.array([0.25, 0.75]))[1] == pytest.approx(np.log(0.25))
