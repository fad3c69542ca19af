"""What several objectives leave to be gained: the region of utilities that no known point dominates, cut into boxes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_BELOW_NADIR = 0.1  # of the front's range, as in BoTorch's rule for a reference point


def front(points: Array) -> NDArray[np.bool_]:
    """(n,) of (n, m) utilities: which ones no other point dominates; of equal points all stay."""
    at_least = np.all(points[None, :, :] >= points[:, None, :], axis=-1)
    better = np.any(points[None, :, :] > points[:, None, :], axis=-1)
    return np.asarray(~np.any(at_least & better, axis=1))


def reference_point(points: Array, worst: Sequence[float | None]) -> Array:
    """(m,) from (n, m) utilities: `worst` (as utility) where it is given, otherwise a little below the front's nadir.

    A front with no extent in an objective takes the range of all points there. (H. Ishibuchi et al., Evol. Comput.
    2018, 26, 411, on why the nadir itself would leave the front's ends without worth.)
    """
    best = points[front(points)]
    nadir, ideal = best.min(axis=0), best.max(axis=0)
    extent = ideal - nadir
    range_ = np.ptp(points, axis=0)
    learned = np.where(extent > 0.0, nadir - _BELOW_NADIR * extent, nadir - _BELOW_NADIR * np.maximum(range_, 1e-12))
    return np.array([learned[i] if w is None else w for i, w in enumerate(worst)])


def undominated(points: Array, reference: Array, ceiling: Array | None = None) -> tuple[Array, Array]:
    """Lower and upper corners, each (c, m), of disjoint boxes: all utilities above `reference` (m,), and not above
    `ceiling` (m,), that none of `points` (n, m) dominates. Without a ceiling upper corners may be infinite.

    Sliced along the last objective; boxes that go on unchanged through the next slice are joined (in the spirit of
    R. Lacour, K. Klamroth, C. M. Fonseca, Comput. Oper. Res. 2017, 79, 347).
    """
    inside = points[(points > reference).all(axis=1)]
    inside = np.unique(inside[front(inside)], axis=0) if len(inside) else inside
    boxes = _boxes([tuple(p) for p in inside.tolist()], tuple(reference.tolist()))
    corners = np.array(boxes).reshape(len(boxes), 2, len(reference))
    lower, upper = corners[:, 0], corners[:, 1]
    if ceiling is None:
        return lower, upper
    below = (lower < ceiling).all(axis=1)
    return lower[below], np.minimum(upper, ceiling)[below]


Corner = tuple[float, ...]
_INF = float("inf")


def _boxes(points: list[Corner], reference: Corner) -> list[tuple[Corner, Corner]]:
    if len(reference) == 1:
        return [((max((p[0] for p in points), default=reference[0]),), (_INF,))]
    levels = [reference[-1], *sorted({p[-1] for p in points})]
    found: list[tuple[Corner, Corner]] = []
    growing: dict[tuple[Corner, Corner], float] = {}
    for i, level in enumerate(levels):
        above = [p[:-1] for p in points if p[-1] > level]
        now = _boxes(above if len(reference) == 2 else _maximal(above), reference[:-1])
        kept = {box: growing.get(box, level) for box in now}
        found += [((*box[0], low), (*box[1], level)) for box, low in growing.items() if box not in kept]
        growing = kept
        if i == len(levels) - 1:
            found += [((*box[0], low), (*box[1], _INF)) for box, low in growing.items()]
    return found


def _maximal(points: list[Corner]) -> list[Corner]:
    different = sorted(set(points), reverse=True)
    if different and len(different[0]) == 2:
        kept, top = [], -_INF
        for p in different:
            if p[1] > top:
                kept.append(p)
                top = p[1]
        return kept
    return [p for p in different if not any(q != p and _at_least(q, p) for q in different)]


def _at_least(a: Corner, b: Corner) -> bool:
    return all(x >= y for x, y in zip(a, b, strict=True))
