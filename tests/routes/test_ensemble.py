"""The fused proposer: merging, features, calibration and gating, on real disconnections with models that are fixed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import lightgbm
import numpy as np
import pytest

from planners.routes.single_step.ensemble import features
from planners.routes.single_step.ensemble.pool import merge, without
from planners.routes.single_step.ensemble.proposer import EnsembleProposer
from planners.routes.single_step.ensemble.ranker import Calibration, Ranker
from planners.routes.single_step.proposal import Proposal

PARACETAMOL = "CC(=O)Nc1ccc(O)cc1"
ANHYDRIDE = ("CC(=O)OC(C)=O", "Nc1ccc(O)cc1")
CHLORIDE = ("CC(=O)Cl", "Nc1ccc(O)cc1")
NITRO = ("CC(=O)Nc1ccc([N+](=O)[O-])cc1",)
BENZYL = ("CC(=O)Nc1ccc(OCc2ccccc2)cc1",)


def _proposals(model: str, *scored: tuple[tuple[str, ...], float]) -> list[Proposal]:
    return [Proposal(reactants, "", f"{model}-{i}", score, model) for i, (reactants, score) in enumerate(scored)]


ANSWERS = {
    "template": _proposals("template", (ANHYDRIDE, 0.6), (CHLORIDE, 0.3)),
    "local": _proposals("local", (CHLORIDE, 0.5), (ANHYDRIDE, 0.4), (BENZYL, 0.1)),
    "graph": _proposals("graph", (ANHYDRIDE, 0.8), (NITRO, 0.1)),
    "sequence": _proposals("sequence", (ANHYDRIDE, 0.7)),
}


class Fixed:
    """A model that has one answer to everything."""

    def __init__(self, proposals: list[Proposal]) -> None:
        self.proposals = proposals
        self.asked: list[str] = []

    def propose(self, molecules: Sequence[str], k: int) -> list[list[Proposal]]:
        self.asked += molecules
        return [self.proposals[:k] for _ in molecules]


class Reader(Fixed):
    def score(self, pairs: Sequence[tuple[str, tuple[str, ...]]]) -> list[float]:
        return [-float(len("".join(reactants))) for _, reactants in pairs]


def _ranker(calibration: Calibration = Calibration(1.0, 0.0)) -> Ranker:  # noqa: B008 (frozen)
    """A booster that has learnt one thing: the more models vote for a candidate, the better."""
    rng = np.random.default_rng(3)
    rows = np.zeros((400, len(features.NAMES)), dtype=np.float32)
    votes = rng.integers(1, 5, size=400)
    rows[:, features.NAMES.index("votes")] = votes
    labels = np.zeros(400, dtype=np.int8)
    for start in range(0, 400, 20):
        labels[start + int(np.argmax(votes[start : start + 20]))] = 1
    data = lightgbm.Dataset(rows, labels, group=[20] * 20, feature_name=list(features.NAMES))
    settings = {"objective": "lambdarank", "verbosity": -1, "num_threads": 1, "min_data_in_leaf": 5, "seed": 1}
    return Ranker(lightgbm.train(settings, data, num_boost_round=30), calibration, {})


def _ensemble(gate: float | None = None, ranker: Ranker | None = None) -> tuple[EnsembleProposer, dict[str, Fixed]]:
    models: dict[str, Fixed] = {name: Fixed(found) for name, found in ANSWERS.items()}
    models["sequence"] = Reader(ANSWERS["sequence"])
    return EnsembleProposer(gate=gate, models=models, ranker=ranker or _ranker()), models


def test_one_entry_per_precursor_set_whatever_the_order() -> None:
    turned = [Proposal(ANHYDRIDE[::-1], "", "x", 0.2, "graph")]
    entries = merge({"template": ANSWERS["template"], "graph": turned})
    assert [e.reactants for e in entries] == [ANHYDRIDE, CHLORIDE]
    assert entries[0].model == "graph+template"
    assert entries[0].template == "template-0"


def test_removing_a_model_removes_its_votes_and_what_only_it_found() -> None:
    left = without(merge(ANSWERS), ["graph", "sequence"])
    assert {e.reactants for e in left} == {ANHYDRIDE, CHLORIDE, BENZYL}
    assert all(set(e.votes) <= {"template", "local"} for e in left)


def test_features_say_who_voted_and_what_changes() -> None:
    entries = merge(ANSWERS)
    rows = features.matrix(PARACETAMOL, entries, features.Background(), [-1.0, None, None, None])
    assert rows.shape == (4, len(features.NAMES))
    column = {name: i for i, name in enumerate(features.NAMES)}
    first = next(i for i, e in enumerate(entries) if e.reactants == ANHYDRIDE)
    nitro = next(i for i, e in enumerate(entries) if e.reactants == NITRO)
    assert rows[first, column["votes"]] == 4
    assert rows[first, column["template_log_score"]] == pytest.approx(math.log(0.6))
    assert np.isnan(rows[nitro, column["template_rank"]])
    assert rows[nitro, column["graph_rank"]] == 1
    assert rows[nitro, column["added_atoms"]] == 2
    assert rows[first, column["reactants"]] == 2
    assert np.isnan(rows[1:, column["likelihood"]]).all()


def test_calibrated_probabilities_leave_room_for_none_of_these() -> None:
    calibration = Calibration(temperature=0.5, none=0.0)
    p = calibration.probabilities(np.array([1.0, 0.0]))
    assert p[0] / p[1] == pytest.approx(math.exp(2.0))
    assert p.sum() == pytest.approx((math.exp(2.0) + 1) / (math.exp(2.0) + 2))
    assert calibration.probabilities(np.array([2000.0])).sum() == pytest.approx(1.0)


def test_all_models_agree_so_it_comes_first() -> None:
    ensemble, _ = _ensemble()
    found = ensemble.propose([PARACETAMOL], 3)[0]
    assert found[0].reactants == ANHYDRIDE
    assert found[0].model == "graph+local+sequence+template"
    assert len(found) == 3
    assert [p.score for p in found] == sorted((p.score for p in found), reverse=True)
    assert sum(p.score for p in found) < 1.0


@pytest.mark.parametrize("none,asked", [(-50.0, 0), (50.0, 1)])
def test_slow_models_are_asked_only_when_the_quick_ones_are_unsure(none: float, asked: int) -> None:
    """A large weight of "none of these" makes every proposal improbable, a small one the first all but certain."""
    sure = _ranker(Calibration(0.001, none / 0.001 if none > 0 else -1e6))
    ensemble, models = _ensemble(gate=0.3, ranker=sure)
    found = ensemble.propose([PARACETAMOL], 10)[0]
    assert len(models["template"].asked) == 1
    assert len(models["graph"].asked) == asked
    assert len(models["sequence"].asked) == asked
    assert (NITRO in {p.reactants for p in found}) == bool(asked)


def test_answers_are_kept() -> None:
    ensemble, models = _ensemble()
    once = ensemble.propose([PARACETAMOL, "OC(=O)c1ccccc1"], 2)
    again = ensemble.propose(["O=C(C)Nc1ccc(O)cc1"], 2)
    assert again[0] == once[0]
    assert (ensemble.calls, ensemble.misses) == (3, 2)
    assert len(models["graph"].asked) == 2


def test_a_ranker_survives_being_written(tmp_path: Path) -> None:
    ranker = _ranker(Calibration(0.7, -0.3))
    ranker.popularity["abc"] = 4
    ranker.write(tmp_path / "r.json.gz")
    again = Ranker.read(tmp_path / "r.json.gz")
    rows = features.matrix(PARACETAMOL, merge(ANSWERS), features.Background(), [None] * 4)
    assert np.array_equal(again.probabilities(rows), ranker.probabilities(rows))
    assert again.popularity == {"abc": 4}


def test_a_ranker_for_other_features_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _ranker().write(tmp_path / "r.json.gz")
    monkeypatch.setattr("planners.routes.single_step.ensemble.ranker.NAMES", ("something", "else"))
    with pytest.raises(ValueError, match="make train-routes"):
        Ranker.read(tmp_path / "r.json.gz")


def test_a_gate_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        EnsembleProposer(gate=1.5, models={})
