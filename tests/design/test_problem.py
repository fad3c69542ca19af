"""Problems: what they mean, and that whatever can never hold is told before anything is designed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from rdkit import Chem

from agent.campaign import CampaignError
from agent.problem_file import read_problem
from planners.design.evaluation.quantities import QUANTITIES
from planners.design.filters.pipeline import Filters
from planners.design.problem import Problem
from planners.design.space import DesignSpace

FOLDER = Path(__file__).parents[2] / "config" / "problems"
THIN: dict[str, Any] = {"property": "viscosity", "direction": "minimise", "unit": "mPa*s", "worst": 5.0}
NMP = [18.0, 12.3, 7.2]


def problem(**given: Any) -> Problem:
    return Problem.model_validate({"name": "x", "goals": [THIN], **given})


def complaint(**given: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        problem(**given)
    return str(caught.value)


def requires(*given: dict[str, Any], **rest: Any) -> dict[str, Any]:
    return {"requirements": list(given), **rest}


GOALS = {
    "unknown": ({"property": "viscositi"}, "unknown property 'viscositi'; known: boiling_point, chain_length"),
    "of a sample": ({"property": "purity"}, "unknown property 'purity'"),
    "unit": ({"unit": "K"}, "unit 'K' does not fit: expected a unit like 'mPa*s'"),
    "direction": ({"direction": "lower"}, "'minimise', 'maximise' or 'target'"),
    "order": ({"best": 6.0}, "direction 'minimise' of 'viscosity' wants 'worst' above 'best': worst 5, best 6"),
    "order up": ({"direction": "maximise", "best": 4.0}, "wants 'worst' below 'best': worst 5, best 4"),
    "no end": ({"direction": "maximise"}, "the key 'best' is missing"),
    "no target": ({"direction": "target"}, "direction 'target' of 'viscosity' needs the key 'target'"),
    "superfluous target": ({"target": 2.0}, "'target' of 'viscosity' is superfluous"),
    "superfluous best": ({"direction": "target", "target": 2.0, "best": 1.0}, "'best' of 'viscosity' is superfluous"),
    "target is worst": ({"direction": "target", "target": 5.0}, "must not be the target itself"),
    "negative target": ({"direction": "target", "target": -5.0}, "'viscosity' is never below 0 mPa*s"),
    "key": ({"wurst": 1.0}, "wurst"),
    "weight": ({"weight": 0.0}, "greater than 0"),
    "reference": ({"reference": "CCO"}, "'viscosity' is relative to nothing"),
    "no reference": ({"property": "hansen_distance", "unit": "MPa**0.5"}, "needs the key 'reference': three Hansen"),
    "bad reference": ({"property": "hansen_distance", "unit": "MPa**0.5", "reference": [1, 2]}, "three numbers, as in"),
    "no molecule": ({"property": "similarity", "unit": "dimensionless", "reference": "CCx"}, "cannot read 'CCx'"),
}


@pytest.mark.parametrize("change, words", GOALS.values(), ids=GOALS)
def test_a_goal_that_makes_no_sense_is_told(change: dict[str, Any], words: str) -> None:
    assert words in complaint(goals=[{**THIN, **change}])


CONFLICTS = {
    "two requirements": (
        requires(
            {"property": "boiling_point", "minimum": "500 K"}, {"property": "boiling_point", "maximum": "150 degC"}
        ),
        "contradicts requirements[0] (boiling_point at least 500 K): this wants boiling_point at most 150 degC",
    ),
    "requirement and goal": (
        requires({"property": "viscosity", "minimum": "10 mPa*s"}),
        "contradicts goals[0] (minimise viscosity, worth nothing at 5 mPa*s): this wants viscosity at least 10 mPa*s",
    ),
    "across properties": (
        requires({"property": "boiling_point", "maximum": "400 K"}, {"property": "melting_point", "minimum": "420 K"}),
        "contradicts requirements[0] (boiling_point at most 400 K): this wants melting_point at least 420 K, and a "
        "substance melts below its boiling point",
    ),
    "within one": (
        requires({"property": "logp", "minimum": 3, "maximum": 2}),
        "minimum 3 > maximum 2",
    ),
    "nature": (requires({"property": "qed", "minimum": 1.2}), "'qed' lies from 0 to 1"),
    "size and mass": (
        requires({"property": "molar_mass", "minimum": "900 g/mol"}),
        "molar_mass at least 900 g/mol contradicts space.max_heavy_atoms 14",
    ),
    "mass and size": (
        requires({"property": "molar_mass", "maximum": "60 g/mol"}, space={"min_heavy_atoms": 8}),
        "contradicts space.min_heavy_atoms 8: no molecule is lighter than 96 g/mol",
    ),
    "count and size": (
        requires({"property": "conjugated_atoms", "minimum": 20}),
        "conjugated_atoms at least 20 contradicts space.max_heavy_atoms 14",
    ),
    "Hansen box": (
        requires(
            {"property": "hansen_polar", "maximum": "5 MPa**0.5"},
            {"property": "hansen_distance", "maximum": "3 MPa**0.5", "reference": NMP},
        ),
        "contradicts requirements[0]: what meets them is at least 7.3 MPa**0.5 from the reference",
    ),
    "goal twice": ({"goals": [THIN, {**THIN, "worst": 7.0}]}, "'viscosity' is a goal already: goals[0]"),
    "lock and pattern": (
        {"space": {"locked": ["C1CC1"]}},
        "locked 'C1CC1' holds what is forbidden: '[r3,r4]'",
    ),
    "lock and element": ({"space": {"locked": ["CCl"]}}, "needs element 'Cl', which 'elements' does not allow"),
    "lock and size": ({"space": {"locked": ["C" * 15]}}, "more than max_heavy_atoms 14"),
    "lock and ring size": ({"space": {"locked": ["C1CCCCCCCC1"]}}, "a ring of 9, more than max_ring_size 8"),
    "lock and charge": ({"space": {"locked": ["C[N+](=O)[O-]"]}}, "2 charged atoms, more than max_charged_atoms 0"),
    "required and forbidden": ({"space": {"required": ["[SX2H]"]}}, "'[SX2H]' is both required and forbidden"),
    "margin": (requires({"property": "logp", "maximum": 2, "margin": 0}), "margin of 'logp' must be above 0"),
    "start": ({"start": ["not a molecule"]}, "cannot read 'not a molecule'"),
}


@pytest.mark.parametrize("given, words", CONFLICTS.values(), ids=CONFLICTS)
def test_what_can_never_hold_says_what_conflicts(given: dict[str, Any], words: str) -> None:
    assert words in complaint(**given)


def test_what_leaves_a_way_out_is_no_conflict() -> None:
    """An acid may become an ester, an aldehyde a ketone; references that differ are different goals."""
    near = {"property": "similarity", "direction": "maximise", "unit": "dimensionless", "worst": 0.0}
    kept = problem(
        space={"locked": ["CC(=O)O", "CC=O"]},
        goals=[{**near, "reference": "CCO"}, {**near, "reference": "CCN"}],
        requirements=[
            {"property": "boiling_point", "minimum": "400 K"},
            {"property": "melting_point", "minimum": "350 K"},
            {"property": "flash_point", "maximum": "600 K"},
        ],
    )
    assert kept.wanted == (
        "similarity to CCO",
        "similarity to CCN",
        "boiling_point",
        "melting_point",
        "flash_point",
    )


def test_units_and_ends_are_the_propertys_own() -> None:
    asked = problem(
        goals=[{"property": "boiling_point", "direction": "target", "unit": "degC", "target": 100.0, "worst": 150.0}],
        requirements=[{"property": "melting_point", "maximum": "20 degC", "margin": "10 degC"}],
    )
    goal, requirement = asked.goals[0], asked.requirements[0]
    assert (goal.best_value, goal.worst_value) == pytest.approx((373.15, 423.15))
    assert goal.span == pytest.approx((323.15, 423.15))
    assert requirement.bounds == pytest.approx((-float("inf"), 293.15))
    assert requirement.softness == pytest.approx(10.0)  # a difference, not a temperature
    distance = problem(goals=[{**THIN, "property": "hansen_distance", "unit": "MPa**0.5", "reference": NMP}]).goals[0]
    assert distance.best_value == 0.0
    assert distance.key == "hansen_distance to 18, 12.3, 7.2"


def test_a_problem_survives_as_text() -> None:
    for path in FOLDER.glob("*.yaml"):
        asked = read_problem(path)
        assert Problem.from_canonical(asked.canonical()) == asked


def test_the_shipped_problems_are_whole() -> None:
    problems = {path.stem: read_problem(path) for path in sorted(FOLDER.glob("*.yaml"))}
    assert {"green_solvent", "fragrance", "dye", "surfactant"} <= set(problems)
    for one in problems.values():
        assert any(requirement.margin is not None for requirement in one.requirements), one.name
        assert {key.partition(" ")[0] for key in one.wanted} <= set(QUANTITIES)


FILE = """\
name: x
goals:
  - {property: viscosity, direction: minimise, unit: mPa*s, worst: 5}
requirements:
  - {property: boiling_point, minimum: 500 K}
  - property: boiling_point
    maximum: 450 K
"""
FILES = {
    "conflict": (FILE, r"x\.yaml:6: requirements\[1\]: contradicts requirements\[0\] \(boiling_point at least 500 K\)"),
    "key": (
        FILE.replace("minimum", "minimun"),
        r"x\.yaml:5: .*unknown key 'minimun' \(did you mean 'minimum'\?\); known",
    ),
    "unit": (FILE.replace("500 K", "500 kg"), r"x\.yaml:5: requirements\[0\]: unit 'kg' does not fit"),
    "twice": (FILE + "name: y\n", r"x\.yaml:8: not valid YAML: the key 'name' stands twice"),
    "empty": ("", r"x\.yaml:1: the file is empty; expected the keys name, title"),
    "list": ("- 1\n", r"x\.yaml:1: this is no design problem"),
    "no goals": ("name: x\ngoals: []\n", r"x\.yaml:2: goals: the list needs at least one entry"),
    "name": (FILE.replace("name: x", "name: A B"), r"x\.yaml:1: name: write it with lower-case letters"),
    "reference": (
        FILE.replace("worst: 5", "worst: 5, reference: 7"),
        r"x\.yaml:3: goals\[0\]\.reference: 'reference' should be three numbers",
    ),
}


@pytest.mark.parametrize("text, pattern", FILES.values(), ids=FILES)
def test_errors_in_a_file_name_line_and_key(tmp_path: Path, text: str, pattern: str) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CampaignError) as caught:
        read_problem(path)
    assert re.search(pattern, str(caught.value)), str(caught.value)
    assert "\n" not in str(caught.value)


KINDS = {
    "fragrance": (
        [
            "CCC(C)CC=O",
            "CC(C)=CCCC(C)(O)C=C",
            "O=C1CCCCCCCCCCCCCCO1",
            "CC1(C)CCCC2(C)C1CCC1(C)OCCC21",
            "COC(=O)c1ccccc1N",
        ],
        ["CC(C)(C)c1c([N+](=O)[O-])cccc1", "CCCCCCCS", "CCCCCCCC(=O)O", "CCCCCCCN", "CCCCCCCCl"],
    ),
    "dye": (
        ["CCN(CC)c1ccc2cc(-c3nc4ccccc4s3)c(=O)oc2c1", "CN(C)c1ccc(C=Cc2ccncc2)cc1", "O=C1c2ccccc2C(=O)c2c(N)cccc12"],
        ["CCCCCCCCCCCCCCCC", "c1ccccc1CCCCCCCCCC", "Nc1ccc(-c2ccc(N)cc2)cc1"],
    ),
    "surfactant": (
        ["CCCCCCCCCCCCOCCO", "CCCCCCCCCCCC(=O)NCCO", "CCCCCCCCCCCC[N+](C)(C)[O-]", "CCCCCCCCCCCC(=O)OCC(O)CO"],
        ["CCCCCCCCCCCCCC", "OCCOCCOCCOCCOCCO", "CCCCCCCCCCCC[N+](C)(C)C", "CCCCCCCCC=CCCCCCCO"],
    ),
    "any": (["B1OC=CC1", "C[N+](C)(C)C", "CC(=O)Oc1ccccc1C(=O)O", "FS(F)(F)(F)(F)c1ccccc1"], ["C.C", "[Na+]"]),
}


@pytest.mark.parametrize("preset, members, strangers", [(k, *v) for k, v in KINDS.items()], ids=KINDS)
def test_presets_hold_the_products_of_their_kind(preset: str, members: list[str], strangers: list[str]) -> None:
    space = DesignSpace(preset=preset)
    filters = Filters(space, stability=False)
    assert filters.keep(members) == members
    assert [space.violation(Chem.MolFromSmiles(smiles)) for smiles in strangers].count(None) == 0
