"""What can be bought, as structures: inventory substances with their tier, and the building blocks of synspace.

`knowledge.stock` answers whether a molecule is sold; this is the list to choose from.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from knowledge.sources import blocks, inventory, tables
from knowledge.sources.cache import build_once

_LAYOUT = 1
_BLOCK_TIER = 5
_MOST_ATOMS = 30  # beyond that it is no building block
_ELEMENTS = frozenset((1, 5, 6, 7, 8, 9, 14, 15, 16, 17, 35, 53))


class Purchasable(NamedTuple):
    """`smiles` is canonical; `tier` as in `knowledge.stock`, 1 (bulk) to 5 (made to order)."""

    smiles: str
    tier: int
    heavy_atoms: int


@lru_cache(maxsize=1)
def purchasable() -> tuple[Purchasable, ...]:
    """Neutral organic compounds of one component and at most 30 heavy atoms, each once, by tier and then by SMILES.

    Built at first use, in about half a minute.
    """
    path = build_once(f"purchasable-{_LAYOUT}-{tables.versions()}.txt", _build)
    rows = (line.split(" ") for line in path.read_text(encoding="ascii").splitlines())
    return tuple(Purchasable(smiles, int(tier), int(atoms)) for tier, atoms, smiles in rows)


def _build(path: Path) -> None:
    from loguru import logger
    from rdkit import Chem, rdBase

    logger.info("purchasable molecules: reading inventories and building blocks")
    found: dict[str, tuple[int, int]] = {}

    def note(mol: Chem.Mol | None, tier: int) -> None:
        if mol is None or not _organic(mol):
            return
        smiles = str(Chem.MolToSmiles(mol))
        if smiles not in found or tier < found[smiles][0]:
            found[smiles] = (tier, mol.GetNumHeavyAtoms())

    listed = inventory.tiers()
    with rdBase.BlockLogs():
        for identity in tables.identities():
            entry = listed.get(identity.cas)
            if entry is not None and "." not in identity.smiles:
                note(Chem.MolFromSmiles(identity.smiles), entry[0])
        for binary in blocks.binary_molecules():
            note(Chem.Mol(binary), _BLOCK_TIER)  # type: ignore[call-overload]  # the stub says text, RDKit takes bytes
    rows = sorted((tier, smiles, atoms) for smiles, (tier, atoms) in found.items())
    logger.info("purchasable molecules: {}", len(rows))
    path.write_text("".join(f"{tier} {atoms} {smiles}\n" for tier, smiles, atoms in rows), encoding="ascii")


def _organic(mol: object) -> bool:
    from rdkit import Chem

    assert isinstance(mol, Chem.Mol)
    if not 1 < mol.GetNumHeavyAtoms() <= _MOST_ATOMS or len(Chem.GetMolFrags(mol)) != 1:
        return False
    charge = carbon = 0
    for atom in mol.GetAtoms():
        if atom.GetAtomicNum() not in _ELEMENTS or atom.GetIsotope() or atom.GetNumRadicalElectrons():
            return False
        charge += atom.GetFormalCharge()
        carbon += atom.GetAtomicNum() == 6
    return charge == 0 and carbon > 0
