"""Molecules as graphs of numbers, for message passing: atoms, directed bonds and their features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from rdkit import Chem

from knowledge.features.featurizer import parse

VERSION = "1"
_CACHED = 20_000

_ELEMENTS = (5, 6, 7, 8, 9, 14, 15, 16, 17, 34, 35, 53)
_DEGREES = tuple(range(5))
_CHARGES = (-1, 0, 1)
_HYDROGENS = tuple(range(4))
_HYBRIDISATIONS = (Chem.HybridizationType.SP, Chem.HybridizationType.SP2, Chem.HybridizationType.SP3)
_CHIRALITIES = (Chem.ChiralType.CHI_TETRAHEDRAL_CW, Chem.ChiralType.CHI_TETRAHEDRAL_CCW)
_BONDS = (Chem.BondType.SINGLE, Chem.BondType.DOUBLE, Chem.BondType.TRIPLE, Chem.BondType.AROMATIC)
_STEREO = (Chem.BondStereo.STEREOE, Chem.BondStereo.STEREOZ)
_RINGS = (3, 4, 5, 6)

# Every list but those of chirality, stereo and ring sizes has one more place: "another".
ATOM_FEATURES = (
    sum(len(x) + 1 for x in (_ELEMENTS, _DEGREES, _CHARGES, _HYDROGENS, _HYBRIDISATIONS))
    + len(_CHIRALITIES)
    + len(_RINGS)
    + 3
)
BOND_FEATURES = len(_BONDS) + 1 + len(_STEREO) + 2

Floats = npt.NDArray[np.float32]
Indices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class MolGraph:
    """`atoms` (n, ATOM_FEATURES); `bonds` (2 b, BOND_FEATURES), each bond in both directions, `ends` (2, 2 b) from and
    to. The reverse of directed bond i is i ^ 1.
    """

    atoms: Floats
    bonds: Floats
    ends: Indices


def _one_of(value: object, choices: Sequence[object]) -> list[float]:
    row = [float(value == choice) for choice in choices]
    return [*row, 1.0 - sum(row)]


def _atom(atom: Chem.Atom) -> list[float]:
    return [
        *_one_of(atom.GetAtomicNum(), _ELEMENTS),
        *_one_of(atom.GetDegree(), _DEGREES),
        *_one_of(atom.GetFormalCharge(), _CHARGES),
        *_one_of(atom.GetTotalNumHs(), _HYDROGENS),
        *_one_of(atom.GetHybridization(), _HYBRIDISATIONS),
        *(float(atom.GetChiralTag() == tag) for tag in _CHIRALITIES),
        *(float(atom.IsInRingSize(size)) for size in _RINGS),
        float(atom.IsInRing()),
        float(atom.GetIsAromatic()),
        atom.GetMass() * 0.01,
    ]


def _bond(bond: Chem.Bond) -> list[float]:
    return [
        *_one_of(bond.GetBondType(), _BONDS),
        *(float(bond.GetStereo() == stereo) for stereo in _STEREO),
        float(bond.GetIsConjugated()),
        float(bond.IsInRing()),
    ]


@lru_cache(maxsize=_CACHED)
def molgraph(smiles: str) -> MolGraph:
    """Raises InvalidMolecule."""
    mol = parse(smiles)
    bonds: list[list[float]] = []
    ends: list[tuple[int, int]] = []
    for bond in mol.GetBonds():
        a, b = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
        row = _bond(bond)
        bonds += [row, row]
        ends += [(a, b), (b, a)]
    return MolGraph(
        np.array([_atom(atom) for atom in mol.GetAtoms()], dtype=np.float32),
        np.array(bonds, dtype=np.float32).reshape(-1, BOND_FEATURES),
        np.ascontiguousarray(np.array(ends, dtype=np.int64).reshape(-1, 2).T),
    )


@dataclass(frozen=True)
class Batch:
    """Several molecules as one graph of separate parts; `owner` (atoms,): which molecule an atom belongs to."""

    graph: MolGraph
    owner: Indices
    size: int


def batch(smiles: Sequence[str]) -> Batch:
    """For n >= 1 molecules. Raises InvalidMolecule."""
    graphs = [molgraph(text) for text in smiles]
    sizes = np.array([len(g.atoms) for g in graphs], dtype=np.int64)
    offsets = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(sizes)[:-1]])
    return Batch(
        MolGraph(
            np.concatenate([g.atoms for g in graphs]),
            np.concatenate([g.bonds for g in graphs]),
            np.concatenate([g.ends + offset for g, offset in zip(graphs, offsets, strict=True)], axis=1),
        ),
        np.repeat(np.arange(len(graphs), dtype=np.int64), sizes),
        len(graphs),
    )
