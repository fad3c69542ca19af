"""Routes that differ: a chemist wants three ideas, not one idea in three solvents."""

from __future__ import annotations

import math
from collections.abc import Sequence, Set

from knowledge.records.route import Route

LIKENESS = 1.5  # nats that a route which repeats another one entirely must be cheaper to be offered all the same


def distance(a: Route, b: Route) -> float:
    """0 .. 1: mean Jaccard distance of the last disconnection, the kinds of reactions and the starting materials."""
    parts = [(_last(a), _last(b)), (_kinds(a), _kinds(b)), (_stock(a), _stock(b))]
    return sum(_jaccard(x, y) for x, y in parts) / len(parts)


def spread(routes: Sequence[Route], n: int) -> list[Route]:
    """At most `n` routes: the best first, then whichever is both good and unlike those chosen. Greedy."""
    left = list(routes)
    chosen: list[Route] = []
    likest = [0.0] * len(left)
    while left and len(chosen) < n:
        best = min(range(len(left)), key=lambda i: (LIKENESS * likest[i] - math.log(max(left[i].score, 1e-300)), i))
        route = left.pop(best)
        likest.pop(best)
        chosen.append(route)
        likest = [max(old, 1.0 - distance(route, other)) for old, other in zip(likest, left, strict=True)]
    return chosen


def _jaccard(a: Set[str], b: Set[str]) -> float:
    return 1.0 - len(a & b) / len(a | b) if a or b else 0.0


def _last(route: Route) -> frozenset[str]:
    return frozenset(route.steps[-1].reactants if route.steps else ())


def _kinds(route: Route) -> frozenset[str]:
    """Classes; of steps without one the template, or failing that the reaction itself."""
    return frozenset(s.reaction_class or s.template or s.reaction_smiles for s in route.steps)


def _stock(route: Route) -> frozenset[str]:
    return frozenset(leaf.smiles for leaf in route.leaves)
