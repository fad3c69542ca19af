"""The figure of merit of PMO, and the rules that generators are compared by."""

from __future__ import annotations

import random
from importlib.util import find_spec
from itertools import pairwise

import numpy as np
import pytest

from benchmarks.design_budget import Budget, Spent, area, figures
from benchmarks.design_rivals import NoRival, quantile_sampling, released, search, start_set
from benchmarks.oracles import oracle

needs_mol_ga = pytest.mark.skipif(find_spec("mol_ga") is None, reason="mol_ga comes with the extra 'peers'")


def test_area_of_hand_made_runs() -> None:
    # The mean of the best ten rises to 1 within the first hundred calls: a triangle, then a plateau.
    assert area([1.0] * 1000, best=10, calls=1000, every=100) == pytest.approx(0.95)
    # A run that stops keeps its last mean for the calls it left.
    assert area([1.0] * 100, best=10, calls=1000, every=100) == pytest.approx(0.95)
    # Fewer than `best` are averaged over those there are.
    assert area([0.5] * 4, best=10, calls=100, every=100) == pytest.approx(0.5 * (4 * 0.5 + 96) / 100)
    assert area([], best=10, calls=100) == 0.0


@pytest.mark.parametrize("length", [1, 99, 100, 101, 250, 1000])
def test_area_is_the_trapezoid_of_the_means_at_every_hundredth_call(length: int) -> None:
    scores = np.random.default_rng(length).random(length)
    stops = [*range(100, length, 100), length]
    means = [0.0, *(float(np.sort(scores[:stop])[-10:].mean()) for stop in stops)]
    expected = sum(
        (b - a) * (low + high) / 2 for (a, b), (low, high) in zip(pairwise([0, *stops]), pairwise(means), strict=True)
    )
    expected += (1000 - length) * means[-1]
    assert area(scores.tolist(), best=10, calls=1000) == pytest.approx(expected / 1000)


def test_a_molecule_costs_once_however_it_is_spelt_and_nonsense_nothing() -> None:
    score = Budget(oracle("qed"), 2)
    first, again, nonsense = score(["CCO", "OCC", "no molecule"])
    assert first == again > nonsense == 0.0
    assert list(score.scores) == ["CCO"]
    with pytest.raises(Spent):
        score(["CCCO", "CCO", "CCCCO"])
    assert list(score.scores) == ["CCO", "CCCO"]
    found = figures(score.scores, 2)
    assert found["calls"] == 2
    assert found["top1"] == pytest.approx(max(score.scores.values()), abs=1e-4)


def test_patience_ends_a_run_that_gets_nowhere() -> None:
    score = Budget(oracle("isomers_c7h8n2o2"), 10_000, patience=5)
    with pytest.raises(Spent):
        score(["C" * n for n in range(30, 60)])
    assert len(score.scores) < 30


@needs_mol_ga
def test_quantile_sampling_draws_what_mol_ga_draws() -> None:
    from mol_ga.sample_population import uniform_quantile_sampling

    lots = random.Random(4)
    for size in (1, 3, 40, 700):
        population = [(round(lots.random() ** 3, lots.choice([1, 9])), str(i)) for i in range(size)]
        population.sort(reverse=True)
        ours, theirs = random.Random(size), random.Random(size)
        assert quantile_sampling(population, 10, ours) == uniform_quantile_sampling(population, 10, theirs)
        assert ours.random() == theirs.random()


@needs_mol_ga
@pytest.mark.parametrize("name", ["genetic", "mol_ga"])
def test_both_climb_from_the_same_start_within_the_same_budget(name: str) -> None:
    start = start_set(40, seed=3)
    assert start == start_set(40, seed=3)
    score = Budget(oracle("albuterol_similarity"), 150)
    search(name, start, score, seed=3, batch=5)
    values = list(score.scores.values())
    assert len(values) == 150
    assert max(values[len(start) :]) > max(values[: len(start)])


def test_an_unknown_generator_is_told_with_those_there_are() -> None:
    with pytest.raises(NoRival, match="genetic"):
        released("oracle of Delphi")
