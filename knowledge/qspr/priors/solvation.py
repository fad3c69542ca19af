"""Hydration free energy by quantum chemistry: GFN2-xTB in ALPB water.

Against FreeSolv's 642 measured values, in kcal/mol: RMSE 2.04, bias -0.13, slope 1.02; FreeSolv's own molecular
dynamics have 1.54. Both are for 1 mol/l in either phase at 298.15 K, so that nothing but the unit is converted.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from knowledge.features.featurizer import CACHED_ROWS
from knowledge.qspr.kernels import Array
from knowledge.qspr.priors.prior import Known, masked
from knowledge.quantum import QuantumCache, QuantumProperties, QuantumUnavailable, Settings, outcomes
from knowledge.quantum.calculation import VERSION
from knowledge.records.quantity import convert

_COMPUTED = "kJ/mol"


class PriorUnavailable(ImportError):
    """A prior needs a package that is not installed; the message names the extra."""


class XtbHydration:
    """Free energy of transfer from gas to water, some 0.1 s of CPU per molecule that is not in the cache.

    Unknown where nothing can be computed: salts, elements beyond radon, no conformer, no convergence. FreeSolv holds
    neutral molecules only, so what it is worth for ions was not measured here.
    """

    property_name = "hydration_free_energy"

    def __init__(
        self,
        *,
        unit: str = _COMPUTED,
        settings: Settings | None = None,
        cache: QuantumCache | None = None,
        processes: int = 1,
    ) -> None:
        """`unit`: of the values, any energy per amount. `cache` None: the one in the folder of built data. Raises
        UnitMismatch.
        """
        self._factor = convert(1.0, _COMPUTED, unit)
        self.unit = unit
        self._settings, self._cache, self._processes = settings or Settings(), cache, processes
        self._values: dict[str, float] = {}
        self.name = "xtb_hydration"
        self.version = f"1.{VERSION}; {self._settings}; {unit}"

    def __call__(self, smiles: Sequence[str]) -> tuple[Array, Known]:
        """Raises InvalidMolecule, PriorUnavailable, QuantumCacheBroken, OSError."""
        missing = [text for text in dict.fromkeys(smiles) if text not in self._values]
        if len(self._values) + len(missing) > CACHED_ROWS:
            self._values.clear()
            missing = list(dict.fromkeys(smiles))
        self._values.update(zip(missing, self._computed(missing), strict=True))
        values = np.array([self._values[text] for text in smiles], dtype=np.float64)
        return masked(values, np.isfinite(values))

    def _computed(self, smiles: Sequence[str]) -> list[float]:
        """NaN for unknown."""
        if not smiles:
            return []
        if self._cache is None:
            self._cache = QuantumCache()
        try:
            found = outcomes(smiles, self._settings, cache=self._cache, processes=self._processes)
        except QuantumUnavailable as error:
            raise PriorUnavailable(str(error)) from None
        return [
            self._factor * o.solvation_water_kj_mol if isinstance(o, QuantumProperties) else float("nan") for o in found
        ]
