"""What a route may start from: the stock, and a short open list of reagents that every laboratory has."""

from __future__ import annotations

from functools import cache
from typing import Protocol

from knowledge.records.molecule import Molecule
from knowledge.records.route import StockItem
from knowledge.stock import Stock

COMMON_REAGENTS: dict[str, str] = {
    "O": "water",
    "N": "ammonia",
    "S": "hydrogen sulfide",
    "C=O": "formaldehyde",
    "O=C=O": "carbon dioxide",
    "O=P(Cl)(Cl)Cl": "phosphoryl chloride",
    "ClP(Cl)Cl": "phosphorus trichloride",
    "O=S(Cl)Cl": "thionyl chloride",
    "NO": "hydroxylamine",
    "NN": "hydrazine",
}


class StockLike(Protocol):
    def lookup_smiles(self, smiles: str) -> StockItem | None: ...


@cache
def _reagent(smiles: str) -> StockItem:
    return StockItem(inchikey=Molecule.from_smiles(smiles).inchikey, source="common reagents", tier=1, price_per_g=0.05)


class Supply:
    """Stock behind a cache: a search asks about the same ethanol hundreds of times, and an InChIKey costs 0.3 ms."""

    def __init__(self, stock: StockLike) -> None:
        self._stock = stock
        self._known: dict[str, StockItem | None] = {}

    def find(self, smiles: str) -> StockItem | None:
        """`smiles` canonical. Raises InvalidMolecule."""
        if smiles in self._known:
            return self._known[smiles]
        item = self._stock.lookup_smiles(smiles)
        if item is None and smiles in COMMON_REAGENTS:
            item = _reagent(smiles)
        if len(self._known) > 500_000:
            self._known.clear()
        self._known[smiles] = item
        return item


class FlatMatches:
    """A stock in which a molecule drawn without stereo is also supplied by any stereoisomer on the shelf.

    Such items say so in `source` and are priced as blocks to order, for nobody knows which isomer the step needs.
    """

    def __init__(self, stock: Stock) -> None:
        self._stock = stock

    def __len__(self) -> int:
        return len(self._stock)

    def lookup_smiles(self, smiles: str) -> StockItem | None:
        """Raises InvalidMolecule."""
        return self._stock.lookup_smiles(smiles) or self._stock.lookup_flat(Molecule.from_smiles(smiles).inchikey)
