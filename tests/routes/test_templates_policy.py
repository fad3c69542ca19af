"""The policy over templates, what its training minimises, and the proposer, on a library of a few templates."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from planners.routes.single_step import weights
from planners.routes.single_step.proposal import Proposer
from planners.routes.single_step.templates import policy
from planners.routes.single_step.templates.proposer import TemplateProposer
from planners.routes.training import template as training
from planners.routes.training.template_labels import Labels, labels
from planners.routes.training.template_library import Library, Row

ESTER = "[C:1]-[O;H0;D2;+0:2]-[C;H0;D3;+0:3]=[O:4]>>O-[C;H0;D3;+0:3]=[O:4].[C:1]-[OH;D1;+0:2]"
CHLORIDE = "[C:1]-[O;H0;D2;+0:2]-[C;H0;D3;+0:3]=[O:4]>>Cl-[C;H0;D3;+0:3]=[O:4].[C:1]-[OH;D1;+0:2]"
AMIDE = "[C:1]-[NH;D2;+0:2]-[C;H0;D3;+0:3]=[O:4]>>O-[C;H0;D3;+0:3]=[O:4].[C:1]-[NH2;D1;+0:2]"
REDUCTION = "[C:1]-[CH2;D2;+0:2]-[OH;D1;+0:3]>>[C:1]-[CH;D2;+0:2]=[O;H0;D1;+0:3]"
TEMPLATES = [ESTER, AMIDE, REDUCTION, CHLORIDE]
ESTERS = ("CCOC(C)=O", "CCCOC(C)=O", "COC(=O)CC", "CCOC(=O)CCC")
AMIDES = ("CCNC(C)=O", "CCCNC(C)=O", "CNC(=O)CC", "CCNC(=O)CCC")


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Library:
    """Weights of a network that prefers the first templates, in a folder of their own."""
    monkeypatch.setenv(weights.VARIABLE, str(tmp_path))
    monkeypatch.setattr(training, "HIDDEN", 8)
    monkeypatch.setattr(training, "RANK", 4)
    library = Library(TEMPLATES, [5, 3, 2, 1], [["US1", "US2"], ["US3"], [], ["US4"]], [])
    network = policy.PolicyNetwork(len(TEMPLATES), hidden=8, rank=4)
    with torch.no_grad():
        network.output.weight.zero_()
        network.output.bias.copy_(torch.tensor([2.0, 0.0, 0.0, 1.0]))
    training.export(library, network.state_dict())
    return library


def test_proposals_are_ranked_by_probability_over_matching_templates(small: Library) -> None:
    proposer = TemplateProposer()
    assert isinstance(proposer, Proposer)
    (found,) = proposer.propose(["CCOC(C)=O"], 10)
    assert [p.reactants for p in found] == [("CC(=O)O", "CCO"), ("CC(=O)Cl", "CCO")]
    first, second = (math.exp(logit / training.TEMPERATURE) for logit in (2.0, 1.0))
    odds = first / (first + second)
    assert [p.score for p in found] == pytest.approx([odds, 1 - odds], abs=1e-3)
    assert {p.model for p in found} == {"template"}
    assert [proposer.smarts(p.template) for p in found] == [ESTER, CHLORIDE]
    assert [proposer.frequency(p.template) for p in found] == [5, 1]
    assert proposer.examples(found[0].template) == ("US1", "US2")
    assert proposer.frequency("t000000000000") == 0


def test_templates_run_lazily_and_answers_are_cached(small: Library) -> None:
    proposer = TemplateProposer()
    assert len(proposer.propose(["CCOC(C)=O"], 1)[0]) == 1
    assert proposer.runs == 1
    again = proposer.propose(["O=C(C)OCC", "CCNC(C)=O", "CCOC(C)=O"], 1)
    assert again[0] == again[2]
    assert (proposer.calls, proposer.misses) == (4, 2)
    assert proposer.propose(["c1ccccc1"], 5) == [[]]
    assert proposer.propose([], 5) == []


def test_a_batch_larger_than_the_cache_is_answered(small: Library) -> None:
    proposer = TemplateProposer(cache_size=1)
    both = proposer.propose(["CCOC(C)=O", "CCNC(C)=O"], 5)
    assert both == [*proposer.propose(["CCOC(C)=O"], 5), *proposer.propose(["CCNC(C)=O"], 5)]


def test_missing_weights_name_the_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(weights.VARIABLE, str(tmp_path))
    with pytest.raises(weights.WeightsMissing, match="make train-routes"):
        TemplateProposer().propose(["CCO"], 3)


def test_the_fingerprint_counts_and_sees_chirality() -> None:
    ethane, hexane = policy.fingerprint("CCC"), policy.fingerprint("CCCCCC")
    assert ethane.shape == (policy.BITS,)
    assert hexane.max() > ethane.max() == pytest.approx(math.log(3))
    assert (policy.fingerprint("C[C@H](F)Cl") != policy.fingerprint("C[C@@H](F)Cl")).any()


def test_the_loss_is_the_probability_of_all_right_templates_together() -> None:
    marks = Labels(np.array([0, 1, 3, 2], dtype=np.int16), np.array([True, False, True, True]), np.array([0, 3, 4]))
    logits = torch.tensor([[1.0, 0.5, 9.0, 0.0], [0.0, 0.0, 0.0, 0.0]])
    value = float(training.loss(logits, *map(torch.from_numpy, marks.batch(np.array([0, 1])))))
    share = training.MATCHING_SHARE
    right = math.exp(1.0) + 1
    among, everywhere = right + math.exp(0.5), right + math.exp(0.5) + math.exp(9.0)
    some = training.SMOOTHING
    aim = (1 - some) * math.log(right) + some * (1.0 + 0.5 + 0.0) / 3
    first = share * math.log(among) + (1 - share) * math.log(everywhere) - aim
    second = (1 - share) * math.log(4)  # its only matching template is the right one, with logit 0
    assert value == pytest.approx((first + second) / 2, rel=1e-5)
    assert marks.solvable().tolist() == [0, 1]


def test_labels_find_every_template_that_gives_the_truth(small: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATHANOR_CACHE", str(weights.folder()))
    monkeypatch.setattr("planners.routes.training.template_labels.folder", weights.folder)
    rows = [
        Row("CCOC(C)=O", ("CC(=O)O", "CCO"), "US1", 0),
        Row("CCO", ("CC=O",), "US2", 2),
        Row("CC", ("C", "C"), "", -1),
    ]
    library = training._library(small)
    found = labels("toy", rows, library)
    assert found.matching.tolist() == [0, 3, 2]
    assert found.right.tolist() == [True, False, True]
    assert found.starts.tolist() == [0, 2, 3, 3]
    assert labels("toy", rows, library).matching.tolist() == [0, 3, 2]


def test_a_few_steps_learn_which_template_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "HIDDEN", 32)
    monkeypatch.setattr(training, "RANK", 8)
    torch.manual_seed(0)
    model = training.Training(TEMPLATES, [5, 3, 2, 1])
    inputs = torch.from_numpy(np.stack([policy.fingerprint(s) for s in (*ESTERS, *AMIDES)]))
    marks = Labels(
        np.array([0, 1] * 8, dtype=np.int16), np.array([True, False] * 4 + [False, True] * 4), np.arange(0, 17, 2)
    )
    batch = [torch.from_numpy(a) for a in marks.batch(np.arange(8))]
    optimiser = torch.optim.AdamW(model.parameters(), lr=5e-3)
    for _ in range(20):
        value = training.loss(model(inputs), *batch)
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
    baked = policy.PolicyNetwork(len(TEMPLATES), hidden=32, rank=8)
    baked.load_state_dict({name: tensor.float() for name, tensor in model.baked().items()})
    best = policy.logits(baked.eval(), [*ESTERS, *AMIDES])[:, :2].argmax(1)
    assert best.tolist() == [0] * 4 + [1] * 4


def test_the_shipped_model_names_the_obvious_step() -> None:
    if not weights.available(policy.WEIGHTS):
        pytest.skip("the template weights are not trained yet")
    proposer = TemplateProposer()
    (found,) = proposer.propose(["CCCNC(=O)c1ccccc1"], 10)
    assert ("CCCN", "O=C(O)c1ccccc1") in [p.reactants for p in found[:2]]
    assert proposer.frequency(found[0].template) > 1
    assert proposer.examples(found[0].template)
    assert sum(p.score for p in found) <= 1.2
