"""What every estimator owes to the contract, on boiling points of simple liquids."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import load, save

from knowledge.qspr.contract import Belief, Fitted, Model, Samples, Stored
from knowledge.qspr.models import MODELS
from knowledge.qspr.models.boosting import Boosting
from knowledge.qspr.models.gp import GaussianProcess
from knowledge.qspr.models.graph import Graph
from knowledge.qspr.models.network import Settings
from knowledge.qspr.models.stack import Stack, convex_weights
from knowledge.records.molecule import InvalidMolecule

# Normal boiling points in degrees Celsius (CRC Handbook values, rounded).
BOILING = {
    "CCCCC": 36.1, "CCCCCC": 68.7, "CCCCCCC": 98.4, "CCCCCCCC": 125.7, "CCCCCCCCC": 150.8, "CCCCCCCCCC": 174.1,
    "CO": 64.7, "CCO": 78.3, "CCCO": 97.2, "CCCCO": 117.7, "CCCCCO": 138.0, "CCCCCCO": 157.5, "CC(C)O": 82.3,
    "CCC(C)O": 99.5, "CC(C)=O": 56.1, "CCC(C)=O": 79.6, "CCCC(C)=O": 102.3, "CCCCC(C)=O": 127.6,
    "COC(C)=O": 56.9, "CCOC(C)=O": 77.1, "CCCOC(C)=O": 101.5, "CCCCOC(C)=O": 126.1, "c1ccccc1": 80.1,
    "Cc1ccccc1": 110.6, "CCc1ccccc1": 136.2, "CCCc1ccccc1": 159.2, "CCCCc1ccccc1": 183.3, "ClCCl": 39.6,
    "ClC(Cl)Cl": 61.2, "CCCCCl": 78.5, "Clc1ccccc1": 131.7, "CC(=O)O": 117.9, "CCC(=O)O": 141.1,
    "CCCC(=O)O": 163.5, "CCOCC": 34.5, "CCCOCCC": 90.0, "CCCCOCCCC": 140.9, "CC#N": 81.6, "CCC#N": 97.1,
    "C1CCCCC1": 80.7, "OC1CCCCC1": 161.8, "O=C1CCCCC1": 155.6, "Nc1ccccc1": 184.1, "Oc1ccccc1": 181.8,
}  # fmt: skip
UNSEEN = {"CCCCCCCO": 176.4, "CCCCCC(C)=O": 151.0, "CCCCCOC(C)=O": 149.2, "CCCC#N": 117.6, "CCOC(=O)CC": 99.1}


def samples(count: int | None = None) -> Samples:
    smiles = tuple(BOILING)[:count]
    return Samples(smiles, np.array([BOILING[s] for s in smiles]), np.zeros(len(smiles)))


def small_boosting() -> Boosting:
    return Boosting(rounds=60)


BUILDERS: dict[str, Callable[[], Model]] = {
    "gp": GaussianProcess,
    "boosting": small_boosting,
    "graph": lambda: Graph(settings=Settings(hidden=32, epochs=10, least_steps=80), members=2),
    "stack": lambda: Stack((GaussianProcess(), small_boosting()), folds=3),
}


@pytest.fixture(scope="module")
def fitted() -> dict[str, Fitted]:
    return {name: build().fit(samples(), seed=3) for name, build in BUILDERS.items()}


def same(a: Belief, b: Belief) -> bool:
    return all(
        np.array_equal(x, y)
        for x, y in zip((a.mean, a.epistemic, a.noise), (b.mean, b.epistemic, b.noise), strict=False)
    )


def through_files(stored: Stored) -> Stored:
    """As a file would keep it: safetensors bytes and JSON text."""
    arrays = load(save({key: np.ascontiguousarray(value) for key, value in stored.arrays.items()}))
    return Stored(json.loads(json.dumps(dict(stored.settings))), arrays)


@pytest.mark.parametrize("name", BUILDERS)
def test_unseen_members_of_known_families_are_predicted(name: str, fitted: dict[str, Fitted]) -> None:
    belief = fitted[name].predict(list(UNSEEN))
    error = np.abs(belief.mean - np.array(list(UNSEEN.values())))
    mean_alone = np.abs(np.array(list(UNSEEN.values())) - samples().values.mean()).mean()
    assert error.mean() < {"gp": 0.3, "stack": 0.3, "boosting": 0.8, "graph": 0.5}[name] * mean_alone
    assert (belief.epistemic > 0.0).all()
    assert (belief.noise > 0.0).all()
    assert np.isfinite(belief.total).all()


@pytest.mark.parametrize("name", BUILDERS)
def test_what_is_stored_predicts_the_same(name: str, fitted: dict[str, Fitted]) -> None:
    model = BUILDERS[name]()
    assert isinstance(model, Model)
    assert isinstance(fitted[name], Fitted)
    again = model.restore(through_files(fitted[name].stored()))
    asked = [*UNSEEN, "CCO"]
    assert same(again.predict(asked), fitted[name].predict(asked))


@pytest.mark.parametrize("name", BUILDERS)
def test_another_version_is_refused(name: str, fitted: dict[str, Fitted]) -> None:
    stored = fitted[name].stored()
    other = replace(stored, settings={**stored.settings, "version": "0"})
    with pytest.raises(ValueError, match="version"):
        BUILDERS[name]().restore(other)


@pytest.mark.parametrize("name", BUILDERS)
def test_same_samples_and_seed_give_the_same_model(name: str) -> None:
    asked = list(UNSEEN)
    first, second = (BUILDERS[name]().fit(samples(24), seed=5).predict(asked) for _ in range(2))
    assert same(first, second)


@pytest.mark.parametrize("name", BUILDERS)
def test_what_is_no_molecule_is_refused(name: str, fitted: dict[str, Fitted]) -> None:
    with pytest.raises(InvalidMolecule):
        fitted[name].predict(["CCO", "C1CC"])
    with pytest.raises(InvalidMolecule):
        BUILDERS[name]().fit(Samples(("CCO", "no molecule", "CC"), np.arange(3.0), np.zeros(3)), seed=0)


@pytest.mark.parametrize("name", BUILDERS)
@pytest.mark.parametrize("count", [2, 3, 5])
def test_a_handful_of_molecules_is_enough_and_one_is_not(name: str, count: int) -> None:
    belief = BUILDERS[name]().fit(samples(count), seed=0).predict(["CCCCCCO", "C"])
    assert belief.mean.shape == belief.epistemic.shape == belief.noise.shape == (2,)
    assert np.isfinite(belief.mean).all()
    assert np.isfinite(belief.total).all()
    assert (belief.total >= 0.0).all()
    with pytest.raises(ValueError, match="at least 2"):
        BUILDERS[name]().fit(samples(1), seed=0)


@pytest.mark.parametrize("name", BUILDERS)
def test_a_constant_is_predicted_as_itself(name: str) -> None:
    smiles = tuple(BOILING)[:22]
    model = BUILDERS[name]().fit(Samples(smiles, np.full(22, 7.5), np.zeros(22)), seed=0)
    belief = model.predict(["CCCCCCCO", "CCO"])
    np.testing.assert_allclose(belief.mean, 7.5, atol=0.5)
    assert np.isfinite(belief.total).all()


@pytest.mark.parametrize("name", BUILDERS)
def test_nothing_asked_nothing_said(name: str, fitted: dict[str, Fitted]) -> None:
    assert fitted[name].predict([]).mean.shape == (0,)


def test_every_name_builds_the_model_of_that_name() -> None:
    assert {name: build().name for name, build in MODELS.items()} == {name: name for name in MODELS}
    assert set(BUILDERS) < set(MODELS)


def test_stack_weights_find_the_truth_and_drop_the_useless() -> None:
    rng = np.random.default_rng(0)
    predictions = rng.normal(size=(2000, 3))
    y = 0.3 * predictions[:, 0] + 0.7 * predictions[:, 1]
    weights = convex_weights(predictions, y, np.ones(2000))
    np.testing.assert_allclose(weights, [0.3, 0.7, 0.0], atol=0.01)
    assert weights.sum() == pytest.approx(1.0)
    worse = convex_weights(np.column_stack([y, -y]), y, np.ones(2000))
    np.testing.assert_allclose(worse, [1.0, 0.0], atol=0.01)


def test_stack_of_two_of_one_name_or_of_none_is_refused() -> None:
    for members in ((), (GaussianProcess(), GaussianProcess())):
        with pytest.raises(ValueError, match="member"):
            Stack(members)
