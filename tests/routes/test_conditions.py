"""Conditions of a step: precedents, the class's rule, and what happens without either."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from knowledge.records.procedure import Basis, Role
from knowledge.records.route import RouteStep
from planners.routes.conditions import conditions_for, conditions_for_step
from planners.routes.conditions.agents import recognise, vocabulary
from planners.routes.conditions.precedents import WEIGHTS, AgentIndex, agent_index, packed
from planners.routes.conditions.step import NO_WEIGHTS
from planners.routes.conditions.vote import kinds_of, vote
from planners.routes.handbook import label
from planners.routes.single_step.weights import VARIABLE, available
from planners.routes.structure import canonical, parse

trained = pytest.mark.skipif(not available(WEIGHTS), reason="the precedent index is not installed")


def learned(text: str, template: str = "retro:1234") -> RouteStep:
    left, _, right = text.partition(">>")
    reactants = tuple(sorted(canonical(part) for part in left.split(".")))
    return RouteStep(
        product=canonical(right), reactants=reactants, reaction_class="", template=template, score=0.5, model="local"
    )


SUZUKI = learned("OB(O)c1ccncc1.CCOC(=O)c1ccc(Br)cc1>>CCOC(=O)c1ccc(-c2ccncc2)cc1")
AMIDE = learned("OC(=O)c1ccc(F)cc1.CC(C)(C)OC(=O)N1CCNCC1>>CC(C)(C)OC(=O)N1CCN(C(=O)c2ccc(F)cc2)CC1")


@pytest.fixture
def forgotten() -> Iterator[None]:
    """Nothing cached before or after: a test changes which weights are found."""
    for _ in range(2):
        agent_index.cache_clear()
        conditions_for_step.cache_clear()
        if not _:
            yield


def test_fragments_become_substances() -> None:
    assert recognise(["CN(C)C=O", "O", "[Cs+]", "O=C(O)O"]) == ("N,N-dimethylformamide", "water", "cesium carbonate")
    assert recognise(["O", "[Li+]", "C1CCOC1"]) == ("tetrahydrofuran", "lithium hydroxide")
    assert recognise(["[Na+]", "[HH]", "CN(C)C=O"]) == ("N,N-dimethylformamide", "sodium hydride")
    assert recognise(["B", "[Na+]", "CO"]) == ("methanol", "sodium borohydride")
    assert recognise(["CCN(CC)CC", "an unknown fragment"]) == ("triethylamine",)


def test_the_vocabulary_is_chemistry() -> None:
    agents = vocabulary().agents
    assert len({a.name for a in agents}) == len(agents) >= 200
    for agent in agents:
        parse(agent.smiles)
        assert agent.equivalents is None or agent.equivalents > 0
    for name, beside in vocabulary().companions.items():
        vocabulary().named(name)
        assert all(vocabulary().named(other).kind != "solvent" for other, _ in beside)


def _tiny(rows: list[tuple[str, str, tuple[str, ...]]]) -> AgentIndex:
    names = sorted({a for _, _, agents in rows for a in agents})
    lists = [[names.index(a) for a in agents] for _, _, agents in rows]
    return AgentIndex(
        bits=np.stack([packed(canonical(product)) for _, product, _ in rows]),
        classes=np.zeros(len(rows), dtype=np.int16),
        changes=np.zeros(len(rows), dtype=np.int64),
        starts=np.cumsum([0, *(len(x) for x in lists)]).astype(np.int32),
        agents=np.array([i for x in lists for i in x], dtype=np.int16),
        class_names=("suzuki",),
        agent_names=tuple(names),
        patents=tuple(patent for patent, _, _ in rows),
    )


def test_the_nearest_outvote_the_many() -> None:
    near = ("1,4-dioxane", "potassium phosphate", "[1,1'-bis(diphenylphosphino)ferrocene]dichloropalladium")
    far = ("toluene", "sodium carbonate", "tetrakis(triphenylphosphine)palladium")
    index = _tiny(
        [
            ("US1", "CCOC(=O)c1ccc(-c2ccncc2)cc1", near),
            ("US2", "COC(=O)c1ccc(-c2ccncc2)cc1", near),
            *((f"US{n}", "Cc1ccc(-c2ccccc2F)c(Cl)c1", far) for n in range(3, 7)),
        ]
    )
    ballot = vote(index, conditions_for("suzuki"), SUZUKI.product, SUZUKI.reactants)
    assert ballot is not None
    assert ballot.solvent is not None
    assert ballot.base is not None
    assert ballot.solvent.name == "1,4-dioxane"
    assert [a.name for a in ballot.system] == [near[2]]
    assert ballot.base.name == "potassium phosphate"
    assert [n.patent for n in ballot.supporters] == ["US1", "US2"]
    blind = vote(index, conditions_for("suzuki"), SUZUKI.product, SUZUKI.reactants, without="US1")
    assert blind is not None
    assert "US1" not in {n.patent for n in blind.supporters}


def test_a_solvent_that_the_reagents_destroy_is_never_chosen() -> None:
    agents = ("methanol", "lithium aluminium hydride")
    rows = [(f"US{n}", "OCc1ccncc1", agents) for n in range(5)]
    index = _tiny(rows)
    index = AgentIndex(**{**vars(index), "class_names": ("ester_reduction",), "_rows": {}, "_shares": {}})
    step = learned("CCOC(=O)c1ccncc1>>OCc1ccncc1")
    ballot = vote(index, conditions_for("ester_reduction"), step.product, step.reactants)
    assert ballot is not None
    assert ballot.solvent is None
    assert [a.name for a in ballot.system] == ["lithium aluminium hydride"]


@trained
@pytest.mark.parametrize("step", [SUZUKI, AMIDE], ids=["suzuki", "amide"])
def test_precedents_choose_and_the_rule_completes(step: RouteStep) -> None:
    conditions = conditions_for_step(step)
    assert conditions.reaction_class in ("suzuki", "amide_coupling")
    assert conditions.basis("solvent") is Basis.PRECEDENT
    assert conditions.basis("temperature") is Basis.RULE
    assert conditions.precedents
    assert all(p.id.startswith("US") and 0.0 <= p.similarity <= 1.0 for p in conditions.precedents)
    assert any(use.basis is Basis.PRECEDENT for use in conditions.reagents)
    assert conditions.solvent_smiles is not None
    boiling = label(conditions.solvent_smiles).boiling_point
    assert boiling is not None
    assert conditions.vessel != "open" or conditions.temperature.magnitude("K") <= boiling - 5.0
    wanted = set(kinds_of(conditions_for(conditions.reaction_class))) - {"additive"}
    assert wanted <= set(kinds_of(conditions)), "nothing that the class needs is lost"


def test_without_weights_the_rule_serves_and_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, forgotten: None
) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    conditions = conditions_for_step(SUZUKI)
    assert NO_WEIGHTS in conditions.notes
    assert conditions.precedents == ()
    assert conditions.basis("solvent") is Basis.RULE
    assert conditions.solvent == conditions_for("suzuki").solvent


def test_nameless_reactions_are_defaults() -> None:
    conditions = conditions_for_step(learned("CCO>>CCCCCN"))
    assert conditions.reaction_class == "generic"
    assert conditions.precedents == ()
    assert {conditions.basis(f) for f in ("solvent", "temperature", "yield")} == {Basis.DEFAULT}


def test_what_the_reactants_bring_is_not_charged_again() -> None:
    step = learned("Cc1ccccc1F.O=C1CCC(=O)N1Br>>Fc1ccccc1CBr")
    names = {use.name for use in conditions_for_step(step).reagents}
    assert "N-bromosuccinimide" not in names
    alone = conditions_for_step(learned("Cc1ccccc1F>>Fc1ccccc1CBr"))
    assert "N-bromosuccinimide" in {use.name for use in alone.reagents}


def test_the_limiting_reactant_is_the_class_s_whatever_the_order() -> None:
    conditions = conditions_for_step(AMIDE)
    by_name = dict(zip(AMIDE.reactants, conditions.equivalents, strict=True))
    assert by_name[canonical("OC(=O)c1ccc(F)cc1")] == 1.0
    assert by_name[canonical("CC(C)(C)OC(=O)N1CCNCC1")] == pytest.approx(1.1)


def test_curated_steps_keep_their_class() -> None:
    step = RouteStep(
        product="CCOC(C)=O", reactants=("CC(=O)O", "CCO"), reaction_class="fischer_esterification", template="fischer",
        score=0.9,
    )  # fmt: skip
    conditions = conditions_for_step(step)
    assert conditions.reaction_class == "fischer_esterification"
    assert {use.role for use in conditions.reagents} == {Role.CATALYST}
