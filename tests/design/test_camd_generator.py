"""The generator `camd`: proven optima as candidates, told scores, crashes, and mixtures."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from rdkit import Chem

from planners.design.camd.blending import Blend, blended
from planners.design.camd.contributions import vector
from planners.design.camd.groups import group_counts
from planners.design.camd.mixture import BlendProgramme
from planners.design.camd.model import Status
from planners.design.camd.programming import ProgrammingGenerator, opened
from planners.design.camd.properties import evaluated
from planners.design.families import open_generator
from planners.design.generator import CannotServe, Evaluated, Generator, StateMismatch
from planners.design.problem import Problem

BASE: dict[str, Any] = {
    "name": "esters",
    "goals": [
        {
            "property": "hansen_distance",
            "direction": "minimise",
            "unit": "MPa**0.5",
            "reference": [16.0, 6.0, 7.0],
            "worst": 15.0,
        }
    ],
    "requirements": [{"property": "boiling_point", "minimum": "373 K", "maximum": "423 K"}],
    "space": {"preset": "solvent", "elements": ["C", "H", "O"], "max_heavy_atoms": 8, "max_rings": 0},
}


def _problem(**changes: Any) -> Problem:
    return Problem.model_validate({**BASE, **changes})


def test_the_optimum_comes_first_with_its_groups() -> None:
    generator = open_generator("camd", _problem(), seed=0)
    assert isinstance(generator, Generator)
    candidates = generator.ask(12)
    assert len({c.molecule.connectivity for c in candidates}) == len(candidates) == 12
    assert candidates[0].provenance.operator == "optimum"
    assert candidates[-1].provenance.operator == "next best"
    scores = []
    for candidate in candidates:
        counts = group_counts(candidate.molecule.smiles)
        assert counts == candidate.provenance.groups
        assert BASE["space"]["max_heavy_atoms"] >= Chem.MolFromSmiles(candidate.molecule.smiles).GetNumHeavyAtoms()
        row = vector(counts)[None, :]
        assert 373.0 <= evaluated("boiling_point", row)[0] <= 423.0
        scores.append(evaluated("hansen_distance", row, (16.0, 6.0, 7.0))[0])
    assert scores == sorted(scores)


def test_excluded_and_told_molecules_are_not_proposed() -> None:
    first = opened(_problem()).ask(2)
    again = opened(_problem(), exclude=[first[0].molecule.smiles])
    again.tell([Evaluated(smiles=first[1].molecule.smiles, score=0.5)])
    known = {c.molecule.connectivity for c in first}
    assert not known & {c.molecule.connectivity for c in again.ask(3)}


def test_state_survives_a_crash() -> None:
    generator = opened(_problem(), seed=3)
    generator.ask(3)
    state = json.loads(json.dumps(generator.state()))
    expected = [c.molecule.smiles for c in generator.ask(6)]
    restored = ProgrammingGenerator(_problem(), seed=9)
    restored.restore(state)
    assert [c.molecule.smiles for c in restored.ask(6)] == expected
    other = ProgrammingGenerator(_problem(requirements=[]))
    with pytest.raises(StateMismatch, match="another problem"):
        other.restore(state)


def test_told_scores_change_what_comes_next() -> None:
    taught = ProgrammingGenerator(_problem(), isomers=1)
    asked = taught.ask(14)
    # Who judges cannot stand ethers: a hundredth of what the model thinks.
    judged = [
        Evaluated(smiles=c.molecule.smiles, score=0.01 if c.provenance.groups.get("ether") else 0.9) for c in asked
    ]
    taught.tell(judged)
    correction = taught.state()["correction"]
    assert correction["ether"] < -0.1
    assert correction["ether"] == min(correction.values())


def test_a_goal_that_groups_cannot_express_is_named() -> None:
    goal = {"property": "qed", "direction": "maximise", "unit": "dimensionless", "worst": 0.0}
    with pytest.raises(CannotServe, match="the goal 'qed' cannot be expressed with groups"):
        opened(_problem(goals=[goal]))


def test_requirements_beyond_groups_are_left_to_others() -> None:
    requirement = {"property": "synthetic_accessibility", "maximum": "3 dimensionless"}
    generator = ProgrammingGenerator(_problem(requirements=[requirement]))
    assert len(generator.unexpressed) == 1
    assert generator.unexpressed[0].startswith("synthetic_accessibility at most 3")


def test_an_unsatisfiable_problem_says_which_demands_conflict() -> None:
    hot = [
        {"property": "boiling_point", "minimum": "600 K"},
        {"property": "molar_mass", "maximum": "90 g/mol"},
        {"property": "logp", "maximum": "3 dimensionless"},
    ]
    with pytest.raises(CannotServe, match="boiling_point at least 600 K; requirement molar_mass at most 90 g/mol"):
        opened(_problem(requirements=hot))


def test_a_mixture_with_a_known_liquid_is_proven() -> None:
    # Half of the way from an ester towards water's polarity, by a partner that is far more polar.
    space = {"preset": "solvent", "elements": ["C", "H", "O"], "max_heavy_atoms": 6, "max_rings": 0}
    problem = _problem(space=space, requirements=[])
    programme = BlendProgramme(problem, partners=["CC1COC(=O)O1", "CCCCCC"], steps=4, most_groups=4)
    found = programme.best()
    assert found is not None
    assert found.status is Status.OPTIMAL
    assert abs(found.bound - found.score) < 1e-5
    distance = blended("hansen_distance", [found.blend], (16.0, 6.0, 7.0))[0]
    one = np.array([found.blend.first], dtype=np.float64)
    # No ratio and no other partner of the list does better with this component.
    for partner in programme.partners:
        for fraction in programme.fractions:
            other = blended("hansen_distance", [Blend(found.blend.first, partner, fraction)], (16.0, 6.0, 7.0))[0]
            assert other >= distance - 1e-6
    assert np.isfinite(evaluated("boiling_point", one)).all()
    programme.rule_out(found.blend)
    second = programme.best()
    assert second is not None
    assert (second.blend.first, second.blend.second) != (found.blend.first, found.blend.second)
    assert second.score <= found.score + 1e-6


def test_a_goal_without_a_rule_of_blending_is_named() -> None:
    goal = {"property": "boiling_point", "direction": "target", "unit": "K", "target": 400.0, "worst": 300.0}
    with pytest.raises(CannotServe, match="'boiling_point' has no rule of ideal blending"):
        BlendProgramme(_problem(goals=[goal], requirements=[]))
