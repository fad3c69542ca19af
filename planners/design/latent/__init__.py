"""Molecules as points: a variational autoencoder over SELFIES, and Bayesian optimisation between the points."""

from __future__ import annotations

from collections.abc import Sequence

from planners.design.generator import Generator
from planners.design.problem import Problem


def opened(problem: Problem, *, start: Sequence[str] = (), seed: int, exclude: Sequence[str] = ()) -> Generator:
    """A fresh latent generator; it begins from the handbook's compounds of the space when nobody names molecules.

    Raises CannotServe when the weights are missing, or when nothing that is decoded fits the space (a locked
    substructure that the autoencoder does not write).
    """
    from planners.design.genetic.start import known_members
    from planners.design.latent.generator import LatentGenerator
    from planners.design.latent.sampling import shipped

    known = list(start) or known_members(problem.space, seed=seed, wanted=200)
    return LatentGenerator(shipped(), problem.space, known, seed=seed, exclude=exclude)
