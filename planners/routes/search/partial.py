"""The nearest thing to a route, when there is none: the tree whose missing molecules are smallest."""

from __future__ import annotations

from knowledge.records.route import Leaf
from planners.routes.search.cost import heavy_atoms
from planners.routes.search.graph import Graph, MoleculeNode, ReactionNode
from planners.routes.search.result import PartialRoute
from planners.routes.search.routes import step_of

_PER_STEP = 0.05  # heavy atoms' worth of trouble per step, so that no step is taken that brings nothing nearer


def nearest(graph: Graph) -> PartialRoute | None:
    """The tree of at most `max_steps` reactions in a row with the fewest heavy atoms missing; None without any step."""
    lacks: dict[int, float] = {
        n.index: 0.0 if n.item is not None else heavy_atoms(n.smiles) for n in graph.nodes.values()
    }
    chosen: dict[int, ReactionNode] = {}
    lacks[graph.root.index] += 1.0  # the first step is worth taking even if it brings nothing nearer
    for _ in range(graph.max_steps):
        better: list[tuple[MoleculeNode, ReactionNode, float]] = []
        for node in graph.expanded:
            for reaction in node.reactions or ():
                total = _PER_STEP + sum(lacks[r.index] for r in reaction.reactants)
                if not reaction.closed and total < lacks[node.index] - 1e-9:
                    better.append((node, reaction, total))
        if not better:
            break
        for node, reaction, total in better:
            if total < lacks[node.index] - 1e-9:
                lacks[node.index] = total
                chosen[node.index] = reaction
    if graph.root.index not in chosen:
        return None
    steps: dict[int, ReactionNode] = {}
    leaves: dict[str, Leaf] = {}
    missing: dict[str, None] = {}
    path: set[int] = set()

    def visit(node: MoleculeNode) -> None:
        if node.index in steps:
            return
        if node.item is not None:
            leaves[node.smiles] = Leaf(smiles=node.smiles, stock=node.item)
            return
        reaction = chosen.get(node.index)
        if reaction is None or node.index in path:
            missing[node.smiles] = None
            return
        path.add(node.index)
        for reactant in reaction.reactants:
            visit(reactant)
        path.discard(node.index)
        steps[node.index] = reaction

    visit(graph.root)
    return PartialRoute(
        target=graph.root.smiles,
        steps=tuple(step_of(r) for r in steps.values()),
        leaves=tuple(leaves.values()),
        missing=tuple(missing),
    )
