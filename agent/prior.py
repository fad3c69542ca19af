"""What the agent knows before and beside its own measurements: loaded once per process."""

from __future__ import annotations

from functools import lru_cache

from agent.campaign import CampaignSpec, Making, Prior
from agent.snapshot import Snapshot
from knowledge.records.fact import Fact
from knowledge.sources.handbook import Handbook
from knowledge.stock import Stock
from planners.routes.search import RoutePlanner


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


def known_facts(spec: CampaignSpec, snapshot: Snapshot) -> dict[str, list[Fact]]:
    """Handbook facts and own measurements by property, for every property that the campaign predicts."""
    book, own = handbook(spec.knowledge), snapshot.facts()
    return {name: [*book.facts(name), *own.get(name, [])] for name in spec.properties}
