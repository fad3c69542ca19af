"""How good a set of measured molecules is: Pareto front and dominated hypervolume, in utilities (see `goals`)."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from knowledge.records.objective import Constraint, Objective
from planners.optimize.goals import Observation, feasible, utilities


def hypervolume(
    observations: Sequence[Observation],
    objectives: Sequence[Objective],
    constraints: Sequence[Constraint] = (),
    *,
    assume_met: Collection[str] = (),
) -> float:
    """Volume of utilities dominated by the feasible measured points, above the reference point 0 (every objective at
    its `worst`).

    Dimensionless. For minimised non-negative properties it lies between 0 and 1; with one objective it is the best
    utility. Points with a missing objective or an unmeasured constraint (unless in `assume_met`) do not count. (E.
    Zitzler, L. Thiele, PPSN V, 1998, 292.)
    """
    points = [u for _, u in _scored(observations, objectives, constraints, assume_met)]
    return _volume([p for p in points if all(x > 0.0 for x in p)])


def pareto_front(
    observations: Sequence[Observation],
    objectives: Sequence[Objective],
    constraints: Sequence[Constraint] = (),
    *,
    assume_met: Collection[str] = (),
) -> list[int]:
    """Indices of the feasible points that no other feasible point dominates, in the order given; equal points all
    stay.
    """
    scored = _scored(observations, objectives, constraints, assume_met)
    return [i for i, a in scored if not any(_dominates(b, a) for _, b in scored)]


def _scored(
    observations: Sequence[Observation],
    objectives: Sequence[Objective],
    constraints: Sequence[Constraint],
    assume_met: Collection[str],
) -> list[tuple[int, tuple[float, ...]]]:
    if not objectives:
        raise ValueError("there is no objective")
    found = []
    for i, observation in enumerate(observations):
        u = utilities(observation.values, objectives)
        if u is not None and feasible(observation.values, constraints, assume_met):
            found.append((i, u))
    return found


def _dominates(a: Sequence[float], b: Sequence[float]) -> bool:
    return all(x >= y for x, y in zip(a, b, strict=True)) and any(x > y for x, y in zip(a, b, strict=True))


def _volume(points: list[tuple[float, ...]]) -> float:
    """Slices along the last objective; exact, and quick enough for a few hundred points in two or three dimensions."""
    if not points:
        return 0.0
    if len(points[0]) == 1:
        return max(p[0] for p in points)
    total = 0.0
    levels = sorted({p[-1] for p in points})
    below = 0.0
    for level in levels:
        total += (level - below) * _volume([p[:-1] for p in points if p[-1] >= level])
        below = level
    return total
