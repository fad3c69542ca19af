"""Many steps back: from a target to purchasable stock.

search = RouteSearch(stock, proposer)                     Retro* over an AND/OR graph; algorithm="mcts" for PUCT
result = search.search("CCOC(=O)c1ccccc1", Budget(seconds=30.0), progress=print)
result.routes                                             best first, each with figures (RouteFigures) and checks
result.partial                                            when nothing is solved: the nearest route and what it misses

RouteSearch(stock, proposer=None, *, second=None, algorithm="retro*", max_steps=10, routes=10, width=50, batch=4,
            judge=None, hazard=None, yields=None, clock=time.monotonic)
    stock      anything with lookup_smiles(smiles) -> StockItem | None: knowledge.stock.Stock, FlatMatches(stock)
    proposer   asked about every molecule (RuleProposer() when None); `second` only where the first gives too few good
               proposals or the search is stuck
    judge      RouteStep -> StepCheck; routes with an unsupported step go behind, and the search goes on
    hazard     RouteStep -> 0..1; yields: RouteStep -> 0..1 (0.7 a step when None)
search(smiles, budget=Budget(), *, make=False, progress=None) -> SearchResult        raises InvalidMolecule
Budget(expansions=500, seconds=None, enough=None)         seconds None: counts only, hence repeatable
Progress(expansions, molecules, solved, routes, seconds)  handed to `progress` after every batch
SearchResult: target, routes, solved, validated, unsupported, expansions, proposer_calls, molecules, seconds,
    first_solution_seconds, why_stopped, partial (PartialRoute | None), reason
PartialRoute: target, steps, leaves, missing

RoutePlanner(stock, ...).plan / makeable / explain: the same graph on count budgets, one route per first step.
"""

from planners.routes.search.engine import RouteSearch
from planners.routes.search.planner import RoutePlanner
from planners.routes.search.result import Budget, PartialRoute, Progress, SearchResult
from planners.routes.search.supply import FlatMatches

__all__ = ["Budget", "FlatMatches", "PartialRoute", "Progress", "RoutePlanner", "RouteSearch", "SearchResult"]
