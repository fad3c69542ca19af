"""What quantum chemistry says of one molecule, and with which settings it was asked."""

from __future__ import annotations

import math
from dataclasses import dataclass

from knowledge.records.base import Record

METHOD = "GFN2-xTB"
SOLVENTS = ("water", "octanol", "hexane")
_SEEDS = 2**24  # RDKit multiplies the seed by the number of the conformer in 32 bits
_RT_KJ_MOL = 8.31446261815324e-3 * 298.15


@dataclass(frozen=True)
class Settings:
    """How a molecule is computed. `conformers`: how many are embedded, None to decide by flexibility; `seed` is of the
    conformer search; `relax`: optimise the geometry with GFN2-xTB rather than keep the force field's.

    Raises ValueError for fewer than one conformer or a seed outside 0 to 16,777,215.
    """

    conformers: int | None = None
    relax: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        if self.conformers is not None and self.conformers < 1:
            raise ValueError(f"conformers must be at least 1, got {self.conformers}")
        if not 0 <= self.seed < _SEEDS:
            raise ValueError(f"the seed must lie from 0 to {_SEEDS - 1}, got {self.seed}")

    def __str__(self) -> str:
        conformers = "auto" if self.conformers is None else self.conformers
        return f"conformers {conformers}; relax {int(self.relax)}; seed {self.seed}"


class QuantumProperties(Record):
    """GFN2-xTB values of one molecule in one conformer (C. Bannwarth, S. Ehlert and S. Grimme, J. Chem. Theory Comput.
    2019, 15, 1652), solvation by ALPB (S. Ehlert et al., J. Chem. Theory Comput. 2021, 17, 4250).

    - Energies of orbitals in eV; `gap_ev` is LUMO minus HOMO, an orbital gap and no excitation energy.
    - `dipole_debye` about the centre of mass, which matters for ions only.
    - `solvation_*_kj_mol`: free energy of transfer from gas to solvent at 298.15 K, 1 mol/l in both, at the gas
      geometry. Octanol is water-saturated; hexane is n-hexane.
    - `atomic_numbers` (n,), `charges_e` (n,) and `positions_angstrom` (n, 3): heavy atoms in the order of the canonical
      `smiles`, then the hydrogens it leaves out, as RDKit adds them.
    - `bond_orders`: (i, j, Wiberg order) of the bonds in the structure, i < j.
    """

    smiles: str
    inchikey: str
    method: str
    relaxed: bool
    charge: int
    multiplicity: int
    energy_hartree: float
    homo_ev: float
    lumo_ev: float
    gap_ev: float
    dipole_debye: float
    solvation_water_kj_mol: float
    solvation_octanol_kj_mol: float
    solvation_hexane_kj_mol: float
    atomic_numbers: tuple[int, ...]
    charges_e: tuple[float, ...]
    bond_orders: tuple[tuple[int, int, float], ...]
    positions_angstrom: tuple[tuple[float, float, float], ...]

    @property
    def log_p(self) -> float:
        """log10 of the partition coefficient octanol/water of this species, from the two solvation energies."""
        transfer = self.solvation_water_kj_mol - self.solvation_octanol_kj_mol
        return transfer / (_RT_KJ_MOL * math.log(10.0))
