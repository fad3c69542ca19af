"""What routes are compared by: probability, length, price proxy, hazard and yield."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache

from rdkit.Chem.Descriptors import MolWt  # type: ignore[attr-defined]  # missing in RDKit's stubs

from knowledge.records.route import Leaf, Route, RouteFigures, RouteStep
from planners.routes.structure import parse

DEFAULT_YIELD = 0.7  # of a step of which nothing is known; a default, no prediction
PerStep = Callable[[RouteStep], float]


def default_yield(step: RouteStep) -> float:
    return DEFAULT_YIELD


def no_hazard(step: RouteStep) -> float:
    return 0.0


@lru_cache(maxsize=65536)
def _weight(smiles: str) -> float:
    return float(MolWt(parse(smiles)))


def figures(
    target: str, steps: Sequence[RouteStep], leaves: Sequence[Leaf], hazard: PerStep, yields: PerStep
) -> RouteFigures:
    """Figures of a route; `steps` in the order they are carried out.

    `price` counts every leaf by its stoichiometry and buys what the yields lose; reagents that the steps do not name
    are not in it. `hazard` is that of the worst step.
    """
    per_mol = {leaf.smiles: leaf.stock.price_per_g * _weight(leaf.smiles) for leaf in leaves}
    longest = {leaf.smiles: 0 for leaf in leaves}
    yielded = {leaf.smiles: 1.0 for leaf in leaves}
    for step in steps:
        own = min(1.0, max(0.01, yields(step)))
        per_mol[step.product] = sum(per_mol[r] for r in step.reactants) / own
        branch = max(step.reactants, key=lambda r: (longest[r], -yielded[r]))
        longest[step.product] = longest[branch] + 1
        yielded[step.product] = yielded[branch] * own
    return RouteFigures(
        probability=math.prod(step.score for step in steps),
        steps=len(steps),
        longest=longest[target],
        price=per_mol[target] / _weight(target),
        hazard=max((hazard(step) for step in steps), default=0.0),
        overall_yield=yielded[target],
    )


def pareto_front(routes: Sequence[Route]) -> list[bool]:
    """Which routes no other one beats: at least as good in every figure and better in one."""
    points = [_losses(route) for route in routes]
    return [not any(_beats(other, point) for other in points) for point in points]


def _losses(route: Route) -> tuple[float, ...]:
    f = route.figures
    if f is None:
        raise ValueError(f"the route to {route.target} has no figures")
    return (-f.probability, f.steps, f.longest, f.price, f.hazard, -f.overall_yield)


def _beats(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    return a != b and all(x <= y for x, y in zip(a, b, strict=True))
