"""Evolution over forward reactions of purchasable molecules: every candidate comes with the route that makes it."""

from collections.abc import Sequence

from planners.design.problem import Problem
from planners.design.synthesis.evolution import SynthesisGenerator
from planners.design.synthesis.shelf import Shelf, stocked

__all__ = ["Shelf", "SynthesisGenerator", "opened", "stocked"]


def opened(problem: Problem, *, start: Sequence[str], seed: int, exclude: Sequence[str]) -> SynthesisGenerator:
    """The generator on a shelf of what industry makes and of building blocks.

    Raises CannotServe when nothing that is made of them lies in the problem's space, or holds what is locked.
    """
    return SynthesisGenerator(problem.space, stocked(problem.space), seed=seed, start=start, exclude=exclude)
