"""What a physics prior is: a published correlation that says what it knows of a molecule, and what it does not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from knowledge.qspr.contract import Samples
from knowledge.qspr.kernels import Array

Known = NDArray[np.bool_]


@runtime_checkable
class Prior(Protocol):
    """`property_name` is one of `knowledge.records.properties` where that table has it. Values are in `unit`.

    `version` is raised whenever a value would change.
    """

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str: ...

    @property
    def property_name(self) -> str: ...

    @property
    def unit(self) -> str: ...

    def __call__(self, smiles: Sequence[str]) -> tuple[Array, Known]:
        """Values (n,) and whether each is known (n,); NaN where it is not, never a guess. Raises InvalidMolecule."""
        ...


@runtime_checkable
class CalibratedPrior(Prior, Protocol):
    """A prior whose constants can be fitted again on samples of its property (values on the model scale)."""

    def calibrated(self, samples: Samples) -> CalibratedPrior: ...

    def constants(self) -> Mapping[str, float]: ...

    def with_constants(self, constants: Mapping[str, float]) -> CalibratedPrior:
        """Raises ValueError where a constant is missing."""
        ...


def masked(values: Array, known: Known) -> tuple[Array, Known]:
    """NaN where unknown; a value that came out as no number is unknown as well."""
    sure = known & np.isfinite(values)
    return np.where(sure, values, np.nan), sure
