"""The inner loop: climbs, repeats exactly, and refuses scores that do not fit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from rdkit import Chem

from planners.design.evolve import BadScores, Pool, Scores, evolve
from planners.design.genetic import GeneticGenerator
from planners.design.library import LibraryGenerator
from planners.design.space import DesignSpace
from tests.design.molecules import SHELF


def towards_ten_atoms_with_esters(smiles: Sequence[str]) -> Scores:
    pattern = Chem.MolFromSmarts("[CX3](=O)[OX2][CX4]")
    mols = [Chem.MolFromSmiles(s) for s in smiles]
    values = [len(m.GetSubstructMatches(pattern)) - 0.2 * abs(m.GetNumHeavyAtoms() - 10) for m in mols]
    return Scores(np.array(values), np.array(["S" not in s for s in smiles]))


def run(seed: int) -> Pool:
    generator = GeneticGenerator(DesignSpace(), SHELF, seed=0, capacity=60)
    return evolve(generator, towards_ten_atoms_with_esters, generations=5, population=60, seed=seed, start=SHELF)


def test_the_pool_climbs_is_unique_and_ranked() -> None:
    pool = run(1)
    assert len(pool) == 300
    assert len({c.molecule.inchikey for c in pool.candidates}) == 300
    assert [g.asked for g in pool.history] == [60] * 5
    bests = [g.best for g in pool.history if g.best is not None]
    assert len(bests) == 5
    assert bests == sorted(bests)
    assert bests[-1] >= 2.0
    feasible = int(pool.feasible.sum())
    assert pool.feasible[:feasible].all()
    assert (np.diff(pool.values[:feasible]) <= 0).all()
    assert pool.best(3) == pool.candidates[:3]


def test_it_repeats_with_the_seed() -> None:
    first, again, other = run(2), run(2), run(3)
    assert first.candidates == again.candidates
    assert first.candidates != other.candidates


def test_any_generator_will_do_and_an_empty_one_ends_early() -> None:
    library = LibraryGenerator(DesignSpace(), SHELF, seed=0)
    pool = evolve(library, towards_ten_atoms_with_esters, generations=9, population=20, seed=1)
    assert len(pool.history) < 9
    assert all(c.provenance.operator == "library" for c in pool.candidates)


@pytest.mark.parametrize("values, told", [([1.0], "shapes"), ([np.nan] * 5, "not finite")])
def test_scores_that_do_not_fit_are_refused(values: list[float], told: str) -> None:
    generator = GeneticGenerator(DesignSpace(), SHELF, seed=0)
    with pytest.raises(BadScores, match=told):
        evolve(generator, lambda smiles: Scores(np.array(values)), generations=1, population=5, seed=1)
