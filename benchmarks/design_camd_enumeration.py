"""All group vectors of a few groups, by plain enumeration: what the mathematical programme is held against.

The conditions for a vector to be a molecule are written here a second time, one after another on whole arrays, so
that a mistake in the programme's rows is seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, combinations_with_replacement, islice

import numpy as np
import numpy.typing as npt

from planners.design.camd.groups import GROUPS
from planners.design.space import DesignSpace

Counts = npt.NDArray[np.int8]
_CHUNK = 200_000
_CARBON = ("sp3", "vinyl", "aryl")
_NEUTRAL = ("acyl", "double")


def vectors(numbers: tuple[int, ...], most_groups: int, space: DesignSpace) -> Counts:
    """Every vector (n, groups of the table) of 2 to `most_groups` groups that can be one molecule of the space."""
    kept = [_molecules(chunk, space) for size in range(2, most_groups + 1) for chunk in _chunks(numbers, size)]
    return np.vstack(kept)


def _chunks(numbers: tuple[int, ...], size: int) -> Iterator[Counts]:
    choices = combinations_with_replacement(numbers, size)
    while True:
        flat = np.fromiter(chain.from_iterable(islice(choices, _CHUNK)), dtype=np.int8)
        if not len(flat):
            return
        rows = flat.reshape(-1, size)
        counts = np.zeros((len(rows), len(GROUPS)), dtype=np.int8)
        for column in range(size):
            np.add.at(counts, (np.arange(len(rows)), rows[:, column]), 1)
        yield counts


def _column(values: list[float]) -> npt.NDArray[np.float64]:
    return np.array(values, dtype=np.float64)


def _molecules(counts: Counts, space: DesignSpace) -> Counts:
    def total(values: list[float]) -> npt.NDArray[np.float64]:
        return counts @ _column(values)

    ports = total([len(g.ports) for g in GROUPS])
    chains = total([not g.ends for g in GROUPS])
    aromatic = total([g.ring == "aromatic" for g in GROUPS])
    around = total([g.ring_atoms if g.ring == "ring" else 0 for g in GROUPS])
    # ports = 2 (nodes - 1), nodes = chain groups + rings
    rings = ports / 2.0 + 1.0 - chains
    aromatic_rings = aromatic / 6.0
    others = rings - aromatic_rings
    fits = (rings >= 0) & (rings == np.floor(rings)) & (aromatic_rings == np.floor(aromatic_rings))
    largest = min(7, space.max_ring_size)
    fits &= (others >= 0) & (around >= 5 * others) & (around <= largest * others) & (rings <= space.max_rings)
    alone = (rings == 1) & (chains == 0)
    fits &= alone | (total([len(g.ports) * (g.ring == "aromatic") for g in GROUPS]) >= aromatic_rings)
    fits &= alone | (total([len(g.ports) * (g.ring == "ring") for g in GROUPS]) >= others)
    heavy = total([g.heavy_atoms for g in GROUPS])
    fits &= (heavy >= space.min_heavy_atoms) & (heavy <= space.max_heavy_atoms)
    # Within rings and outside, every bond of a heteroatom ends at a carbon.
    for kind in ("aromatic", "ring"):
        fits &= total([_balance(g.ends) if g.ring == kind else 0 for g in GROUPS]) >= 0
    fits &= total([_balance(g.ports) for g in GROUPS]) >= 0
    for hydroxyl, carbon in (("alcohol", "sp3"), ("phenol", "aryl")):
        fits &= total([g.ports.count(carbon) - g.ports.count(hydroxyl) for g in GROUPS]) >= 0
    doubles = total([g.ports.count("double") for g in GROUPS])
    ends = total([g.ports == ("double",) for g in GROUPS])
    fits &= (doubles % 2 == 0) & (2 * ends <= doubles)
    return counts[fits]


def _balance(classes: tuple[str, ...]) -> int:
    """Bonds of carbon less bonds of heteroatoms."""
    carbon = sum(c in _CARBON for c in classes)
    return carbon - (len(classes) - carbon - sum(c in _NEUTRAL for c in classes))
