"""The genetic generator with a surrogate: it proposes what its model hopes for, and can stop and go on."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import rdMolDescriptors

from planners.design.families import open_generator
from planners.design.generator import CannotServe, Evaluated, Generator, StateMismatch
from planners.design.genetic.assisted import AssistedGenerator
from planners.design.genetic.surrogate import ScoreModel, evened, looks
from planners.design.problem import Problem
from planners.design.space import DesignSpace, compile_smarts
from tests.design.molecules import SHELF

SPACE = DesignSpace()


def near_logp_of_one(smiles: Sequence[str]) -> list[Evaluated]:
    """A score that fragments and descriptors both say something about; nitrogen is not wanted."""
    told = []
    for text in smiles:
        mol = Chem.MolFromSmiles(text)
        esters = len(mol.GetSubstructMatches(compile_smarts("[CX3](=O)[OX2][CX4]")))
        value = esters - abs(rdMolDescriptors.CalcCrippenDescriptors(mol)[0] - 1.0)
        told.append(Evaluated(smiles=text, score=value, feasible="N" not in text))
    return told


def made(seed: int = 1) -> AssistedGenerator:
    return AssistedGenerator(SPACE, SHELF, seed=seed, refit=20, rounds=3, litter=60)


def asked(generator: AssistedGenerator, n: int) -> list[str]:
    return [c.molecule.smiles for c in generator.ask(n)]


def test_it_speaks_the_protocol() -> None:
    assert isinstance(made(), Generator)


def test_what_it_asks_is_new_valid_and_better_each_time() -> None:
    generator = made()
    told = near_logp_of_one(SHELF)
    generator.tell(told)
    first = None
    everything: list[str] = []
    for _ in range(5):
        batch = asked(generator, 20)
        assert len(batch) == 20
        everything += batch
        told = near_logp_of_one(batch)
        mean = float(np.mean([e.score for e in told]))
        first = mean if first is None else first
        generator.tell(told)
    assert len(set(everything)) == len(everything)
    assert not set(everything) & {Chem.CanonSmiles(s) for s in SHELF}
    assert all(SPACE.violation(Chem.MolFromSmiles(s)) is None for s in everything)
    known = float(np.mean([e.score for e in near_logp_of_one(SHELF)]))
    assert first is not None
    assert first > known + 0.5  # already the first model points the way
    assert mean > known + 1.0
    assert np.mean([e.feasible for e in told]) > 0.8  # it learnt that nitrogen is not wanted
    assert sum(generator.operator_probabilities.values()) == pytest.approx(1.0)


def test_a_restored_generator_continues_identically() -> None:
    generator = made(seed=3)
    generator.tell(near_logp_of_one(SHELF))
    batch = asked(generator, 10)  # half of a plan: the other half waits
    state = json.loads(json.dumps(generator.state()))
    twin = AssistedGenerator(SPACE, SHELF[:5], seed=9, refit=20, rounds=3, litter=60)
    twin.restore(state)
    for g in (generator, twin):
        g.tell(near_logp_of_one(batch))
    assert asked(generator, 30) == asked(twin, 30)
    assert generator.state() == twin.state()
    with pytest.raises(StateMismatch, match="assisted"):
        twin.restore({**state, "generator": "genetic"})


def test_without_scores_it_breeds_blindly() -> None:
    generator = made(seed=4)
    batch = asked(generator, 30)
    assert len(batch) == len(set(batch)) == 30


def test_small_asks_do_not_fit_a_model_each(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = made(seed=5)
    generator.tell(near_logp_of_one(SHELF))
    fits = 0
    fit = ScoreModel.__init__

    def counted(self: ScoreModel, *given: object) -> None:
        nonlocal fits
        fits += 1
        fit(self, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(ScoreModel, "__init__", counted)
    for _ in range(8):
        generator.tell(near_logp_of_one(asked(generator, 5)))
    assert fits == 2


def test_the_model_predicts_what_it_was_not_told_and_is_unsure_far_away() -> None:
    smiles = [s for s in SHELF if "B" not in s]
    values = evened(np.array([e.score for e in near_logp_of_one(smiles)]))
    seen = np.arange(len(smiles)) % 4 != 0
    known = looks([Chem.MolFromSmiles(s) for s in smiles])
    model = ScoreModel(known.take(np.flatnonzero(seen)), values[seen])
    mean, deviation = model.predict(known.take(np.flatnonzero(~seen)))
    assert np.corrcoef(mean, values[~seen])[0, 1] > 0.5
    _, at_known = model.predict(known.take(np.flatnonzero(seen)))
    assert at_known.mean() < 0.7 * deviation.mean()
    again, covariance = model.joint(known.take(np.flatnonzero(~seen)))
    np.testing.assert_allclose(again, mean)
    np.testing.assert_allclose(np.sqrt(np.diag(covariance)), deviation, rtol=1e-3)


def test_equal_scores_are_no_reason_to_stop() -> None:
    generator = made(seed=6)
    generator.tell([Evaluated(smiles=s, score=0.0) for s in SHELF])
    assert len(asked(generator, 20)) == 20


def test_a_lock_that_cannot_be_held_is_told() -> None:
    goal = {"property": "boiling_point", "direction": "maximise", "unit": "K", "worst": 300, "best": 500}
    problem = Problem.model_validate({"name": "x", "goals": [goal], "space": {"locked": ["[N,O]C#CC#C"]}})
    for name in ("genetic", "assisted"):
        with pytest.raises(CannotServe, match=rf"{name}: .*locked"):
            open_generator(name, problem, start=SHELF, seed=1)
