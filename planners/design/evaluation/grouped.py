"""What published sums over groups say, by the very numbers that mathematical programming goes by."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from planners.design.camd.groups import GROUPS, fragmentation
from planners.design.camd.properties import PROPERTIES, evaluated
from planners.design.evaluation.evaluator import Array, Values


class Grouped:
    """Values by name of quantity, with the spread of measured ones about them. Nothing is said of a molecule with an
    atom in no group, or with a group that the method lacks.
    """

    def __init__(self, names: Sequence[str]) -> None:
        """Raises KeyError for a quantity that no published method gives."""
        self.names = tuple(names)
        self._spreads = np.array([_spread(name) for name in names])

    def __call__(self, smiles: Sequence[str]) -> Values:
        counts = np.zeros((len(smiles), len(GROUPS)))
        covered = np.zeros(len(smiles), dtype=np.bool_)
        for row, text in enumerate(smiles):
            found = fragmentation(text)
            covered[row] = found.complete
            counts[row, list(found.counts)] = list(found.counts.values())
        mean = np.full((len(smiles), len(self.names)), np.nan)
        if covered.any():
            mean[covered] = np.stack([self._of(name, counts[covered]) for name in self.names], axis=1)
        known = np.isfinite(mean)
        return Values(mean, np.where(known, self._spreads * mean, np.inf), known)

    @staticmethod
    def _of(name: str, counts: Array) -> Array:
        values = evaluated(name, counts)
        return np.where(values > 0.0, values, np.nan)  # small rings, beyond what the sums were made for


def _spread(name: str) -> float:
    spread = PROPERTIES[name].spread
    if spread is None:
        raise KeyError(name)
    return spread
