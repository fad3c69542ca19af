"""The AND/OR graph of one search: molecules (OR) interned by SMILES, reactions (AND) between them.

Retro* (B. Chen, C. Li, H. Dai, L. Song, ICML 2020) keeps one value per molecule. Here each molecule keeps a short table
instead: the least cost of making it with at most b reactions, b = 0 .. max_steps, so that "at most three steps from
stock" counts all reactions of a route, not only its longest branch. All costs are positive, hence the cheapest tree
never contains a cycle.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from knowledge.records.route import StockItem
from planners.routes.search.cost import leaf_cost, open_cost, step_cost
from planners.routes.search.supply import Supply
from planners.routes.single_step.proposal import Proposal

Table = list[float]


@dataclass(eq=False)
class MoleculeNode:
    smiles: str
    item: StockItem | None
    hopeful: Table  # open molecules count with their estimate
    solved: Table  # open molecules count as impossible
    reactions: list[ReactionNode] | None = None
    parents: list[ReactionNode] = field(default_factory=list)


@dataclass(eq=False)
class ReactionNode:
    proposal: Proposal
    cost: float
    product: MoleculeNode
    reactants: tuple[MoleculeNode, ...]  # distinct

    def table(self, name: str, size: int) -> Table:
        """Least cost of this reaction and all below it with at most b reactions."""
        total = split_table([getattr(r, name) for r in self.reactants], size)
        return [math.inf, *(self.cost + total[b] for b in range(size - 1))]


def split_table(tables: Sequence[Table], size: int) -> Table:
    """Min-plus convolution: share b reactions among several molecules at the least total cost."""
    total = [0.0] * size
    for table in tables:
        total = [min(total[b - used] + table[used] for used in range(b + 1)) for b in range(size)]
    return total


class Graph:
    """`target` is never a leaf nor a precursor: a route to it must make it."""

    def __init__(self, target: str, supply: Supply, max_steps: int) -> None:
        self._supply = supply
        self._size = max_steps + 1
        self._nodes: dict[str, MoleculeNode] = {}
        self.root = self._new(target, None)

    def _new(self, smiles: str, item: StockItem | None) -> MoleculeNode:
        if item is None:
            hopeful = [math.inf, *[open_cost(smiles)] * (self._size - 1)]
            node = MoleculeNode(smiles, None, hopeful, [math.inf] * self._size)
        else:
            cost = leaf_cost(item)
            node = MoleculeNode(smiles, item, [cost] * self._size, [cost] * self._size)
        self._nodes[smiles] = node
        return node

    def _intern(self, smiles: str) -> MoleculeNode:
        return self._nodes.get(smiles) or self._new(smiles, self._supply.find(smiles))

    def expand(self, node: MoleculeNode, proposals: Sequence[Proposal]) -> None:
        """Hang `proposals` under `node` and carry the new costs upwards."""
        node.reactions = []
        for proposal in proposals:
            if self.root.smiles in proposal.reactants or node.smiles in proposal.reactants:
                continue
            distinct = tuple(self._intern(s) for s in dict.fromkeys(proposal.reactants))
            reaction = ReactionNode(proposal, step_cost(proposal.score), node, distinct)
            node.reactions.append(reaction)
            for reactant in distinct:
                reactant.parents.append(reaction)
        self._update(node)

    def _update(self, start: MoleculeNode) -> None:
        queue = [start]
        while queue:
            node = queue.pop(0)
            hopeful = [math.inf] * self._size
            solved = [math.inf] * self._size
            for reaction in node.reactions or ():
                hopeful = list(map(min, hopeful, reaction.table("hopeful", self._size)))
                solved = list(map(min, solved, reaction.table("solved", self._size)))
            if node is not start and hopeful == node.hopeful and solved == node.solved:
                continue
            node.hopeful, node.solved = hopeful, solved
            for parent in node.parents:
                if parent.product not in queue:
                    queue.append(parent.product)

    def next_open(self, reaction: ReactionNode | None) -> tuple[MoleculeNode, int] | None:
        """The open molecule to expand next on the most hopeful tree (through `reaction` when given), and its budget."""
        best: tuple[MoleculeNode, int] | None = None
        stack = [(self.root, self._size - 1)]
        first = reaction
        while stack:
            node, budget = stack.pop()
            if node.item is not None:
                continue
            if node.reactions is None:
                if best is None or node.hopeful[1] > best[0].hopeful[1]:
                    best = (node, budget)
                continue
            chosen = first or self.best_reaction(node, budget, "hopeful")
            first = None
            if chosen is not None:
                stack.extend(self.shares(chosen, budget, "hopeful"))
        return best

    def best_reaction(self, node: MoleculeNode, budget: int, table: str) -> ReactionNode | None:
        costs = [(r.table(table, self._size)[budget], i) for i, r in enumerate(node.reactions or ())]
        if not costs or math.isinf(min(costs)[0]):
            return None
        return (node.reactions or [])[min(costs)[1]]

    def shares(self, reaction: ReactionNode, budget: int, table: str) -> list[tuple[MoleculeNode, int]]:
        """How the cheapest tree below `reaction` shares its remaining steps among the reactants."""
        left = budget - 1
        out: list[tuple[MoleculeNode, int]] = []
        tables = [getattr(r, table) for r in reaction.reactants]
        for i in range(len(tables) - 1, -1, -1):
            before = split_table(tables[:i], self._size)
            used = min(range(left + 1), key=lambda u: (before[left - u] + tables[i][u], u))
            out.append((reaction.reactants[i], used))
            left -= used
        return out[::-1]

    def cost_through(self, reaction: ReactionNode, table: str) -> float:
        return reaction.table(table, self._size)[self._size - 1]
