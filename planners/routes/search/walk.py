"""Walks down the graph: which open molecules the most hopeful trees need, and how a tree shares its steps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from planners.routes.search.graph import Graph, MoleculeNode, ReactionNode, Table, share


@dataclass(frozen=True, slots=True)
class Place:
    """A molecule on a tree that is open, or folded (proposals wait); `path`: the reactions from the root down to it."""

    node: MoleculeNode
    path: tuple[ReactionNode, ...]


def cheapest(node: MoleculeNode, budget: int, table: str) -> ReactionNode | None:
    """The first of the cheapest reactions of a molecule by `table`, "solved", "live" or "hopeful"."""
    best, least_cost = None, math.inf
    for reaction in node.reactions or ():
        cost = price(reaction, budget, table)
        if cost < least_cost:
            best, least_cost = reaction, cost
    return best


def price(reaction: ReactionNode, budget: int, table: str) -> float:
    if table == "hopeful":
        return min(reaction.solved[budget], reaction.live[budget])
    return reaction.solved[budget] if table == "solved" else reaction.live[budget]


def shares(tables: Sequence[Table], left: int, never: Table) -> list[int]:
    """How the cheapest trees of several molecules share `left` steps."""
    if len(tables) == 1:
        return [left]
    before = [tables[0]]
    for table in tables[1:-1]:
        before.append(share(before[-1], table, never))
    used: list[int] = []
    for i in range(len(tables) - 1, 0, -1):
        mine, rest = tables[i], before[i - 1]
        best = min(range(left + 1), key=lambda u: (rest[left - u] + mine[u], u))
        used.append(best)
        left -= best
    return [left, *used[::-1]]


def live_shares(graph: Graph, reaction: ReactionNode, budget: int) -> list[tuple[MoleculeNode, int]]:
    """The molecules below `reaction` on its cheapest unfinished tree that still have open ones below, with budgets."""
    made, left = reaction.made, budget - 1
    if len(made) == 1:
        return [(made[0], left)]
    best: list[int] | None = None
    best_cost, carrier = math.inf, 0
    for i, node in enumerate(made):
        if node.live is graph.never:
            continue
        tables = [m.live if j == i else m.hopeful for j, m in enumerate(made)]
        spread = shares(tables, left, graph.never)
        cost = sum(t[u] for t, u in zip(tables, spread, strict=True))
        if cost < best_cost:
            best, best_cost, carrier = spread, cost, i
    if best is None:
        return []
    return [
        (node, used)
        for i, (node, used) in enumerate(zip(made, best, strict=True))
        if i == carrier or node.live[used] < node.solved[used]
    ]


def open_places(graph: Graph, start: Place, budget: int, first: ReactionNode | None = None) -> list[Place]:
    """Open and folded molecules on the cheapest unfinished tree below `start`, through `first` when given.

    Hardest first.
    """
    found: list[Place] = []
    stack = [(start, budget, first)]
    while stack:
        place, left, forced = stack.pop()
        if place.node.reactions is None or (forced is None and graph.folded(place.node, left)):
            found.append(place)
            continue
        reaction = forced or cheapest(place.node, left, "live")
        if reaction is None:
            continue
        path = (*place.path, reaction)
        stack.extend((Place(node, path), used, None) for node, used in live_shares(graph, reaction, left))
    return sorted(found, key=lambda place: (-place.node.estimate, place.node.index))


def second_best(graph: Graph) -> list[tuple[float, Place, int, ReactionNode]]:
    """Deviations from the cheapest unfinished tree, one reaction replaced by its runner-up, least dearer first."""
    out: list[tuple[float, Place, int, ReactionNode]] = []
    stack = [(Place(graph.root, ()), graph.max_steps)]
    while stack:
        place, left = stack.pop()
        if place.node.reactions is None or graph.folded(place.node, left):
            continue
        ranked = sorted((r.live[left], i) for i, r in enumerate(place.node.reactions) if not math.isinf(r.live[left]))
        if not ranked:
            continue
        best = place.node.reactions[ranked[0][1]]
        out.extend((cost - ranked[0][0], place, left, place.node.reactions[i]) for cost, i in ranked[1:3])
        path = (*place.path, best)
        stack.extend((Place(node, path), used) for node, used in live_shares(graph, best, left))
    return sorted(out, key=lambda entry: (entry[0], entry[1].node.index))
