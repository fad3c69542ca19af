"""Element counts, hydrogen included: the bookkeeping behind every atom balance."""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache

from rdkit import Chem

_TOKEN = re.compile(r"([A-Z][a-z]?)(\d*)")


@lru_cache(maxsize=1024)
def _parsed(text: str) -> tuple[tuple[str, int], ...]:
    counts: Counter[str] = Counter()
    end = 0
    for match in _TOKEN.finditer(text):
        if match.start() != end:
            break
        counts[match.group(1)] += int(match.group(2) or 1)
        end = match.end()
    if end != len(text):
        raise ValueError(f"'{text}' is not a molecular formula")
    return tuple(sorted(counts.items()))


def from_text(text: str) -> Counter[str]:
    """Element counts of a Hill-like formula such as "C2H6O"; "" is nothing. Raises ValueError."""
    return Counter(dict(_parsed(text)))


def of_mol(mol: Chem.Mol) -> Counter[str]:
    """Element counts of a sanitised molecule, implicit hydrogens included."""
    counts: Counter[str] = Counter()
    for atom in mol.GetAtoms():
        counts[atom.GetSymbol()] += 1
        hydrogens = atom.GetTotalNumHs()
        if hydrogens:
            counts["H"] += hydrogens
    return counts


@lru_cache(maxsize=65536)
def _of_smiles(smiles: str) -> tuple[tuple[str, int], ...]:
    mol = Chem.MolFromSmiles(smiles)
    if mol is None:
        raise ValueError(f"cannot read '{smiles}' as a SMILES")
    return tuple(sorted(of_mol(mol).items()))


def of_smiles(smiles: str) -> Counter[str]:
    """Element counts of a SMILES. Raises ValueError when it cannot be read."""
    return Counter(dict(_of_smiles(smiles)))


def render(counts: Counter[str]) -> str:
    """Hill order: C, H, then the alphabet; "" when nothing is left."""
    left = {e: n for e, n in counts.items() if n}
    first = [e for e in ("C", "H") if e in left] if "C" in left else []
    order = first + sorted(e for e in left if e not in first)
    return "".join(f"{e}{left[e] if left[e] != 1 else ''}" for e in order)
