"""Routes in order of cost, lazily: A* over partial derivations with the solved tables as the bound.

The bound never exceeds what finishing a derivation costs, so the order is exact (k best derivations of a directed
hypergraph, L. Huang, D. Chiang, IWPT 2005, here with bans on circles and a budget of steps that the plain algorithm
cannot express).
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator
from dataclasses import dataclass

from planners.routes.search.graph import Graph, MoleculeNode, ReactionNode
from planners.routes.search.loops import circular


@dataclass(frozen=True)
class Derivation:
    """A solved tree. `reactions` in the order a chemist carries them out, each once; a molecule is made one way only.

    `cost`: of every occurrence in the tree.
    """

    cost: float
    reactions: tuple[ReactionNode, ...]


@dataclass(frozen=True)
class _Need:
    node: MoleculeNode
    ancestors: tuple[str, ...]


def derivations(graph: Graph, *, first: ReactionNode | None = None, patience: int = 5000) -> Iterator[Derivation]:
    """All routes of at most `graph.max_steps` reactions without circles, cheapest first, through `first` when given.

    Gives up after `patience` partial derivations that lead to no further route.
    """
    root = graph.root
    count = 0
    start = (root.solved if first is None else first.solved)[graph.max_steps]
    if math.isinf(start):
        return
    queue: list[tuple[float, int, float, int, tuple[_Need, ...], dict[int, ReactionNode]]] = [
        (start, 0, 0.0, 0, (_Need(root, ()),), {})
    ]
    fruitless = 0
    while queue and fruitless < patience:
        _, _, cost, used, needs, chosen = heapq.heappop(queue)
        if not needs:
            fruitless = 0
            yield Derivation(cost, _in_order(root, chosen))
            continue
        fruitless += 1
        need, rest = needs[-1], needs[:-1]
        node = need.node
        fixed = chosen.get(node.index) or (first if node is root else None)
        left = graph.max_steps - used
        ancestors = (*need.ancestors, node.smiles)
        for reaction in (fixed,) if fixed else node.reactions or ():
            if math.isinf(reaction.solved[left]):
                continue
            open_needs = rest + tuple(_Need(m, ancestors) for m in reaction.made)
            bound = sum(n.node.solved[left - 1] for n in open_needs)
            if math.isinf(bound) or any(circular(r.smiles, ancestors) is not None for r in reaction.reactants):
                continue
            spent = cost + reaction.cost + reaction.leaves
            count += 1
            entry = (spent + bound, count, spent, used + 1, open_needs, {**chosen, node.index: reaction})
            heapq.heappush(queue, entry)


def _in_order(root: MoleculeNode, chosen: dict[int, ReactionNode]) -> tuple[ReactionNode, ...]:
    done: dict[int, ReactionNode] = {}

    def visit(node: MoleculeNode) -> None:
        if node.index in done:
            return
        reaction = chosen[node.index]
        for reactant in reaction.made:
            visit(reactant)
        done[node.index] = reaction

    visit(root)
    return tuple(done.values())
