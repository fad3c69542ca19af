"""One way to set up our search, for every benchmark that runs it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from benchmarks import models
from planners.routes.search.supply import StockLike

if TYPE_CHECKING:
    from planners.routes.search.result import SearchResult
    from planners.routes.search.strategy import Algorithm

_NO_LIMIT = 10**9  # expansions: the clock is the budget


class Searcher:
    """A search with its model loaded and one thread; `seconds` of wall clock per target.

    Raises ModelUnavailable.
    """

    def __init__(
        self,
        stock: StockLike,
        proposer: str,
        second: str | None = None,
        *,
        algorithm: Algorithm,
        seconds: float,
        max_steps: int,
        routes: int,
        enough: int | None = None,
        judged: bool = True,
        width: int = 50,
    ) -> None:
        from planners.routes.search import Budget, RouteSearch

        judge = None
        if judged:
            from planners.routes.check import judge
        self.proposer = models.load(proposer)
        self._search = RouteSearch(
            stock,
            self.proposer,
            second=None if second is None else models.load(second),
            algorithm=algorithm,
            max_steps=max_steps,
            routes=routes,
            width=width,
            judge=judge,
        )
        self._budget = Budget(expansions=_NO_LIMIT, seconds=seconds, enough=enough)
        if "torch" in sys.modules:
            import torch

            torch.set_num_threads(1)

    def search(self, smiles: str) -> SearchResult:
        """A route of at least one step, also for a target that is itself in stock. Raises InvalidMolecule."""
        return self._search.search(smiles, self._budget, make=True)
