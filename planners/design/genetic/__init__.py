"""Evolution on molecular graphs by direct edits; no reaction strings."""

from collections.abc import Sequence

from planners.design.generator import CannotServe
from planners.design.genetic.breeding import Offspring
from planners.design.genetic.evolution import GeneticGenerator
from planners.design.genetic.nursery import NoParents
from planners.design.genetic.start import known_members
from planners.design.problem import Problem

__all__ = ["GeneticGenerator", "NoParents", "Offspring", "opened"]


def opened(problem: Problem, *, start: Sequence[str], seed: int, exclude: Sequence[str]) -> GeneticGenerator:
    """The genetic generator for a problem; compounds of the handbook are its first parents where `start` is empty.

    Raises CannotServe when no first parent fits: mostly because none holds the locked substructures.
    """
    try:
        return GeneticGenerator(
            problem.space, start or known_members(problem.space, seed=seed), seed=seed, exclude=exclude
        )
    except NoParents as error:
        raise CannotServe(f"genetic: {error}") from error
