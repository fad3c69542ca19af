"""A prior as columns of a representation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from knowledge.qspr.kernels import Array
from knowledge.qspr.priors.prior import Prior


class PriorFeature:
    """Two columns: the prior's value, and 1 where it is known.

    Features must be finite, so an unknown value is `stand_in` (in the prior's unit): take the middle of the training
    values, so that the scaled column is near 0 there and the second column alone says that nothing is known.
    """

    def __init__(self, prior: Prior, *, stand_in: float) -> None:
        if not np.isfinite(stand_in):
            raise ValueError(f"the stand-in for unknown values must be finite, got {stand_in}")
        self._prior, self._stand_in = prior, float(stand_in)

    @property
    def name(self) -> str:
        return f"prior_{self._prior.name}"

    @property
    def version(self) -> str:
        return f"1:{self._prior.version}:{self._stand_in:.17g}"

    @property
    def columns(self) -> tuple[str, ...]:
        return (self._prior.name, f"{self._prior.name}_known")

    def __call__(self, smiles: Sequence[str]) -> Array:
        """Shape (len(smiles), 2). Raises InvalidMolecule."""
        values, known = self._prior(smiles)
        return np.stack([np.where(known, values, self._stand_in), known.astype(np.float64)], axis=1)
