"""Which kind of molecule is it: ring skeleton and functional groups, the bucket that keeps a population diverse."""

from __future__ import annotations

from functools import lru_cache

from rdkit import Chem

from planners.design.space import compile_smarts

# Most telling first; a niche is named by the first two that match.
_GROUPS: tuple[tuple[str, str], ...] = (
    ("carbonate", "[OX2]C(=O)[OX2]"),
    ("urea", "[#7]C(=O)[#7]"),
    ("carbamate", "[#7]C(=O)[OX2]"),
    ("sulfone", "S(=O)(=O)"),
    ("sulfoxide", "[SX3]=O"),
    ("amide", "[#7]C=O"),
    ("ester", "[CX3](=O)[OX2][#6]"),
    ("acid", "[CX3](=O)[OX2H]"),
    ("nitrile", "C#N"),
    ("ketone", "[#6][CX3](=O)[#6]"),
    ("aldehyde", "[CX3H1]=O"),
    ("acetal", "[CX4]([OX2])[OX2]"),
    ("amine", "[NX3]"),
    ("azine", "[n]"),
    ("alcohol", "[OX2H]"),
    ("ether", "[OX2]"),
    ("sulfide", "[#16]"),
    ("halide", "[F,Cl,Br,I]"),
    ("alkene", "[CX3]=[CX3]"),
    ("alkyne", "C#C"),
)


@lru_cache(maxsize=100_000)
def niche(smiles: str) -> str:
    """For example "5O/ester,ketone": a five-membered ring with one oxygen; "-" for no ring or no group."""
    mol = Chem.MolFromSmiles(smiles)
    groups = [name for name, smarts in _GROUPS if mol.HasSubstructMatch(compile_smarts(smarts))][:2]
    rings = []
    for ring in mol.GetRingInfo().AtomRings():
        atoms = [mol.GetAtomWithIdx(i) for i in ring]
        hetero = "".join(sorted(a.GetSymbol() for a in atoms if a.GetAtomicNum() != 6))
        rings.append(f"{len(ring)}{'a' if atoms[0].GetIsAromatic() else ''}{hetero}")
    return f"{'+'.join(sorted(rings)) or '-'}/{','.join(groups) or '-'}"
