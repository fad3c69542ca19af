"""One search from a target to stock: budgets, gates, checks, and at any time the best there is."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sized
from itertools import islice

from knowledge.records.route import Leaf, Route, StockItem
from planners.routes.search import strategy as strategies
from planners.routes.search.cost import leaf_cost
from planners.routes.search.diversity import spread
from planners.routes.search.figures import PerStep, default_yield, figures, no_hazard, pareto_front
from planners.routes.search.graph import Graph, MoleculeNode
from planners.routes.search.judging import Judge, Jury, failed
from planners.routes.search.kbest import derivations
from planners.routes.search.partial import nearest
from planners.routes.search.reasons import unsolved
from planners.routes.search.result import Budget, Progress, SearchResult
from planners.routes.search.routes import route_of
from planners.routes.search.strategy import Algorithm
from planners.routes.search.supply import StockLike, Supply
from planners.routes.single_step.curated import RuleProposer
from planners.routes.single_step.proposal import Proposal, Proposer
from planners.routes.structure import canonical

LEAST = 0.001  # proposals scored lower are not followed
GOOD, FEW = 0.02, 3  # a second proposer is asked where the first gives fewer than FEW proposals scored GOOD or better
STUCK = 25  # expansions without a route after which the second proposer is asked about the root and so on downwards
SPARE = 10  # routes looked at beyond those wanted, because some fail their check
ROUNDS = 20  # how often a failed check may change the order before the next expansions
FIRST = 10  # proposals asked for at first: nine molecules in ten never need the others
POOL = 6  # routes looked at per route offered, so that there is something to choose from


class RouteSearch:
    """Anytime search for routes of at most `max_steps` reactions in all; see the package for the arguments.

    The same inputs and a budget of counts give the same routes. Not thread-safe (caches); give each worker its own.
    """

    def __init__(
        self,
        stock: StockLike,
        proposer: Proposer | None = None,
        *,
        second: Proposer | None = None,
        algorithm: Algorithm = "retro*",
        max_steps: int = 10,
        routes: int = 10,
        width: int = 50,
        batch: int = 4,
        judge: Judge | None = None,
        hazard: PerStep | None = None,
        yields: PerStep | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`width`: proposals per molecule, at first only FIRST of them; `batch`: molecules per call of the proposer;
        `clock` in s.

        With a learned model batches of 4 gave half as many expansions again per second as single molecules.

        Raises ValueError when a limit is out of range or the algorithm unknown.
        """
        for name, value in (("max_steps", max_steps), ("routes", routes), ("width", width), ("batch", batch)):
            if value < 1:
                raise ValueError(f"{name} must be at least 1, not {value}")
        strategies.make(algorithm)
        self.proposer: Proposer = proposer if proposer is not None else RuleProposer()
        self.second = second
        self.algorithm: Algorithm = algorithm
        self.max_steps = max_steps
        self.routes = routes
        self.width = width
        self.batch = batch
        self.judge = judge
        self.hazard = hazard or no_hazard
        self.yields = yields or default_yield
        self.clock = clock
        self.empty = isinstance(stock, Sized) and len(stock) == 0
        self.supply = Supply(stock)

    def search(
        self,
        smiles: str,
        budget: Budget | None = None,
        *,
        make: bool = False,
        progress: Callable[[Progress], None] | None = None,
    ) -> SearchResult:
        """Raises InvalidMolecule. A target in stock gives one route without steps, unless `make`."""
        target = canonical(smiles)
        started = self.clock()
        item = self.supply.find(target)
        if item is not None and not make:
            return self._bought(target, item, self.clock() - started)
        run = _Run(self, target, budget or Budget(), started, progress)
        run.go()
        return run.result()

    def _bought(self, target: str, item: StockItem, seconds: float) -> SearchResult:
        leaf = Leaf(smiles=target, stock=item)
        marks = figures(target, (), (leaf,), self.hazard, self.yields)
        route = Route(target=target, steps=(), leaves=(leaf,), score=math.exp(-leaf_cost(item)), figures=marks)
        return SearchResult(
            target=target,
            routes=(route,),
            solved=True,
            validated=self.judge is not None,
            unsupported=0,
            expansions=0,
            proposer_calls=0,
            molecules=1,
            seconds=seconds,
            first_solution_seconds=seconds,
            why_stopped="in stock",
            reason=f"{target} is in stock ({item.source}, tier {item.tier}).",
        )


class _Run:
    """The state of one search."""

    def __init__(
        self,
        owner: RouteSearch,
        target: str,
        budget: Budget,
        started: float,
        progress: Callable[[Progress], None] | None,
    ) -> None:
        self.owner = owner
        self.budget = budget
        self.started = started
        self.progress = progress
        self.graph = Graph(target, owner.supply, owner.max_steps)
        self.strategy = strategies.make(owner.algorithm)
        self.jury = Jury(owner.judge, self.graph)
        self.expansions = 0
        self.calls = 0
        self.first: float | None = None
        self.found = 0
        self.why = ""
        self._counted = (-1, -1)  # expansions and solutions at the last count of routes
        self._last = 0.0  # seconds that the last batch took
        self._helped = 0  # expansions when the second proposer was last asked because the search was stuck

    @property
    def elapsed(self) -> float:
        return self.owner.clock() - self.started

    @property
    def solved(self) -> bool:
        return not math.isinf(self.graph.root.solved[-1])

    @property
    def out_of_time(self) -> bool:
        """Whether another batch as long as the last would be late; a little is kept back for reading out the routes."""
        seconds = self.budget.seconds
        return seconds is not None and self.elapsed + self._last >= seconds - min(0.5, 0.05 * seconds)

    def go(self) -> None:
        if self.owner.empty:
            self.why = "the stock is empty"
            return
        while not self._over():
            begun = self.elapsed
            n = min(self.owner.batch, self.budget.expansions - self.expansions)
            places = self.strategy.choose(self.graph, n)
            if not places:
                if not self._help(self.owner.batch):
                    self.why = "nothing is left to expand"
                    return
                continue
            nodes = [place.node for place in places]
            self._more([node for node in nodes if not node.open])
            self._expand([node for node in nodes if node.open])
            self.strategy.learn(self.graph)
            if not self.solved and self.expansions - self._helped >= STUCK:
                self._help(self.owner.batch)
                self._helped = self.expansions
            if self.solved and self.first is None and next(derivations(self.graph, patience=500), None) is not None:
                self.first = self.elapsed
            self._count()
            self._last = self.elapsed - begun
            if self.progress is not None:
                molecules = len(self.graph.nodes)
                self.progress(Progress(self.expansions, molecules, self.first is not None, self.found, self.elapsed))

    def _over(self) -> bool:
        enough = self.budget.enough
        if enough is not None and self.found >= enough:
            self.why = f"{self.found} routes are enough"
        elif self.expansions >= self.budget.expansions:
            self.why = f"all {self.budget.expansions} expansions are used"
        elif self.out_of_time:
            self.why = f"the time of {self.budget.seconds:g} s is up"
        return bool(self.why)

    def _expand(self, nodes: list[MoleculeNode]) -> None:
        if not nodes:
            return
        first = min(FIRST, self.owner.width)
        for node, proposals in zip(nodes, self._ask(self.owner.proposer, nodes, first), strict=True):
            there_is_more = len(proposals) == first < self.owner.width
            self.graph.expand(node, proposals, beyond=proposals[-1].score if there_is_more else 0.0)
            node.asked = 1
        self.expansions += len(nodes)
        self._ask_again([n for n in nodes if _poor(n)])

    def _more(self, nodes: list[MoleculeNode]) -> None:
        """Ask the first proposer for all that it has to say."""
        if nodes:
            for node, proposals in zip(nodes, self._ask(self.owner.proposer, nodes, self.owner.width), strict=True):
                self.graph.expand(node, proposals, beyond=0.0)

    def _ask(self, proposer: Proposer, nodes: list[MoleculeNode], k: int) -> list[list[Proposal]]:
        self.calls += 1
        answers = proposer.propose([n.smiles for n in nodes], k)
        return [[p for p in answer if p.score >= LEAST] for answer in answers]

    def _ask_again(self, nodes: list[MoleculeNode]) -> bool:
        second = self.owner.second
        waiting = [n for n in nodes if n.asked == 1]
        if second is None or not waiting:
            return False
        for node, proposals in zip(waiting, self._ask(second, waiting, self.owner.width), strict=True):
            self.graph.expand(node, proposals)
            node.asked = 2
        return True

    def _help(self, n: int) -> bool:
        """Ask the second proposer about molecules it has not seen, the target first; False when there are none."""
        waiting = [node for node in self.graph.expanded if node.asked == 1]
        return self._ask_again(waiting[:n])

    def _count(self) -> None:
        """How many routes there are, when that may have changed and somebody waits for it; steps are judged."""
        graph = self.graph
        if self.first is None or not (self.jury.sits or self.budget.enough):
            self.found = int(self.first is not None)
            return
        # Reading routes out of the graph takes longer the larger it is: so more seldom, too.
        due = self._counted[0] + max(5, self._counted[0] // 10)
        if graph.solutions == self._counted[1] or (self.found and self.expansions < due):
            return
        self._counted = (self.expansions, graph.solutions)
        self.found = self._clean(self.budget.enough or 1)

    def _clean(self, wanted: int) -> int:
        """Routes without an unsupported step, counted up to `wanted`, the cheapest first; new steps are judged."""
        count = 0
        for _ in range(ROUNDS):
            count = 0
            before = self.graph.solutions
            for derivation in islice(derivations(self.graph), wanted + SPARE):
                if count >= wanted or (self.budget.seconds is not None and self.elapsed >= self.budget.seconds):
                    return count
                count += not any(map(failed, self.jury.steps(derivation)))
                if self.graph.solutions != before:
                    break  # a failed check made a reaction dearer, so another order holds
            if self.graph.solutions == before:
                break
        return count

    def result(self) -> SearchResult:
        owner, graph = self.owner, self.graph
        if self.jury.sits:
            self._clean(2 * owner.routes)
        pool: list[Route] = []
        for derivation in islice(derivations(graph), POOL * owner.routes):
            steps = self.jury.steps(derivation) if self.jury.known(derivation) else None
            pool.append(route_of(derivation, steps))
        clean, unjudged, doubted = self._sorted(pool)
        routes: list[Route] = []
        for part in (clean, unjudged):
            routes += self._ranked(spread(part, owner.routes - len(routes)))
        behind = self._ranked(spread(doubted, owner.routes - len(routes)))
        validated = self.jury.sits and bool(clean)
        partial = None if routes or behind else nearest(graph)
        limits = f"{owner.max_steps} steps and {self.expansions} expansions"
        offered = (*routes, *behind)
        if offered:
            reason = f"{len(offered)} routes to {graph.root.smiles}; the first has {len(offered[0].steps)} steps."
        else:
            reason = unsolved(graph, partial, limits, self.why)
        return SearchResult(
            target=graph.root.smiles,
            routes=offered,
            solved=bool(offered),
            validated=validated,
            unsupported=len(behind),
            expansions=self.expansions,
            proposer_calls=self.calls,
            molecules=len(graph.nodes),
            seconds=self.elapsed,
            first_solution_seconds=self.first,
            why_stopped=self.why,
            reason=reason,
            partial=partial,
        )

    def _ranked(self, routes: list[Route]) -> list[Route]:
        """With their figures: the Pareto front first, each part by score."""
        marked = [
            route.model_copy(
                update={
                    "figures": figures(route.target, route.steps, route.leaves, self.owner.hazard, self.owner.yields)
                }
            )
            for route in routes
        ]
        order = zip(marked, pareto_front(marked), strict=True)
        return [route for route, _ in sorted(order, key=lambda pair: (not pair[1], -pair[0].score))]

    def _sorted(self, pool: list[Route]) -> tuple[list[Route], list[Route], list[Route]]:
        """Routes that may be trusted, those that time was too short to judge, those with an unsupported step."""
        doubted = [r for r in pool if any(map(failed, r.steps))]
        rest = [r for r in pool if not any(map(failed, r.steps))]
        if not self.jury.sits:
            return rest, [], doubted
        judged = [all(step.check is not None for step in route.steps) for route in rest]
        return (
            [r for r, known in zip(rest, judged, strict=True) if known],
            [r for r, known in zip(rest, judged, strict=True) if not known],
            doubted,
        )


def _poor(node: MoleculeNode) -> bool:
    return sum(r.proposal.score >= GOOD for r in node.reactions or ()) < FEW
