"""Molecules drawn by a network that learned against a critic, which told its drawings from real molecules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from planners.design.problem import Problem

if TYPE_CHECKING:
    from planners.design.adversarial.generator import AdversarialGenerator

__all__ = ["opened"]


def opened(problem: Problem, *, start: Sequence[str], seed: int, exclude: Sequence[str]) -> AdversarialGenerator:
    """The adversarial generator for a problem; compounds of the handbook are drawn around where `start` is empty.

    Raises CannotServe, see `AdversarialGenerator` and `DrawingModel`.
    """
    from planners.design.adversarial.generator import AdversarialGenerator
    from planners.design.adversarial.model import shipped
    from planners.design.genetic.start import known_members

    model = shipped()
    known = start or known_members(problem.space, seed=seed, wanted=200)
    return AdversarialGenerator(model, problem.space, known, seed=seed, exclude=exclude)
