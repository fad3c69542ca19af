"""From a drawing in space (elements, bonds, coordinates) to a molecule that RDKit accepts, or to nothing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from rdkit import Chem, rdBase
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
