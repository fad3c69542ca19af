"""Routes: reactions from purchasable stock to the target."""

from __future__ import annotations

from pydantic import model_validator

from knowledge.records.base import Record


class StockItem(Record):
    """Something that can be bought.

    `tier` 1 (bulk, > 1000 t/a) .. 5 (building block to order); price is a proxy, not a quote.
    """

    inchikey: str
    source: str
    tier: int
    price_per_g: float


class Leaf(Record):
    smiles: str
    stock: StockItem


class RouteStep(Record):
    """One reaction, forward. `reaction_class`: key of the conditions table; `template`: the rule that proposed it."""

    product: str
    reactants: tuple[str, ...]
    reaction_class: str
    template: str
    score: float

    @property
    def reaction_smiles(self) -> str:
        return ".".join(self.reactants) + ">>" + self.product


class Route(Record):
    """`steps` in the order a chemist carries them out, the target's last; no steps when the target itself is stock."""

    target: str
    steps: tuple[RouteStep, ...]
    leaves: tuple[Leaf, ...]
    score: float

    @model_validator(mode="after")
    def _closed(self) -> Route:
        have = {leaf.smiles for leaf in self.leaves}
        for step in self.steps:
            missing = [r for r in step.reactants if r not in have]
            if missing:
                raise ValueError(f"route to {self.target}: nobody supplies {missing[0]}")
            have.add(step.product)
        if self.target not in have:
            raise ValueError(f"route does not end in its target {self.target}")
        return self

    @property
    def purchased(self) -> bool:
        return not self.steps
