"""What the agent knows before and beside its own measurements: loaded once per process."""

from __future__ import annotations

from functools import lru_cache

from agent.campaign import CampaignSpec, Making, Prior
from agent.snapshot import Snapshot
from knowledge.records.fact import Fact
from knowledge.sources.handbook import Handbook
from knowledge.stock import Stock
from planners.routes.appraisal import expected_yield
from planners.routes.check import ForwardCheck
from planners.routes.search import Budget, RoutePlanner, RouteSearch, SearchResult
from planners.routes.single_step.panel import learned, panel

ROUTES = 3
ENOUGH = 10  # routes in the graph after which the search for better ones ends


@lru_cache(maxsize=4)
def handbook(prior: Prior) -> Handbook:
    """The handbook less what is withheld from the agent."""
    return Handbook.known(withheld=prior.withheld, seed=prior.seed)


@lru_cache(maxsize=1)
def stock() -> Stock:
    return Stock.builtin()


@lru_cache(maxsize=4)
def route_planner(making: Making) -> RoutePlanner:
    return RoutePlanner(stock(), max_steps=making.max_steps, expansions=making.expansions)


@lru_cache(maxsize=4)
def _searches(making: Making) -> tuple[RouteSearch, ...]:
    """Curated rules, whose conditions are known; then, with the learned models beside them, what rules cannot reach."""
    panels = [panel("rules"), panel("all")] if learned() else [panel("rules")]
    judge = ForwardCheck().judge
    return tuple(
        RouteSearch(
            stock(),
            asked.first,
            second=asked.second,
            max_steps=making.max_steps,
            routes=ROUTES,
            judge=judge,
            yields=expected_yield,
        )
        for asked in panels
    )


def find_routes(making: Making, smiles: str) -> SearchResult:
    """Checked routes, best first. Budgets are counts: the same inputs give the same routes. Raises InvalidMolecule."""
    budget = Budget(expansions=making.expansions, enough=ENOUGH)
    first, *others = _searches(making)
    result = first.search(smiles, budget)
    for search in others:
        if result.validated:
            break
        wider = search.search(smiles, budget)
        if wider.validated or not result.routes:
            result = wider
    return result


def known_facts(spec: CampaignSpec, snapshot: Snapshot) -> dict[str, list[Fact]]:
    """Handbook facts and own measurements by property, for every property that the campaign predicts."""
    book, own = handbook(spec.knowledge), snapshot.facts()
    return {name: [*book.facts(name), *own.get(name, [])] for name in spec.properties}
