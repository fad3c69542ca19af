"""The genetic generator as a whole: what it yields, what it learns, and that it can stop and go on."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
from rdkit import Chem

from knowledge.records.candidate import Candidate
from planners.design.families import open_generator
from planners.design.filters.stability import instability
from planners.design.generator import Dice, Evaluated, Generator, StateMismatch
from planners.design.genetic import GeneticGenerator, NoParents
from planners.design.genetic.population import Population
from planners.design.problem import Problem
from planners.design.space import VALENCE, DesignSpace, compile_smarts
from tests.design.drugs import DRUGS
from tests.design.molecules import SHELF, UNSTABLE

SPACE = DesignSpace()


def oxygen_share(smiles: Sequence[str]) -> list[Evaluated]:
    """A score with a known answer: oxygens per heavy atom."""
    told = []
    for text in smiles:
        mol = Chem.MolFromSmiles(text)
        oxygens = sum(a.GetAtomicNum() == 8 for a in mol.GetAtoms())
        told.append(Evaluated(smiles=text, score=oxygens / mol.GetNumHeavyAtoms(), feasible="N" not in text))
    return told


def texts(candidates: Sequence[Candidate]) -> list[str]:
    return [c.molecule.smiles for c in candidates]


def test_it_speaks_the_protocol() -> None:
    assert isinstance(GeneticGenerator(SPACE, SHELF, seed=1), Generator)


def test_everything_asked_is_valid_new_and_inside_the_space() -> None:
    generator = GeneticGenerator(SPACE, SHELF, seed=2, exclude=["CCCCC#N"])
    asked: list[Candidate] = []
    for _ in range(6):
        batch = generator.ask(80)
        assert len(batch) == 80
        asked += batch
        generator.tell(oxygen_share(texts(batch)))
    assert len({c.molecule.smiles for c in asked}) == len({c.molecule.connectivity for c in asked}) == len(asked)
    known = {Chem.CanonSmiles(s) for s in (*SHELF, "CCCCC#N")}
    produced = set(known)
    for candidate in asked:
        mol = Chem.MolFromSmiles(candidate.molecule.smiles)
        assert Chem.MolToSmiles(mol) == candidate.molecule.smiles
        assert SPACE.violation(mol) is None
        assert instability(mol) is None
        assert candidate.molecule.smiles not in known
        assert candidate.provenance.generator == "genetic"
        assert candidate.provenance.parents
        assert set(candidate.provenance.parents) <= produced
        produced.add(candidate.molecule.smiles)
    report = generator.filter_report()
    assert report.examined == report.passed + sum(report.dropped.values())
    assert report.passed >= len(asked)
    assert {"space", "stability"} <= set(report.by_filter())


def test_the_same_seed_gives_the_same_molecules_and_another_does_not() -> None:
    first, again, other = (
        texts(GeneticGenerator(SPACE, shelf, seed=seed).ask(60)) for shelf, seed in ((SHELF, 3), (SHELF, 3), (SHELF, 4))
    )
    assert first == again
    assert first != other


def test_a_restored_generator_continues_identically() -> None:
    generator = GeneticGenerator(SPACE, SHELF, seed=5)
    generator.tell(oxygen_share(SHELF))
    generator.tell(oxygen_share(texts(generator.ask(50))))
    pending = texts(generator.ask(30))  # asked, not told yet
    state = json.loads(json.dumps(generator.state()))
    twin = GeneticGenerator(SPACE, SHELF[:10], seed=99)
    twin.restore(state)
    for g in (generator, twin):
        g.tell(oxygen_share(pending))
    first, second = generator.ask(60), twin.ask(60)
    assert first == second
    assert generator.state() == twin.state()
    assert generator.operator_probabilities == twin.operator_probabilities


def test_a_foreign_state_is_refused() -> None:
    generator = GeneticGenerator(SPACE, SHELF, seed=1)
    with pytest.raises(StateMismatch, match="genetic"):
        generator.restore({"generator": "library", "version": 1})
    other = GeneticGenerator(DesignSpace.model_validate({"max_heavy_atoms": 9}), SHELF, seed=1)
    with pytest.raises(StateMismatch, match="space"):
        generator.restore(other.state())


@pytest.mark.parametrize("lock", ["O=C1CCCN1", "[#6]S(=O)(=O)[#6]", "c1ccccc1"])
def test_a_locked_substructure_is_in_every_candidate(lock: str) -> None:
    space = DesignSpace.model_validate({"locked": [lock]})
    generator = GeneticGenerator(space, SHELF, seed=6)
    for _ in range(3):
        batch = generator.ask(60)
        assert len(batch) == 60
        assert all(Chem.MolFromSmiles(s).HasSubstructMatch(compile_smarts(lock)) for s in texts(batch))
        generator.tell(oxygen_share(texts(batch)))


def test_a_lock_that_no_seed_holds_starts_from_itself() -> None:
    space = DesignSpace.model_validate({"locked": ["O=C1COCCN1"]})
    batch = GeneticGenerator(space, ["CCCCCC"], seed=1).ask(20)
    assert len(batch) == 20
    with pytest.raises(NoParents, match="locked"):
        GeneticGenerator(DesignSpace.model_validate({"locked": ["[N,O]C#CC#C"]}), SHELF, seed=1)


def test_it_learns_what_is_wanted() -> None:
    generator = GeneticGenerator(SPACE, SHELF, seed=7, capacity=60)
    means = []
    for _ in range(8):
        told = oxygen_share(texts(generator.ask(80)))
        means.append(float(np.mean([e.score if e.feasible else 0.0 for e in told])))
        generator.tell(told)
    assert means[-1] > 1.5 * means[0]
    probabilities = generator.operator_probabilities
    assert sum(probabilities.values()) == pytest.approx(1.0)
    assert min(probabilities.values()) > 0.01


def test_the_population_stays_diverse_and_says_when_it_is_stuck() -> None:
    generator = GeneticGenerator(SPACE, SHELF, seed=8, capacity=40)
    for _ in range(8):
        asked = texts(generator.ask(40))
        generator.tell([Evaluated(smiles=s, score=1.0) for s in asked])
    diagnosis = generator.diagnosis()
    assert diagnosis.stagnant
    assert diagnosis.size == 40
    assert diagnosis.niches >= 7
    assert diagnosis.largest_niche <= 0.16
    assert not diagnosis.collapsed


def test_a_tiny_space_runs_dry_instead_of_repeating() -> None:
    space = DesignSpace.model_validate(
        {"elements": ["C", "O"], "min_heavy_atoms": 3, "max_heavy_atoms": 4, "max_rings": 0}
    )
    generator = GeneticGenerator(space, ["CCCO"], seed=9)
    found = texts(generator.ask(500))
    assert 5 < len(found) < 100
    assert len(set(found)) == len(found)
    assert len(generator.ask(500)) <= 5


def test_on_a_plateau_every_parent_has_the_same_chance() -> None:
    """Nothing is known of equal molecules; the order of their SMILES in particular says nothing."""
    population = Population(100, niche_draws=0.0)
    population.absorb([Evaluated(smiles=s, score=0.0) for s in SHELF])
    dice = Dice(1)
    drawn = Counter(population.select(dice) for _ in range(60 * len(SHELF)))
    assert len(drawn) == len(SHELF)
    assert max(drawn.values()) < 3 * min(drawn.values())
    population.absorb([Evaluated(smiles="CCOCCOCC", score=1.0)])
    drawn = Counter(population.select(dice) for _ in range(1000))
    assert drawn.most_common(1)[0][0] == "CCOCCOCC"


def test_it_opens_from_a_problem_and_begins_with_known_compounds_when_nobody_names_any() -> None:
    goal = {"property": "boiling_point", "direction": "maximise", "unit": "K", "worst": 300, "best": 500}
    problem = Problem.model_validate({"name": "x", "goals": [goal], "space": {"locked": ["[#6]S(=O)(=O)[#6]"]}})
    generator = open_generator("genetic", problem, seed=3)
    batch = texts(generator.ask(20))
    assert len(batch) == 20
    assert all(problem.space.violation(Chem.MolFromSmiles(s)) is None for s in batch)
    assert texts(open_generator("genetic", problem, seed=3).ask(20)) == batch


def test_drugs_are_bred_without_the_filters_for_things_in_bottles() -> None:
    space = DesignSpace(
        elements=("H", *VALENCE), min_heavy_atoms=1, max_heavy_atoms=60, max_rings=12, max_ring_size=30, forbidden=()
    )
    generator = GeneticGenerator(space, DRUGS, seed=1, stability=False, accessibility=False)
    batch = generator.ask(150)
    assert len(batch) == 150
    assert all(space.violation(Chem.MolFromSmiles(s)) is None for s in texts(batch))
    assert len({c.provenance.operator for c in batch}) >= 12
    assert set(generator.filter_report().by_filter()) <= {"space"}


def test_unstable_seeds_are_not_bred() -> None:
    with pytest.raises(NoParents):
        GeneticGenerator(SPACE, UNSTABLE, seed=1)
