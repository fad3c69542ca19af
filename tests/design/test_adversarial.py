"""The adversarial generator: graphs and back, decoding that cannot break valence, drawing, learning, restarts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from rdkit import Chem
from rdkit.Chem import rdMolDescriptors

from knowledge.records.candidate import Candidate
from planners.design.adversarial import opened
from planners.design.adversarial.alphabet import CAPACITY, LARGEST, assembled, drawn
from planners.design.adversarial.decoding import connected, decoded
from planners.design.adversarial.generator import AdversarialGenerator
from planners.design.adversarial.model import DrawingModel, Request, shipped
from planners.design.adversarial.openings import Parent
from planners.design.adversarial.sampling import sample
from planners.design.adversarial.scribbles import scribbled
from planners.design.generator import CannotServe, Evaluated, Generator, StateMismatch
from planners.design.problem import Problem
from planners.design.space import DesignSpace, compile_smarts
from tests.design.molecules import SHELF

SPACE = DesignSpace()
GOALS = [{"property": "logp", "direction": "target", "unit": "dimensionless", "target": 1, "worst": 4}]


@cache
def samples() -> tuple[str | None, ...]:
    return sample(250, seed=5).smiles


@pytest.mark.parametrize(
    "smiles",
    [
        "CCO",
        "c1ccncc1",
        "CS(C)=O",
        "O=S1(=O)CCCC1",
        "C[N+](=O)[O-]",
        "[O-][n+]1ccccc1",
        "COP(=O)(OC)OC",
        "C[Si](C)(C)C",
        "FC(F)(Cl)Br",
        "N#Cc1ccc(I)cc1",
    ],
)
def test_molecules_come_back_from_their_drawings(smiles: str) -> None:
    drawing = drawn(Chem.MolFromSmiles(smiles))
    assert drawing is not None
    assert (drawing.orders.sum(1) <= np.array(CAPACITY)[drawing.kinds]).all()
    again = assembled(drawing)
    assert again is not None
    assert Chem.MolToSmiles(again) == Chem.CanonSmiles(smiles)


@pytest.mark.parametrize("smiles", ["CC(=O)[O-]", "C[N+](C)(C)C", "[CH3]", "CCCCCCCCCCCCCCC", "CB(O)O", "CN=[N+]=[N-]"])
def test_what_has_no_drawing_is_told(smiles: str) -> None:
    assert drawn(Chem.MolFromSmiles(smiles)) is None


def test_decoding_never_exceeds_valence_and_joins_what_can_be_joined() -> None:
    source = torch.Generator().manual_seed(3)
    for n in (2, 7, LARGEST):
        logits = torch.randn(200, n, n, 3, generator=source) * 3
        capacity = torch.tensor(CAPACITY)[torch.randint(3, (200, n), generator=source)]
        orders = decoded(logits + logits.transpose(1, 2), capacity)
        assert (orders == orders.transpose(1, 2)).all()
        assert (orders.sum(-1) <= capacity).all()
        left = capacity - orders.sum(-1)
        reach = connected(orders)
        # Two parts remain two only where one of them has no valence left.
        assert not (~reach & (left[:, :, None] > 0) & (left[:, None, :] > 0)).any()


def test_the_surest_bond_comes_first() -> None:
    advantage = torch.full((1, 3, 3, 3), -5.0)
    advantage[0, 0, 1, 1] = advantage[0, 1, 0, 1] = 4.0  # 0=1
    advantage[0, 0, 2, 1] = advantage[0, 2, 0, 1] = 3.0  # 0=2
    advantage[0, 0, 2, 0] = advantage[0, 2, 0, 0] = 1.0  # 0-2
    orders = decoded(advantage, torch.tensor([[4, 4, 3]]))
    assert orders[0].tolist() == [[0, 2, 2], [2, 0, 0], [2, 0, 0]]
    orders = decoded(advantage, torch.tensor([[3, 4, 3]]))  # no valence is left for a second double bond
    assert orders[0].tolist() == [[0, 2, 1], [2, 0, 0], [1, 0, 0]]


def test_scribbles_hang_together() -> None:
    rng = np.random.default_rng(0)
    for n in (3, 6, LARGEST):
        made = scribbled(rng, 100, n)
        assert (made.orders == made.orders.transpose(0, 2, 1)).all()
        assert connected(torch.from_numpy(made.orders)).all()


def test_samples_are_valid_and_mostly_different() -> None:
    valid = [text for text in samples() if text is not None]
    assert len(valid) >= 0.95 * len(samples())
    for text in valid:
        mol = Chem.MolFromSmiles(text)
        assert mol is not None
        assert len(Chem.GetMolFrags(mol)) == 1
        assert mol.GetNumHeavyAtoms() <= LARGEST
        assert not any(atom.GetNumRadicalElectrons() for atom in mol.GetAtoms())
    assert len(set(valid)) >= 0.8 * len(valid)
    assert sample(40, seed=6).smiles == sample(40, seed=6).smiles != sample(40, seed=7).smiles


def test_closed_atoms_stay_as_they_are() -> None:
    core = compile_smarts("O=C1CCCN1")
    parent = Parent.of("CCCN1CCCC1=O", ("O=C1CCCN1",))
    assert parent is not None
    assert int(parent.locked.sum()) == 6
    request = Request(parent.drawing, ~parent.locked, 1.0)
    found = [text for text in shipped().redraw([request] * 60, np.random.default_rng(1)) if text is not None]
    assert len(found) >= 55
    assert all(Chem.MolFromSmiles(text).HasSubstructMatch(core) for text in found)
    assert len(set(found)) > 5


def polarity(text: str) -> float:
    mol = Chem.MolFromSmiles(text)
    return -abs(rdMolDescriptors.CalcTPSA(mol) - 45) / 45 - abs(rdMolDescriptors.CalcCrippenDescriptors(mol)[0] - 1)


def judged(candidates: Sequence[Candidate]) -> list[Evaluated]:
    texts = [candidate.molecule.smiles for candidate in candidates]
    return [Evaluated(smiles=text, score=polarity(text)) for text in texts]


def fresh(seed: int = 1, **space: object) -> AdversarialGenerator:
    return AdversarialGenerator(shipped(), DesignSpace.model_validate(space), SHELF, seed=seed, exclude=["CCOC(C)=O"])


def test_it_learns_from_what_it_is_told_and_a_killed_one_goes_on_where_it_was() -> None:
    generator = fresh()
    assert isinstance(generator, Generator)
    means, keys = [], []
    for _ in range(4):
        candidates = generator.ask(16)
        keys += [candidate.molecule.connectivity for candidate in candidates]
        told = judged(candidates)
        means.append(float(np.mean([one.score for one in told])))
        generator.tell(told)
    assert len(keys) == len(set(keys)) == 64
    assert means[-1] > means[0] + 0.2
    pending = generator.ask(8)
    twin = fresh(seed=8)
    twin.restore(json.loads(json.dumps(generator.state())))
    for one in (generator, twin):
        one.tell(judged(pending))
    assert twin.ask(8) == generator.ask(8)
    assert json.dumps(twin.state()) == json.dumps(generator.state())
    operators = {candidate.provenance.operator for candidate in pending}
    assert operators <= set(generator.operator_probabilities)
    with pytest.raises(StateMismatch, match="another design space"):
        fresh(max_heavy_atoms=9).restore(generator.state())


def test_a_state_of_the_version_before_is_refused() -> None:
    generator = fresh()
    with pytest.raises(StateMismatch, match="of version 2"):
        generator.restore({**generator.state(), "version": 1})


def test_what_is_excluded_begun_from_or_told_is_not_proposed() -> None:
    generator = fresh(elements=["C", "O"], max_heavy_atoms=5, max_rings=0)
    asked = {candidate.molecule.smiles for candidate in generator.ask(12)}
    again = fresh(elements=["C", "O"], max_heavy_atoms=5, max_rings=0)
    told = sorted(asked)[:6]
    again.tell([Evaluated(smiles=text, score=0.5) for text in told])
    found = {candidate.molecule.smiles for candidate in again.ask(30)}
    assert found - asked  # it has others to offer
    assert found.isdisjoint({*told, *SHELF, "CCOC(C)=O"})


def test_proposals_obey_the_space() -> None:
    generator = fresh(elements=["C", "H", "O"], max_heavy_atoms=9, max_rings=0)
    found = generator.ask(20)
    assert len(found) == 20
    for candidate in found:
        mol = Chem.MolFromSmiles(candidate.molecule.smiles)
        assert generator.space.violation(mol) is None
        assert {atom.GetSymbol() for atom in mol.GetAtoms()} <= {"C", "O"}
    assert "CCOC(C)=O" not in {candidate.molecule.smiles for candidate in found}


def test_a_locked_fragment_is_in_every_proposal() -> None:
    generator = fresh(locked=["O=C1CCCN1"])
    found = generator.ask(15)
    assert len(found) == 15
    core = compile_smarts("O=C1CCCN1")
    assert all(Chem.MolFromSmiles(candidate.molecule.smiles).HasSubstructMatch(core) for candidate in found)


def test_what_it_cannot_do_is_told_in_words(tmp_path: Path) -> None:
    with pytest.raises(CannotServe, match=r"weights adversarial.safetensors are missing from .*--export"):
        DrawingModel(tmp_path / "adversarial.safetensors")
    big = {"name": "big", "space": {"preset": "any", "min_heavy_atoms": 20}, "goals": GOALS}
    with pytest.raises(CannotServe, match="at most 14 heavy atoms, the space wants at least 20"):
        opened(Problem.model_validate(big), start=["CCO"], seed=1, exclude=[])
    with pytest.raises(CannotServe, match="adversarial: of 800 drawings none fits the design space"):
        AdversarialGenerator(shipped(), DesignSpace.model_validate({"locked": ["[CX4]C#CC#CC#N"]}), SHELF, seed=1)
