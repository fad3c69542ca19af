"""Groups that cannot be bottled: a precursor that holds one is an artefact of a template, not an intermediate."""

from __future__ import annotations

from functools import cache

from rdkit import Chem

_UNSTABLE = {
    "geminal diol or hemiacetal": "[OX2H][CX4;!$(C(F)(F)F);R0]([OX2])",
    "halohydrin on one carbon": "[OX2H,NX3;!$(N[C,S]=O)][CX4][F,Cl,Br,I]",
    "hemiaminal": "[OX2H][CX4][NX3;!$(N[C,S]=[O,S])]",
    "geminal diamine": "[NX3;H1,H2][CX4][NX3;H1,H2]",
    "enol": "[OX2H][CX3]=[CX3;!$(C[CX3]=O)]",
    "primary or secondary enamine": "[NX3;H1,H2;!$(N[C,S]=O)][CX3]=[CX3;!$(C[CX3]=O);!$(CC#N)]",
    "carbonic or carbamic acid": "[OX2H][CX3](=O)[O,N]",
    "allenol or ynol": "[OX2H]C#C",
    "hydroperoxide": "[OX2H][OX2]",
    "N-halogen or O-halogen": "[N,O][F,Cl,Br,I]",
    "alpha-lactone or strained bridge": "C1(=O)O[CX4]1",
    "cyclic allene or alkyne": "[C;r3,r4,r5,r6,r7]#C",
    "anti-Bredt or cumulated ring": "[C;R;X2](=[C;R])=[C;R]",
    "thioaldehyde": "[CX3;H1]=[SX1]",
}


@cache
def _patterns() -> tuple[Chem.Mol, ...]:
    return tuple(Chem.MolFromSmarts(smarts) for smarts in _UNSTABLE.values())


def unstable(mol: Chem.Mol) -> bool:
    """Whether a sanitised molecule holds one of the groups above."""
    return any(mol.HasSubstructMatch(pattern) for pattern in _patterns())
