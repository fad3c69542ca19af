"""Numbers that surfactants are chosen by: the balance of head and tail, the length of the tail."""

from __future__ import annotations

import math
from functools import cache

from rdkit import Chem

from planners.design.space import compile_smarts

# J. T. Davies, Proc. 2nd Int. Congr. Surface Activity 1 (1957) 426, table 1: what each group adds to 7. Ordered: an
# atom counts for the first group that holds it. `own`: the atoms of the match that the group uses up.
_GROUPS: tuple[tuple[str, float, tuple[int, ...]], ...] = (
    ("[CX3](=[OX1])[OX2H]", 2.1, (0, 1, 2)),
    ("[CX3](=[OX1])[OX2;H0][#6]", 2.4, (0, 1, 2)),
    ("[OX2H][#6]", 1.9, (0,)),
    ("[OX2;H0]([#6])[#6]", 1.3, (0,)),
    ("[NX3;H0;!$(N-[C,S]=[O,S,N])]([#6])([#6])[#6]", 9.4, (0,)),
    ("[#6H3,#6H2,#6H1]", -0.475, (0,)),
)
_BARE_CARBON = "[#6H0]"  # Davies has no number for a carbon without hydrogen: it adds nothing
_MOST = 1000  # matches of a group; more than any molecule has


def davies(mol: Chem.Mol) -> float:
    """Hydrophilic-lipophilic balance: 7 and the numbers of all groups; NaN where an atom belongs to no group of
    Davies' table (amides and amine oxides, for example, are not in it).
    """
    used: set[int] = set()
    total = 7.0
    for smarts, number, own in _GROUPS:
        for match in mol.GetSubstructMatches(compile_smarts(smarts), maxMatches=_MOST):
            atoms = {match[i] for i in own}
            if not atoms & used:
                used |= atoms
                total += number
    bare = {match[0] for match in mol.GetSubstructMatches(compile_smarts(_BARE_CARBON), maxMatches=_MOST)}
    return total if len(used | bare) == mol.GetNumAtoms() else math.nan


def chain_length(mol: Chem.Mol) -> float:
    """Carbon atoms of the longest unbranched saturated chain outside of rings that ends in a methyl group."""
    longest = 0
    for match in mol.GetSubstructMatches(_methyl()):
        length, before, atom = 1, match[0], _next(mol.GetAtomWithIdx(match[0]), None)
        while atom is not None:
            length += 1
            before, atom = atom.GetIdx(), _next(atom, before)
        longest = max(longest, length)
    return float(longest)


@cache
def _methyl() -> Chem.Mol:
    return compile_smarts("[CH3X4]")


def _next(atom: Chem.Atom, before: int | None) -> Chem.Atom | None:
    """The CH2 group that carries the chain on, or None where it ends."""
    for other in atom.GetNeighbors():
        if other.GetIdx() != before and other.GetAtomicNum() == 6 and not other.IsInRing():
            plain = other.GetHybridization() == Chem.HybridizationType.SP3 and other.GetTotalNumHs() == 2
            return other if plain else None
    return None
