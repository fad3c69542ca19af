"""The shipped models together, on disconnections that every chemist knows."""

from __future__ import annotations

import pytest

from planners.routes.single_step.combined import RULE_SHARE, CombinedProposer
from planners.routes.single_step.curated import RuleProposer
from planners.routes.single_step.ensemble import EnsembleProposer
from planners.routes.single_step.ensemble.pool import SLOW
from planners.routes.single_step.ensemble.ranker import FILE
from planners.routes.single_step.weights import available

pytestmark = pytest.mark.skipif(not available(FILE), reason="the ensemble's weights are not there: `make train-routes`")

BIARYL = "COc1ccc(-c2ccncc2)cc1"
ANILIDE = "CC(=O)Nc1ccc(OCc2ccccc2)cc1"


@pytest.fixture(scope="module")
def ensemble() -> EnsembleProposer:
    return EnsembleProposer()


def test_a_biaryl_comes_from_a_boron_compound_and_a_halide(ensemble: EnsembleProposer) -> None:
    best = ensemble.propose([BIARYL], 3)[0][0]
    assert len(best.reactants) == 2
    assert any("B(O" in r or "OB" in r for r in best.reactants)
    assert any(halide in "".join(best.reactants) for halide in ("Br", "I", "Cl"))
    assert "template" in best.model.split("+")


def test_an_acetanilide_with_a_benzyl_ether_has_two_obvious_cuts(ensemble: EnsembleProposer) -> None:
    found = ensemble.propose([ANILIDE], 10)[0]
    made_of = [set(p.reactants) for p in found]
    assert {"Nc1ccc(OCc2ccccc2)cc1", "CC(=O)OC(C)=O"} in made_of or {"Nc1ccc(OCc2ccccc2)cc1", "CC(=O)Cl"} in made_of
    assert {"BrCc1ccccc1", "CC(=O)Nc1ccc(O)cc1"} in made_of
    assert sum(p.score for p in found) <= 1.0
    assert ANILIDE not in {r for p in found for r in p.reactants}


def test_the_same_question_has_the_same_answer(ensemble: EnsembleProposer) -> None:
    again = EnsembleProposer().propose([BIARYL], 5)[0]
    first = ensemble.propose([BIARYL], 5)[0]
    assert [p.reactants for p in again] == [p.reactants for p in first]


def test_a_gate_of_zero_never_asks_the_slow_models() -> None:
    gated = EnsembleProposer(gate=0.0)
    assert gated.propose([BIARYL], 5)[0]
    assert all(gated.asked[name] == 0 for name in SLOW)


def test_rules_and_models_that_agree_add_up(ensemble: EnsembleProposer) -> None:
    rules = RuleProposer()
    both = {frozenset(p.reactants): p for p in CombinedProposer(rules, ensemble).propose([ANILIDE], 50)[0]}
    learned = {frozenset(p.reactants): p for p in ensemble.propose([ANILIDE], 50)[0]}
    curated = {frozenset(p.reactants): p for p in rules.propose([ANILIDE], 50)[0]}
    shared = sorted(set(learned) & set(curated), key=sorted)
    assert shared
    for key in shared:
        expected = 1.0 - (1.0 - learned[key].score) * (1.0 - RULE_SHARE * curated[key].score)
        assert both[key].score == pytest.approx(expected)
        assert both[key].template == curated[key].template
        assert "rules" in both[key].model.split("+")
    assert set(both) >= set(curated)
