"""The encoder, the edit model and its proposer: invariances, masks, and that it can learn eight reactions by heart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from rdkit import Chem
from safetensors.torch import save_file

from knowledge.records.molecule import InvalidMolecule
from planners.routes.single_step import weights
from planners.routes.single_step.graph.beam import _merge
from planners.routes.single_step.graph.encoder import Encoder, _Messages
from planners.routes.single_step.graph.model import N_ORDERS, EditModel, Prefix, Shape, ask, load, save
from planners.routes.single_step.graph.molgraph import PADDING, collate, featurise
from planners.routes.single_step.graph.proposer import MODEL, NAME, GraphProposer
from planners.routes.structure import canonical
from planners.routes.training.graph_batches import batches, draw, examples, losses
from planners.routes.training.graph_data import coverage, words
from planners.routes.training.graph_derive import Derived, derive
from planners.routes.training.uspto import MappedReaction

SMALL = Shape(width=32, trunk_depth=2, trunk_attention=(2,), head_depth=2, heads=2, dropout=0.0)
IBUPROFEN = "CC(C)Cc1ccc([C@H](C)C(=O)O)cc1"
REACTIONS = (
    ("[CH3:20][C:1](=[O:2])O.[NH2:3][c:4]1[cH:5][cH:6][cH:7][cH:8][cH:9]1",
     "[CH3:20][C:1](=[O:2])[NH:3][c:4]1[cH:5][cH:6][cH:7][cH:8][cH:9]1"),
    ("Br[c:1]1[cH:2][cH:3][cH:4][cH:5][n:6]1.OB(O)[c:7]1[cH:8][cH:9][cH:10][cH:11][cH:12]1",
     "[c:1]1(-[c:7]2[cH:8][cH:9][cH:10][cH:11][cH:12]2)[cH:2][cH:3][cH:4][cH:5][n:6]1"),
    ("CC(C)(C)OC(=O)[N:1]1[CH2:2][CH2:3][O:4][CH2:5][CH2:6]1", "[NH:1]1[CH2:2][CH2:3][O:4][CH2:5][CH2:6]1"),
    ("C[O:1][C:2](=[O:3])[c:4]1[cH:5][cH:6][s:7][cH:8]1", "[OH:1][C:2](=[O:3])[c:4]1[cH:5][cH:6][s:7][cH:8]1"),
    ("O=[N+:2]([O-])[c:3]1[cH:4][cH:5][c:6]([Cl:7])[cH:8][cH:9]1",
     "[NH2:2][c:3]1[cH:4][cH:5][c:6]([Cl:7])[cH:8][cH:9]1"),
    ("O=[CH:1][CH2:2][CH3:3].[NH:4]1[CH2:5][CH2:6][CH2:7][CH2:8]1",
     "[CH2:1]([CH2:2][CH3:3])[N:4]1[CH2:5][CH2:6][CH2:7][CH2:8]1"),
    ("Br[CH2:1][CH:2]=[CH2:3].[OH:4][c:5]1[cH:6][cH:7][c:8]([F:9])[cH:10][cH:11]1",
     "[CH2:1]([CH:2]=[CH2:3])[O:4][c:5]1[cH:6][cH:7][c:8]([F:9])[cH:10][cH:11]1"),
    ("[O:1]=[C:2]([CH3:3])[c:4]1[cH:5][cH:6][cH:7][n:8][cH:9]1",
     "[OH:1][CH:2]([CH3:3])[c:4]1[cH:5][cH:6][cH:7][n:8][cH:9]1"),
)  # fmt: skip


def _learnt() -> list[Derived]:
    return [derive(MappedReaction("", reactants, product)) for reactants, product in REACTIONS]


def test_atom_states_do_not_depend_on_the_numbering() -> None:
    torch.manual_seed(0)
    encoder = Encoder(width=32, depth=3, attention=(2,), heads=2).eval()
    mol = Chem.MolFromSmiles(IBUPROFEN)
    order = [(i * 4 + 3) % mol.GetNumAtoms() for i in range(mol.GetNumAtoms())]
    turned = Chem.RenumberAtoms(mol, order)
    with torch.no_grad():
        first, second = encoder(collate([featurise(mol)])), encoder(collate([featurise(turned)]))
    assert sorted(order) == list(range(mol.GetNumAtoms()))
    assert torch.allclose(first[order], second, atol=1e-4)
    assert not torch.allclose(first, second, atol=1e-2)


def test_a_molecule_does_not_feel_its_batch() -> None:
    torch.manual_seed(0)
    encoder = Encoder(width=32, depth=2, attention=(1, 2), heads=2).eval()
    small, large = (featurise(Chem.MolFromSmiles(s)) for s in ("CCO", IBUPROFEN))
    with torch.no_grad():
        alone, together = encoder(collate([small])), encoder(collate([large, small]))
    assert torch.allclose(alone, together[len(large.atoms) :], atol=1e-4)


def test_enantiomers_read_differently_and_marks_count() -> None:
    torch.manual_seed(0)
    encoder = Encoder(width=32, depth=2, attention=(), heads=2).eval()
    one, other = (collate([featurise(Chem.MolFromSmiles(s))]) for s in ("C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O"))
    with torch.no_grad():
        assert not torch.allclose(encoder(one), encoder(other), atol=1e-3)
        marked = encoder(one, torch.randn(6, 32), torch.zeros(len(one.bonds), 32))
        assert not torch.allclose(encoder(one), marked, atol=1e-3)
        unmarked = encoder(one, torch.zeros(6, 32), torch.zeros(len(one.bonds), 32))
        assert torch.allclose(encoder(one), unmarked, atol=1e-5)


def test_messages_have_the_right_gradient() -> None:
    torch.manual_seed(0)
    batch = collate([featurise(Chem.MolFromSmiles("CC(=O)N"))])
    codes = torch.tensor([0, 0, 1, 1, 2, 2])
    states = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    table = torch.randn(3, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda s, t: _Messages.apply(s, t, batch.source, batch.target, codes), (states, table)
    )


def test_collate_pads_and_shifts() -> None:
    batch = collate([featurise(Chem.MolFromSmiles(s)) for s in ("C", "CCO", "C.C")])
    assert batch.first_atom.tolist() == [0, 1, 4, 6]
    assert batch.first_bond.tolist() == [0, 0, 2, 2]
    assert batch.source.tolist() == [1, 2, 2, 3]
    assert batch.target.tolist() == [2, 1, 3, 2]
    assert batch.distance[1].tolist() == [[0, 1, 2], [1, 0, 1], [2, 1, 0]]
    assert int((batch.distance == PADDING).sum()) == 8 + 5
    with pytest.raises(ValueError, match="at least one"):
        collate([])


def test_probabilities_sum_to_one_and_closed_edits_have_none() -> None:
    torch.manual_seed(0)
    model = EditModel(SMALL, ["*Cl", "*O", "*Br"]).eval()
    drawn = [draw(canonical("CC(=O)Nc1ccccc1")), draw("CCO")]
    prefixes = [Prefix(1), Prefix(0, ((2, 0),)), Prefix(0, ((2, 0),), ((1, 1),))]
    with torch.no_grad():
        batch = collate([d.graph for d in drawn])
        question = ask(drawn, batch.first_atom, prefixes)
        answer = model(model.read(batch), question)
        spelled = model.spell(answer, torch.tensor([0, 5]), torch.tensor([0, 1]))
    total = answer.stop.exp()
    total = total.index_add(0, question.batch.bond_molecule, answer.bonds.exp().sum(1))
    total = total.index_add(0, question.batch.molecule, answer.atoms.exp())
    assert torch.allclose(total, torch.ones(3), atol=1e-4)
    assert torch.allclose(spelled.exp().sum(1), torch.ones(2), atol=1e-4)
    first = question.batch.first_bond.tolist()
    assert answer.bonds.shape[1] == N_ORDERS
    assert bool((answer.bonds[first[1] : first[1] + 3] == -torch.inf).all())  # only later bonds may follow
    assert bool((answer.bonds[first[2] :] == -torch.inf).all())  # no bonds after the first atom
    atoms = question.batch.first_atom.tolist()
    assert bool((answer.atoms[atoms[2] : atoms[2] + 2] == -torch.inf).all())
    assert float(answer.bonds[0, 1]) == -torch.inf  # C-C is single already


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight reactions by heart, through the file format."""
    torch.manual_seed(1)
    data = _learnt()
    vocabulary = words(data, 1)
    assert coverage(data, vocabulary) == 1.0
    model, random = EditModel(SMALL, vocabulary).train(), np.random.default_rng(1)
    optimiser = torch.optim.Adam(model.parameters(), lr=5e-3)
    learn = examples(data, vocabulary)
    for _ in range(60):
        for chosen, prefixes, weight in batches(learn, 8, random):
            loss, _ = losses(model, chosen, prefixes)
            optimiser.zero_grad()
            (loss * weight).mean().backward()
            optimiser.step()
    path = tmp_path_factory.mktemp("graph") / NAME
    save(path, model.state_dict(), SMALL, vocabulary, {"seed": "1"})
    return path


def test_what_was_learnt_comes_first(trained: Path) -> None:
    proposer = GraphProposer(width=5, model=load(trained))
    data = _learnt()
    answers = proposer.propose([d.product for d in data], 5)
    assert [a[0].reactants for a in answers] == [d.reactants for d in data]


def test_the_contract_of_a_proposer(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(weights.VARIABLE, str(trained.parent))
    proposer = GraphProposer(width=8)
    molecules = ["CC(=O)Nc1ccccc1", IBUPROFEN, "O=C(C)Nc1ccccc1", "C"]
    answers = proposer.propose(molecules, 6)
    assert len(answers) == 4
    assert answers[0] == answers[2]
    assert proposer.calls == 4
    assert proposer.misses == 3
    for smiles, proposals in zip(molecules, answers, strict=True):
        assert len(proposals) <= 6
        scores = [p.score for p in proposals]
        assert scores == sorted(scores, reverse=True)
        assert all(0 < s <= 1 for s in scores)
        assert sum(scores) <= 1.01
        sets = [p.reactants for p in proposals]
        assert len(set(sets)) == len(sets)
        for p in proposals:
            assert p.model == MODEL
            assert list(p.reactants) == sorted(canonical(r) for r in p.reactants)
            assert canonical(smiles) not in p.reactants
    again = proposer.propose(molecules, 6)
    assert again == answers
    assert proposer.misses == 3
    with pytest.raises(InvalidMolecule):
        proposer.propose(["C(C"], 3)


def test_missing_weights_name_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(weights.VARIABLE, str(tmp_path))
    with pytest.raises(weights.WeightsMissing, match="make train-routes"):
        GraphProposer().propose(["CCO"], 3)


def test_another_file_is_refused(tmp_path: Path) -> None:
    save_file({"x": torch.zeros(1)}, tmp_path / NAME)
    with pytest.raises(ValueError, match="no edit model"):
        load(tmp_path / NAME)


def test_equivalent_first_edits_are_followed_once() -> None:
    """The three fluorines are one site, with the probability of three."""
    scores = np.log(np.array([0.1, 0.1, 0.2, 0.1], dtype=np.float32))
    _merge(scores, [(1,), (1,), (2,), (1,)])
    assert np.allclose(np.exp(scores), [0.3, 0.0, 0.2, 0.0], atol=1e-6)


@pytest.mark.skipif(not weights.available(NAME), reason="the graph model's weights are not in the folder")
def test_the_shipped_model_knows_an_amide() -> None:
    product = canonical("O=C(Nc1ccc(F)cc1)c1cccnc1")
    proposals = GraphProposer().propose([product], 10)[0]
    amine = canonical("Nc1ccc(F)cc1")
    assert proposals
    assert amine in proposals[0].reactants
    assert any(set(p.reactants) == {amine, canonical("O=C(O)c1cccnc1")} for p in proposals[:3])
