"""What a molecule must contain before a SMARTS pattern can match at all: cheaper to ask than the match itself."""

from __future__ import annotations

from rdkit import Chem

_AROMATIC_OFFSET = 1000  # RDKit writes an aromatic atom's type as 1000 + atomic number
_NOTHING: frozenset[int] = frozenset()


def required_elements(pattern: Chem.Mol) -> frozenset[int]:
    """Atomic numbers that every match contains. Never too many: what is not understood requires nothing."""
    needed: set[int] = set()
    for atom in pattern.GetAtoms():
        lines = [(len(line) - len(line.lstrip()), line.strip()) for line in atom.DescribeQuery().splitlines() if line]
        needed |= _of_query(lines)
    return frozenset(needed)


def requires_ring(pattern: Chem.Mol) -> bool:
    """Whether the pattern itself closes a ring."""
    return pattern.GetNumBonds() >= pattern.GetNumAtoms()


def _of_query(lines: list[tuple[int, str]]) -> frozenset[int]:
    """`lines`: (indent, text) of a query tree, its root first."""
    if not lines:
        return _NOTHING
    depth, text = lines[0]
    parts = text.split()
    if len(parts) == 4 and parts[0] in ("AtomAtomicNum", "AtomType") and parts[2:] == ["=", "val"]:
        return frozenset({int(parts[1]) % _AROMATIC_OFFSET})
    if text not in ("AtomAnd", "AtomOr"):
        return _NOTHING
    starts = [i for i, (indent, _) in enumerate(lines) if indent == depth + 2]
    children = [_of_query(lines[start:end]) for start, end in zip(starts, [*starts[1:], len(lines)], strict=True)]
    if not children:
        return _NOTHING
    return frozenset.union(*children) if text == "AtomAnd" else frozenset.intersection(*children)
