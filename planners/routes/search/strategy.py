"""What a search algorithm decides: which open molecules come next."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, Protocol

from planners.routes.search.graph import Graph, MoleculeNode, ReactionNode
from planners.routes.search.loops import circular
from planners.routes.search.walk import Place, open_places, second_best

PATIENCE = 50  # walks for one open molecule before a tree search gives up
Algorithm = Literal["retro*", "mcts"]


class Strategy(Protocol):
    """Both algorithms share the graph; one strategy serves one search."""

    def choose(self, graph: Graph, n: int) -> list[Place]:
        """At most `n` distinct molecules, open ones and ones to ask more about, the most urgent first.

        [] when no tree within the limits has one.
        """

    def learn(self, graph: Graph) -> None:
        """Called after the molecules last chosen have been expanded."""


class RetroStar:
    """Retro*: expand the cheapest tree that still has an open molecule; its hardest molecule first, so that a
    hopeless tree is soon known as one.
    """

    def choose(self, graph: Graph, n: int) -> list[Place]:
        chosen: dict[int, Place] = {}
        while not math.isinf(graph.root.live[-1]):
            places = open_places(graph, Place(graph.root, ()), graph.max_steps)
            if any(close_circle(graph, place) for place in places) or _unfold(graph, places):
                continue
            chosen = {p.node.index: p for p in places}
            break
        if chosen and len(chosen) < n:
            for _, place, budget, reaction in second_best(graph):
                for other in open_places(graph, place, budget, reaction):
                    if other.node.open and not close_circle(graph, other):
                        chosen.setdefault(other.node.index, other)
                if len(chosen) >= n:
                    break
        return list(chosen.values())[:n]

    def learn(self, graph: Graph) -> None:
        """The tables know already."""


class TreeSearch:
    """PUCT tree search over the graph.

    As in M. Segler, M. Preuss, M. Waller, Nature 555, 604 (2018): the prior of a reaction is its proposal probability
    and the worth of a tree is the fraction of its leaves that are in stock. A walk takes one reaction for every
    molecule down to open ones; after their expansion the best-scored reaction of each stands in for a rollout, and the
    worth is credited to every reaction on the walk. Reactions below which nothing is open any more are not walked.
    """

    def __init__(self, exploration: float = 1.4) -> None:
        self._exploration = exploration
        self._walks: list[tuple[list[ReactionNode], list[MoleculeNode]]] = []

    def choose(self, graph: Graph, n: int) -> list[Place]:
        chosen: dict[int, Place] = {}
        self._walks = []
        for _ in range(PATIENCE * n):
            if math.isinf(graph.root.live[-1]) or len(chosen) >= n:
                break
            taken, leaves, places = self._walk(graph)
            if any(close_circle(graph, place) for place in places):
                continue
            self._walks.append((taken, leaves))
            for reaction in taken:  # counts at once, so that the next walk of the same batch goes elsewhere
                reaction.visits += 1
            chosen.update((p.node.index, p) for p in places if p.node.index not in chosen)
        return list(chosen.values())[:n]

    def learn(self, graph: Graph) -> None:
        for taken, leaves in self._walks:
            worth = sum(map(_worth, leaves)) / len(leaves) if leaves else 0.0
            for reaction in taken:
                reaction.worth += worth

    def _walk(self, graph: Graph) -> tuple[list[ReactionNode], list[MoleculeNode], list[Place]]:
        taken: list[ReactionNode] = []
        leaves: list[MoleculeNode] = []
        places: list[Place] = []
        stack = [(Place(graph.root, ()), graph.max_steps)]
        while stack:
            place, budget = stack.pop()
            node = place.node
            if node.open or _walked_out(node, budget):
                places.append(place)
            reaction = self._pick(graph, node, budget)
            if reaction is None:
                leaves.append(node)
                continue
            taken.append(reaction)
            path = (*place.path, reaction)
            least = [_least_steps(m) for m in reaction.made]
            for m, own in zip(reaction.made, least, strict=True):
                stack.append((Place(m, path), max(0, min(budget - 1 - sum(least) + own, graph.max_steps))))
            leaves.extend(r for r in reaction.reactants if r.item is not None)
        return taken, leaves, places

    def _pick(self, graph: Graph, node: MoleculeNode, budget: int) -> ReactionNode | None:
        """The reaction of highest PUCT below which something is open within `budget`.

        Waiting proposals join when every reaction hung has been walked once on average.
        """
        reactions = [r for r in node.reactions or () if not math.isinf(r.live[budget])]
        while node.waiting and budget > 0 and sum(r.visits for r in reactions) >= len(reactions):
            graph.unfold(node)
            reactions = [r for r in node.reactions or () if not math.isinf(r.live[budget])]
        if not reactions:
            return None
        total = sum(r.proposal.score for r in reactions)
        root = math.sqrt(1 + sum(r.visits for r in reactions))

        def urgency(reaction: ReactionNode) -> float:
            visits = reaction.visits
            stocked = 1.0 - len(reaction.made) / len(reaction.reactants)
            mean = reaction.worth / visits if visits else stocked
            return mean + self._exploration * reaction.proposal.score / total * root / (1 + visits)

        return max(reactions, key=urgency)


def make(algorithm: Algorithm) -> Strategy:
    """Raises ValueError for a name that is none."""
    if algorithm == "retro*":
        return RetroStar()
    if algorithm == "mcts":
        return TreeSearch()
    raise ValueError(f"algorithm must be 'retro*' or 'mcts', not '{algorithm}'")


def _least_steps(node: MoleculeNode) -> int:
    return next((b for b, cost in enumerate(node.hopeful) if not math.isinf(cost)), 0)


def _walked_out(node: MoleculeNode, budget: int) -> bool:
    """Whether all that is known below a molecule has been walked, and its proposer has more to say."""
    if not node.beyond or node.waiting or budget < 1:
        return False
    reactions = [r for r in node.reactions or () if not math.isinf(r.live[budget])]
    return sum(r.visits for r in reactions) >= len(reactions)


def _worth(node: MoleculeNode) -> float:
    """1 what is in stock or solved; else the stocked fraction of the best-scored precursors."""
    if not math.isinf(node.solved[-1]):
        return 1.0
    if not node.reactions:
        return 0.0
    best = max(node.reactions, key=lambda r: r.proposal.score)
    return 1.0 - len(best.made) / len(best.reactants)


def _unfold(graph: Graph, places: Sequence[Place]) -> bool:
    """Whether something was waiting, which now hangs and changes what is cheapest."""
    folded = [place.node for place in places if place.node.waiting]
    for node in folded:
        graph.unfold(node)
    return bool(folded)


def close_circle(graph: Graph, place: Place) -> bool:
    """Close the reaction that leads to `place` in a circle, if every way down to it passes the molecule it returns to.

    Where another way exists the reaction may serve that, and only finished routes are checked.
    """
    ancestors = [reaction.product for reaction in place.path]
    back = circular(place.node.smiles, [a.smiles for a in ancestors])
    if back is None or not _dominates(graph, ancestors[back], ancestors[-1]):
        return False
    graph.close(place.path[-1])
    return True


def _dominates(graph: Graph, gate: MoleculeNode, node: MoleculeNode) -> bool:
    """Whether every way from the root to `node` passes `gate`."""
    if gate is graph.root:
        return True
    seen: set[int] = set()
    stack = [node]
    while stack:
        at = stack.pop()
        if at is gate or at.index in seen:
            continue
        if at is graph.root:
            return False
        seen.add(at.index)
        stack.extend(r.product for r in at.parents if not r.closed)
    return True
