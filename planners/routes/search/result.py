"""What a search is given and what it gives back."""

from __future__ import annotations

from dataclasses import dataclass

from knowledge.records.route import Leaf, Route, RouteStep


@dataclass(frozen=True)
class Budget:
    """When to stop. `expansions`: molecules taken apart; `seconds`: wall clock, None for counts only, which makes a
    search repeatable; `enough`: stop as soon as so many routes are found (supported ones, where steps are judged).
    """

    expansions: int = 500
    seconds: float | None = None
    enough: int | None = None

    def __post_init__(self) -> None:
        """Raises ValueError when a limit is out of range."""
        if self.expansions < 1:
            raise ValueError(f"expansions must be at least 1, not {self.expansions}")
        if self.seconds is not None and not self.seconds > 0.0:
            raise ValueError(f"seconds must be positive, not {self.seconds}")
        if self.enough is not None and self.enough < 1:
            raise ValueError(f"enough must be at least 1, not {self.enough}")


@dataclass(frozen=True)
class Progress:
    """How far a search is. `routes`: found at the last count, which is not made after every batch."""

    expansions: int
    molecules: int
    solved: bool
    routes: int
    seconds: float


@dataclass(frozen=True)
class PartialRoute:
    """The nearest thing to a route: `missing` molecules are neither in stock nor made."""

    target: str
    steps: tuple[RouteStep, ...]
    leaves: tuple[Leaf, ...]
    missing: tuple[str, ...]


@dataclass(frozen=True)
class SearchResult:
    """`routes` best first: Pareto front, the other routes, then those with an `unsupported` step (how many).

    `validated`: some route has only steps that a judge let pass; False where nobody judged. `expansions`: molecules
    taken apart; `proposer_calls`: batches asked; `molecules`: in the graph. `why_stopped` and `reason` are for people;
    `partial` is None when there is a route.
    """

    target: str
    routes: tuple[Route, ...]
    solved: bool
    validated: bool
    unsupported: int
    expansions: int
    proposer_calls: int
    molecules: int
    seconds: float
    first_solution_seconds: float | None
    why_stopped: str
    reason: str
    partial: PartialRoute | None = None
