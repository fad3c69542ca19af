"""Functional groups that decide how a liquid behaves, counted with our own SMARTS.

A group is counted at its characteristic atoms. The groups are disjoint where chemistry calls for it (an ester is no
ether, a lactam no open amide, a carbonate no ester), so a linear model over them is a group-contribution model.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, lru_cache

import numpy as np
import numpy.typing as npt
from rdkit import Chem

from knowledge.features.featurizer import CACHED_ROWS, parse

# Oxygen or nitrogen between carbons of which none is acyl, imidoyl or sulfonyl.
_NOT_ACYL = "[#6;!$([#6]=[O,S,N])]"
# Carbonyl carbon of an acid or its derivatives, formyl included.
_ACYL = "[CX3;$([CX3][#6]),$([CX3;H1])]"

GROUPS: dict[str, str] = {
    # carbon skeleton
    "methyl": "[CX4;H3]",
    "methylene_chain": "[CX4;H2;!R]",
    "methylene_ring": "[CX4;H2;R]",
    "methine": "[CX4;H1]",
    "quaternary": "[CX4;H0;!$(C(F)(F)F)]",
    "alkene": "[CX3;!a]=[CX3;!a]",
    "alkyne": "C#C",
    "aromatic_ch": "[cH]",
    "aromatic_c": "[c;H0]",
    "aromatic_n": "[n;H0]",
    "aromatic_nh": "[nH]",
    "aromatic_o_s": "[o,s]",
    # oxygen
    "alcohol_primary": "[OX2;H1][CX4;H2,H3]",
    "alcohol_secondary": "[OX2;H1][CX4;H1]",
    "alcohol_tertiary": "[OX2;H1][CX4;H0]",
    "phenol": "[OX2;H1]c",
    "ether_chain": f"[OX2;H0;!R]({_NOT_ACYL}){_NOT_ACYL}",
    "ether_ring": f"[OX2;H0;R]({_NOT_ACYL}){_NOT_ACYL}",
    "acetal": "[CX4]([OX2;H0])[OX2;H0]",
    "aldehyde": "[CX3;H1](=O)[#6]",
    "ketone_chain": "[CX3;!R](=O)([#6])[#6]",
    "ketone_ring": "[CX3;R](=O)([#6])[#6]",
    "acid": f"{_ACYL}(=O)[OX2;H1]",
    "ester": "[CX3](=O)([#6])[OX2;H0;!R][#6;!$(C=O)]",
    "formate": "[CX3;H1](=O)[OX2;H0][#6]",
    "lactone": "[CX3;R](=O)([#6;R])[OX2;R][#6]",
    "carbonate_chain": "[CX3;!R](=O)([OX2])[OX2]",
    "carbonate_ring": "[CX3;R](=O)([OX2;R])[OX2;R]",
    "anhydride": "[CX3](=O)[OX2][CX3]=O",
    # nitrogen
    "amine_primary": "[NX3;H2;!$(N[C,S,P]=[O,N,S]);!$(N-[!#6])][#6]",
    "amine_secondary": "[NX3;H1;!$(N[C,S,P]=[O,N,S]);!$(N-[!#6])]([#6])[#6]",
    "amine_tertiary": "[NX3;H0;!$(N[C,S,P]=[O,N,S]);!$(N-[!#6])]([#6])([#6])[#6]",
    "amide_nh": f"{_ACYL[:-1]};!R](=O)[NX3;!H0]",
    "amide_tertiary": f"{_ACYL[:-1]};!R](=O)[NX3;H0]",
    "lactam": "[CX3;R](=O)([#6;R])[NX3;R]",
    "urea": "[CX3](=O)([NX3])[NX3]",
    "carbamate": "[CX3](=O)([NX3])[OX2]",
    "nitrile": "C#N",
    "nitro": "[NX3+](=O)[O-]",
    # sulfur, phosphorus, silicon, halogens
    "thiol": "[SX2;H1]",
    "sulfide": "[SX2;H0;!a]([#6])[#6]",
    "sulfoxide": "[SX3](=O)([#6])[#6]",
    "sulfone": "[SX4](=O)(=O)([#6])[#6]",
    "sulfonate_sulfamide": "[SX4](=O)(=O)[OX2,NX3]",
    "phosphate": "[PX4](=O)",
    "silicon": "[Si]",
    "acyl_halide": "[CX3](=O)[F,Cl,Br,I]",
    "fluorine": "F",
    "trifluoromethyl": "C(F)(F)F",
    "chlorine": "Cl",
    "bromine_iodine": "[Br,I]",
}


@cache
def _patterns() -> tuple[Chem.Mol, ...]:
    return tuple(Chem.MolFromSmarts(smarts) for smarts in GROUPS.values())


@lru_cache(maxsize=CACHED_ROWS)
def _row(smiles: str) -> npt.NDArray[np.float64]:
    mol = parse(smiles)
    row = np.array([len(mol.GetSubstructMatches(pattern)) for pattern in _patterns()], dtype=np.float64)
    row.setflags(write=False)
    return row


class Groups:
    """Counts of functional groups, in the order of `GROUPS`."""

    name = "groups"
    version = "1"
    columns = tuple(GROUPS)

    def __call__(self, smiles: Sequence[str]) -> npt.NDArray[np.float64]:
        """Shape (len(smiles), len(columns)). Raises InvalidMolecule."""
        if not smiles:
            return np.zeros((0, len(GROUPS)))
        return np.stack([_row(text) for text in smiles])
