"""A prior that a table gives: values computed or estimated by other means, such as FreeSolv's from simulations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from knowledge.qspr.contract import Samples
from knowledge.qspr.kernels import Array
from knowledge.qspr.priors.prior import Known, masked
from knowledge.records.molecule import Molecule


@dataclass(frozen=True)
class ColumnPrior:
    """`values` by canonical SMILES, in `unit`; a molecule that is not among them is unknown, never guessed.

    Its constants are the values, so a model stored with it knows them again. Of a property that
    `knowledge.records.properties` does not list, values are taken as they are, on whatever scale the model has. Raises
    ValueError for a value that is not finite.
    """

    property_name: str
    unit: str
    values: Mapping[str, float] = field(default_factory=dict)

    name = "column"
    version = "1"

    def __post_init__(self) -> None:
        bad = next((s for s, value in self.values.items() if not np.isfinite(value)), None)
        if bad is not None:
            raise ValueError(f"the value of '{bad}' is {self.values[bad]}; a prior's values must be finite")

    def __call__(self, smiles: Sequence[str]) -> tuple[Array, Known]:
        found = [self._value(s) for s in smiles]
        known = np.array([value is not None for value in found], dtype=np.bool_)
        return masked(np.array([np.nan if value is None else value for value in found], dtype=np.float64), known)

    def _value(self, smiles: str) -> float | None:
        value = self.values.get(smiles)
        return self.values.get(Molecule.from_smiles(smiles).smiles) if value is None else value

    def calibrated(self, samples: Samples) -> ColumnPrior:
        """Itself: there is nothing to fit."""
        return self

    def constants(self) -> dict[str, float]:
        return {smiles: float(self.values[smiles]) for smiles in sorted(self.values)}

    def with_constants(self, constants: Mapping[str, float]) -> ColumnPrior:
        return ColumnPrior(self.property_name, self.unit, {s: float(value) for s, value in constants.items()})
