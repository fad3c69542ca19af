"""Retro* on count budgets for the closed loop: a few routes per molecule, the same every time."""

from __future__ import annotations

import math
from itertools import islice

from knowledge.records.route import Leaf, Route
from planners.routes.search.cost import heavy_atoms, leaf_cost
from planners.routes.search.graph import Graph, MoleculeNode, ReactionNode
from planners.routes.search.kbest import Derivation, derivations
from planners.routes.search.routes import route_of
from planners.routes.search.supply import StockLike, Supply
from planners.routes.search.walk import Place, open_places
from planners.routes.single_step.curated import RuleProposer
from planners.routes.single_step.proposal import Proposer
from planners.routes.structure import canonical

WIDTH = 50  # proposals kept per molecule
QUICK = 25  # expansions of `makeable`: of 277 invented solvents, 60 expansions solved none that 30 had not


class RoutePlanner:
    """Routes of at most `max_steps` reactions in all; at most `expansions` molecules are taken apart per target.

    The same inputs give the same routes: budgets are counts, never seconds. `proposer` defaults to RuleProposer().
    Not thread-safe (caches); give each worker its own.
    """

    def __init__(
        self,
        stock: StockLike,
        *,
        max_steps: int = 3,
        expansions: int = 60,
        routes: int = 3,
        least_score: float = 0.05,
        proposer: Proposer | None = None,
    ) -> None:
        """`least_score`: routes scored lower are not offered. Raises ValueError when a limit is out of range."""
        for name, value in (("max_steps", max_steps), ("expansions", expansions), ("routes", routes)):
            if value < 1:
                raise ValueError(f"{name} must be at least 1, not {value}")
        if not 0.0 < least_score < 1.0:
            raise ValueError(f"least_score must lie between 0 and 1, not {least_score}")
        self._ceiling = -math.log(least_score)
        self.max_steps = max_steps
        self.expansions = expansions
        self.routes = routes
        self.proposer: Proposer = proposer if proposer is not None else RuleProposer()
        self._supply = Supply(stock)

    def plan(self, smiles: str, *, make: bool = False) -> list[Route]:
        """Best first; [] when there is none within the limits. Raises InvalidMolecule.

        A target in stock gives one route without steps, unless `make` asks to synthesise it all the same.
        """
        target = canonical(smiles)
        item = self._supply.find(target)
        if item is not None and not make:
            leaf = Leaf(smiles=target, stock=item)
            return [Route(target=target, steps=(), leaves=(leaf,), score=math.exp(-leaf_cost(item)))]
        graph = self._search(target, wanted=self.routes)
        return self._diverse(graph)

    def makeable(self, smiles: str, *, make: bool = False) -> bool:
        """A quick yes means that `plan` with the same arguments finds a route; a quick no comes after few expansions.

        Raises InvalidMolecule.
        """
        target = canonical(smiles)
        if not make and self._supply.find(target) is not None:
            return True
        return self._solved(self._search(target, wanted=0, expansions=min(QUICK, self.expansions)))

    def explain(self, smiles: str) -> str:
        """Why there is no route (or that there is one), for people. Raises InvalidMolecule."""
        target = canonical(smiles)
        item = self._supply.find(target)
        if item is not None:
            return f"{target} is in stock ({item.source}, tier {item.tier})."
        graph = self._search(target, wanted=1)
        root = graph.root
        if self._solved(graph):
            return f"{target} can be made in at most {self.max_steps} steps."
        if not root.reactions:
            return f"No route to {target}: no template applies to it."
        limits = f"{self.max_steps} steps and {self.expansions} expansions"
        lines = [f"No good enough route to {target} within {limits}. Nearest:"]
        ranked = sorted(
            enumerate(root.reactions), key=lambda pair: (-_supplied(pair[1]), -pair[1].proposal.score, pair[0])
        )
        for _, reaction in ranked[:3]:
            parts = [self._state(node) for node in reaction.reactants]
            lines.append(f"- {reaction.proposal.reaction_class} from {'; '.join(parts)}")
        return "\n".join(lines)

    def _state(self, node: MoleculeNode) -> str:
        if node.item is not None:
            return f"{node.smiles} (in stock)"
        if node.reactions is None:
            return f"{node.smiles} (missing: not in stock, not searched further)"
        if not node.reactions:
            return f"{node.smiles} (missing: not in stock, no template applies)"
        steps = [b for b, cost in enumerate(node.solved) if not math.isinf(cost)]
        if steps:
            return f"{node.smiles} (can be made in {steps[0]} steps, too many with the rest)"
        return f"{node.smiles} (missing: not in stock, no route to it)"

    def _search(self, target: str, *, wanted: int, expansions: int | None = None) -> Graph:
        """Expand the most hopeful tree; `wanted` 0 stops at the first solution, else go on for that many routes."""
        graph = Graph(target, self._supply, self.max_steps, eager=WIDTH)
        for _ in range(expansions or self.expansions):
            through = None
            if self._solved(graph):
                if not wanted:
                    break
                through = self._alternative(graph, wanted)
                if through is None:
                    break
            elif graph.root.hopeful[self.max_steps] > self._ceiling:
                break
            places = open_places(graph, Place(graph.root, ()), self.max_steps, through)
            if not places:
                break
            node = places[0].node
            graph.expand(node, self.proposer.propose([node.smiles], WIDTH)[0])
        return graph

    def _solved(self, graph: Graph) -> bool:
        if graph.root.solved[self.max_steps] > self._ceiling:
            return False
        return any(d.cost <= self._ceiling for d in islice(derivations(graph), 1))

    def _alternative(self, graph: Graph, wanted: int) -> ReactionNode | None:
        """The most hopeful first step that could still, solved or solved cheaper, enter the best `wanted`."""
        reactions = graph.root.reactions or []
        last = self.max_steps
        solved = sorted(r.solved[last] for r in reactions)
        bar = min(self._ceiling, solved[min(wanted, len(solved)) - 1])
        better = [(r.live[last], i) for i, r in enumerate(reactions) if r.live[last] < min(r.solved[last], bar)]
        return reactions[min(better)[1]] if better else None

    def _diverse(self, graph: Graph) -> list[Route]:
        """One route per first step; first steps of a class seen already come last."""
        found: list[Derivation] = []
        for reaction in graph.root.reactions or ():
            found.extend(islice(derivations(graph, first=reaction), 1))
        seen: set[str] = set()
        fresh: list[Derivation] = []
        rest: list[Derivation] = []
        for derivation in sorted(found, key=lambda d: d.cost):
            if derivation.cost > self._ceiling:
                break
            last = derivation.reactions[-1].proposal.reaction_class
            (rest if last in seen else fresh).append(derivation)
            seen.add(last)
        chosen = sorted((fresh + rest)[: self.routes], key=lambda d: d.cost)
        return [route_of(derivation) for derivation in chosen]


def _supplied(reaction: ReactionNode) -> float:
    """Share of the reactants' heavy atoms that stock covers."""
    sizes = [(heavy_atoms(n.smiles), n.item) for n in reaction.reactants]
    return sum(size for size, item in sizes if item is not None) / sum(size for size, _ in sizes)
