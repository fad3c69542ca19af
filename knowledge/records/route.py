"""Routes: reactions from purchasable stock to the target."""

from __future__ import annotations

from enum import StrEnum

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


class Verdict(StrEnum):
    """How far a step is to be trusted."""

    SUPPORTED = "supported"  # forward reapplication gives the product, and a close precedent is known
    PLAUSIBLE = "plausible"  # chemistry and balance hold; no close precedent, or a site competes
    UNSUPPORTED = "unsupported"  # at least one test failed; the reasons say which


class Precedent(Record):
    """A published reaction. `id` as its source names it (a patent number); `similarity` in [0, 1] of the products."""

    id: str
    source: str
    similarity: float


class StepCheck(Record):
    """`competing`: canonical SMILES of other products that the same reaction can give from the same reactants."""

    verdict: Verdict
    reasons: tuple[str, ...]
    competing: tuple[str, ...] = ()
    precedent: Precedent | None = None


class RouteStep(Record):
    """One reaction, forward. `reaction_class`: key of the conditions table; `template`: the rule that proposed it.

    `model`: the single-step model that proposed it, several joined by "+"; `check` None: not checked yet.
    """

    product: str
    reactants: tuple[str, ...]
    reaction_class: str
    template: str
    score: float
    model: str = "rules"
    check: StepCheck | None = None

    @property
    def reaction_smiles(self) -> str:
        return ".".join(self.reactants) + ">>" + self.product


class RouteFigures(Record):
    """What routes are compared by; all but probability and yields are better when smaller.

    `probability`: product of the steps' calibrated probabilities; `longest`: reactions on the longest linear sequence;
    `price`: proxy, per g of target; `hazard`: 0 (none known) .. 1; `overall_yield`: along the longest sequence, 0 .. 1;
    `mass_intensity`: kg of everything charged per kg of target (PMI), None until procedures are written.
    """

    probability: float
    steps: int
    longest: int
    price: float
    hazard: float
    overall_yield: float
    mass_intensity: float | None = None


class Route(Record):
    """`steps` in the order a chemist carries them out, the target's last; no steps when the target itself is stock."""

    target: str
    steps: tuple[RouteStep, ...]
    leaves: tuple[Leaf, ...]
    score: float
    figures: RouteFigures | None = None

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
