"""How near drawn molecules are to real ones as a crowd: a Fréchet distance over descriptors, and plain shares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from rdkit import Chem
from rdkit.Chem import rdMolDescriptors
from scipy import linalg

from planners.design.adversarial.alphabet import KINDS
from planners.design.filters.stability import instability
from planners.design.space import compile_smarts

_GROUPS = (
    "[OX2H]",
    "[CX3](=O)[OX2H]",
    "[CX3](=O)[OX2][#6]",
    "[CX3](=O)[NX3]",
    "[#6][CX3](=O)[#6]",
    "[CX3H1]=O",
    "[CX4][OX2][CX4]",
    "[NX3;!$(N-C=O)]",
    "C#N",
    "C=C",
    "C#C",
    "c",
    "n",
    "[S;v6]",
    "[N+](=O)[O-]",
    "[R2]",
)
_ELEMENTS = tuple(dict.fromkeys(element for element, _ in KINDS))


@dataclass(frozen=True)
class Crowd:
    """mean: shape (descriptors,).  covariance: shape (descriptors, descriptors)."""

    mean: npt.NDArray[np.float64]
    covariance: npt.NDArray[np.float64]


def described(mols: Sequence[Chem.Mol]) -> npt.NDArray[np.float64]:
    """Elements, rings by size, branching, polarity and groups, shape (n, descriptors)."""
    return np.array([_one(mol) for mol in mols], dtype=np.float64)


def _one(mol: Chem.Mol) -> list[float]:
    symbols = [atom.GetSymbol() for atom in mol.GetAtoms()]
    rings = [len(ring) for ring in mol.GetRingInfo().AtomRings()]
    return [
        *(float(symbols.count(element)) for element in _ELEMENTS),
        *(float(rings.count(size)) for size in (3, 4, 5, 6, 7)),
        float(sum(size > 7 for size in rings)),
        float(rdMolDescriptors.CalcNumAromaticRings(mol)),
        float(sum(atom.GetDegree() > 2 for atom in mol.GetAtoms())),
        float(sum(atom.GetDegree() > 3 for atom in mol.GetAtoms())),
        rdMolDescriptors.CalcFractionCSP3(mol) * 3,
        float(rdMolDescriptors.CalcCrippenDescriptors(mol)[0]),
        rdMolDescriptors.CalcTPSA(mol) / 20,
        float(rdMolDescriptors.CalcNumRotatableBonds(mol)) / 2,
        float(rdMolDescriptors.CalcNumHBD(mol)),
        *(float(len(mol.GetSubstructMatches(compile_smarts(group)))) for group in _GROUPS),
    ]


def crowd(values: npt.NDArray[np.float64]) -> Crowd:
    return Crowd(values.mean(0), np.cov(values, rowvar=False))


def distance(a: Crowd, b: Crowd) -> float:
    """|mean a - mean b|^2 + Tr(A + B - 2 (A B)^(1/2)) (M. Heusel et al., NeurIPS 2017, 6626)."""
    root = linalg.sqrtm(a.covariance @ b.covariance).real
    return float(((a.mean - b.mean) ** 2).sum() + np.trace(a.covariance + b.covariance - 2 * root))


@dataclass(frozen=True)
class Quality:
    """Shares of n graphs. valid: RDKit reads it as one component.  unique: of the valid.  novel: of the unique, not in
    the training set.  stable: of the unique, break no stability rule.  frechet: of the valid.
    """

    valid: float
    unique: float
    novel: float
    stable: float
    frechet: float


def quality(mols: Sequence[Chem.Mol | None], known: frozenset[str], reference: Crowd) -> Quality:
    fine = [mol for mol in mols if mol is not None and len(Chem.GetMolFrags(mol)) == 1]
    distinct = {Chem.MolToSmiles(mol): mol for mol in fine}
    unique = max(1, len(distinct))
    return Quality(
        valid=len(fine) / len(mols),
        unique=len(distinct) / max(1, len(fine)),
        novel=sum(smiles not in known for smiles in distinct) / unique,
        stable=sum(instability(mol) is None for mol in distinct.values()) / unique,
        frechet=distance(crowd(described(fine)), reference) if len(fine) > 100 else float("inf"),
    )
