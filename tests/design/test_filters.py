"""Stability rules against molecules that chemists know, and the counts of the pipeline."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from rdkit import Chem

from planners.design.filters.accessibility import synthetic_accessibility
from planners.design.filters.pipeline import Filters, filter_smiles
from planners.design.filters.requirement import required_elements, requires_ring
from planners.design.filters.stability import REASONS, instability
from planners.design.filters.stability_rules import GATES, PAIRS, RULES
from planners.design.filters.words import words
from planners.design.space import DesignSpace, compile_smarts
from tests.design.molecules import GOOD_SOLVENTS, SHELF, UNSTABLE


@pytest.mark.parametrize("name", sorted(GOOD_SOLVENTS))
def test_solvents_of_commerce_are_stable(name: str) -> None:
    assert instability(Chem.MolFromSmiles(GOOD_SOLVENTS[name])) is None


@pytest.mark.parametrize("smiles, rule", sorted(UNSTABLE.items()))
def test_unstable_molecules_are_named(smiles: str, rule: str) -> None:
    assert instability(Chem.MolFromSmiles(smiles)) == rule
    assert REASONS[rule]


def test_aromatic_azo_dyes_are_stable_and_other_azo_compounds_are_not() -> None:
    disperse_orange = "CCN(CC)c1ccc(N=Nc2ccc([N+](=O)[O-])cc2)cc1"
    for dye in ("c1ccccc1N=Nc1ccccc1", "Oc1ccc2ccccc2c1N=Nc1ccccc1", disperse_orange):
        assert instability(Chem.MolFromSmiles(dye)) is None
    for initiator in ("CC(C)(C#N)N=NC(C)(C)C#N", "c1ccccc1N=NC", "CN=NC"):
        assert instability(Chem.MolFromSmiles(initiator)) == "azo"


def test_rule_names_are_unique() -> None:
    names = [rule[0] for rule in RULES] + [pair[0] for pair in PAIRS]
    assert len(names) == len(set(names))


def test_a_pattern_never_matches_without_what_it_requires() -> None:
    molecules = [Chem.MolFromSmiles(s) for s in (*SHELF, *UNSTABLE)]
    for _, smarts, _ in RULES:
        pattern = compile_smarts(smarts)
        for mol in molecules:
            if mol.HasSubstructMatch(pattern):
                assert required_elements(pattern) <= {a.GetAtomicNum() for a in mol.GetAtoms()}
                assert mol.GetRingInfo().NumRings() or not requires_ring(pattern)


def test_no_rule_matches_behind_a_closed_gate() -> None:
    rules = {name: compile_smarts(smarts) for name, smarts, _ in RULES}
    assert {name for _, names in GATES for name in names} <= set(rules)
    molecules = [Chem.MolFromSmiles(s) for s in (*SHELF, *UNSTABLE)]
    for gate, names in GATES:
        closed = [mol for mol in molecules if not mol.HasSubstructMatch(compile_smarts(gate))]
        for name in names:
            assert not any(mol.HasSubstructMatch(rules[name]) for mol in closed), (gate, name)


def test_requirements_read_nested_queries() -> None:
    assert required_elements(compile_smarts("[#16X3,#16X4]-[N,O]")) == {16}
    assert required_elements(compile_smarts("[!#6;r3]")) == frozenset()
    assert required_elements(compile_smarts("[n;H1]")) == {7}
    assert requires_ring(compile_smarts("C1CC1"))


def test_accessibility_ranks_as_chemists_do() -> None:
    easy, harder, hard = (
        synthetic_accessibility(Chem.MolFromSmiles(s)) for s in ("CCCCOC(C)=O", "O=C1CCC2OCC1O2", "C1C2C3CC4C2C4C13O")
    )
    assert 1.0 <= easy < harder < hard <= 10.0


def test_report_counts_every_molecule_once() -> None:
    kept, report = filter_smiles(
        ["CCC(C)=O", "COOCC", "CCCCS", "not a molecule", "CCCCCCCCCCCCCCCCCC", "COC(C)O", "CCCC#N"], DesignSpace()
    )
    assert kept == ["CCC(C)=O", "CCCC#N"]
    assert report.dropped == {
        "space:forbidden [SX2H]": 1,
        "space:heavy_atoms": 1,
        "stability:hemiacetal": 1,
        "stability:peroxide": 1,
        "syntax:unreadable": 1,
    }
    assert report.by_filter() == {"space": 2, "stability": 2, "syntax": 1}
    assert report.examined == report.passed + sum(report.dropped.values()) == 7


def test_accessibility_limit_drops_and_can_be_switched_off() -> None:
    cyrene = GOOD_SOLVENTS["Cyrene"]
    assert filter_smiles([cyrene], DesignSpace())[1].dropped == {"accessibility:score": 1}
    assert filter_smiles([cyrene], DesignSpace.model_validate({"max_synthetic_accessibility": None}))[0] == [cyrene]
    assert Filters(DesignSpace(), accessibility=False).keep([cyrene]) == [cyrene]


def test_hazards_are_asked_only_when_wanted() -> None:
    space = DesignSpace.model_validate({"max_charged_atoms": 2, "max_synthetic_accessibility": None})
    hydrocarbons = ["CCCCCC", "CCCCCCC"]  # n-hexane is metabolised to 2,5-hexanedione, n-heptane is not
    assert Filters(space).keep(hydrocarbons) == hydrocarbons
    strict = Filters(space, hazards=True)
    kept = strict.keep(["CC(=O)OCCOC", *hydrocarbons])
    assert "CCCCCCC" in kept
    for reason in strict.report().dropped:
        assert reason.startswith("hazard:")
        assert words(reason).startswith("hazardous: ")


def test_costly_questions_come_last_and_once() -> None:
    asked: list[list[str]] = []
    routed: list[str] = []

    def domain(smiles: Sequence[str]) -> list[bool]:
        asked.append(list(smiles))
        return ["N" not in text for text in smiles]

    def route(smiles: str) -> bool:
        routed.append(smiles)
        return smiles != "CCCCOC(C)=O"

    filters = Filters(DesignSpace(), domain=domain, route=route)
    pool = ["CCC(C)=O", "COOCC", "CCCC#N", "CCCCOC(C)=O", "CCC(C)=O"]
    assert filters.keep(pool) == ["CCC(C)=O", "CCC(C)=O"]
    assert filters.keep(["CCCC#N", "CCC(C)=O"]) == ["CCC(C)=O"]
    assert asked == [["CCC(C)=O", "CCCC#N", "CCCCOC(C)=O"]]
    assert routed == ["CCC(C)=O", "CCCCOC(C)=O"]
    report = filters.report()
    assert report.dropped == {"domain:unknown": 2, "route:none": 1, "stability:peroxide": 1}
    assert report.examined == report.passed + sum(report.dropped.values()) == 7


def test_every_reason_has_words() -> None:
    pool = [*SHELF, *UNSTABLE, "C[N+](C)(C)C", "[2H]C", "CC[CH2]", "CCO.CCO", "C1CCCCCCCCCC1", "CCCC[SiH3]", "not one"]
    filters = Filters(DesignSpace.model_validate({"locked": ["C#N"]}), hazards=True)
    filters.keep(pool)
    free = Filters(DesignSpace.model_validate({"preset": "any"}), hazards=True)
    free.keep(pool)
    reasons = {**filters.report().dropped, **free.report().dropped}
    assert len(reasons) > 20
    assert all(words(reason) and ":" not in words(reason).partition(": ")[0] for reason in reasons)
    assert words("stability:peroxide") == "unstable: weak O-O bond"
