"""The local-template model: learns sites, answers as every proposer does, says what is missing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from knowledge.records.molecule import InvalidMolecule
from planners.routes.single_step import weights
from planners.routes.single_step.graph.molgraph import collate
from planners.routes.single_step.local.extraction import extract
from planners.routes.single_step.local.network import LocalNetwork, log_partition, segment_logsumexp
from planners.routes.single_step.local.proposer import TEMPLATES, WEIGHTS, LocalProposer
from planners.routes.single_step.proposal import Proposal, Proposer
from planners.routes.structure import canonical
from planners.routes.training import local as training
from planners.routes.training.local_data import Vocabulary, examples
from tests.routes.test_local_templates import ALL

PARACETAMOL = "CC(=O)Nc1ccc(O)cc1"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, float, float]]:
    """Weights of a small network that has seen eight reactions, and its loss before and after."""
    patch = pytest.MonkeyPatch()
    home = tmp_path_factory.mktemp("weights")
    patch.setattr(training, "FOLDER", home)
    patch.setattr(training, "WIDTH", 32)
    patch.setattr(training, "DEPTH", 2)
    patch.setattr(training, "ATTENTION", (2,))
    patch.setenv(weights.VARIABLE, str(home))
    found = [extract(*reaction) for reaction in ALL]
    rows: list[dict[str, object]] = [
        {"product": f.product, "template": f.template.dump(), "sites": f.sites, "exact": f.exact} for f in found
    ]
    vocabulary = Vocabulary.of(rows * 2)
    data = [e for e in examples(rows, vocabulary) if e is not None]
    assert len(data) == len(ALL)
    torch.manual_seed(0)
    network = LocalNetwork(vocabulary.atom, vocabulary.bond, 32, 2, (2,))
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-2)
    losses = []
    for _ in range(40):
        loss = training.loss_of(network, data)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    training.export({name: value.detach() for name, value in network.named_parameters()}, vocabulary)
    yield home, losses[0], losses[-1]
    patch.undo()


def test_it_learns_eight_reactions(tiny: tuple[Path, float, float]) -> None:
    _, before, after = tiny
    assert after < 0.1 < before
    answers = LocalProposer().propose([extract(*reaction).product for reaction in ALL], 5)
    for reaction, proposals in zip(ALL, answers, strict=True):
        assert proposals[0].reactants == extract(*reaction).reactants
        assert proposals[0].template == extract(*reaction).template.id


def test_answers_have_the_form_of_every_proposer(tiny: tuple[Path, float, float]) -> None:
    proposer = LocalProposer()
    assert isinstance(proposer, Proposer)
    molecules = [PARACETAMOL, "OC(=O)c1ccccc1OC(C)=O", PARACETAMOL, "C", "CCOC(=O)CCNC(=O)OC(C)(C)C"]
    answers = proposer.propose(molecules, 7)
    assert proposer.calls == 5
    assert proposer.misses == 4
    assert answers[0] == answers[2]
    for smiles, proposals in zip(molecules, answers, strict=True):
        assert len(proposals) <= 7
        assert [p.score for p in proposals] == sorted((p.score for p in proposals), reverse=True)
        assert len({p.reactants for p in proposals}) == len(proposals)
        assert sum(p.score for p in proposals) <= 1.0 + 1e-4
        for p in proposals:
            assert p.model == "local"
            assert p.reactants == tuple(sorted(canonical(r) for r in p.reactants))
            assert canonical(smiles) not in p.reactants
            assert proposer.frequency(p.template) == 2
    proposer.propose(molecules, 7)
    assert (proposer.calls, proposer.misses) == (10, 4)
    assert proposer.frequency("unknown") == 0


def test_the_company_in_a_batch_changes_nothing(tiny: tuple[Path, float, float]) -> None:
    molecules = [extract(*reaction).product for reaction in ALL]

    def rounded(proposals: list[Proposal]) -> list[tuple[tuple[str, ...], float]]:
        return [(p.reactants, round(p.score, 3)) for p in proposals[:3]]

    together = LocalProposer().propose(molecules, 5)
    for smiles, proposals in zip(molecules, together, strict=True):
        assert rounded(LocalProposer().propose([smiles], 5)[0]) == rounded(proposals)


def test_symmetric_sites_are_one_proposal(tiny: tuple[Path, float, float]) -> None:
    proposals = LocalProposer().propose(["CC(=O)Nc1ccc(NC(C)=O)cc1"], 10)[0]
    half = ("CC(=O)Cl", "CC(=O)Nc1ccc(N)cc1")
    assert [p.reactants for p in proposals].count(half) == 1


def test_bad_molecules_are_refused(tiny: tuple[Path, float, float]) -> None:
    with pytest.raises(InvalidMolecule):
        LocalProposer().propose(["not a molecule"], 5)


def test_missing_weights_name_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(weights.VARIABLE, str(tmp_path))
    with pytest.raises(weights.WeightsMissing, match="make train-routes"):
        LocalProposer().propose([PARACETAMOL], 5)


def test_pairs_that_contradict_the_product_get_no_probability() -> None:
    vocabulary = Vocabulary.of([{"template": extract(*reaction).template.dump()} for reaction in ALL] * 2)
    network = LocalNetwork(vocabulary.atom, vocabulary.bond, 16, 1, ())
    data = examples([{"product": "CCN", "template": vocabulary.bond[0].dump(), "sites": []}], vocabulary)
    assert data[0] is not None
    batch = collate([data[0].graph])
    atoms, bonds = network(batch)
    total = float(log_partition(atoms, bonds, batch)[0].detach())
    for column, template in enumerate(vocabulary.atom):
        if template.atoms[0].element == "O":
            assert float(atoms[:, column].max().detach()) - total < -20


def test_segments_are_summed_apart() -> None:
    values = torch.tensor([0.0, 0.0, 5.0])
    out = segment_logsumexp(values, torch.tensor([0, 0, 1]), 2)
    assert torch.allclose(out, torch.tensor([0.6931472, 5.0]))


@pytest.mark.skipif(
    not (weights.FOLDER / WEIGHTS).is_file() or not (weights.FOLDER / TEMPLATES).is_file(),
    reason="the trained weights are not here",
)
def test_the_trained_model_knows_its_trade(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(weights.VARIABLE, raising=False)
    proposer = LocalProposer()
    expected = {
        PARACETAMOL: {("CC(=O)Cl", "Nc1ccc(O)cc1"), ("CC(=O)OC(C)=O", "Nc1ccc(O)cc1")},
        "Cc1ccc(-c2ccccc2)cc1": {("Cc1ccc(Br)cc1", "OB(O)c1ccccc1"), ("Brc1ccccc1", "Cc1ccc(B(O)O)cc1")},
        "C[C@H](N)C(=O)Nc1ccccc1": {("C[C@H](NC(=O)OC(C)(C)C)C(=O)Nc1ccccc1",)},
    }
    answers = proposer.propose(list(expected), 10)
    for wanted, proposals in zip(expected.values(), answers, strict=True):
        assert wanted & {p.reactants for p in proposals[:5]}
