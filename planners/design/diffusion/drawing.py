"""From a drawing in space (elements, bonds, coordinates) to a molecule that RDKit accepts, or to nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from rdkit import Chem, rdBase
from rdkit.Chem import rdDistGeom
from rdkit.Geometry import Point3D

from planners.design.diffusion.network import ELEMENTS

BOND_TYPES: tuple[Chem.BondType, ...] = (
    Chem.BondType.ZERO,
    Chem.BondType.SINGLE,
    Chem.BondType.DOUBLE,
    Chem.BondType.TRIPLE,
)


@dataclass(frozen=True)
class Drawing:
    """x: (n, 3) in Å.  atoms: (n,), index in ELEMENTS.  bonds: (n, n), index in BOND_TYPES."""

    x: npt.NDArray[np.float64]
    atoms: npt.NDArray[np.int64]
    bonds: npt.NDArray[np.int64]


def molecule(drawing: Drawing) -> Chem.Mol | None:
    """The sanitised molecule of all atoms, with hydrogens implicit and one conformer; None when a valence is exceeded.

    Nothing is repaired and nothing left out: a molecule in two pieces stays in two pieces.
    """
    made = Chem.RWMol()
    for kind in drawing.atoms:
        made.AddAtom(Chem.Atom(ELEMENTS[int(kind)]))
    for i, j in zip(*np.nonzero(np.triu(drawing.bonds, 1)), strict=True):
        made.AddBond(int(i), int(j), BOND_TYPES[int(drawing.bonds[i, j])])
    conformer = Chem.Conformer(len(drawing.atoms))
    for i, place in enumerate(drawing.x):
        conformer.SetAtomPosition(i, Point3D(*(float(v) for v in place)))
    mol = made.GetMol()
    mol.AddConformer(conformer, assignId=True)
    with rdBase.BlockLogs():
        if Chem.SanitizeMol(mol, catchErrors=True) != Chem.SanitizeFlags.SANITIZE_NONE:
            return None
    return mol


def connected(mol: Chem.Mol) -> bool:
    return len(Chem.GetMolFrags(mol)) == 1


def smiles_of(mol: Chem.Mol) -> str:
    """Canonical, without stereochemistry: mirror images are drawn equally often."""
    return Chem.MolToSmiles(mol, isomericSmiles=False)


def placed(mol: Chem.Mol, *, seed: int) -> Drawing | None:
    """A drawing of a known molecule: bonds of one Kekulé form, coordinates by ETKDG. None for elements or charges that
    are never drawn, and where no coordinates are found."""
    if any(a.GetSymbol() not in ELEMENTS or a.GetFormalCharge() or a.GetIsotope() for a in mol.GetAtoms()):
        return None
    n = mol.GetNumAtoms()
    with rdBase.BlockLogs():
        full = Chem.AddHs(mol)
        if rdDistGeom.EmbedMolecule(full, randomSeed=1 + seed) != 0:
            return None
        x = np.asarray(full.GetConformer().GetPositions()[:n], dtype=np.float64)
        Chem.Kekulize(full, clearAromaticFlags=True)
    bonds = np.zeros((n, n), dtype=np.int64)
    for bond in full.GetBonds():
        i, j = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
        if i < n and j < n:
            bonds[i, j] = bonds[j, i] = BOND_TYPES.index(bond.GetBondType())
    return Drawing(x, np.array([ELEMENTS.index(a.GetSymbol()) for a in mol.GetAtoms()]), bonds)


def together(parts: Sequence[Drawing]) -> Drawing:
    """Several drawings as one without bonds between them, each where it is."""
    sizes = [len(part.atoms) for part in parts]
    bonds = np.zeros((sum(sizes), sum(sizes)), dtype=np.int64)
    for part, end in zip(parts, np.cumsum(sizes).tolist(), strict=True):
        begin = end - len(part.atoms)
        bonds[begin:end, begin:end] = part.bonds
    return Drawing(np.concatenate([part.x for part in parts]), np.concatenate([part.atoms for part in parts]), bonds)
