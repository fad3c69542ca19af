"""The generator `flow`."""

from __future__ import annotations

from collections.abc import Sequence

from planners.design.diffusion.generator import DrawingGenerator
from planners.design.diffusion.weights import WeightsUnusable, shipped
from planners.design.generator import CannotServe
from planners.design.problem import Problem


def opened(problem: Problem, *, start: Sequence[str], seed: int, exclude: Sequence[str]) -> DrawingGenerator:
    """Raises CannotServe: no weights, a space of larger molecules, a lock that cannot be held."""
    try:
        return DrawingGenerator(shipped(), "flow", problem, start, seed=seed, exclude=exclude)
    except (WeightsUnusable, CannotServe) as error:
        raise CannotServe(f"flow: {error}") from error
