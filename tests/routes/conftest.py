"""A small stock of bulk chemicals: these tests are about routes, not about what can be bought this year."""

from __future__ import annotations

import pytest

from knowledge.records.molecule import Molecule
from knowledge.records.route import StockItem
from planners.routes.search import RoutePlanner

BULK = (
    "CO", "CCO", "CCCO", "CC(C)O", "CCCCO", "CC(C)(C)O", "OC1CCCCC1", "Oc1ccccc1", "OCCO", "CC(O)CO", "OCC(O)CO",
    "OCCCCO",
    "CC(=O)O", "CCC(=O)O", "CCCC(=O)O", "C[C@H](O)C(=O)O", "CC(O)C(=O)O", "O=C(O)CCC(=O)O", "C=C(CC(=O)O)C(=O)O",
    "CC(=O)CCC(=O)O", "OCCCC(=O)O", "COC(=O)OC", "CCOC(=O)OCC", "O=C1CCCO1", "CCCCN", "CCN", "NCCO", "CNCCO", "NCCN",
    "CC(C)N",
    "CC(C)=O", "CC=O", "C=O", "CCC(C)=O", "O=C1CCCCC1", "O=C1CCCC1", "CC(=O)OC(C)=O", "CC(=O)Cl", "CCBr", "CBr",
    "CI", "CCCCBr",
    "C1CO1", "CC1CO1", "C=CC#N", "C=CC(=O)OC", "CSC", "CCSCC", "c1ccccc1", "Cc1ccccc1", "O=Cc1ccccc1", "C[Si](C)(C)Cl",
    "O[C@@H]1CO[C@H]2[C@@H]1OC[C@@H]2O", "COC(C)=O", "CCOC(C)=O", "CCOC(=O)CC(=O)OCC", "c1ccoc1", "OCC1CCCO1", "CN",
    "CNC",
    "Cc1ccc(C)o1", "CC(=O)CC(=O)OCC", "CCNCC", "Cl[Si](C)(C)C", "CS(=O)(=O)Cl",
)  # fmt: skip


class SmallStock:
    def __init__(self, smiles: tuple[str, ...]) -> None:
        self._items = {}
        for text in smiles:
            key = Molecule.from_smiles(text).inchikey
            self._items[key] = StockItem(inchikey=key, source="test", tier=1, price_per_g=0.05)

    def lookup_smiles(self, smiles: str) -> StockItem | None:
        return self._items.get(Molecule.from_smiles(smiles).inchikey)


@pytest.fixture(scope="session")
def stock() -> SmallStock:
    return SmallStock(BULK)


@pytest.fixture(scope="session")
def planner(stock: SmallStock) -> RoutePlanner:
    return RoutePlanner(stock)
