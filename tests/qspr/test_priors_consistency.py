from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize

from knowledge.qspr.contract import Belief
from knowledge.qspr.priors.consistency import GAP, in_order, increasing, ordered_transitions, rising_pressure


def test_what_is_in_order_stays_as_it_is() -> None:
    means = np.array([[180.0, 350.0, 560.0], [300.0, 301.0, 400.0]])
    np.testing.assert_array_equal(ordered_transitions(means, np.ones((2, 3))), means)


def test_the_certain_value_moves_least() -> None:
    result = ordered_transitions(np.array([[400.0, 380.0, 600.0]]), np.array([[40.0, 4.0, 10.0]]))[0]
    assert result[0] + GAP == pytest.approx(result[1])
    assert abs(result[1] - 380.0) == pytest.approx(abs(result[0] - 400.0) / 100.0)
    assert result[2] == 600.0


def test_the_change_is_the_smallest_one() -> None:
    rng = np.random.default_rng(0)
    for _ in range(30):
        means, stds = rng.normal(400.0, 60.0, 3), rng.uniform(2.0, 60.0, 3)
        ours = ordered_transitions(means[None], stds[None])[0]
        assert (np.diff(ours) >= GAP - 1e-9).all()
        best = optimize.minimize(
            lambda x, m=means, s=stds: float((((x - m) / s) ** 2).sum()),
            np.sort(means) + np.array([-2.0, 0.0, 2.0]),
            constraints=[{"type": "ineq", "fun": lambda x: np.diff(x) - GAP}],
            method="SLSQP",
            options={"ftol": 1e-12},
        )
        np.testing.assert_allclose(ours, best.x, atol=0.05)


def test_unknown_columns_bind_nobody() -> None:
    means = np.array([[np.nan, 380.0, 370.0], [400.0, np.nan, 300.0], [np.nan, np.nan, np.nan]])
    result = ordered_transitions(means, np.where(np.isnan(means), np.nan, 5.0))
    assert np.isnan(result).tolist() == np.isnan(means).tolist()
    assert result[0, 2] - result[0, 1] == pytest.approx(GAP)
    assert result[1, 2] - result[1, 0] == pytest.approx(GAP)
    assert ordered_transitions(np.zeros((0, 3)), np.zeros((0, 3))).shape == (0, 3)


def test_pressures_rise_in_any_order_of_temperatures() -> None:
    rng = np.random.default_rng(1)
    temperatures = rng.permutation(np.r_[np.linspace(280.0, 400.0, 20), 300.0, 300.0])
    noisy = -4000.0 / temperatures + 15.0 + rng.normal(0.0, 0.5, temperatures.size)
    stds = rng.uniform(0.1, 1.0, temperatures.size)
    result = rising_pressure(temperatures, noisy, stds)
    assert (np.diff(result[np.argsort(temperatures, kind="stable")]) >= -1e-12).all()
    assert np.ptp(result[temperatures == 300.0]) == 0.0
    truth = -4000.0 / temperatures + 15.0
    assert np.abs(result - truth).mean() < np.abs(noisy - truth).mean()


def test_bad_arguments() -> None:
    with pytest.raises(ValueError, match="shape"):
        ordered_transitions(np.zeros((2, 2)), np.ones((2, 2)))
    with pytest.raises(ValueError, match="positive"):
        increasing(np.array([1.0, 2.0]), np.array([1.0, 0.0]))
    with pytest.raises(ValueError, match="one std per value"):
        increasing(np.array([1.0, 2.0]), np.array([1.0]))
    with pytest.raises(ValueError, match="finite"):
        rising_pressure(np.array([300.0]), np.array([np.nan]), np.array([1.0]))


def test_beliefs_of_several_models_are_put_in_order_by_name() -> None:
    melting = Belief(np.array([400.0, 200.1]), np.array([40.0, 30.0]), np.zeros(2))
    boiling = Belief(np.array([380.0, 350.3]), np.array([3.0, 5.0]), np.array([4.0, 4.0]))
    both = in_order({"boiling_point": boiling, "melting_point": melting})
    assert both["melting_point"][0] + GAP == pytest.approx(both["boiling_point"][0])
    assert abs(both["boiling_point"][0] - 380.0) < 1.0
    assert (both["melting_point"][1], both["boiling_point"][1]) == (200.1, 350.3)
    assert in_order({"boiling_point": boiling})["boiling_point"].tolist() == [380.0, 350.3]
    certain = Belief(boiling.mean, np.zeros(2), np.zeros(2))
    assert in_order({"boiling_point": certain, "melting_point": melting})["boiling_point"][0] == pytest.approx(380.0)
    with pytest.raises(ValueError, match="'flash_point' has no place"):
        in_order({"flash_point": boiling})
