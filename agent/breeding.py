"""The molecules among which a batch is chosen: every generator of the campaign climbs what the models promise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from rdkit import Chem

from agent.campaign import CampaignSpec
from agent.prior import handbook
from agent.snapshot import Snapshot
from knowledge.records.candidate import Candidate
from knowledge.records.objective import Constraint, Direction, Objective
from knowledge.records.quantity import convert
from planners.design.evaluation.quantities import get_quantity
from planners.design.evolve import Scores, evolve
from planners.design.families import open_generator
from planners.design.generator import CannotServe, Generator
from planners.design.genetic.evolution import GeneticGenerator
from planners.design.library import LibraryGenerator
from planners.design.problem import Goal, Problem, Requirement
from planners.optimize.outlook import Outlook
from planners.optimize.surrogates import Surrogates

ELITE = 400
"""Known molecules of the highest hope that the generators begin from."""
PROVEN = 24
"""Molecules asked of mathematical programming in an iteration: each is a proof of its own, of a second or more."""


@dataclass(frozen=True)
class Bred:
    """`states`: of the generators, for the next iteration.  left_out: generators that could not work, and why."""

    candidates: tuple[Candidate, ...]
    states: dict[str, Any]
    left_out: dict[str, str]


def breed(
    spec: CampaignSpec, snapshot: Snapshot, surrogates: Surrogates, earlier: dict[str, Any] | None, seed: int
) -> Bred:
    """Every generator's molecules, each once; earlier: the states that the last iteration left.

    Raises CannotServe when no generator of the campaign can work on its problem.
    """
    known = _known(spec)
    score = _hope(spec, surrogates)
    found: dict[str, Candidate] = {}
    states: dict[str, Any] = {}
    left_out: dict[str, str] = {}
    if "library" in spec.search.generators:
        library = LibraryGenerator(spec.space, known, seed=spec.seed)
        for candidate in library.ask(len(known)):
            found.setdefault(candidate.molecule.smiles, candidate)
        states["library"] = {"shelf": len(known)}
    bred = [name for name in spec.search.generators if name != "library"]
    if bred:
        values = score(known).values if known else np.zeros(0)
        elite = [known[i] for i in np.lexsort((np.array(known), -values))[:ELITE]]
        start = [*elite, *(o.smiles for o in snapshot.observed)]
    for name in bred:
        try:
            generator = _opened(name, spec, known, elite, snapshot.seen)
        except CannotServe as error:
            left_out[name] = str(error)
            continue
        if earlier is not None and name in earlier:
            generator.restore(earlier[name])
        rounds, each = spec.search.generations, spec.search.population
        if name == "camd":
            rounds, each = 1, min(each, PROVEN)
        pool = evolve(generator, score, generations=rounds, population=each, seed=seed, start=start)
        for candidate in pool.candidates:
            found.setdefault(candidate.molecule.smiles, candidate)
        states[name] = generator.state()
    if left_out and not states:
        raise CannotServe("; ".join(f"{name}: {words}" for name, words in left_out.items()))
    return Bred(tuple(found.values()), states, left_out)


def _opened(
    name: str, spec: CampaignSpec, known: Sequence[str], elite: Sequence[str], seen: Sequence[str]
) -> Generator:
    if name == "genetic":
        return GeneticGenerator(spec.space, known, seed=spec.seed, exclude=seen)
    return open_generator(name, problem_of(spec), start=elite, seed=spec.seed, exclude=seen)


def problem_of(spec: CampaignSpec) -> Problem:
    """The campaign's goals and constraints as a design problem, for generators that look at the goals themselves.

    An objective that nothing ends by nature is worth everything at the best value that the handbook tells of.
    """
    return Problem(
        name=spec.name,
        seed=spec.seed,
        space=spec.space,
        goals=tuple(_goal(spec, objective) for objective in spec.objectives),
        requirements=tuple(_requirement(constraint) for constraint in spec.constraints),
        no_hazard_alert=spec.no_hazard_alert,
    )


def _goal(spec: CampaignSpec, objective: Objective) -> Goal:
    known = get_quantity(objective.property)
    minimise = objective.direction is Direction.MINIMISE
    best = None
    if not np.isfinite(known.low if minimise else known.high):
        told = [fact.value for fact in handbook(spec.knowledge).facts(objective.property)]
        best = convert(min(told) if minimise else max(told), known.property.unit, objective.unit)
    return Goal(
        property=objective.property,
        direction="minimise" if minimise else "maximise",
        unit=objective.unit,
        worst=objective.worst,
        best=best,
        reference=objective.reference,
    )


def _requirement(constraint: Constraint) -> Requirement:
    return Requirement(property=constraint.property, minimum=constraint.minimum, maximum=constraint.maximum)


def _hope(spec: CampaignSpec, surrogates: Surrogates) -> Callable[[Sequence[str]], Scores]:
    """The hypervolume that a molecule alone may dominate, times its chance of meeting the constraints."""

    def score(smiles: Sequence[str]) -> Scores:
        outlook = Outlook.of(surrogates, list(smiles), spec.objectives, spec.constraints)
        hoped = np.clip(outlook.utility + outlook.utility_std, 1e-3, None).prod(axis=1)
        return Scores(values=hoped * outlook.feasibility)

    return score


def _known(spec: CampaignSpec) -> list[str]:
    """Handbook molecules of the space that break none of the campaign's constraints as far as the agent knows.

    They are those of which it knows a constrained property, or where nothing is constrained, a property to improve.
    """
    book = handbook(spec.knowledge)
    bad: set[str] = set()
    told: set[str] = set()
    if not spec.constraints:
        told.update(f.smiles for o in spec.objectives for name in o.needs for f in book.facts(name))
    for constraint in spec.constraints:
        for fact in book.facts(constraint.property):
            told.add(fact.smiles)
            if not constraint.satisfied(fact.value):
                bad.add(fact.smiles)
    kept = []
    for smiles in sorted(told - bad):
        mol = Chem.MolFromSmiles(smiles)
        if mol is not None and spec.space.violation(mol) is None:
            kept.append(smiles)
    return kept
