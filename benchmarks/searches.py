"""One way to set up our search, for every benchmark that runs it."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from benchmarks import models
from knowledge.records.route import RouteStep
from planners.routes.search.supply import StockLike
from planners.routes.single_step.proposal import Proposal, Proposer

if TYPE_CHECKING:
    from planners.routes.search.judging import Judge
    from planners.routes.search.result import SearchResult
    from planners.routes.search.strategy import Algorithm

_WARM_UP = RouteStep(product="CCOC(C)=O", reactants=("CC(=O)O", "CCO"), reaction_class="", template="", score=1.0)
_NO_LIMIT = 10**9  # expansions: the clock is the budget


def _judge() -> Judge:
    from planners.routes.check import ForwardCheck

    judge: Judge = ForwardCheck().judge
    judge(_WARM_UP)  # reads the precedents: the first target must not pay for that
    return judge


class _Tally:
    """The proposer of a search, with the disconnections it gave counted."""

    def __init__(self, proposer: Proposer) -> None:
        self._proposer = proposer
        self.reactions = 0

    def propose(self, molecules: Sequence[str], k: int) -> list[list[Proposal]]:
        answers = self._proposer.propose(molecules, k)
        self.reactions += sum(map(len, answers))
        return answers


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
        clock: str = "wall",
    ) -> None:
        """`clock` "cpu": seconds of this process's own computing, on a machine that others use too."""
        from planners.routes.search import Budget, RouteSearch

        self.proposer = models.load(proposer)
        self._tally = _Tally(self.proposer)
        self._search = RouteSearch(
            stock,
            self._tally,
            second=None if second is None else models.load(second),
            algorithm=algorithm,
            max_steps=max_steps,
            routes=routes,
            width=width,
            clock=time.process_time if clock == "cpu" else time.monotonic,
            judge=_judge() if judged else None,
        )
        self._budget = Budget(expansions=_NO_LIMIT, seconds=seconds, enough=enough)
        if "torch" in sys.modules:
            import torch

            torch.set_num_threads(1)

    @property
    def reactions(self) -> int:
        """Disconnections that the model has given so far, those from its cache too."""
        return self._tally.reactions

    def search(self, smiles: str) -> SearchResult:
        """A route of at least one step, also for a target that is itself in stock. Raises InvalidMolecule."""
        return self._search.search(smiles, self._budget, make=True)
