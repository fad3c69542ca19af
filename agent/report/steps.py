"""The route of one experiment, step by step, as the templates show it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agent.report import words
from knowledge.records.procedure import Charge, Condition, Procedure, Role
from knowledge.records.route import Route, RouteStep, StepCheck, StockItem

# The tiers of `knowledge.sources.inventory`, which rest on published tonnages and not on a supplier's word.
TIERS = {
    1: "bulk chemical",
    2: "large-volume chemical",
    3: "industrial chemical",
    4: "listed chemical",
    5: "building block to order",
}


@dataclass(frozen=True)
class Input:
    """A reactant: bought (with its stock entry) or made in an earlier step (with its number)."""

    smiles: str
    name: str
    stock: StockItem | None
    made_in: int | None

    @property
    def supply(self) -> str:
        if self.made_in is not None:
            return f"from step {self.made_in}"
        if self.stock is None:
            return ""
        return f"{TIERS.get(self.stock.tier, 'bought')} (tier {self.stock.tier})"


@dataclass(frozen=True)
class StepView:
    """One step. `over` is written over the arrow (what is added), `under` under it (temperature and time)."""

    number: int
    reaction: str
    template: str
    model: str
    score: float
    check: StepCheck | None
    inputs: tuple[Input, ...]
    product: str
    product_name: str
    procedure: Procedure | None
    over: tuple[str, ...]
    under: tuple[str, ...]
    expected: str
    isolated: str


def steps_of(
    route: Route, procedures: Sequence[Procedure], isolated_yields: Sequence[float | None], names: Mapping[str, str]
) -> tuple[StepView, ...]:
    """Empty for a molecule that is bought."""
    stock = {leaf.smiles: leaf.stock for leaf in route.leaves}
    made = {step.product: i for i, step in enumerate(route.steps, start=1)}
    views = []
    for i, step in enumerate(route.steps):
        procedure = procedures[i] if i < len(procedures) else None
        isolated = isolated_yields[i] if i < len(isolated_yields) else None
        views.append(_view(i + 1, step, procedure, isolated, stock, made, names))
    return tuple(views)


def _view(
    number: int,
    step: RouteStep,
    procedure: Procedure | None,
    isolated: float | None,
    stock: Mapping[str, StockItem],
    made: Mapping[str, int],
    names: Mapping[str, str],
) -> StepView:
    charged = {} if procedure is None else {c.smiles: c.name for c in procedure.charges}

    def called(smiles: str) -> str:
        name = names.get(smiles) or charged.get(smiles, "")
        return "" if name == smiles else name

    inputs = tuple(Input(s, called(s), stock.get(s), made.get(s) if s not in stock else None) for s in step.reactants)
    return StepView(
        number=number,
        reaction=words.reaction(step.reaction_class),
        template=step.template,
        model=step.model,
        score=step.score,
        check=step.check,
        inputs=inputs,
        product=step.product,
        product_name=called(step.product),
        procedure=procedure,
        over=() if procedure is None else tuple(_short(c) for c in procedure.charges if c.role is not Role.REACTANT),
        under=() if procedure is None else (_temperature(procedure.temperature), _time(procedure.duration)),
        expected=""
        if procedure is None
        else f"{procedure.expected_yield.quantity.magnitude('dimensionless') * 100:.0f} %",
        isolated="" if isolated is None else f"{isolated * 100:.0f} %",
    )


def _short(charge: Charge) -> str:
    if charge.role is Role.SOLVENT or charge.equivalents is None:
        return charge.name
    if charge.equivalents < 0.5:
        return f"{charge.name} ({charge.equivalents * 100:g} mol %)"
    return f"{charge.name} ({charge.equivalents:g} eq)"


def _temperature(condition: Condition) -> str:
    return words.celsius(condition.quantity.magnitude("K"))


def _time(condition: Condition) -> str:
    return words.duration(condition.quantity.magnitude("hour"))
