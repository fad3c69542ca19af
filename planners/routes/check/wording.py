"""What a chemist calls the places that compete."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cache

from rdkit import Chem

from planners.routes.structure import parse

_GROUPS = (
    ("carboxyl group", "[$([OX2H]C=O),$([CX3](=O)[OX2H])]"),
    ("ester group", "[$([CX3](=O)[OX2][#6]),$([OX2]([#6])C=O),$([CX4]OC=O)]"),
    ("phenol", "[OX2H]c"),
    ("hydroxyl group", "[$([OX2H][CX4]),$([CX4][OX2H])]"),
    ("amide", "[$([NX3]C=[O,S]),$([CX3](=[O,S])[NX3])]"),
    ("sulfonamide", "[NX3]S(=O)=O"),
    ("amino group", "[NX3;!$(N~[!#6;!#1])]"),
    ("ring nitrogen", "n"),
    ("nitro group", "[N+](=O)[O-]"),
    ("thiol", "[SX2H]"),
    ("aldehyde", "[CX3H1]=O"),
    ("ketone", "[CX3](=O)([#6])[#6]"),
    ("iodide", "[#6][I]"),
    ("bromide", "[#6]Br"),
    ("chloride", "[#6]Cl"),
    ("fluoride", "[#6]F"),
    ("nitrile", "C#N"),
    ("double bond", "[CX3]=[CX3]"),
    ("aromatic position", "[cH]"),
    ("ether", "[$([OX2]([#6])[#6]),$([CX4][OX2][#6])]"),
)


@cache
def _patterns() -> tuple[tuple[str, Chem.Mol], ...]:
    return tuple((name, Chem.MolFromSmarts(smarts)) for name, smarts in _GROUPS)


def _name(mol: Chem.Mol, atom: int) -> str:
    for name, pattern in _patterns():
        if any(match[0] == atom for match in mol.GetSubstructMatches(pattern)):
            return name
    return "place"


def competing_sites(reactants: Sequence[str], sites: Sequence[Sequence[tuple[int, int]]]) -> str:
    """A sentence such as "3 hydroxyl groups compete"; "" when the rivals cannot be told by their sites."""
    if not sites:
        return ""
    widest = max(sites, key=len)
    names = [_name(parse(reactants[i]), atom) for i, atom in widest]
    kinds = Counter(names)
    return " and ".join(f"{n} {name}{'s' if n > 1 else ''}" for name, n in sorted(kinds.items())) + " compete"
