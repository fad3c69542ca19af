"""Several objectives: fronts of non-domination, spread along them, and a generator that climbs all at once."""

from __future__ import annotations

import json

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import rdMolDescriptors

from planners.design.generator import Evaluated
from planners.design.genetic import GeneticGenerator
from planners.design.genetic.fronts import pareto_order
from planners.design.genetic.population import Population
from planners.design.space import DesignSpace
from tests.design.molecules import SHELF


def dominated(objectives: np.ndarray) -> np.ndarray:
    """By definition: some other row is nowhere worse and somewhere better."""
    better = (objectives[:, None] >= objectives[None]).all(axis=2) & (objectives[:, None] > objectives[None]).any(
        axis=2
    )
    return np.asarray(better.any(axis=0))


@pytest.mark.parametrize("m", [2, 3, 4])
def test_the_first_front_is_what_nobody_dominates(m: int) -> None:
    objectives = np.random.default_rng(m).random((200, m)).round(2)
    order, size = pareto_order(objectives)
    assert sorted(order.tolist()) == list(range(200))
    assert set(order[:size].tolist()) == set(np.flatnonzero(~dominated(objectives)).tolist())
    # The second front: what nobody dominates once the first is gone.
    rest = np.setdiff1d(np.arange(200), order[:size])
    second = rest[~dominated(objectives[rest])]
    assert set(order[size : size + len(second)].tolist()) == set(second.tolist())


def test_the_ends_of_a_front_and_its_lonely_parts_go_first() -> None:
    crowd = [(0.5 + 0.01 * i, 0.5 - 0.01 * i) for i in range(8)]
    order, size = pareto_order(np.array([*crowd, (1.0, 0.0), (0.0, 1.0), (0.2, 0.8)]))
    assert size == 11
    assert set(order[:3].tolist()) == {8, 9, 10}


def test_every_direction_has_its_turn_with_three_objectives() -> None:
    """Many rows in one corner, few in the others: the first rows taken are not all of the corner."""
    rng = np.random.default_rng(0)
    weights = np.concatenate(
        [rng.dirichlet((60, 3, 3), 90), rng.dirichlet((3, 60, 3), 5), rng.dirichlet((3, 3, 60), 5)]
    )
    objectives = np.sqrt(weights)  # all on one front: a part of a sphere
    order, size = pareto_order(objectives)
    assert size == 100
    first = order[:20]
    assert (first >= 90).sum() >= 6  # one in ten of all, about a third of the first twenty


def test_no_rows_and_one_row() -> None:
    assert pareto_order(np.zeros((0, 2)))[1] == 0
    assert pareto_order(np.ones((1, 3)))[0].tolist() == [0]


def two_wishes(smiles: list[str]) -> list[Evaluated]:
    """Many oxygens, and greasy: they contradict each other."""
    told = []
    for text in smiles:
        mol = Chem.MolFromSmiles(text)
        wishes = (
            sum(a.GetAtomicNum() == 8 for a in mol.GetAtoms()) / mol.GetNumHeavyAtoms(),
            rdMolDescriptors.CalcCrippenDescriptors(mol)[0] / 5.0,
        )
        told.append(Evaluated(smiles=text, score=min(wishes), objectives=wishes, feasible="N" not in text))
    return told


def area(told: list[Evaluated]) -> float:
    """Dominated by feasible ones, above (0, 0)."""
    corners = sorted((e.objectives for e in told if e.feasible and min(e.objectives) > 0.0), reverse=True)
    total = height = 0.0
    for x, y in corners:
        total += x * max(0.0, y - height)
        height = max(height, y)
    return total


def test_a_generator_spreads_over_the_front_and_keeps_it() -> None:
    generator = GeneticGenerator(DesignSpace(), SHELF, seed=1, capacity=100)
    told = two_wishes(list(SHELF))
    generator.tell(told)
    before = area(told)
    for _ in range(5):
        batch = two_wishes([c.molecule.smiles for c in generator.ask(60)])
        generator.tell(batch)
        told += batch
    assert area(told) > 1.3 * before
    front = generator.front()
    objectives = np.array([e.objectives for e in front])
    assert not dominated(objectives).any()
    assert len(front) >= 5
    best = {e.objectives for e in told if e.feasible}
    assert all(not any(min(o) >= 0 and o[0] > e.objectives[0] and o[1] > e.objectives[1] for o in best) for e in front)
    twin = GeneticGenerator(DesignSpace(), SHELF, seed=2, capacity=100)
    twin.restore(json.loads(json.dumps(generator.state())))
    assert twin.front() == front
    assert [c.molecule.smiles for c in twin.ask(20)] == [c.molecule.smiles for c in generator.ask(20)]


def test_with_one_objective_the_front_is_the_best() -> None:
    population = Population(10)
    population.absorb([Evaluated(smiles="CCO", score=1.0), Evaluated(smiles="CCN", score=2.0, feasible=False)])
    assert [e.smiles for e in population.front()] == ["CCO"]
    assert population.rank("CCN") is None
    assert population.merit("CCO") == 1.0
