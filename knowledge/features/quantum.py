"""What GFN2-xTB says of a molecule, as a row of numbers: orbitals, dipole, solvation, charges.

Needs the extra `quantum`. Rows come from the lasting cache of `knowledge.quantum` and are computed when they are not
there yet, some 0.1 s of CPU each, so it pays to fill the cache once with several processes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from knowledge.features.featurizer import CACHED_ROWS
from knowledge.quantum import Outcome, QuantumCache, QuantumProperties, Settings, outcomes
from knowledge.quantum.calculation import VERSION

# What stands where nothing can be computed: the medians of the 30 liquids of `benchmarks.quantum`, so that a scaler
# fitted on the rows is not led astray as it would be by zeros (no molecule has a HOMO at 0 eV).
_TYPICAL: dict[str, float] = {
    "homo_ev": -10.96,
    "lumo_ev": -5.67,
    "gap_ev": 5.37,
    "dipole_debye": 2.09,
    "solvation_water_kj_mol": -15.68,
    "solvation_octanol_kj_mol": -21.35,
    "solvation_hexane_kj_mol": -18.47,
    "log_p": 1.11,
    "charge_max": 0.10,
    "charge_min": -0.37,
    "charge_abs_mean": 0.15,
    "charge_hydrogen_max": 0.07,
}


class QuantumDescriptors:
    """One row per molecule, never NaN. `known` is 1 where the values were computed; where they cannot be (a salt, an
    element beyond radon, no conformer, no convergence) it is 0 and the rest of the row is that of a typical liquid.

    - `homo_ev`, `lumo_ev`, `gap_ev`, `dipole_debye`, `solvation_{water,octanol,hexane}_kj_mol`, `log_p`: see
      QuantumProperties.
    - `charge_max`, `charge_min`, `charge_abs_mean`: of the heavy atoms without their hydrogens, in e; of the hydrogens
      where there is no heavy atom.
    - `charge_hydrogen_max`: of the most acidic hydrogen; 0 without hydrogens.
    """

    columns = ("known", *_TYPICAL)

    def __init__(
        self, settings: Settings | None = None, *, cache: QuantumCache | None = None, processes: int = 1
    ) -> None:
        """`cache` None: the one in the folder of built data. Raises OSError when that cannot be made."""
        self._settings = settings or Settings()
        self._cache = cache if cache is not None else QuantumCache()
        self._processes = processes
        self._rows: dict[str, npt.NDArray[np.float64]] = {}
        self.name = "quantum"
        self.version = f"1.{VERSION}; {self._settings}"

    def __call__(self, smiles: Sequence[str]) -> npt.NDArray[np.float64]:
        """Shape (len(smiles), len(columns)). Raises InvalidMolecule, QuantumUnavailable, QuantumCacheBroken."""
        missing = [text for text in dict.fromkeys(smiles) if text not in self._rows]
        if len(self._rows) + len(missing) > CACHED_ROWS:
            self._rows.clear()
            missing = list(dict.fromkeys(smiles))
        found = outcomes(missing, self._settings, cache=self._cache, processes=self._processes) if missing else []
        self._rows.update(zip(missing, map(_row, found), strict=True))
        if not smiles:
            return np.zeros((0, len(self.columns)))
        return np.stack([self._rows[text] for text in smiles])


def _row(outcome: Outcome) -> npt.NDArray[np.float64]:
    if not isinstance(outcome, QuantumProperties):
        return np.array([0.0, *_TYPICAL.values()])
    numbers = np.array(outcome.atomic_numbers)
    charges = np.array(outcome.charges_e)
    hydrogens = charges[numbers == 1]
    heavy = charges[numbers > 1] if (numbers > 1).any() else hydrogens
    values = {
        "homo_ev": outcome.homo_ev,
        "lumo_ev": outcome.lumo_ev,
        "gap_ev": outcome.gap_ev,
        "dipole_debye": outcome.dipole_debye,
        "solvation_water_kj_mol": outcome.solvation_water_kj_mol,
        "solvation_octanol_kj_mol": outcome.solvation_octanol_kj_mol,
        "solvation_hexane_kj_mol": outcome.solvation_hexane_kj_mol,
        "log_p": outcome.log_p,
        "charge_max": float(heavy.max()),
        "charge_min": float(heavy.min()),
        "charge_abs_mean": float(np.abs(heavy).mean()),
        "charge_hydrogen_max": float(hydrogens.max()) if len(hydrogens) else 0.0,
    }
    return np.array([1.0, *(values[name] for name in _TYPICAL)])
