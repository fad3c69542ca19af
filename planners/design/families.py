"""The families of generators by name, each imported when it is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # names alone are asked for more often than generators
    from planners.design.generator import Generator
    from planners.design.problem import Problem

# name: room whose function `opened(problem, *, start, seed, exclude)` makes the generator.
FAMILIES: dict[str, str] = {
    "assisted": "planners.design.genetic.assisted",
    "adversarial": "planners.design.adversarial",
    "camd": "planners.design.camd.programming",
    "diffusion": "planners.design.diffusion.diffuse",
    "flow": "planners.design.diffusion.flow",
    "genetic": "planners.design.genetic",
    "latent": "planners.design.latent",
    "portfolio": "planners.design.portfolio",
    "synthesis": "planners.design.synthesis",
}


class UnknownGenerator(ValueError):
    """A name that is no family of generators; the message lists those that are."""


def open_generator(
    name: str, problem: Problem, *, start: Sequence[str] = (), seed: int, exclude: Sequence[str] = ()
) -> Generator:
    """A fresh generator for a problem.

    start: known molecules to begin from (SMILES).  exclude: molecules never to propose.
    Raises UnknownGenerator; CannotServe when this family cannot work on the problem.
    """
    if name not in FAMILIES:
        raise UnknownGenerator(f"unknown generator '{name}'; known: {', '.join(sorted(FAMILIES))}")
    made: Generator = import_module(FAMILIES[name]).opened(problem, start=start, seed=seed, exclude=exclude)
    return made
