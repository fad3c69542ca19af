"""Several generators in one campaign, each with as much of it as it earns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from planners.design.generator import CannotServe, Generator
from planners.design.problem import Problem

if TYPE_CHECKING:
    from planners.design.portfolio.generator import PortfolioGenerator

__all__ = ["opened"]

_SELF = "portfolio"


def opened(
    problem: Problem,
    *,
    start: Sequence[str] = (),
    seed: int,
    exclude: Sequence[str] = (),
    families: Sequence[str] | None = None,
) -> PortfolioGenerator:
    """All families that can work on the problem; those that cannot are named in `left_out` with their reasons.

    families: names of which to open; None: all that there are, and the handbook's compounds ("library").
    Raises CannotServe when none can; UnknownGenerator.
    """
    from planners.design.families import FAMILIES, open_generator
    from planners.design.portfolio.generator import PortfolioGenerator

    names = [*(name for name in FAMILIES if name != _SELF), "library"] if families is None else families
    members: dict[str, Generator] = {}
    left_out: dict[str, str] = {}
    for name in dict.fromkeys(names):
        try:
            if name == "library" and name not in FAMILIES:
                members[name] = _library(problem, seed=seed, exclude=exclude)
            else:
                members[name] = open_generator(name, problem, start=start, seed=seed, exclude=exclude)
        except CannotServe as error:
            left_out[name] = str(error)
    return PortfolioGenerator(members, seed=seed, left_out=left_out, exclude=exclude)


def _library(problem: Problem, *, seed: int, exclude: Sequence[str]) -> Generator:
    from planners.design.genetic.start import known_members
    from planners.design.library import LibraryGenerator

    shelf = known_members(problem.space, seed=seed, wanted=5000)
    if not shelf:
        raise CannotServe("library: no compound of the handbook lies in the design space")
    return LibraryGenerator(problem.space, shelf, seed=seed, exclude=exclude)
