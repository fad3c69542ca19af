"""One molecule, computed: conformer, orbitals, dipole, charges and solvation."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

import numpy as np

from knowledge.quantum.conformers import Geometry, embed
from knowledge.quantum.errors import QuantumError, QuantumUnavailable, StructureChanged, Unsupported
from knowledge.quantum.properties import METHOD, SOLVENTS, QuantumProperties, Settings
from knowledge.quantum.relaxation import relaxed
from knowledge.quantum.xtb import (
    BOHR_ANGSTROM,
    DEBYE_PER_AU,
    HARTREE_EV,
    HARTREE_KJ_MOL,
    Array,
    Point,
    Surface,
    one_thread,
)
from knowledge.records.molecule import Molecule

# Raised whenever the code of this room gives another value for the same molecule and settings.
VERSION = "1"
_INTACT, _BROKEN = 0.5, 0.3  # Wiberg orders: single covalent bonds lie near 1, hydrogen bonds below 0.1


def method(settings: Settings) -> str:
    """Everything but the molecule on which values depend, in one line. Raises QuantumUnavailable."""
    try:
        tblite = version("tblite")
    except PackageNotFoundError:
        raise QuantumUnavailable("quantum chemistry needs the extra: pip install 'athanor[quantum]'") from None
    return f"{METHOD}/ALPB {VERSION}; tblite {tblite}; rdkit {version('rdkit')}; {settings}"


def compute(smiles: str, settings: Settings | None = None, *, multiplicity: int | None = None) -> QuantumProperties:
    """Every spelling of a molecule gives the same values: what is computed is the canonical SMILES.

    `multiplicity` (2S+1) None: all radical electrons of the structure with parallel spins, otherwise the lowest that
    fits. GFN2-xTB has no spin polarisation: the spin only decides how orbitals are filled, so singlet and triplet are
    not to be compared. Isotopes have the electrons of the element. Raises InvalidMolecule, QuantumError (Unsupported,
    NoConformer, NotConverged, StructureChanged), QuantumUnavailable.
    """
    settings = settings or Settings()
    molecule = Molecule.from_smiles(smiles)
    how = method(settings)
    geometry = embed(molecule.smiles, conformers=settings.conformers, seed=settings.seed, multiplicity=multiplicity)
    try:
        with one_thread():
            surface = Surface(geometry.numbers, charge=geometry.charge, unpaired=geometry.unpaired)
            positions, gas = _gas(surface, geometry, relax=settings.relax)
            solvation = {name: _solvation(surface, geometry, positions, gas, name) for name in SOLVENTS}
        homo, lumo = _frontier(gas, geometry.unpaired)
    except QuantumError as error:
        raise type(error)(f"'{molecule.smiles}': {error}") from None
    return QuantumProperties(
        smiles=molecule.smiles,
        inchikey=molecule.inchikey,
        method=how,
        relaxed=settings.relax,
        charge=geometry.charge,
        multiplicity=geometry.unpaired + 1,
        energy_hartree=gas.energy,
        homo_ev=homo * HARTREE_EV,
        lumo_ev=lumo * HARTREE_EV,
        gap_ev=(lumo - homo) * HARTREE_EV,
        dipole_debye=_dipole(geometry, positions, gas) * DEBYE_PER_AU,
        solvation_water_kj_mol=solvation["water"],
        solvation_octanol_kj_mol=solvation["octanol"],
        solvation_hexane_kj_mol=solvation["hexane"],
        atomic_numbers=tuple(int(z) for z in geometry.numbers),
        charges_e=tuple(round(float(q), 6) for q in gas.charges),
        bond_orders=tuple((i, j, round(float(gas.bond_orders[i, j]), 4)) for i, j in geometry.bonds),
        positions_angstrom=tuple(
            (round(float(x), 5), round(float(y), 5), round(float(z), 5)) for x, y, z in positions * BOHR_ANGSTROM
        ),
    )


def _solvation(surface: Surface, geometry: Geometry, positions: Array, gas: Point, solvent: str) -> float:
    """Free energy in kJ/mol."""
    dissolved = Surface(
        geometry.numbers, charge=geometry.charge, unpaired=geometry.unpaired, solvent=solvent, after=surface
    )
    return (dissolved.at(positions).energy - gas.energy) * HARTREE_KJ_MOL


def _gas(surface: Surface, geometry: Geometry, *, relax: bool) -> tuple[Array, Point]:
    """Positions (n, 3) in Bohr and what GFN2-xTB says there."""
    positions = geometry.positions / BOHR_ANGSTROM
    point = surface.at(positions)
    if not relax or len(positions) == 1:
        return positions, point
    before = point.bond_orders
    positions, point = relaxed(surface, geometry, positions)
    for i, j in geometry.bonds:
        if before[i, j] > _INTACT and point.bond_orders[i, j] < _BROKEN:
            raise StructureChanged(
                f"the bond between atoms {i} and {j} breaks on relaxation in the gas phase "
                f"(Wiberg order {before[i, j]:.2f} to {point.bond_orders[i, j]:.2f})"
            )
    return positions, point


def _frontier(point: Point, unpaired: int) -> tuple[float, float]:
    """Energies of the highest occupied and lowest empty orbital in Hartree, counted in electrons of the majority spin,
    so that a singly occupied orbital is a HOMO. Raises Unsupported.
    """
    electrons = round(float(point.occupations.sum()))
    filled = (electrons + unpaired) // 2
    if not 0 < filled < len(point.orbitals):
        raise Unsupported("no orbital is empty in the minimal basis, so there is no gap")
    return float(point.orbitals[filled - 1]), float(point.orbitals[filled])


def _dipole(geometry: Geometry, positions: Array, point: Point) -> float:
    """Magnitude in e Bohr, about the centre of mass."""
    from rdkit import Chem

    table = Chem.GetPeriodicTable()
    masses = np.array([table.GetAtomicWeight(int(z)) for z in geometry.numbers])
    centre = masses @ positions / masses.sum()
    return float(np.linalg.norm(point.dipole - geometry.charge * centre))
