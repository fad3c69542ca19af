"""Molecules: canonical SMILES and InChIKey, made once."""

from __future__ import annotations

from functools import lru_cache

from knowledge.records.base import Record


class InvalidMolecule(ValueError):
    """A SMILES that cannot be read as a molecule."""


class Molecule(Record):
    """A structure; `smiles` is RDKit's canonical isomeric SMILES, `inchikey` the standard InChIKey."""

    smiles: str
    inchikey: str

    @staticmethod
    def from_smiles(smiles: str) -> Molecule:
        """Raises InvalidMolecule."""
        return _parse(smiles)

    @property
    def connectivity(self) -> str:
        """First block of the InChIKey: the same for stereoisomers and isotopologues."""
        return self.inchikey[:14]


@lru_cache(maxsize=65536)
def _parse(smiles: str) -> Molecule:
    from rdkit import Chem, rdBase

    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(smiles) if smiles else None
        if mol is None or mol.GetNumAtoms() == 0:
            raise InvalidMolecule(f"cannot read '{smiles}' as a SMILES")
        key = Chem.MolToInchiKey(mol)
    if not key:
        raise InvalidMolecule(f"no InChIKey can be made for '{smiles}'")
    return Molecule(smiles=Chem.MolToSmiles(mol), inchikey=key)
