"""A molecule as flat integer arrays, and many of them as one batch.

Every feature is a small integer, so that a network reads them through embedding tables. Atoms keep the order of the
SMILES that they are read from: give canonical SMILES, or the order may tell the model what it should find out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from rdkit import Chem
from torch import Tensor

ELEMENTS = (6, 7, 8, 9, 16, 17, 35, 53, 15, 14, 5, 50, 34, 30, 12, 3)  # the rest share one row
_HYBRIDISATIONS = (Chem.HybridizationType.SP, Chem.HybridizationType.SP2, Chem.HybridizationType.SP3)
_BOND_TYPES = (Chem.BondType.SINGLE, Chem.BondType.DOUBLE, Chem.BondType.TRIPLE, Chem.BondType.AROMATIC)

# Sizes of the atom fields: element, degree, charge, hydrogens, hybridisation, aromatic, smallest ring, number of
# rings, chirality (none, drawn without label, R, S), attached heteroatoms.
ATOM_FIELDS = (len(ELEMENTS) + 1, 7, 5, 5, 4, 2, 8, 4, 4, 5)
_ATOM_OFFSETS = np.cumsum((0, *ATOM_FIELDS[:-1])).astype(np.int64)
ATOM_ROWS = sum(ATOM_FIELDS)
# Sizes of the bond fields: type (other = last), in a ring, conjugated, stereo (none, E, Z), smallest ring.
BOND_FIELDS = (5, 2, 2, 3, 8)
BOND_ROWS = 5 * 2 * 2 * 3 * 8  # a bond is one number: all fields together
FARTHEST = 12  # longer shortest paths share a bucket
APART = FARTHEST + 1  # no path
PADDING = FARTHEST + 2  # not an atom: attention must not look there
DISTANCE_ROWS = FARTHEST + 2


@dataclass(frozen=True, slots=True)
class MolGraph:
    """One molecule. Bond i of RDKit's order is the directed bonds 2i (begin to end) and 2i + 1 (end to begin)."""

    atoms: NDArray[np.int64]  # [n, len(ATOM_FIELDS)], rows of ONE embedding table of ATOM_ROWS rows
    bonds: NDArray[np.int64]  # [2m], 0 .. BOND_ROWS - 1
    source: NDArray[np.int64]  # [2m], atom indices
    target: NDArray[np.int64]  # [2m]
    distance: NDArray[np.uint8]  # [n, n], bonds on the shortest path, at most FARTHEST, APART without a path


def _ring_size(rings: Chem.RingInfo, index: int, *, bond: bool) -> int:
    size = rings.MinBondRingSize(index) if bond else rings.MinAtomRingSize(index)
    return 0 if size == 0 else min(size, 9) - 2  # 0 none, 1 three-membered, ... 7 nine and more


def _chirality(atom: Chem.Atom) -> int:
    if atom.GetChiralTag() == Chem.ChiralType.CHI_UNSPECIFIED:
        return 0
    # The label and not the tag: a tag means nothing without the order of the neighbours.
    return {"R": 2, "S": 3}.get(atom.GetProp("_CIPCode"), 1) if atom.HasProp("_CIPCode") else 1


def _atom(atom: Chem.Atom, rings: Chem.RingInfo) -> tuple[int, ...]:
    number, hybridisation = atom.GetAtomicNum(), atom.GetHybridization()
    return (
        ELEMENTS.index(number) if number in ELEMENTS else len(ELEMENTS),
        min(atom.GetDegree(), 6),
        max(-2, min(2, atom.GetFormalCharge())) + 2,
        min(atom.GetTotalNumHs(), 4),
        _HYBRIDISATIONS.index(hybridisation) if hybridisation in _HYBRIDISATIONS else 3,
        int(atom.GetIsAromatic()),
        _ring_size(rings, atom.GetIdx(), bond=False),
        min(rings.NumAtomRings(atom.GetIdx()), 3),
        _chirality(atom),
        min(sum(n.GetAtomicNum() not in (1, 6) for n in atom.GetNeighbors()), 4),
    )


def _bond(bond: Chem.Bond, rings: Chem.RingInfo) -> int:
    kind, stereo = bond.GetBondType(), bond.GetStereo()
    fields = (
        _BOND_TYPES.index(kind) if kind in _BOND_TYPES else 4,
        int(bond.IsInRing()),
        int(bond.GetIsConjugated()),
        1 if stereo == Chem.BondStereo.STEREOE else 2 if stereo == Chem.BondStereo.STEREOZ else 0,
        _ring_size(rings, bond.GetIdx(), bond=True),
    )
    code = 0
    for value, size in zip(fields, BOND_FIELDS, strict=True):
        code = code * size + value
    return code


def bond_fields() -> NDArray[np.int64]:
    """[BOND_ROWS, len(BOND_FIELDS)]: the fields behind each bond number, as rows of one table of sum(BOND_FIELDS)."""
    values = np.stack(np.unravel_index(np.arange(BOND_ROWS), BOND_FIELDS), axis=1)
    return np.asarray(values + np.cumsum((0, *BOND_FIELDS[:-1])), dtype=np.int64)


def featurise(mol: Chem.Mol) -> MolGraph:
    """Arrays of a sanitised molecule without explicit hydrogens, in its own atom order."""
    rings = mol.GetRingInfo()
    atoms = np.array([_atom(a, rings) for a in mol.GetAtoms()], dtype=np.int64) + _ATOM_OFFSETS
    ends = [(b.GetBeginAtomIdx(), b.GetEndAtomIdx()) for b in mol.GetBonds()]
    pairs = np.array([e for i, j in ends for e in ((i, j), (j, i))], dtype=np.int64).reshape(-1, 2)
    codes = np.repeat(np.array([_bond(b, rings) for b in mol.GetBonds()], dtype=np.int64), 2)
    paths = Chem.GetDistanceMatrix(mol)
    distance = np.where(paths > mol.GetNumAtoms(), APART, np.minimum(paths, FARTHEST)).astype(np.uint8)
    return MolGraph(atoms, codes, pairs[:, 0].copy(), pairs[:, 1].copy(), distance)


@dataclass(frozen=True, slots=True)
class Batch:
    """Molecules one after another; `n` atoms, `m` directed bonds and `b` molecules in all, `N` atoms in the largest."""

    atoms: Tensor  # [n, len(ATOM_FIELDS)] int64
    bonds: Tensor  # [m] int64
    source: Tensor  # [m] int64, atom indices within the batch
    target: Tensor  # [m] int64
    molecule: Tensor  # [n] int64, which molecule an atom belongs to
    bond_molecule: Tensor  # [m / 2] int64, which molecule an (undirected) bond belongs to
    first_atom: Tensor  # [b + 1] int64
    first_bond: Tensor  # [b + 1] int64, undirected
    distance: Tensor  # [b, N, N] int64, PADDING outside the molecule
    place: Tensor  # [n] int64, an atom's row in the padded [b * N] layout

    @property
    def size(self) -> int:
        return int(self.distance.shape[0])


def collate(graphs: Sequence[MolGraph]) -> Batch:
    """One batch; cheapest in time and memory when the molecules are of like size. Raises ValueError when empty."""
    if not graphs:
        raise ValueError("a batch needs at least one molecule")
    atoms = np.array([len(g.atoms) for g in graphs], dtype=np.int64)
    bonds = np.array([len(g.bonds) for g in graphs], dtype=np.int64)
    first = np.concatenate(([0], np.cumsum(atoms)))
    shift = np.repeat(first[:-1], bonds)
    widest = int(atoms.max())
    distance = np.full((len(graphs), widest, widest), PADDING, dtype=np.int64)
    for row, graph in zip(distance, graphs, strict=True):
        row[: len(graph.atoms), : len(graph.atoms)] = graph.distance
    molecule = np.repeat(np.arange(len(graphs)), atoms)
    return Batch(
        atoms=torch.from_numpy(np.concatenate([g.atoms for g in graphs])),
        bonds=torch.from_numpy(np.concatenate([g.bonds for g in graphs])),
        source=torch.from_numpy(np.concatenate([g.source for g in graphs]) + shift),
        target=torch.from_numpy(np.concatenate([g.target for g in graphs]) + shift),
        molecule=torch.from_numpy(molecule),
        bond_molecule=torch.from_numpy(np.repeat(np.arange(len(graphs)), bonds // 2)),
        first_atom=torch.from_numpy(first),
        first_bond=torch.from_numpy(np.concatenate(([0], np.cumsum(bonds // 2)))),
        distance=torch.from_numpy(distance),
        place=torch.from_numpy(molecule * widest + np.arange(len(molecule)) - np.repeat(first[:-1], atoms)),
    )
