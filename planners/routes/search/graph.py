"""The AND/OR graph of one search: molecules (OR) interned by SMILES, reactions (AND) between them.

Retro* (B. Chen, C. Li, H. Dai, L. Song, ICML 2020) keeps one value per molecule. Here each molecule keeps two short
tables instead, indexed by b = 0 .. max_steps:

solved[b]   least cost of making it from stock with at most b reactions;
live[b]     least cost of a tree of at most b reactions that still has an open molecule, which counts with an estimate,
            or a molecule with proposals nobody has looked at yet.

Only the best proposals of a molecule are hung under it at once. The others wait until they are the cheapest thing left,
for to know whether their reactants are in stock takes 0.4 ms each (an InChIKey), and most are never needed. So a
proposer, too, is first asked for a few: `beyond` bounds the score of what it would say if asked for more.

So "at most b steps" counts all reactions of a route, not only its longest branch, and a search that has found a route
still knows what to look at next. An entry depends only on entries of a smaller budget, hence updates end after at most
max_steps rounds whatever the cycles, which one value per molecule does not promise.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from operator import add

from knowledge.records.molecule import InvalidMolecule
from knowledge.records.route import StockItem
from planners.routes.search.cost import leaf_cost, open_cost, step_cost
from planners.routes.search.supply import Supply
from planners.routes.single_step.proposal import Proposal

Table = tuple[float, ...]
EAGER = 10
PROMISE = 0.3  # nats assumed for the precursors of a proposal not looked at: less than an open molecule, more than bulk


class MoleculeNode:
    """`reactions` None: open. `item`: purchasable, a leaf. `estimate`: cost while open. `index`: order of discovery.

    `waiting`: proposals not looked at yet, best first. `beyond`: no proposal that was not asked for scores higher.
    """

    __slots__ = (
        "asked",
        "beyond",
        "estimate",
        "hopeful",
        "index",
        "item",
        "live",
        "parents",
        "reactions",
        "smiles",
        "solved",
        "waiting",
    )

    def __init__(self, smiles: str, item: StockItem | None, index: int) -> None:
        self.smiles = smiles
        self.item = item
        self.index = index
        self.estimate = 0.0
        self.solved: Table = ()
        self.live: Table = ()
        self.hopeful: Table = ()  # the smaller of the two
        self.reactions: list[ReactionNode] | None = None
        self.waiting: list[Proposal] = []
        self.beyond = 0.0
        self.parents: list[ReactionNode] = []
        self.asked = 0  # how many proposers have been asked about it

    @property
    def open(self) -> bool:
        return self.item is None and self.reactions is None

    @property
    def promise(self) -> float | None:
        """Least cost, in nats, of what is known of the molecule but not hung under it; None when there is nothing."""
        score = self.waiting[0].score if self.waiting else self.beyond
        return step_cost(score) + PROMISE if score > 0.0 else None


class ReactionNode:
    """`reactants` distinct; `made`: those that are not leaves; `cost` of the step alone.

    `visits` and `worth` are tree-search statistics (PUCT); `closed` reactions take no part any more.
    """

    __slots__ = ("closed", "cost", "leaves", "live", "made", "product", "proposal", "reactants", "solved", "visits",
                 "worth")  # fmt: skip

    def __init__(self, proposal: Proposal, product: MoleculeNode, reactants: tuple[MoleculeNode, ...]) -> None:
        self.proposal = proposal
        self.product = product
        self.reactants = reactants
        self.made = tuple(r for r in reactants if r.item is None)
        self.leaves = sum(r.solved[0] for r in reactants if r.item is not None)
        self.cost = step_cost(proposal.score)
        self.solved: Table = ()
        self.live: Table = ()
        self.closed = False
        self.visits = 0
        self.worth = 0.0


class Graph:
    """`target` is never a leaf nor a precursor: a route to it must make it."""

    def __init__(self, target: str, supply: Supply, max_steps: int, *, eager: int = EAGER) -> None:
        """`eager`: proposals hung under a molecule at a time."""
        self._supply = supply
        self._eager = eager
        self.max_steps = max_steps
        self.size = max_steps + 1
        self.never: Table = (math.inf,) * self.size
        self.nodes: dict[str, MoleculeNode] = {}
        self.expanded: list[MoleculeNode] = []
        self.unreadable = 0  # proposals dropped because a reactant has no InChIKey
        self.solutions = 0  # grows whenever a solved table changes: routes found so far may be out of date
        self.root = self._open(target)

    def _open(self, smiles: str) -> MoleculeNode:
        node = MoleculeNode(smiles, None, len(self.nodes))
        node.estimate = open_cost(smiles)
        node.solved = self.never
        node.live = node.hopeful = (math.inf, *(node.estimate,) * self.max_steps)
        self.nodes[smiles] = node
        return node

    def _intern(self, smiles: str) -> MoleculeNode:
        node = self.nodes.get(smiles)
        if node is not None:
            return node
        item = self._supply.find(smiles)
        if item is None:
            return self._open(smiles)
        node = MoleculeNode(smiles, item, len(self.nodes))
        node.solved = node.hopeful = (leaf_cost(item),) * self.size
        node.live = self.never
        self.nodes[smiles] = node
        return node

    def expand(self, node: MoleculeNode, proposals: Sequence[Proposal], beyond: float | None = None) -> None:
        """Hang `proposals` under `node` and carry the new costs upwards; again for more, or a second proposer's.

        A precursor set is hung once, the first time it comes. `beyond`: the new bound for what was not asked for.
        """
        if node.reactions is None:
            node.reactions = []
            self.expanded.append(node)
        if beyond is not None:
            node.beyond = beyond
        known = {_key(p) for p in (*(r.proposal for r in node.reactions), *node.waiting)}
        fresh = [p for p in proposals if _key(p) not in known]
        node.waiting = sorted([*node.waiting, *fresh], key=lambda p: -p.score)
        self.unfold(node)

    def unfold(self, node: MoleculeNode) -> None:
        """Hang the best proposals that wait."""
        if node.reactions is None:
            raise ValueError(f"{node.smiles} is not expanded")
        known = {_key(r.proposal) for r in node.reactions}
        now, node.waiting = node.waiting[: self._eager], node.waiting[self._eager :]
        for proposal in now:
            key = _key(proposal)
            if key in known or self.root.smiles in key or node.smiles in key:
                continue
            known.add(key)
            try:
                distinct = tuple(self._intern(s) for s in dict.fromkeys(proposal.reactants))
            except InvalidMolecule:
                self.unreadable += 1
                continue
            reaction = ReactionNode(proposal, node, distinct)
            reaction.solved, reaction.live = self._tables(reaction)
            node.reactions.append(reaction)
            for reactant in reaction.made:
                reactant.parents.append(reaction)
        self._settle([node])

    def folded(self, node: MoleculeNode, budget: int) -> bool:
        """Whether what is not hung yet promises more than every reaction that is."""
        return budget > 0 and node.live[budget] == node.promise

    def charge(self, reaction: ReactionNode, nats: float) -> None:
        """Make a reaction dearer, as a failed check does."""
        reaction.cost += nats
        self._refresh(reaction)

    def close(self, reaction: ReactionNode) -> None:
        """Take a reaction out of the search."""
        reaction.closed = True
        self._refresh(reaction)

    def _refresh(self, reaction: ReactionNode) -> None:
        reaction.solved, reaction.live = self._tables(reaction)
        self._settle([reaction.product])

    def _tables(self, reaction: ReactionNode) -> tuple[Table, Table]:
        """Least costs of a reaction and all below it, solved and live."""
        never = self.never
        if reaction.closed:
            return never, never
        base = reaction.cost + reaction.leaves
        if not reaction.made:
            return (math.inf, *(base,) * self.max_steps), never
        solved, live = fold(reaction.made, never)
        return self._after(solved, base), self._after(live, base)

    def _after(self, table: Table, cost: float) -> Table:
        if table is self.never or math.isinf(table[-2]):
            return self.never
        return (math.inf, *[cost + t for t in table[:-1]])

    def _settle(self, changed: Iterable[MoleculeNode]) -> None:
        """Recompute `changed` and carry upwards what really changed, a wave at a time."""
        wave = list(changed)
        while wave:
            risen: list[MoleculeNode] = []
            for node in wave:
                solved, live = self._best(node)
                if solved != node.solved:
                    self.solutions += 1
                elif live == node.live:
                    continue
                node.solved, node.live = solved, live
                if solved is self.never:
                    node.hopeful = live
                else:
                    node.hopeful = solved if live is self.never else tuple(map(min, solved, live))
                risen.append(node)
            above: dict[int, MoleculeNode] = {}
            for node in risen:
                for reaction in node.parents:
                    solved, live = self._tables(reaction)
                    if solved != reaction.solved or live != reaction.live:
                        reaction.solved, reaction.live = solved, live
                        above[reaction.product.index] = reaction.product
            wave = list(above.values())

    def _best(self, node: MoleculeNode) -> tuple[Table, Table]:
        never = self.never
        reactions = node.reactions or ()
        solved = [r.solved for r in reactions if r.solved is not never]
        live = [r.live for r in reactions if r.live is not never]
        promise = node.promise
        if promise is not None:
            live.append((math.inf, *(promise,) * self.max_steps))
        return least(solved, never), least(live, never)


def _key(proposal: Proposal) -> tuple[str, ...]:
    return tuple(sorted(proposal.reactants))


def least(tables: Sequence[Table], never: Table) -> Table:
    """Entry by entry the smallest; `never` of none."""
    if len(tables) > 1:
        return tuple(map(min, *tables))
    return tables[0] if tables else never


def share(a: Table, b: Table, never: Table) -> Table:
    """Min-plus convolution: share a budget between two molecules at the least total cost."""
    if a is never or b is never:
        return never
    n = len(a)
    for one, other in ((a, b), (b, a)):
        # One cost from the first possible budget on, as of every open molecule: there is nothing to weigh up.
        cost = one[-1]
        first = one.index(cost)
        if first == 0 or math.isinf(one[first - 1]):
            return (math.inf,) * first + tuple([cost + t for t in other[: n - first]])
    back = b[::-1]
    return tuple([min(map(add, a, back[n - 1 - k :])) for k in range(n)])


def fold(molecules: Sequence[MoleculeNode], never: Table) -> tuple[Table, Table]:
    """The tables of several molecules needed together: all solved; or at least one open and the others as they are."""
    first = molecules[0]
    solved, live = first.solved, first.live
    for other in molecules[1:]:
        both = share(live, other.hopeful, never)
        if solved is not never and other.live is not never:
            # the second term also covers "other is open while the first is solved"
            now_open = share(solved, other.live, never)
            both = now_open if both is never else tuple(map(min, both, now_open))
        live = both
        solved = share(solved, other.solved, never)
    return solved, live
