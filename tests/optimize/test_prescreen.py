from __future__ import annotations

import random
from statistics import mean

from planners.optimize.batch import select
from planners.optimize.hypervolume import hypervolume
from planners.optimize.prescreen import rank
from planners.optimize.surrogates import Surrogates
from tests.optimize.conftest import CONSTRAINTS, OBJECTIVES, World


def test_ranks_every_molecule_once_whatever_the_order(surrogates: Surrogates, world: World) -> None:
    order = rank(surrogates, world.pool, objectives=OBJECTIVES, constraints=CONSTRAINTS, seed=0)
    assert sorted(order) == list(range(len(world.pool)))
    shuffled = random.Random(1).sample(world.pool, len(world.pool))
    again = rank(surrogates, shuffled, objectives=OBJECTIVES, constraints=CONSTRAINTS, seed=0)
    assert [shuffled[i] for i in again] == [world.pool[i] for i in order]
    assert rank(surrogates, [], objectives=OBJECTIVES, constraints=CONSTRAINTS, seed=0) == []


def test_the_top_quarter_holds_what_matters(surrogates: Surrogates, world: World) -> None:
    order = rank(surrogates, world.pool, objectives=OBJECTIVES, constraints=CONSTRAINTS, seed=0)
    top = [world.pool[i] for i in order[: len(order) // 4]]
    whole = hypervolume([world.observe(s) for s in world.pool], OBJECTIVES, CONSTRAINTS)
    assert hypervolume([world.observe(s) for s in top], OBJECTIVES, CONSTRAINTS) > 0.9 * whole
    batch = select(
        surrogates,
        world.pool,
        observed=[],
        pending=[],
        objectives=OBJECTIVES,
        constraints=CONSTRAINTS,
        q=4,
        seed=0,
    )
    assert sum(s.smiles in top for s in batch) >= 3


def test_what_was_observed_lowers_its_own_kind(surrogates: Surrogates, world: World) -> None:
    """After a good solvent is known, molecules that cannot beat it on either goal move back."""
    observed = [world.observe(s) for s in world.pool]
    before = rank(surrogates, world.pool, objectives=OBJECTIVES, constraints=CONSTRAINTS, seed=0)
    after = rank(surrogates, world.pool, objectives=OBJECTIVES, constraints=CONSTRAINTS, observed=observed, seed=0)
    assert before != after


def test_constraints_push_infeasible_molecules_back(surrogates: Surrogates, world: World) -> None:
    tight = rank(surrogates, world.pool, objectives=OBJECTIVES, constraints=CONSTRAINTS, seed=0)
    loose = rank(surrogates, world.pool, objectives=OBJECTIVES, constraints=(), seed=0)
    boiling = [world.truth[s]["boiling_point"].value for s in world.pool]
    assert mean(boiling[i] for i in tight[:20]) > mean(boiling[i] for i in loose[:20]) + 10.0
