"""Routes that go in circles: a molecule among its own ancestors, or the same skeleton under another protecting group.

Putting a group on, doing chemistry and taking it off is good practice. Coming back to a skeleton that is further on in
the same branch is not: whatever happened between leads nowhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cache, lru_cache

from rdkit import Chem

from planners.routes.structure import parse

# The atoms that a deprotection takes away; a recursive pattern looks at the anchor that stays.
_GROUPS: dict[str, str] = {
    "Boc": "[$([CX3](=O)(O)[#7,OX2])](=O)OC([CH3])([CH3])[CH3]",
    "Cbz": "[$([CX3](=O)(O)[#7,OX2])](=O)O[CH2]c1[cH][cH][cH][cH][cH]1",
    "Fmoc": "[$([CX3](=O)(O)[#7,OX2])](=O)O[CH2]C1c2ccccc2-c2ccccc21",
    "silyl": "[$([Si]([#6])([#6])([#6])[O,#7])]",
    "trityl": "[$([CX4][#7,O,S])](c1ccccc1)(c1ccccc1)c1ccccc1",
    "PMB": "[$([CH2][#7,O,S])]c1[cH][cH]c(O[CH3])[cH][cH]1",
    "benzyl": "[$([CH2][#7,O,S])]c1[cH][cH][cH][cH][cH]1",
    "THP": "[$([CX4;R]([#7,O;!R])O)]1OCCCC1",
    "MOM": "[$([CH2][#7,O])]O[CH3]",
    "trifluoroacetyl": "[$([CX3][#7,O])](=O)C(F)(F)F",
    "acetyl": "[$([CX3][#7,O])](=O)[CH3]",
    "sulfonyl": "[$([SX4][#7])](=O)(=O)c1[cH][cH]c([CH3])[cH][cH]1",
    "tert-butyl ester": "[$([CX4]OC=O)]([CH3])([CH3])[CH3]",
    "methyl ester": "[$([CH3]OC=O)]",
    "ethyl ester": "[$([CH2]OC=O)][CH3]",
}


@cache
def _patterns() -> tuple[tuple[str, Chem.Mol], ...]:
    return tuple((name, Chem.MolFromSmarts(smarts)) for name, smarts in _GROUPS.items())


@lru_cache(maxsize=65536)
def bare(smiles: str) -> tuple[str, tuple[str, ...]]:
    """The skeleton without stereo, hydrogens and protecting groups, and the groups that were taken off.

    The skeleton is a key for comparison, not a SMILES to be read again.
    """
    mol = Chem.RWMol(parse(smiles))
    groups: list[str] = []
    gone: set[int] = set()
    for name, pattern in _patterns():
        for match in mol.GetSubstructMatches(pattern):
            atoms = set(match)
            if name == "silyl":
                (centre,) = match
                atoms |= _branches(mol, centre)
            if atoms & gone or len(gone) + len(atoms) >= mol.GetNumAtoms() - 1:
                continue
            gone |= atoms
            groups.append(name)
    for atom in mol.GetAtoms():
        atom.SetNoImplicit(True)
        atom.SetNumExplicitHs(0)
    Chem.RemoveStereochemistry(mol)
    mol.BeginBatchEdit()
    for index in sorted(gone):
        mol.RemoveAtom(index)
    mol.CommitBatchEdit()
    return str(Chem.MolToSmiles(mol)), tuple(sorted(groups))


def _branches(mol: Chem.Mol, silicon: int) -> set[int]:
    """The carbon groups on a silyl silicon; none when one of them leads back into a ring with it."""
    out: set[int] = set()
    if mol.GetAtomWithIdx(silicon).IsInRing():
        return out
    stack = [n.GetIdx() for n in mol.GetAtomWithIdx(silicon).GetNeighbors() if n.GetAtomicNum() == 6]
    while stack:
        index = stack.pop()
        if index in out:
            continue
        out.add(index)
        stack.extend(n.GetIdx() for n in mol.GetAtomWithIdx(index).GetNeighbors() if n.GetIdx() != silicon)
    return out


def circular(smiles: str, ancestors: Sequence[str]) -> int | None:
    """Which of `ancestors` (the target first, the direct product last) `smiles` goes back to; None: none.

    That is the molecule itself; the same skeleton with the same groups (a stereoisomer, a group on another place); or,
    when something else lies between, the same skeleton with these groups and more: taking those off would have led
    there at once. An ester from its acid by way of the acid chloride is none of these.
    """
    if smiles in ancestors:
        return ancestors.index(smiles)
    lasting = _lasting(smiles)
    left = False
    for i in range(len(ancestors) - 1, -1, -1):
        if _lasting(ancestors[i]) != lasting:
            left = True
            continue
        (skeleton, groups), (other, theirs) = bare(smiles), bare(ancestors[i])
        if other != skeleton:
            left = True
        elif theirs == groups or (left and not Counter(theirs) - Counter(groups)):
            return i
    return None


@lru_cache(maxsize=65536)
def _lasting(smiles: str) -> tuple[int, ...]:
    """Letters of elements that no protecting group brings: unequal counts save looking at the structure."""
    count = smiles.count
    return (count("N") + count("n"), count("l"), count("r"), count("I"), count("P") + count("p"), count("B"))
