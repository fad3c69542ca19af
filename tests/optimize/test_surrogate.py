"""One property's model in the loop, on the handbook less what is withheld from the agent."""

from __future__ import annotations

import json

import numpy as np
import pytest

from knowledge.qspr.estimates import Z90, from_estimate, to_estimate
from knowledge.qspr.training import NoTrainingData
from knowledge.records.fact import Fact, Kind
from knowledge.records.molecule import Molecule
from knowledge.records.properties import get_property
from knowledge.sources.handbook import Handbook
from planners.optimize.surrogate import StateMismatch, Surrogate, fit_surrogate

KNOWN = Handbook.known(withheld=0.3, seed=0)
FULL = Handbook.full()


@pytest.fixture(scope="module")
def viscosity() -> Surrogate:
    return fit_surrogate(KNOWN.facts("viscosity"), "viscosity", seed=0)


def measured(smiles: str, prop: str, value: float, std: float) -> Fact:
    molecule = Molecule.from_smiles(smiles)
    return Fact(
        smiles=molecule.smiles,
        inchikey=molecule.inchikey,
        property=prop,
        value=value,
        std=std,
        source="lab",
        kind=Kind.MEASURED_HERE,
    )


# Bounds: a fifth above what was measured when this was written, far below the spread of the property itself.
@pytest.mark.parametrize("prop, worst_mae", [("viscosity", 0.25), ("hansen_polar", 2.0)])
def test_withheld_compounds_are_predicted_with_honest_uncertainty(
    prop: str, worst_mae: float, viscosity: Surrogate
) -> None:
    known = get_property(prop)
    model = viscosity if prop == "viscosity" else fit_surrogate(KNOWN.facts(prop), prop, seed=0)
    unseen = [f for f in FULL.facts(prop) if f.inchikey not in KNOWN and 4 <= len(f.smiles) <= 28]
    mean, std = model.predict([f.smiles for f in unseen])
    error = np.array([known.to_model(f.value) for f in unseen]) - mean
    noise = np.array([f.std / f.value if prop == "viscosity" else f.std for f in unseen])
    assert len(unseen) >= 90
    assert np.abs(error).mean() < worst_mae
    assert np.abs(error).mean() < 0.5 * float(np.abs(error + mean - model.rows.values.mean()).mean())
    assert 0.80 <= float((np.abs(error) <= Z90 * np.hypot(std, noise)).mean()) <= 0.98


def test_state_round_trip_predicts_the_same_without_a_search(viscosity: Surrogate) -> None:
    state = json.loads(json.dumps(viscosity.state()))
    again = Surrogate.restore(state, KNOWN.facts("viscosity"))
    smiles = ["CN1CCCC1=O", "CCOC(=O)C(C)O", "CC1COC(=O)O1"]
    for a, b in zip(again.joint(smiles), viscosity.joint(smiles), strict=True):
        np.testing.assert_array_equal(a, b)
    assert again.state() == viscosity.state()
    assert len(json.dumps(state)) < 60 * len(viscosity.rows)  # keys and doubts, no arrays


def test_restore_refuses_other_facts_and_versions(viscosity: Surrogate) -> None:
    state, facts = viscosity.state(), KNOWN.facts("viscosity")
    changed = [facts[0].model_copy(update={"value": facts[0].value * 1.5}), *facts[1:]]
    for wrong in (changed, facts[1:], []):
        with pytest.raises(StateMismatch, match="fit again"):
            Surrogate.restore(state, wrong)
    for other in ({"version": "surrogate/0"}, {"model": "gp/0"}, {"views": []}):
        with pytest.raises(StateMismatch, match="fit again"):
            Surrogate.restore({**state, **other}, facts)


def test_a_stored_state_of_another_version_starts_no_search(viscosity: Surrogate) -> None:
    alcohols = [measured(s, "viscosity", v, 0.01) for s, v in (("CCO", 1.07), ("CCCO", 1.95), ("CCCCO", 2.54))]
    old = {"version": "gp-tanimoto-rbf/1", "property": "viscosity", "hyperparameters": {}}
    cold = fit_surrogate(alcohols, "viscosity", seed=0)
    assert fit_surrogate(alcohols, "viscosity", seed=0, warm=old).state() == cold.state()


def test_fit_is_deterministic_and_blind_to_the_order_of_facts(viscosity: Surrogate) -> None:
    assert fit_surrogate(KNOWN.facts("viscosity")[::-1], "viscosity", seed=0).state() == viscosity.state()


def test_a_measurement_of_ours_is_believed_even_where_it_surprises(viscosity: Surrogate) -> None:
    target = Molecule.from_smiles("CCOCCOC(=O)CC(C)=O").smiles
    (before,) = viscosity.predict([target])[0]
    value = float(np.exp(before)) * 6.0
    facts = [*KNOWN.facts("viscosity"), measured(target, "viscosity", value, 0.02 * value)]
    model = fit_surrogate(facts, "viscosity", seed=0, warm=viscosity.state())
    mean, std = model.predict([target])
    assert mean[0] == pytest.approx(np.log(value), abs=0.15)
    assert std[0] < 0.05
    assert model.rows.own.count(True) == 1
    assert target not in {d.smiles for d in model.doubted}


def test_a_wrong_handbook_value_is_doubted_and_the_doubt_is_remembered() -> None:
    facts = KNOWN.facts("viscosity")
    i = next(i for i, f in enumerate(facts) if f.smiles in ("CCCCCCCC", "CCCCCCC", "CCCCCC"))
    wrong = facts[i].model_copy(update={"value": facts[i].value * 20.0})
    everything = [*facts[:i], wrong, *facts[i + 1 :]]
    model = fit_surrogate(everything, "viscosity", seed=0)
    assert model.doubted[0].smiles == wrong.smiles
    assert len(model.doubted) < 0.06 * len(facts)
    own = measured("CCOC(=O)C(C)O", "viscosity", 2.5, 0.05)
    again = fit_surrogate([*everything, own], "viscosity", seed=1, warm=model.state())
    assert again.doubted[0].smiles == wrong.smiles


@pytest.mark.parametrize("count", [2, 5])
def test_very_few_rows_still_give_finite_wide_predictions(count: int) -> None:
    alcohols = [("CO", 337.7), ("CCO", 351.4), ("CCCO", 370.3), ("CCCCO", 390.9), ("CCCCCO", 411.1)][:count]
    facts = [measured(s, "boiling_point", t, 1.0) for s, t in alcohols]
    model = fit_surrogate(facts, "boiling_point", seed=0)
    mean, std = model.predict(["CCCCCCO", "CS(C)=O"])
    assert np.isfinite(mean).all()
    assert (std > 0.0).all()
    assert Surrogate.restore(model.state(), facts).state() == model.state()
    with pytest.raises(NoTrainingData, match="single molecule"):
        fit_surrogate(facts[:1], "boiling_point", seed=0)


def test_equal_targets_and_conflicting_duplicates_do_not_break_the_fit() -> None:
    facts = [measured(s, "boiling_point", 400.0, 0.0) for s in ("CO", "CCO", "CCCO", "CCCCO", "CC(C)O")]
    facts += [measured("CCCCCO", "boiling_point", t, 0.1) for t in (300.0, 400.0, 500.0)]
    mean, std = fit_surrogate(facts, "boiling_point", seed=0).predict(["CCCCCO", "CCCCCCO"])
    assert np.isfinite([*mean, *std]).all()


def test_no_molecules_give_no_predictions(viscosity: Surrogate) -> None:
    assert [a.shape for a in viscosity.predict([])] == [(0,), (0,)]
    assert viscosity.joint([])[1].shape == (0, 0)


def test_log_scale_estimates_round_trip() -> None:
    eta = get_property("viscosity")
    estimate = to_estimate(0.7, 0.4, eta)
    assert estimate.mean == pytest.approx(np.exp(0.7))
    assert estimate.unit == "mPa*s"
    assert from_estimate(estimate, eta) == pytest.approx((0.7, 0.4))
