"""Routes in order of cost, against enumeration by brute force on random reaction networks."""

from __future__ import annotations

import math
import random
from itertools import islice

import pytest

from planners.routes.search.graph import Graph, MoleculeNode, ReactionNode
from planners.routes.search.kbest import derivations
from planners.routes.search.loops import circular
from planners.routes.search.strategy import Algorithm, make
from planners.routes.search.supply import Supply
from planners.routes.single_step.proposal import Proposal
from tests.routes.dictionary import Shelf

# Chains of growing length and rings: no two share a skeleton, none carries a protecting group.
MOLECULES = [f"C{'C' * n}{end}" for n in range(1, 5) for end in ("Br", "N", "S", "C#N")]


def _network(
    seed: int, max_steps: int, expand: int = 1000, *, eager: int = 10, algorithm: Algorithm = "retro*"
) -> Graph:
    """A random network over MOLECULES with cycles, shared intermediates and dead ends, expanded as far as asked."""
    rng = random.Random(seed)
    graph = Graph("CCCCCCCCI", Supply(Shelf(*rng.sample(MOLECULES, 5))), max_steps, eager=eager)
    strategy = make(algorithm)
    for _ in range(expand):
        places = strategy.choose(graph, 1)
        if not places:
            break
        node = places[0].node
        local = random.Random(f"{seed} {node.smiles}")
        proposals = [
            Proposal(tuple(local.sample(MOLECULES, local.choice((1, 1, 2, 3)))), "", "", local.uniform(0.05, 1.0))
            for _ in range(local.choice((0, 2, 3, 4)))
        ]
        graph.expand(node, proposals)
        strategy.learn(graph)
    return graph


def _brute(graph: Graph) -> list[tuple[float, frozenset[tuple[str, tuple[str, ...]]]]]:
    """Every choice of one reaction per molecule that ends in stock without circles; costs by occurrence in the tree."""
    found: list[tuple[float, frozenset[tuple[str, tuple[str, ...]]]]] = []

    def grow(
        needs: tuple[tuple[MoleculeNode, tuple[str, ...]], ...], chosen: dict[str, ReactionNode], cost: float, used: int
    ) -> None:
        if not needs:
            found.append((cost, frozenset((p, r.proposal.reactants) for p, r in chosen.items())))
            return
        (node, above), rest = needs[0], needs[1:]
        fixed = chosen.get(node.smiles)
        for reaction in [fixed] if fixed else node.reactions or []:
            path = (*above, node.smiles)
            if used + 1 > graph.max_steps or any(circular(r.smiles, path) is not None for r in reaction.reactants):
                continue
            price = reaction.cost + sum(r.solved[0] for r in reaction.reactants if r.item is not None)
            more = tuple((r, path) for r in reaction.reactants if r.item is None)
            grow((*more, *rest), {**chosen, node.smiles: reaction}, cost + price, used + 1)

    grow(((graph.root, ()),), {}, 0.0, 0)
    return sorted(found, key=lambda f: f[0])


@pytest.mark.parametrize("max_steps", [1, 2, 4, 6])
def test_all_routes_in_order(max_steps: int) -> None:
    solved = 0
    for seed in range(60):
        graph = _network(seed, max_steps)
        expected = _brute(graph)
        got = list(islice(derivations(graph, patience=10**6), len(expected) + 5))
        assert len(got) == len(expected)
        assert [d.cost for d in got] == pytest.approx([cost for cost, _ in expected])
        keys = {frozenset((r.product.smiles, r.proposal.reactants) for r in d.reactions) for d in got}
        assert len(keys) == len(got), "no route comes twice"
        assert keys == {key for _, key in expected}
        solved += bool(expected)
        if expected:
            assert graph.root.solved[max_steps] <= expected[0][0] + 1e-9
        else:
            assert not got
    assert solved >= (5 if max_steps == 1 else 15), "the networks must have routes for this test to mean anything"


def test_the_table_knows_the_cheapest_route_of_every_budget() -> None:
    for seed in range(60):
        graph = _network(seed, 5)
        trees = [(d.cost, d) for d in islice(derivations(graph), 1)]
        if trees and len(trees[0][1].reactions) == len({r.product.index for r in trees[0][1].reactions}):
            assert graph.root.solved[5] == pytest.approx(trees[0][0])
        assert list(graph.root.solved) == sorted(graph.root.solved, reverse=True)


def test_incremental_updates_equal_a_fresh_computation() -> None:
    for seed in range(30):
        graph = _network(seed, 6, expand=8)
        some = [r for n in graph.expanded for r in n.reactions or ()]
        if some:
            graph.charge(some[seed % len(some)], 2.0)
            graph.close(some[(seed + 3) % len(some)])
        before = {n.smiles: (n.solved, n.live) for n in graph.nodes.values()}
        _relax(graph)
        for node in graph.nodes.values():
            assert node.solved == pytest.approx(before[node.smiles][0])
            assert node.live == pytest.approx(before[node.smiles][1])


@pytest.mark.parametrize("algorithm", ["retro*", "mcts"])
def test_waiting_proposals_are_looked_at_before_the_search_ends(algorithm: Algorithm) -> None:
    """One at a time or all at once: a search that goes on to the end finds the same routes."""
    for seed in range(40):
        costs = []
        for eager in (1, 10):
            graph = _network(seed, 5, eager=eager, algorithm=algorithm)
            assert math.isinf(graph.root.live[-1])
            costs.append([d.cost for d in derivations(graph, patience=10**6)])
        assert costs[0] == pytest.approx(costs[1])


def _relax(graph: Graph) -> None:
    """The definition of the tables, budget by budget."""
    size = graph.size
    for node in graph.expanded:
        node.solved = node.live = node.hopeful = graph.never
    for _ in range(size + 1):
        for node in graph.expanded:
            solved, live = [math.inf] * size, [math.inf] * size
            for r in node.reactions or ():
                if r.closed:
                    continue
                for b in range(1, size):
                    ways = _splits(r.made, b - 1)
                    solved[b] = min(
                        solved[b],
                        r.cost + r.leaves + min((sum(m.solved[u] for m, u in w) for w in ways), default=math.inf),
                    )
                    for w in ways:
                        for i in range(len(w)):
                            total = sum(m.live[u] if j == i else m.hopeful[u] for j, (m, u) in enumerate(w))
                            live[b] = min(live[b], r.cost + r.leaves + total)
            node.solved, node.live = tuple(solved), tuple(live)
            node.hopeful = tuple(map(min, solved, live))


def _splits(made: tuple[MoleculeNode, ...], left: int) -> list[list[tuple[MoleculeNode, int]]]:
    if not made:
        return [[]]
    if len(made) == 1:
        return [[(made[0], left)]]
    return [[(made[0], u), *rest] for u in range(left + 1) for rest in _splits(made[1:], left - u)]
