"""From a structure to one reasonable geometry: a few conformers, relaxed in a force field, the lowest kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from rdkit import Chem, rdBase
from rdkit.Chem import rdDistGeom, rdForceFieldHelpers, rdMolDescriptors

from knowledge.quantum.errors import ELEMENTS_MAX, NoConformer, Unsupported

ATOMS_MAX = 400  # with hydrogens; the cost grows with the cube, and this many take minutes
_CONFORMERS_MAX = 8
_ROUGH_STEPS = 100  # tells conformers apart; relaxing all of them to the end took ten times an SCF at 40 heavy atoms
_STEPS = 2000


@dataclass(frozen=True)
class Geometry:
    """`numbers` (n,) atomic numbers, `positions` (n, 3) in Å, `bonds` pairs i < j, `bond_distances` (n, n) counted in
    bonds; charge in e, `unpaired` electrons.
    """

    numbers: npt.NDArray[np.int64]
    positions: npt.NDArray[np.float64]
    bonds: tuple[tuple[int, int], ...]
    bond_distances: npt.NDArray[np.float64]
    charge: int
    unpaired: int


def embed(smiles: str, *, conformers: int | None, seed: int, multiplicity: int | None) -> Geometry:
    """The conformer of lowest MMFF94s energy (T. A. Halgren, J. Comput. Chem. 1999, 20, 720), or UFF where MMFF has no
    parameters, of those that ETKDGv3 embeds (S. Wang et al., J. Chem. Inf. Model. 2020, 60, 2044).

    `smiles` is canonical. `multiplicity` None: all radical electrons of the structure with parallel spins. Raises
    Unsupported, NoConformer.
    """
    with rdBase.BlockLogs():
        mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    _check(mol, smiles)
    charge = Chem.GetFormalCharge(mol)
    unpaired = _unpaired(mol, smiles, charge, multiplicity)
    positions = _lowest(mol, smiles, _wanted(mol) if conformers is None else conformers, seed)
    return Geometry(
        numbers=np.array([atom.GetAtomicNum() for atom in mol.GetAtoms()], dtype=np.int64),
        positions=positions,
        bonds=tuple(
            sorted(
                (min(b.GetBeginAtomIdx(), b.GetEndAtomIdx()), max(b.GetBeginAtomIdx(), b.GetEndAtomIdx()))
                for b in mol.GetBonds()
            )
        ),
        bond_distances=np.asarray(Chem.GetDistanceMatrix(mol), dtype=np.float64),
        charge=charge,
        unpaired=unpaired,
    )


def _check(mol: Chem.Mol, smiles: str) -> None:
    fragments = len(Chem.GetMolFrags(mol))
    if fragments > 1:
        raise Unsupported(f"'{smiles}' is a salt or mixture of {fragments} fragments; ask for one of them")
    if mol.GetNumAtoms() > ATOMS_MAX:
        raise Unsupported(f"'{smiles}' has {mol.GetNumAtoms()} atoms with hydrogens; at most {ATOMS_MAX} are computed")
    for atom in mol.GetAtoms():
        if not 1 <= atom.GetAtomicNum() <= ELEMENTS_MAX:
            raise Unsupported(f"'{smiles}': GFN2-xTB has no parameters for {atom.GetSymbol()}, only for H to Rn")


def _unpaired(mol: Chem.Mol, smiles: str, charge: int, multiplicity: int | None) -> int:
    electrons = sum(atom.GetAtomicNum() for atom in mol.GetAtoms()) - charge
    if electrons < 1:
        raise Unsupported(f"'{smiles}' has no electron")
    radicals = sum(atom.GetNumRadicalElectrons() for atom in mol.GetAtoms())
    unpaired = radicals if multiplicity is None else multiplicity - 1
    if multiplicity is None and unpaired % 2 != electrons % 2:
        # A metal: RDKit does not count its radical electrons, so the lowest spin that fits is taken.
        unpaired = electrons % 2
    if not 0 <= unpaired <= electrons or unpaired % 2 != electrons % 2:
        raise Unsupported(
            f"'{smiles}' has {electrons} electrons, so its multiplicity is {'even' if electrons % 2 else 'odd'}, "
            f"not {unpaired + 1}"
        )
    return unpaired


def _wanted(mol: Chem.Mol) -> int:
    return min(_CONFORMERS_MAX, 2 + int(rdMolDescriptors.CalcNumRotatableBonds(mol)))


def _lowest(mol: Chem.Mol, smiles: str, wanted: int, seed: int) -> npt.NDArray[np.float64]:
    """Positions (n, 3) in Å. Raises NoConformer."""
    with rdBase.BlockLogs():
        # Cages and macrocycles at times only work from random coordinates.
        found = _embedded(mol, wanted, seed, random=False) or _embedded(mol, wanted, seed, random=True)
        if not found:
            raise NoConformer(f"no three-dimensional structure was found for '{smiles}'")
        best = found[0]
        if len(found) > 1:
            energies = _relaxed_energies(mol, _ROUGH_STEPS)
            best = min(energies, key=lambda i: energies[i]) if energies else best
        chosen = Chem.Mol(mol, confId=best)
        _relaxed_energies(chosen, _STEPS)
    positions = np.asarray(chosen.GetConformer().GetPositions(), dtype=np.float64)
    if not np.isfinite(positions).all():
        raise NoConformer(f"no three-dimensional structure was found for '{smiles}'")
    return positions


def _embedded(mol: Chem.Mol, wanted: int, seed: int, *, random: bool) -> list[int]:
    """The conformers that `mol` now has, none when ETKDG fails."""
    parameters: Any = rdDistGeom.ETKDGv3()
    # RDKit multiplies the seed with the number of the conformer, so that seed 0 would give the same one every time.
    parameters.randomSeed = 1 + seed
    parameters.numThreads = 1
    parameters.useRandomCoords = random
    return list(rdDistGeom.EmbedMultipleConfs(mol, wanted, parameters))


def _relaxed_energies(mol: Chem.Mol, steps: int) -> dict[int, float]:
    """Relaxes every conformer in place; {conformer: energy}, empty where no force field knows or moves the atoms."""
    if mol.GetNumAtoms() == 1:
        return {}
    try:
        if rdForceFieldHelpers.MMFFHasAllMoleculeParams(mol):
            relaxed = rdForceFieldHelpers.MMFFOptimizeMoleculeConfs(
                mol, numThreads=1, maxIters=steps, mmffVariant="MMFF94s"
            )
        elif rdForceFieldHelpers.UFFHasAllMoleculeParams(mol):
            relaxed = rdForceFieldHelpers.UFFOptimizeMoleculeConfs(mol, numThreads=1, maxIters=steps)
        else:
            return {}
    except RuntimeError:
        # "bad direction in linearSearch": RDKit's minimiser cannot start where the gradient vanishes, as in O2 that
        # already is at its minimum. Positions are then as they were.
        return {}
    return {
        conformer.GetId(): float(energy) for conformer, (_, energy) in zip(mol.GetConformers(), relaxed, strict=True)
    }
