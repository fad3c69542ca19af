"""The sequence model: network, beam search, proposer and scorer, with small random weights and with those that ship."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from knowledge.records.molecule import InvalidMolecule
from planners.routes.single_step import weights
from planners.routes.single_step.proposal import Proposer
from planners.routes.single_step.sequence.beam import search
from planners.routes.single_step.sequence.inputs import scripts
from planners.routes.single_step.sequence.network import SequenceNetwork, Sizes
from planners.routes.single_step.sequence.proposer import SequenceProposer, rooted
from planners.routes.single_step.sequence.scoring import WORST, SequenceScorer
from planners.routes.single_step.sequence.tokens import Vocabulary, split
from planners.routes.single_step.sequence.trained_model import FILE, TrainedSequence, load
from planners.routes.structure import canonical

ACETANILIDE = "CC(=O)Nc1ccccc1"
WORDS = Vocabulary(["(", ")", ".", "1", "=", "Br", "C", "Cl", "N", "O", "c", "n"])
needs_weights = pytest.mark.skipif(not weights.available(FILE), reason="the trained weights are not there")


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def small() -> TrainedSequence:
    torch.manual_seed(4)
    sizes = Sizes(len(WORDS), width=32, heads=2, hidden=64, encoder_layers=2, decoder_layers=2, longest_source=48)
    return TrainedSequence(SequenceNetwork(sizes).to(torch.bfloat16).eval(), WORDS)


def told(model: TrainedSequence, smiles: str, numbers: list[tuple[int, ...]]) -> list[float]:
    """Teacher-forced log-probabilities of scripts over one text."""
    read = model.read([split(smiles)] * len(numbers))
    said = scripts(numbers, len(model.vocabulary))
    with torch.inference_mode():
        logits = model.network(read.source, read.touch, read.mask, said.said, said.last, said.first)
        log_p = torch.log_softmax(logits, -1).gather(2, said.target.clamp_min(0)[..., None])[..., 0]
        return [float(x) for x in torch.where(said.target >= 0, log_p, 0.0).sum(1)]


def test_beam_search_gives_the_probability_that_teacher_forcing_gives(small: TrainedSequence) -> None:
    texts = [ACETANILIDE, "CCOC(C)=O", "c1ccncc1"]
    for smiles, found in zip(texts, search(small.network, small.read([split(s) for s in texts]), 6), strict=True):
        assert found
        assert [one.log_probability for one in found] == sorted((o.log_probability for o in found), reverse=True)
        assert len({one.numbers for one in found}) == len(found)
        expected = told(small, smiles, [one.numbers for one in found])
        assert [one.log_probability for one in found] == pytest.approx(expected, abs=0.15)  # bf16, other order of sums


def test_a_wide_beam_finds_the_most_probable_of_all_short_scripts(small: TrainedSequence) -> None:
    smiles, v = "CO", len(WORDS)
    pieces = [(v, v), (v, v + 1), (v + 1, v + 1)]
    every = [(), *[(w,) for w in range(4, v)], *pieces]
    best = max(zip(told(small, smiles, every), every, strict=True))
    found = search(small.network, small.read([split(smiles)]), 200)[0]
    assert found[0].log_probability >= best[0] - 0.1
    assert set(every) <= {one.numbers for one in found} | {
        e for e in every if told(small, smiles, [e])[0] < best[0] - 5
    }


def test_pieces_open_and_close_in_turn_and_never_run_backwards(small: TrainedSequence) -> None:
    v = len(WORDS)
    for one in search(small.network, small.read([split(ACETANILIDE)]), 20)[0]:
        points = [n - v for n in one.numbers if n >= v]
        assert len(points) % 2 == 0
        assert all(
            first <= last < len(split(ACETANILIDE)) for first, last in zip(points[::2], points[1::2], strict=True)
        )


def test_padding_changes_nothing(small: TrainedSequence) -> None:
    v = len(WORDS)
    script = (v, v + 1, WORDS.numbers(["O"])[0])
    alone = told(small, "CCO", [script])[0]
    read = small.read([split("CCO"), split(ACETANILIDE)])
    said = scripts([script, (v, v + 12)], v)
    with torch.inference_mode():
        logits = small.network(read.source, read.touch, read.mask, said.said, said.last, said.first)
    log_p = torch.log_softmax(logits, -1).gather(2, said.target.clamp_min(0)[..., None])[..., 0]
    assert float(torch.where(said.target >= 0, log_p, 0.0).sum(1)[0]) == pytest.approx(alone, abs=0.1)


def test_it_learns_where_to_cut() -> None:
    torch.manual_seed(0)
    v = len(WORDS)
    network = SequenceNetwork(Sizes(v, width=64, heads=4, hidden=128, encoder_layers=2, decoder_layers=1))
    texts = ["CC(=O)N" + "C" * n for n in range(1, 5)]
    cut = [(v, v + 5, WORDS.numbers(["Cl"])[0], WORDS.numbers(["."])[0], v + 6, v + 6 + n) for n in range(1, 5)]
    model = TrainedSequence(network, WORDS)
    read = model.read([split(text) for text in texts])
    said = scripts(cut, v)
    optimiser = torch.optim.Adam(network.parameters(), lr=3e-3)
    touch, mask = read.touch.float(), read.mask.float()
    for _ in range(50):
        logits = network(read.source, touch, mask, said.said, said.last, said.first)
        kept = said.target >= 0
        loss = torch.nn.functional.cross_entropy(logits[kept], said.target[kept])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    network.to(torch.bfloat16).eval()
    found = search(network, read, 2)
    assert [one[0].numbers for one in found] == cut


def test_roots_are_different_writings_of_one_molecule() -> None:
    strings = rooted(ACETANILIDE, 4)
    assert len(strings) == len(set(strings)) == 4
    assert {canonical(s) for s in strings} == {canonical(ACETANILIDE)}
    assert rooted("C", 4) == ["C"]
    with pytest.raises(InvalidMolecule):
        rooted("C1CC", 4)


def test_proposals_are_canonical_unlike_and_counted(small: TrainedSequence) -> None:
    proposer = SequenceProposer(small)
    assert isinstance(proposer, Proposer)
    molecules = [canonical("CCOC(C)=O"), canonical(ACETANILIDE)]
    answers = proposer.propose([*molecules, molecules[0]], 5)
    assert answers[0] == answers[2]
    assert (proposer.calls, proposer.misses) == (3, 2)
    assert proposer.made >= proposer.invalid
    for molecule, answer in zip(molecules, answers, strict=False):
        assert len(answer) <= 5
        assert [p.score for p in answer] == sorted((p.score for p in answer), reverse=True)
        assert len({p.reactants for p in answer}) == len(answer)
        for p in answer:
            assert 0 < p.score <= 1
            assert p.model == "sequence"
            assert molecule not in p.reactants
            assert list(p.reactants) == sorted(canonical(r) for r in p.reactants)
    assert proposer.propose([], 5) == []
    assert proposer.propose(molecules, 5) == answers[:2]
    assert proposer.misses == 2


def test_a_molecule_beyond_the_networks_places_gets_nothing(small: TrainedSequence) -> None:
    assert SequenceProposer(small).propose(["C" * 49, "CCO"], 3)[0] == []


def test_scores_answer_every_pair(small: TrainedSequence) -> None:
    scorer = SequenceScorer(small)
    pairs = [
        (ACETANILIDE, ("CC(=O)Cl", "Nc1ccccc1")),
        (ACETANILIDE, ("CC(=O)O", "Nc1ccccc1")),
        ("CC(", ("C",)),
        (ACETANILIDE, ("C1CC",)),
        (ACETANILIDE, ("[Si]",)),
    ]
    scores = scorer.score(pairs)
    assert scores[2:] == [WORST] * 3
    assert all(WORST <= s < 0 for s in scores)
    assert scores[0] != scores[1]
    assert scorer.score([]) == []
    assert SequenceProposer(small).score(pairs) == scores


def test_missing_weights_name_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(weights.VARIABLE, str(tmp_path))
    with pytest.raises(weights.WeightsMissing, match=weights.COMMAND):
        SequenceProposer().propose(["CCO"], 3)


def test_weights_survive_the_file(small: TrainedSequence, tmp_path: Path) -> None:
    state = {name: p.half() for name, p in small.network.state_dict().items()}
    metadata = {
        "sizes": json.dumps(small.network.sizes.record()),
        "vocabulary": json.dumps(small.vocabulary.learned),
    }
    save_file(state, tmp_path / FILE, metadata)
    again = load(tmp_path / FILE)
    assert SequenceProposer(again).propose(["CCOC(C)=O"], 3) == SequenceProposer(small).propose(["CCOC(C)=O"], 3)


@needs_weights
@pytest.mark.parametrize(
    "product, reactants",
    [
        (ACETANILIDE, ("CC(=O)Cl", "Nc1ccccc1")),
        ("COc1ccc(-c2ccncc2)cc1", ("COc1ccc(B(O)O)cc1", "Brc1ccncc1")),
        ("O=C(O)c1ccc(Cl)cc1", ("COC(=O)c1ccc(Cl)cc1",)),
    ],
)
def test_the_shipped_model_knows_textbook_reactions(product: str, reactants: tuple[str, ...]) -> None:
    wanted = tuple(sorted(map(canonical, reactants)))
    answer = SequenceProposer().propose([canonical(product)], 10)[0]
    assert wanted in [p.reactants for p in answer]


@needs_weights
def test_the_shipped_scorer_agrees_with_the_shipped_proposer() -> None:
    product = canonical("COc1ccc(NC(=O)c2ccccc2Cl)cc1")
    answer = SequenceProposer(roots=2).propose([product], 3)[0]
    scores = SequenceScorer(roots=2).score([(product, p.reactants) for p in answer])
    assert scores[0] == pytest.approx(math.log(answer[0].score), abs=1.0)
    wrong = SequenceScorer(roots=2).score([(product, ("CCO", "c1ccccc1"))])[0]
    assert wrong < scores[0] - 5
