"""What GFN2-xTB would say of a molecule, guessed by its surrogate (`knowledge.quantum.surrogate`)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from knowledge.quantum.surrogate import QUANTITIES as COLUMNS
from knowledge.quantum.surrogate import Surrogate
from planners.design.evaluation.evaluator import Values
from planners.design.evaluation.quantities import get_quantity


class Electronic:
    """Values by name of quantity. Where the surrogate promises no interval, it says nothing here either: a guess
    without an error cannot be weighed against others.
    """

    def __init__(self, names: Sequence[str], surrogate: Surrogate | None = None) -> None:
        """`surrogate` None: the one that comes with the program. Raises WeightsUnusable."""
        self.names = tuple(names)
        self._columns = [COLUMNS.index(get_quantity(name).column) for name in names]
        self._surrogate = surrogate or Surrogate.shipped()

    def __call__(self, smiles: Sequence[str]) -> Values:
        guesses = self._surrogate.guess(smiles)
        mean, std = guesses.mean[:, self._columns], guesses.std[:, self._columns]
        known = np.isfinite(mean) & np.isfinite(std)
        return Values(np.where(known, mean, np.nan), np.where(known, std, np.inf), known)
