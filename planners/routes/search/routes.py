"""From trees in the graph to records."""

from __future__ import annotations

import math

from knowledge.records.route import Leaf, Route, RouteFigures, RouteStep, StepCheck
from planners.routes.search.graph import ReactionNode
from planners.routes.search.kbest import Derivation


def step_of(reaction: ReactionNode, check: StepCheck | None = None) -> RouteStep:
    proposal = reaction.proposal
    return RouteStep(
        product=reaction.product.smiles,
        reactants=proposal.reactants,
        reaction_class=proposal.reaction_class,
        template=proposal.template,
        score=proposal.score,
        model=proposal.model,
        check=check,
    )


def leaves_of(derivation: Derivation) -> tuple[Leaf, ...]:
    found: dict[str, Leaf] = {}
    for reaction in derivation.reactions:
        for node in reaction.reactants:
            if node.item is not None and node.smiles not in found:
                found[node.smiles] = Leaf(smiles=node.smiles, stock=node.item)
    return tuple(found.values())


def route_of(
    derivation: Derivation, steps: tuple[RouteStep, ...] | None = None, figures: RouteFigures | None = None
) -> Route:
    """`steps`, when given, are those of the derivation with their checks."""
    return Route(
        target=derivation.reactions[-1].product.smiles,
        steps=steps if steps is not None else tuple(map(step_of, derivation.reactions)),
        leaves=leaves_of(derivation),
        score=math.exp(-derivation.cost),
        figures=figures,
    )
