"""Reaction classes from what has come and gone between reactants and product, where no pattern gives the product.

Ring closures have too many forms for patterns: a new aromatic heterocycle is named after the pieces it is made of.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from rdkit import Chem

from planners.routes.structure import parse

# The pieces of a new aromatic heterocycle, the most telling first: (class, SMARTS that the reactants must hold).
_HETEROCYCLES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("click_cycloaddition", ("[N]=[N+]=[N-]", "C#C")),
    ("tetrazole_formation", ("[N]=[N+]=[N-]", "C#N")),
    ("tetrazole_formation", ("[N-]=[N+]=[N-]",)),
    ("oxadiazole_formation", ("[NX3;!H0,NX3]C=[N][O]",)),
    ("oxadiazole_formation", ("C(=O)[NX3][NX3]", "C(=O)[OH,Cl,N,O]")),
    ("fischer_indole", ("c[NX3][NH2]", "[CX4]C=O")),
    ("thiazole_formation", ("[#6,N]C(=S)[NX3]", "[Cl,Br,I][CX4]C=O")),
    ("imidazopyridine_formation", ("[NH2]c(:n)", "[Cl,Br,I][CX4]C=O")),
    ("imidazole_formation", ("NC=[N;!R]", "[Cl,Br,I][CX4]C=O")),
    ("thiazole_formation", ("[SX2,SX1]", "[Cl,Br,I][CX4]C=O")),
    ("benzimidazole_formation", ("[NH2,NH1]c:c[NH2]",)),
    ("benzoxazole_formation", ("[OH]c:c[NH2]",)),
    ("benzothiazole_formation", ("[SH]c:c[NH2]",)),
    ("pyrazole_formation", ("[NX3;!H0][NX3;!H0]", "C=O")),
    ("isoxazole_formation", ("[NX3;!H0][OH]",)),
    ("isoxazole_formation", ("[CH]=N[OH]", "C#C")),
    ("quinazolinone_formation", ("[NH2]c:cC(=O)[NH2]",)),
    ("quinazolinone_formation", ("[NH2]c:cC(=O)[OH,$(OC)]",)),
    ("pyrimidine_formation", ("[NX3]C(=[NX2])[#6,N,S]",)),
    ("indole_annulation", ("c([Br,I]):c[NX3]", "C#C")),
    ("indole_annulation", ("[NX3]c:cC#C",)),
    ("reductive_cyclisation", ("[N+](=O)[O-]",)),
    ("paal_knorr", ("O=C[#6]~[#6]C=O", "[NH2,NH3]")),
)
# Otherwise the group that is lost and the group that is won, over all reactants: (class, lost, won).
_EXCHANGES: tuple[tuple[str, str, str], ...] = (
    ("boc_deprotection", "[N,n]C(=O)OC(C)(C)C", ""),
    ("cbz_deprotection", "[N,n]C(=O)O[CH2]c1ccccc1", ""),
    ("silyl_deprotection", "[O,N,n][SiX4]", ""),
    ("thp_deprotection", "[O,n,N][CH]1CCCCO1", ""),
    ("sem_deprotection", "[O,N,n][CH2]OCC[Si]", ""),
    ("pmb_deprotection", "[O,N,n][CH2]c1ccc(O[CH3])cc1", ""),
    ("trityl_deprotection", "[O,N,n]C(c1ccccc1)(c1ccccc1)c1ccccc1", ""),
    ("n_debenzylation", "n[CH2]c1[cH][cH][cH][cH][cH]1", ""),
    ("sulfonamide_cleavage", "nS(=O)(=O)c", ""),
    ("suzuki", "[#6]B([OH,$(O[#6])])[OH,$(O[#6])]", ""),
    ("stille", "[#6][Sn]", ""),
    ("amide_coupling", "[#6]C(=O)[OH]", "[#6]C(=O)[NX3,n]"),
    ("acid_chloride_amidation", "[#6]C(=O)Cl", "[#6]C(=O)[NX3,n]"),
    ("sulfonamide_formation", "S(=O)(=O)Cl", "S(=O)(=O)[NX3,n]"),
    ("nitro_reduction", "[N+](=O)[O-]", "[NX3;H2]"),
    ("ester_hydrolysis", "[#6]C(=O)O[#6]", "[#6]C(=O)[OH]"),
    ("ester_aminolysis", "[#6]C(=O)O[#6]", "[#6]C(=O)[NX3,n]"),
    ("reductive_amination", "[#6][CX3;$(C=O);H1]", "[CX4][NX3;!$(N[C,S]=O)]"),
    ("aldehyde_reduction", "[CX3;H1](=O)[#6]", "[CX4;H2][OH]"),
    ("acetal_hydrolysis", "[CX4]([OX2][CX4])[OX2][CX4]", "[CX3]=O"),
)


def class_by_change(product: str, reactants: Sequence[str]) -> str:
    """A class of the conditions table, or "" when nothing tells. Raises InvalidMolecule."""
    target, sources = parse(product), [parse(r) for r in reactants]
    if _heteroarenes(target) > sum(_heteroarenes(s) for s in sources):
        for name, pieces in _HETEROCYCLES:
            if all(any(s.HasSubstructMatch(_query(piece)) for s in sources) for piece in pieces):
                return name
        return "heterocycle_formation"
    for name, lost, won in _EXCHANGES:
        gone = sum(_times(s, lost) for s in sources) - _times(target, lost)
        come = not won or _times(target, won) > sum(_times(s, won) for s in sources)
        if gone > 0 and come:
            return name
    before = sum(s.GetRingInfo().NumRings() for s in sources)
    return "cyclisation" if target.GetRingInfo().NumRings() > before else ""


@cache
def _query(smarts: str) -> Chem.Mol:
    return Chem.MolFromSmarts(smarts)


def _times(mol: Chem.Mol, smarts: str) -> int:
    return len(mol.GetSubstructMatches(_query(smarts)))


def _heteroarenes(mol: Chem.Mol) -> int:
    """Aromatic rings with a heteroatom."""
    atoms = [mol.GetAtomWithIdx(i) for i in range(mol.GetNumAtoms())]
    rings = mol.GetRingInfo().AtomRings()
    return sum(
        all(atoms[i].GetIsAromatic() for i in ring) and any(atoms[i].GetAtomicNum() != 6 for i in ring)
        for ring in rings
    )
