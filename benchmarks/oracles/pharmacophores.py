"""Pharmacophores of two and three points in the plane (Gobbi and Poppinger, Biotechnol. Bioeng. 1998, 61, 47).

The bits of RDKit's `Generate.Gen2DFingerprint` with its Gobbi factory, to the last one, but found by counting each
combination of distances once instead of each combination of atoms: large molecules took a tenth of a second and more.
"""

from __future__ import annotations

from functools import cache, lru_cache
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem
from rdkit.Chem.Pharm2D import Gobbi_Pharm2D
from rdkit.DataStructs import SparseBitVect

_FACTORY = Gobbi_Pharm2D.factory
_NEAREST, _FARTHEST = _FACTORY.GetBins()[0][0], _FACTORY.GetBins()[-1][1]  # bonds; the second is out already
_BASE = 128  # above every distance that has a bin, and above the number of families

Numbers = NDArray[np.int64]


@cache
def _bit(code: int) -> int:
    """Of `families` and then `distances` in the digits of a code of three points, or of two."""
    digits = []
    while code:
        code, digit = divmod(code, _BASE)
        digits.append(digit)
    digits.reverse()
    points = 3 if len(digits) == 6 else 2
    families = tuple(digit - 1 for digit in digits[:points])
    return int(_FACTORY.GetBitIdx(families, digits[points:], sortIndices=False))


@lru_cache(maxsize=64)
def _chosen(n: int, k: int) -> Numbers:
    """All k of n in ascending order, shape (k, number)."""
    return np.array(list(combinations(range(n), k)), dtype=np.int64).reshape(-1, k).T


def pharmacophores(mol: Chem.Mol) -> SparseBitVect:
    """Of a sanitised molecule."""
    # Every feature of Gobbi and Poppinger is one atom. By family, then by atom: the order of points that RDKit takes.
    points = [
        (family, atom)
        for family, matches in enumerate(_FACTORY.GetMolFeats(mol), start=1)  # no code begins with a zero
        for (atom,) in sorted(matches)
    ]
    signature = _FACTORY.GetSignature()
    if points:
        families, atoms = np.array(points, dtype=np.int64).T
        far = Chem.GetDistanceMatrix(mol)[np.ix_(atoms, atoms)].astype(np.int64)
        fits = (far >= _NEAREST) & (far < _FARTHEST)
        for code in (*_pairs(families, far, fits), *_triples(families, far, fits)):
            signature.SetBit(_bit(code))
    return signature


def _pairs(families: Numbers, far: Numbers, fits: NDArray[np.bool_]) -> list[int]:
    i, j = _chosen(len(families), 2)
    i, j = i[fits[i, j]], j[fits[i, j]]
    return _different((families[i] * _BASE + families[j]) * _BASE + far[i, j])


def _triples(families: Numbers, far: Numbers, fits: NDArray[np.bool_]) -> list[int]:
    i, j, k = _chosen(len(families), 3)
    kept = fits[i, j] & fits[i, k] & fits[j, k]
    i, j, k = i[kept], j[kept], k[kept]
    code = (families[i] * _BASE + families[j]) * _BASE + families[k]
    return _different(((code * _BASE + far[i, j]) * _BASE + far[i, k]) * _BASE + far[j, k])


def _different(codes: Numbers) -> list[int]:
    found: list[int] = np.unique(codes).tolist()
    return found
