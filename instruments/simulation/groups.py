"""Atom groups: every heavy atom of an organic molecule falls into exactly one class, so nothing is left uncovered.

The classes follow the first-order groups of Joback & Reid, Chem. Eng. Commun. 57 (1987) 233, made finer around
heteroatoms as in Nannoolal et al., Fluid Phase Equilib. 226 (2004) 45. An atom takes the first pattern that fits.
"""

from __future__ import annotations

from functools import lru_cache

from rdkit import Chem
from rdkit.Chem.rdMolDescriptors import CalcNumRotatableBonds

_PATTERNS: tuple[tuple[str, str], ...] = (
    # nitrogen and its acid derivatives
    ("nitro", "[N;$([N+](=O)[O-]),$(N(=O)=O)]"),
    ("nitrile_N", "[N;X1]#[C]"),
    ("azo_like", "[N;$(N~N),$(N~[N+])]"),
    ("amide_NH2", "[N;H2]C(=O)"),
    ("amide_NH", "[N;H1;!R]C(=[O,S])"),
    ("amide_N", "[N;H0;X3;!R]C(=[O,S])"),
    ("lactam_NH", "[N;H1;R]C(=[O,S])"),
    ("lactam_N", "[N;H0;X3;R]C(=[O,S])"),
    ("sulfonamide_N", "[N;X3]S(=O)=O"),
    ("NH2_aryl", "[N;H2;X3][c]"),
    ("NH2", "[N;H2;X3]"),
    ("NH_aryl", "[N;H1;X3;!R][c]"),
    ("NH", "[N;H1;X3;!R]"),
    ("NH_ring", "[N;H1;X3;R]"),
    ("N_aryl", "[N;H0;X3;!R][c]"),
    ("N", "[N;H0;X3;!R]"),
    ("N_ring", "[N;H0;X3;R]"),
    ("nH", "[nH]"),
    ("n", "[n]"),
    ("oxime_N", "[N;X2]=,-[OX2]"),
    ("isocyanate_N", "[N;X2]=C=[O,S]"),
    ("imine_N", "[N;X2]"),
    ("N_other", "[#7]"),
    # oxygen
    ("acid_OH", "[O;H1]C(=O)"),
    ("phenol_OH", "[O;H1][c]"),
    ("oxime_OH", "[O;H1][#7]"),
    ("OH_prim", "[O;H1][C;H2,H3]"),
    ("OH_sec", "[O;H1][C;H1]"),
    ("OH_tert", "[O;H1]"),
    ("nitro_O", "[O;$(O=[N+]),$([O-][N+]),$(O=N(=O))]"),
    ("ester_O", "[O;X2;!R]C(=O)"),
    ("lactone_O", "[O;X2;R]C(=O)"),
    ("ether_aryl", "[O;X2;!R]c"),
    ("acetal_O", "[O;X2]C[O;X2]"),
    ("ether", "[O;X2;!R]"),
    ("ether_ring", "[O;X2;R]"),
    ("furan_o", "[o]"),
    ("amide_O", "[O]=C[#7]"),
    ("acid_O", "[O]=C[O;H1]"),
    ("ester_oxo", "[O]=C[O;X2]"),
    ("ring_oxo", "[O]=[C;R]"),
    ("aldehyde_O", "[O]=[C;H1]"),
    ("ketone_O", "[O]=[C]"),
    ("sulfoxide_O", "[O]~[S,s]"),
    ("O_other", "[#8]"),
    # sulfur
    ("SH", "[S;H1]"),
    ("sulfone", "[S;X4]"),
    ("sulfoxide", "[S;X3]"),
    ("thio_oxo", "[S;X1]"),
    ("S_ring", "[S;R]"),
    ("S", "[S;X2]"),
    ("s", "[s]"),
    ("S_other", "[#16]"),
    # halogens
    ("F_CF3", "[F][C;X4](F)F"),
    ("F_CF2", "[F][C;X4]F"),
    ("F_aryl", "[F][c]"),
    ("F", "[F]"),
    ("Cl_aryl", "[Cl][c]"),
    ("Cl_vinyl", "[Cl][C;X3]"),
    ("Cl_gem", "[Cl][C;X4]Cl"),
    ("Cl", "[Cl]"),
    ("Br_aryl", "[Br][c]"),
    ("Br", "[Br]"),
    ("I", "[I]"),
    # carbon, next to heteroatoms first
    ("carbonyl_C", "[C;X3]=O"),
    ("nitrile_C", "[C]#N"),
    ("thiocarbonyl_C", "[C]=S"),
    ("CF_C", "[C;X4]F"),
    ("CH3_het", "[C;H3][N,O,S,n]"),
    ("CH2_het", "[C;H2;!R;X4][N,O,S,n]"),
    ("CH_het", "[C;H1;!R;X4][N,O,S]"),
    ("C_het", "[C;H0;!R;X4][N,O,S]"),
    ("rCH2_het", "[C;H2;R;X4][N,O,S]"),
    ("rCH_het", "[C;H1;R;X4][N,O,S]"),
    ("rC_het", "[C;H0;R;X4][N,O,S]"),
    ("CH3_branch", "[C;H3;X4][C;H0;X4]"),
    ("CH3", "[C;H3;X4]"),
    ("CH4", "[C;H4]"),
    ("CH2", "[C;H2;!R;X4]"),
    ("CH", "[C;H1;!R;X4]"),
    ("C", "[C;H0;!R;X4]"),
    ("rCH2", "[C;H2;R;X4]"),
    ("rCH", "[C;H1;R;X4]"),
    ("rC", "[C;H0;R;X4]"),
    ("vinyl_CH2", "[C;H2;X3]"),
    ("vinyl_CH", "[C;H1;!R;X3]"),
    ("vinyl_C", "[C;H0;!R;X3]"),
    ("rvinyl_CH", "[C;H1;R;X3]"),
    ("rvinyl_C", "[C;H0;R;X3]"),
    ("alkyne_CH", "[C;H1;X2]"),
    ("alkyne_C", "[C;X2]"),
    ("cH_n", "[c;H1][n,o,s]"),
    ("cH", "[c;H1]"),
    ("c_fused", "[c;x3]"),
    ("c_n", "[c;H0][n,o,s]"),
    ("c", "[c;H0]"),
    ("other", "*"),
)
NAMES: tuple[str, ...] = tuple(name for name, _ in _PATTERNS)
_QUERIES = tuple((name, Chem.MolFromSmarts(smarts)) for name, smarts in _PATTERNS)
_DONORS = Chem.MolFromSmarts("[$([O;H1]),$([N;H1,H2]),$([nH])]")
_HYDROXYL = Chem.MolFromSmarts("[O;H1;X2]")
_ORTHO = Chem.MolFromSmarts("[!#1;!R]-c:c-[!#1;!R]")
_CHELATED_HYDROXYL = Chem.MolFromSmarts("[O;H1;X2;$(O[C;X4]~[#6]~[O,N;H0])]")
_BRANCH = Chem.MolFromSmarts("[!R;!$([CX4](F)F);!$([#7,#16]=O);$(*(~[!#1])(~[!#1])~[!#1])]")
_INTERNAL_BOND = Chem.MolFromSmarts("[$([O;H1]),$([N;H1,H2])]~*~*~[$(C=O),$(N=O),$([N+]=O)]")

#: Whole-molecule counts that stand beside the atom classes. A chelated hydroxyl has an oxygen or nitrogen without
#: hydrogen two carbons on, to which it can bend back (glycol ethers, lactates) instead of holding on to its neighbours.
EXTRAS = (
    "rings",
    "rotors",
    "donors",
    "hydroxyls_beyond_first",
    "chelated_hydroxyls",
    "ortho",
    "internal_bond",
    "equivalent_atoms",
    "flexible_branches",
)
#: Those that say how well molecules pack, and so count for the melting point alone. Symmetry raises it; a flexible
#: molecule with branches (rotors times branch points outside rings) crystallises badly.
OF_THE_CRYSTAL = ("equivalent_atoms", "flexible_branches")


@lru_cache(maxsize=16384)
def count_groups(smiles: str) -> tuple[dict[str, float], int]:
    """(count by name, heavy atoms). Names are those of `NAMES` and `EXTRAS`; zero counts are left out.

    Raises InvalidMolecule.
    """
    from knowledge.records.molecule import Molecule

    mol = Chem.MolFromSmiles(Molecule.from_smiles(smiles).smiles)
    atoms = mol.GetNumAtoms()
    owner: list[str | None] = [None] * atoms
    for name, query in _QUERIES:
        for match in mol.GetSubstructMatches(query, uniquify=False, maxMatches=4096):
            if owner[match[0]] is None:
                owner[match[0]] = name
    counts: dict[str, float] = {}
    for name_or_none in owner:
        name = name_or_none or "other"
        counts[name] = counts.get(name, 0.0) + 1.0
    rotors = CalcNumRotatableBonds(mol)
    extras = {
        "rings": mol.GetRingInfo().NumRings(),
        "rotors": rotors,
        "donors": len(mol.GetSubstructMatches(_DONORS)),
        "hydroxyls_beyond_first": max(0, len(mol.GetSubstructMatches(_HYDROXYL)) - 1),
        "chelated_hydroxyls": len(mol.GetSubstructMatches(_CHELATED_HYDROXYL)),
        "ortho": len(mol.GetSubstructMatches(_ORTHO)),
        "internal_bond": len(mol.GetSubstructMatches(_INTERNAL_BOND)),
        "equivalent_atoms": atoms - len(set(Chem.CanonicalRankAtoms(mol, breakTies=False, includeChirality=False))),
        "flexible_branches": rotors * len(mol.GetSubstructMatches(_BRANCH)),
    }
    counts.update({name: float(value) for name, value in extras.items() if value})
    return counts, int(mol.GetNumHeavyAtoms())


_ATOM_VOLUME = {1: 1.0, **dict.fromkeys(range(3, 10), 2.0), **dict.fromkeys(range(11, 18), 4.0), 35: 5.0, 53: 7.5}
_DENSE = Chem.MolFromSmarts("[$([O;H1]),$([N;H1,H2]),$(C(=O)[#7]),$(S=O),$([nH])]")


@lru_cache(maxsize=16384)
def molar_volume(smiles: str) -> float:
    """Molar volume of the liquid at room temperature in cm³/mol, good to about 5 %.

    G. S. Girolami, J. Chem. Educ. 71 (1994) 962: relative atomic volumes, +10 % density for each hydroxyl, amino,
    amide, sulfoxide group and unfused ring, +7.5 % for each ring fused to another, at most +30 %.
    """
    mol = Chem.MolFromSmiles(smiles)
    relative = sum(
        _ATOM_VOLUME.get(atom.GetAtomicNum(), 5.0) + atom.GetTotalNumHs() * _ATOM_VOLUME[1] for atom in mol.GetAtoms()
    )
    rings = [set(ring) for ring in mol.GetRingInfo().AtomRings()]
    fused = sum(1 for i, a in enumerate(rings) if any(len(a & b) > 1 for j, b in enumerate(rings) if i != j))
    gain = 0.10 * len(mol.GetSubstructMatches(_DENSE)) + 0.10 * (len(rings) - fused) + 0.075 * fused
    return 5.0 * float(relative) / (1.0 + min(gain, 0.30))
