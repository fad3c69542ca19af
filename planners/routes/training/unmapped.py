"""Mapped SMILES as the route rooms write them: canonical, without map numbers."""

from __future__ import annotations

from functools import lru_cache

from rdkit import Chem, rdBase

from planners.routes.structure import canonical


@lru_cache(maxsize=100_000)
def unmapped(smiles: str) -> tuple[str, ...]:
    """The molecules of a (mapped) SMILES, canonical and sorted. Raises InvalidMolecule."""
    with rdBase.BlockLogs():
        mol: Chem.Mol | None = Chem.MolFromSmiles(smiles)
    if mol is None:
        return tuple(sorted(canonical(part) for part in smiles.split(".")))
    for atom in mol.GetAtoms():
        atom.SetAtomMapNum(0)
    return tuple(sorted(canonical(part) for part in Chem.MolToSmiles(mol).split(".")))
