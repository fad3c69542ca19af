"""What the quantum surrogate guesses of a molecule, as a row of numbers: needs no tblite, costs some 0.2 ms."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from knowledge.features.featurizer import CACHED_ROWS
from knowledge.quantum.surrogate import QUANTITIES, Surrogate


class SurrogateDescriptors:
    """Means of GFN2-xTB's gap, HOMO and LUMO (eV), dipole (D) and free energies of solvation in water, octanol and
    hexane (kJ/mol). Where there is no guess (salts, ions, radicals, elements the surrogate does not know) a row holds
    the medians of its training data, so that a scaler is not led astray.
    """

    columns = QUANTITIES

    def __init__(self, surrogate: Surrogate | None = None) -> None:
        """`surrogate` None: the one that comes with the program. Raises WeightsUnusable."""
        self._surrogate = surrogate or Surrogate.shipped()
        self._rows: dict[str, npt.NDArray[np.float64]] = {}
        self.name = "quantum-surrogate"
        self.version = f"1.{self._surrogate.version}"

    def __call__(self, smiles: Sequence[str]) -> npt.NDArray[np.float64]:
        """Shape (len(smiles), 7), finite. Raises InvalidMolecule."""
        missing = [text for text in dict.fromkeys(smiles) if text not in self._rows]
        if len(self._rows) + len(missing) > CACHED_ROWS:
            self._rows.clear()
            missing = list(dict.fromkeys(smiles))
        if missing:
            mean = self._surrogate.guess(missing).mean
            mean = np.where(np.isfinite(mean), mean, self._surrogate.typical)
            self._rows.update(zip(missing, mean, strict=True))
        if not smiles:
            return np.zeros((0, len(self.columns)))
        return np.stack([self._rows[text] for text in smiles])
