from __future__ import annotations

import json

import pytest

from knowledge.qspr.training import NoTrainingData
from planners.optimize.surrogate import StateMismatch
from planners.optimize.surrogates import MissingSurrogate, Surrogates, fit_surrogates
from planners.optimize.threads import default_threads
from tests.optimize.conftest import PROPERTIES, World


def test_predictions_come_in_property_units(surrogates: Surrogates) -> None:
    predicted = surrogates.predict(["CCCCO", "CS(C)=O"])
    assert tuple(predicted) == PROPERTIES
    butanol = predicted["boiling_point"][0]
    assert butanol.unit == "K"
    assert butanol.mean == pytest.approx(390.9, abs=4 * butanol.std)
    assert 1.0 < predicted["viscosity"][0].mean < 6.0  # mPa*s, not a logarithm


def test_state_restores_the_same_surrogates(surrogates: Surrogates, world: World) -> None:
    state = json.loads(json.dumps(surrogates.state()))
    again = Surrogates.restore(state, world.known)
    assert again.predict(world.pool[:5]) == surrogates.predict(world.pool[:5])
    assert again.state() == surrogates.state()
    with pytest.raises(StateMismatch):
        Surrogates.restore(state, {**world.known, "viscosity": world.known["viscosity"][1:]})


def test_a_warm_start_ends_near_the_cold_fit_and_new_data_change_the_hash(surrogates: Surrogates, world: World) -> None:
    facts = world.facts_with(world.pool[:4])
    warm, cold = fit_surrogates(facts, seed=0, warm=surrogates.state()), fit_surrogates(facts, seed=0)
    for name in PROPERTIES:
        for a, b in zip(warm.predict(world.pool[4:12])[name], cold.predict(world.pool[4:12])[name], strict=True):
            assert a.mean == pytest.approx(b.mean, abs=0.5 * b.std)
    assert warm.data_hash == cold.data_hash != surrogates.data_hash


def test_what_is_missing_is_named(surrogates: Surrogates) -> None:
    with pytest.raises(MissingSurrogate, match=r"melting_point.*boiling_point"):
        surrogates["melting_point"]
    with pytest.raises(NoTrainingData, match="viscosity"):
        fit_surrogates({"viscosity": []}, seed=0)


def test_threads_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ATHANOR_THREADS", raising=False)
    assert default_threads() == 1
    monkeypatch.setenv("ATHANOR_THREADS", "2")
    assert default_threads() == 2
    monkeypatch.setenv("ATHANOR_THREADS", "many")
    with pytest.raises(ValueError, match=r"ATHANOR_THREADS.*many"):
        default_threads()
