"""Parsed molecules and reactions for the route rooms, each SMILES read once."""

from __future__ import annotations

from functools import lru_cache

from rdkit import Chem, rdBase
from rdkit.Chem import rdChemReactions

from knowledge.records.molecule import InvalidMolecule


def _relax(mol: Chem.Mol) -> Chem.Mol:
    # "[C@H]" pins its hydrogen; a template that removes a bond there would leave a radical. Carbon may count its own.
    for atom in mol.GetAtoms():
        if atom.GetNoImplicit() and atom.GetAtomicNum() == 6 and not atom.GetNumRadicalElectrons():
            atom.SetNoImplicit(False)
            atom.SetNumExplicitHs(0)
    mol.UpdatePropertyCache(strict=False)
    return mol


@lru_cache(maxsize=8192)
def parse(smiles: str) -> Chem.Mol:
    """A sanitised molecule; treat it as read-only, it is shared. Raises InvalidMolecule."""
    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(smiles) if smiles else None
    if mol is None or mol.GetNumAtoms() == 0:
        raise InvalidMolecule(f"cannot read '{smiles}' as a SMILES")
    return _relax(mol)


@lru_cache(maxsize=65536)
def canonical(smiles: str) -> str:
    """RDKit's canonical isomeric SMILES after one round trip. Raises InvalidMolecule."""
    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(smiles) if smiles else None
    if mol is None or mol.GetNumAtoms() == 0:
        raise InvalidMolecule(f"cannot read '{smiles}' as a SMILES")
    return str(Chem.MolToSmiles(mol))


@lru_cache(maxsize=65536)
def flat(smiles: str) -> str:
    """Canonical SMILES without stereo. Raises InvalidMolecule."""
    mol = Chem.Mol(parse(smiles))
    Chem.RemoveStereochemistry(mol)
    return str(Chem.MolToSmiles(mol))


def read_reaction(smarts: str) -> rdChemReactions.ChemicalReaction:
    """A reaction ready to run. Raises ValueError."""
    with rdBase.BlockLogs():
        reaction = rdChemReactions.ReactionFromSmarts(smarts)
        reaction.Initialize()
        _, errors = reaction.Validate()
    if errors:
        raise ValueError(f"'{smarts}' is not a valid reaction")
    return reaction
