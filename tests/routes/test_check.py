"""Steps that would work, that might, and that would not, each with the reason a chemist would give."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from knowledge.records.route import RouteStep, StepCheck, Verdict
from planners.routes.check import ForwardCheck, forward
from planners.routes.check.elements import completed, from_reagents
from planners.routes.check.explanation import Outcomes, reapply
from planners.routes.check.wording import competing_sites
from planners.routes.precedents.mapping import assign
from planners.routes.single_step.curated import RuleProposer
from planners.routes.single_step.weights import VARIABLE
from planners.routes.structure import canonical
from tests.routes.targets import TARGETS

BUTYRATE = "CCCC(=O)OC1CCCCC1"


def _step(reaction: str, template: str = "", kind: str = "") -> RouteStep:
    reactants, _, product = reaction.partition(">>")
    return RouteStep(
        product=canonical(product),
        reactants=tuple(canonical(r) for r in reactants.split(".")),
        reaction_class=kind,
        template=template,
        score=0.5,
    )


def _run(reaction: str) -> Outcomes:
    step = _step(reaction)
    return reapply(assign(step.product, ".".join(step.reactants)), step.product, step.reactants)


@pytest.fixture(scope="module")
def check() -> ForwardCheck:
    return ForwardCheck()


@pytest.fixture
def without_weights(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[ForwardCheck]:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    for known in (forward._index, forward._plausibility):
        known.cache_clear()
    yield ForwardCheck()
    for known in (forward._index, forward._plausibility):
        known.cache_clear()


@pytest.mark.parametrize(
    "reaction",
    [
        "O=C(O)c1ccccc1.NCc1ccccc1>>O=C(NCc1ccccc1)c1ccccc1",
        "OB(O)c1ccccc1.Brc1ccc(C(C)=O)cc1>>CC(=O)c1ccc(-c2ccccc2)cc1",
        "CC(C)(C)OC(=O)N1CCN(c2ccccc2)CC1>>c1ccc(N2CCNCC2)cc1",
        "CCOC(=O)c1ccc(OC)cc1>>COc1ccc(C(=O)O)cc1",
    ],
)
def test_textbook_steps_are_supported(check: ForwardCheck, reaction: str) -> None:
    found = check.judge(_step(reaction))
    assert found.verdict is Verdict.SUPPORTED, found.reasons
    assert found.precedent is not None
    assert found.precedent.id in found.reasons[0]


@pytest.mark.parametrize(
    "reaction,reason",
    [
        ("CCO.CCC>>CCOC(C)=O", "atoms from nowhere"),
        ("[CH2]C.OC(=O)C>>CCOC(C)=O", "radical"),
        ("[CH2].CCO>>CCOC", "radical"),
        ("[C+](C)(C)C.OCC>>CCOC(C)(C)C", "ion that no bottle holds"),
        ("CC(O)(O)c1ccccc1>>CC(=O)c1ccccc1", "cannot be kept"),
        ("CCOC(C)=O.CCO>>CCOC(C)=O", "own reactants"),
        ("c1ccccc1>>CCCCCC(=O)Nc1ccccc1", "atoms from nowhere: C6"),
        ("CC(=O)O.OCC.CCCCCCCCCC>>CCOC(C)=O", "gives no atom"),
        ("CCC(=O)NC1CCCCC1.c1ccccc1>>NC1CCCCC1c1ccccc1", "no way forward"),
    ],
)
def test_what_cannot_work_says_why(check: ForwardCheck, reaction: str, reason: str) -> None:
    reactants, _, product = reaction.partition(">>")
    step = RouteStep(product=product, reactants=tuple(reactants.split(".")), reaction_class="", template="", score=0.5)
    found = check.judge(step)
    assert found.verdict is Verdict.UNSUPPORTED
    assert any(reason in r for r in found.reasons), found.reasons


def test_what_cannot_be_read_is_unsupported(check: ForwardCheck) -> None:
    step = RouteStep(product="CCO", reactants=("C(C",), reaction_class="", template="", score=0.5)
    found = check.judge(step)
    assert found.verdict is Verdict.UNSUPPORTED
    assert "C(C" in found.reasons[0]


def test_stereochemistry_that_the_step_does_not_fix(check: ForwardCheck) -> None:
    found = check.judge(_step("CC(=O)c1ccc(F)cc1>>C[C@H](O)c1ccc(F)cc1"))
    assert found.verdict is Verdict.PLAUSIBLE
    assert "stereochemistry not fixed by the step" in found.reasons


def test_an_sn2_inverts() -> None:
    kept = _run("C[C@H](CC)OS(C)(=O)=O.Oc1ccccc1>>CC[C@H](C)Oc1ccccc1")
    turned = _run("C[C@H](CC)OS(C)(=O)=O.Oc1ccccc1>>CC[C@@H](C)Oc1ccccc1")
    assert kept.exact
    assert turned.exact
    assert kept.inverts != turned.inverts


def test_a_vinyl_halide_keeps_its_geometry() -> None:
    trans = _run("OB(O)c1ccccc1.I/C=C/CCC>>CCC/C=C/c1ccccc1")
    cis = _run("OB(O)c1ccccc1.I/C=C/CCC>>CCC/C=C\\c1ccccc1")
    assert trans.exact
    assert cis.skeleton
    assert not cis.exact


def test_remote_stereocentres_survive() -> None:
    found = _run("C[C@H](N)C(=O)OC.O=C(Cl)c1ccccc1>>COC(=O)[C@H](C)NC(=O)c1ccccc1")
    assert found.exact
    assert not _run("C[C@H](N)C(=O)OC.O=C(Cl)c1ccccc1>>COC(=O)[C@@H](C)NC(=O)c1ccccc1").exact


def test_like_groups_compete_and_unlike_ones_do_not() -> None:
    diol = "OCCCC(C)CCO.CC(=O)Cl>>CC(=O)OCCCC(C)CCO"
    found = _run(diol)
    assert found.exact
    assert found.others == (canonical("CC(=O)OCCC(C)CCCO"),)
    assert competing_sites(_step(diol).reactants, found.sites) == "2 hydroxyl groups compete"
    assert _run("OCCCC(=O)NC.CC(=O)Cl>>CC(=O)OCCCC(=O)NC").others == ()  # an amide's nitrogen is no rival
    assert _run("CC(C)(C)OC(=O)NCCC(=O)NC>>NCCC(=O)NC").others == ()  # nor is an amide a carbamate


def test_protecting_groups_that_leave_under_other_conditions_do_not_compete() -> None:
    assert _run("CC(C)(C)OC(=O)CCC(=O)OC>>COC(=O)CCC(=O)O").others == ()
    assert len(_run("CCOC(=O)CC(C)C(=O)OC>>COC(=O)C(C)CC(=O)O").others) == 1


def test_symmetric_sites_are_no_rivals() -> None:
    assert _run("OCCCCO.CC(=O)Cl>>CC(=O)OCCCCO").others == ()


def test_a_reagent_may_bring_oxygen_but_no_carbon() -> None:
    assert from_reagents(assign("CC(=O)c1ccccc1", "CCc1ccccc1")) == (["an oxidant brings oxygen"], [])
    assert from_reagents(assign("OCc1ccccc1", "BrCc1ccccc1")) == (["water brings oxygen"], [])
    supplied, nowhere = from_reagents(assign("CCc1ccccc1", "c1ccccc1"))
    assert supplied == []
    assert nowhere == ["CC"]


def test_a_reactant_may_be_needed_twice() -> None:
    assert completed("CCOC(=O)CCC(=O)OCC", ("CCO", "O=C(O)CCC(=O)O")).count("CCO") == 2
    assert completed("CCOC(C)=O", ("CC(=O)O", "CCO")) == ("CC(=O)O", "CCO")
    assert completed("CCOC(C)=O", ("CCO", "CCC")) == ("CCO", "CCC")  # half of a second ethanol is no second ethanol


def test_without_weights_nothing_is_supported(without_weights: ForwardCheck) -> None:
    found = without_weights.judge(_step("O=C(O)c1ccccc1.NCc1ccccc1>>O=C(NCc1ccccc1)c1ccccc1"))
    assert found.verdict is Verdict.PLAUSIBLE
    assert "no precedents available" in found.reasons
    assert found.precedent is None
    assert without_weights.judge(_step("CCO.CCC>>CCOC(C)=O")).verdict is Verdict.UNSUPPORTED


def test_answers_are_cached_and_do_not_depend_on_the_order(check: ForwardCheck) -> None:
    one = _step("CCCC(=O)O.OC1CCCCC1>>" + BUTYRATE)
    two = _step("OC1CCCCC1.CCCC(=O)O>>" + BUTYRATE)
    calls, misses = check.calls, check.misses
    first, second = check.judge_many([one, two])
    assert first == second
    assert (check.calls, check.misses) == (calls + 2, misses + 1)
    assert StepCheck.from_canonical(first.canonical()) == first


def test_no_curated_rule_proposes_what_the_check_refuses(check: ForwardCheck) -> None:
    proposer = RuleProposer()
    for name in sorted(TARGETS)[::4]:
        product = canonical(TARGETS[name][0])
        for proposal in proposer.propose([product], 3)[0]:
            step = _step(".".join(proposal.reactants) + ">>" + product, proposal.template, proposal.reaction_class)
            found = check.judge(step)
            assert found.verdict is not Verdict.UNSUPPORTED, (name, step.reaction_smiles, found.reasons)
