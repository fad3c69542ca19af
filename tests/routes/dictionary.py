"""Chemistry by dictionary: a proposer that knows what it is told, and a shelf of what can be bought."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from knowledge.records.route import StockItem
from planners.routes.single_step.proposal import Proposal
from planners.routes.structure import canonical


class Book:
    """`reactions`: product -> [(reactants joined by ".", score), ...], any SMILES; the class says which reaction."""

    def __init__(self, reactions: Mapping[str, Sequence[tuple[str, float]]], model: str = "book") -> None:
        self._pages: dict[str, list[Proposal]] = {}
        for product, ways in reactions.items():
            page = [
                Proposal(tuple(canonical(r) for r in reactants.split(".")), f"{product}-{i}", "", score, model)
                for i, (reactants, score) in enumerate(ways)
            ]
            self._pages[canonical(product)] = sorted(page, key=lambda p: -p.score)
        self.asked: list[str] = []
        self.batches: list[int] = []

    def propose(self, molecules: Sequence[str], k: int) -> list[list[Proposal]]:
        self.asked.extend(molecules)
        self.batches.append(len(molecules))
        return [self._pages.get(m, [])[:k] for m in molecules]


class Shelf:
    def __init__(self, *smiles: str, price: float = 0.05) -> None:
        self._items = {canonical(s): StockItem(inchikey=s, source="test", tier=1, price_per_g=price) for s in smiles}

    def __len__(self) -> int:
        return len(self._items)

    def lookup_smiles(self, smiles: str) -> StockItem | None:
        return self._items.get(canonical(smiles))
