"""Campaigns breed with any family of generators; goals reach those that look at them; who cannot work is named."""

from __future__ import annotations

import pytest
from rdkit import Chem

from agent.breeding import breed, problem_of
from agent.campaign import CampaignSpec
from agent.prior import known_facts
from agent.snapshot import Snapshot
from planners.design.generator import CannotServe
from planners.optimize.surrogates import Surrogates, fit_surrogates
from tests.agent.laboratory import small

NOTHING_YET = Snapshot(observed=(), seen=("CCOCCO",), rules=())


@pytest.fixture(scope="module")
def surrogates() -> Surrogates:
    """Of some fifty molecules each: what they believe does not matter here, how they are asked does."""
    facts = known_facts(small(), NOTHING_YET)
    return fit_surrogates({name: found[:: len(found) // 50] for name, found in facts.items()}, seed=0)


def _spec(*generators: str, **changes: object) -> CampaignSpec:
    search = {"generators": list(generators), "generations": 1, "population": 8, "checked": 8}
    return small(search=search, **changes)


def test_a_campaign_reads_as_a_design_problem() -> None:
    spec = small()
    problem = problem_of(spec)
    (goal,) = problem.goals
    assert (goal.property, goal.direction, goal.unit, goal.worst) == ("viscosity", "minimise", "mPa*s", 10.0)
    assert goal.best_value == 0.0  # nature's limit
    (requirement,) = problem.requirements
    assert requirement.bounds == (380.0, 480.0)
    assert problem.space == spec.space


def test_what_nothing_ends_is_worth_everything_at_the_best_known_value() -> None:
    upwards = {"property": "boiling_point", "direction": "maximise", "unit": "degC", "worst": 50.0}
    (goal,) = problem_of(small(objectives=[upwards], constraints=[])).goals
    assert goal.best is not None
    assert 300 < goal.best < 1500  # in degC, of what the handbook knows


@pytest.mark.parametrize("family", ["latent", "camd"])
def test_other_families_breed_and_go_on(family: str, surrogates: Surrogates) -> None:
    spec = _spec(family)
    first = breed(spec, NOTHING_YET, surrogates, None, seed=1)
    assert first.candidates
    assert not first.left_out
    for candidate in first.candidates:
        mol = Chem.MolFromSmiles(candidate.molecule.smiles)
        assert spec.space.violation(mol) is None
        assert candidate.molecule.smiles != "CCOCCO"  # seen
    again = breed(spec, NOTHING_YET, surrogates, None, seed=1)
    assert again.candidates == first.candidates
    second = breed(spec, NOTHING_YET, surrogates, first.states, seed=2)
    old = {c.molecule.smiles for c in first.candidates}
    assert not old & {c.molecule.smiles for c in second.candidates}


def test_who_cannot_work_is_left_out_and_named(surrogates: Surrogates) -> None:
    large = {"min_heavy_atoms": 12, "max_heavy_atoms": 14}  # more than the network in space can draw
    bred = breed(_spec("library", "flow", space=large), NOTHING_YET, surrogates, None, seed=1)
    assert bred.candidates
    assert "flow" in bred.left_out
    with pytest.raises(CannotServe, match="flow"):
        breed(_spec("flow", space=large), NOTHING_YET, surrogates, None, seed=1)
