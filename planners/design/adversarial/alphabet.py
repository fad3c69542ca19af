"""Molecules as small dense graphs: a kind for each atom, an order for each pair of atoms, and back.

Bonds are those of a Kekulé structure (orders 1, 2, 3), hydrogen is implicit. A kind is an element with one valence, so
a sulfone's sulfur is another kind than a sulfide's. Charge-separated nitrogen is written with five bonds, as in
N(=O)=O for a nitro group, so that no kind carries a charge.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from rdkit import Chem, rdBase

LARGEST = 14  # heavy atoms
ORDERS = (1, 2, 3)
# (element, valence): all that the neutral compounds of the handbook up to `LARGEST` atoms need, save a hundred of them.
KINDS: tuple[tuple[str, int], ...] = (
    ("C", 4),
    ("N", 3),
    ("O", 2),
    ("F", 1),
    ("Cl", 1),
    ("Br", 1),
    ("I", 1),
    ("S", 2),
    ("S", 4),
    ("S", 6),
    ("N", 5),
    ("P", 5),
    ("Si", 4),
)
CAPACITY: tuple[int, ...] = tuple(valence for _, valence in KINDS)
_KIND_OF = {kind: number for number, kind in enumerate(KINDS)}
_BONDS = {1: Chem.BondType.SINGLE, 2: Chem.BondType.DOUBLE, 3: Chem.BondType.TRIPLE}
_SEPARATED = _KIND_OF["N", 5]


@dataclass(frozen=True)
class Drawing:
    """kinds: shape (n,), indices into `KINDS`.  orders: shape (n, n), symmetric, 0 for no bond."""

    kinds: npt.NDArray[np.int64]
    orders: npt.NDArray[np.int64]


def drawn(mol: Chem.Mol) -> Drawing | None:
    """A molecule's graph; None when it is too large, or has an atom of no known kind. Stereochemistry is lost."""
    if not 0 < mol.GetNumAtoms() <= LARGEST:
        return None
    mol = Chem.Mol(mol)
    Chem.Kekulize(mol, clearAromaticFlags=True)
    n = mol.GetNumAtoms()
    orders = np.zeros((n, n), dtype=np.int64)
    for bond in mol.GetBonds():
        order = bond.GetBondTypeAsDouble()
        if order not in ORDERS:
            return None
        i, j = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
        orders[i, j] = orders[j, i] = int(order)
    valence = [atom.GetTotalValence() for atom in mol.GetAtoms()]
    for atom in mol.GetAtoms():
        if atom.GetFormalCharge() == 1 and atom.GetAtomicNum() == 7:
            partner = next((a for a in atom.GetNeighbors() if a.GetFormalCharge() == -1), None)
            if partner is None or partner.GetAtomicNum() != 8:
                return None
            i, j = atom.GetIdx(), partner.GetIdx()
            orders[i, j] = orders[j, i] = 2
            valence[i], valence[j] = valence[i] + 1, valence[j] + 1
        elif atom.GetFormalCharge() not in (0, -1) or atom.GetNumRadicalElectrons():
            return None
    kinds = [_KIND_OF.get((atom.GetSymbol(), v), -1) for atom, v in zip(mol.GetAtoms(), valence, strict=True)]
    return Drawing(np.array(kinds, dtype=np.int64), orders) if min(kinds) >= 0 else None


def assembled(drawing: Drawing) -> Chem.Mol | None:
    """The sanitised molecule of a graph's largest part; None where RDKit finds no valences that fit."""
    mol = Chem.RWMol()
    for kind in drawing.kinds.tolist():
        mol.AddAtom(Chem.Atom(KINDS[kind][0]))
    for i, j in np.argwhere(np.triu(drawing.orders)).tolist():
        mol.AddBond(i, j, _BONDS[int(drawing.orders[i, j])])
    for i in np.flatnonzero(drawing.kinds == _SEPARATED).tolist():
        _separate(mol, drawing, i)
    with rdBase.BlockLogs():
        failed = Chem.SanitizeMol(mol, catchErrors=True)
    if failed != Chem.SanitizeFlags.SANITIZE_NONE:
        return None
    parts = Chem.GetMolFrags(mol, asMols=True) if len(Chem.GetMolFrags(mol)) > 1 else (mol.GetMol(),)
    return max(parts, key=Chem.Mol.GetNumAtoms)


def _separate(mol: Chem.RWMol, drawing: Drawing, i: int) -> None:
    """Give a nitrogen of more than three bonds its charge, against an oxygen at the end of a double bond; one that has
    no such oxygen keeps single bonds only.
    """
    if int(drawing.orders[i].sum()) <= 3:
        return
    for j in np.flatnonzero(drawing.orders[i] == 2).tolist():
        oxygen = mol.GetAtomWithIdx(j)
        if oxygen.GetAtomicNum() == 8 and oxygen.GetFormalCharge() == 0:
            mol.GetBondBetweenAtoms(i, j).SetBondType(Chem.BondType.SINGLE)
            mol.GetAtomWithIdx(i).SetFormalCharge(1)
            oxygen.SetFormalCharge(-1)
            break
    else:
        for j in np.flatnonzero(drawing.orders[i]).tolist():
            mol.GetBondBetweenAtoms(i, j).SetBondType(Chem.BondType.SINGLE)
