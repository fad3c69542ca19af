"""Samples of the shipped weights, without filters and without a second try."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planners.design.adversarial.model import shipped


@dataclass(frozen=True)
class Samples:
    """smiles: one for each try, in order; None where the graph drawn cannot be a molecule."""

    smiles: tuple[str | None, ...]


def sample(n: int, *, seed: int) -> Samples:
    """n independent tries; the same n and seed give the same. Raises CannotServe when the weights are missing."""
    return Samples(tuple(shipped().draw(n, np.random.Generator(np.random.PCG64(seed)))))
