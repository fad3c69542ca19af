"""Several objectives at once: who dominates whom, and who stands alone."""

from __future__ import annotations

from functools import lru_cache
from math import comb

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
_DIRECTIONS = 100  # reference directions aimed at with three objectives and more


def pareto_order(objectives: Array) -> tuple[npt.NDArray[np.intp], int]:
    """(indices of the rows, best first; how many of them nobody dominates). `objectives` (n, m), higher is better.

    Fronts of non-domination come one after the other. Within a front of two objectives the least crowded go first
    (NSGA-II: K. Deb et al., IEEE Trans. Evol. Comput. 6 (2002) 182); with more objectives crowding says little, so
    each reference direction gives its nearest row first, then its second nearest (NSGA-III: K. Deb and H. Jain, IEEE
    Trans. Evol. Comput. 18 (2014) 577). Rows that are equal keep their order.
    """
    from pymoo.util.nds.non_dominated_sorting import NonDominatedSorting

    if len(objectives) == 0:
        return np.zeros(0, dtype=np.intp), 0
    m = objectives.shape[1]
    costs = -objectives
    low, high = costs.min(axis=0), costs.max(axis=0)
    scaled = (costs - low) / np.where(high > low, high - low, 1.0)
    fronts = [np.sort(np.asarray(front, dtype=np.intp)) for front in NonDominatedSorting().do(costs)]
    place = _crowding_place if m <= 2 else _direction_place
    order = np.concatenate([front[place(scaled[front])] for front in fronts])
    return order, len(fronts[0])


def _crowding_place(scaled: Array) -> npt.NDArray[np.intp]:
    """Least crowded first; the ends of a front are never crowded."""
    from pymoo.operators.survival.rank_and_crowding.metrics import calc_crowding_distance

    return np.argsort(-np.asarray(calc_crowding_distance(scaled)), kind="stable")


def _direction_place(scaled: Array) -> npt.NDArray[np.intp]:
    """By turns: the nearest of every reference direction, then the second nearest of every direction, ..."""
    directions = _reference_directions(scaled.shape[1])
    along = scaled @ directions.T
    # Distance from the ray: the part of each row that its direction does not explain.
    distance = np.sqrt(np.maximum((scaled * scaled).sum(axis=1)[:, None] - along * along, 0.0))
    nearest = distance.argmin(axis=1)
    away = distance[np.arange(len(scaled)), nearest]
    by_direction = np.lexsort((away, nearest))
    starts = np.searchsorted(nearest[by_direction], np.arange(len(directions)))
    turn = np.empty(len(scaled), dtype=np.intp)
    turn[by_direction] = np.arange(len(scaled)) - starts[nearest[by_direction]]
    return np.lexsort((away, turn))


@lru_cache(maxsize=8)
def _reference_directions(objectives: int) -> Array:
    """Unit vectors, evenly spread over the simplex (I. Das and J. E. Dennis, SIAM J. Optim. 8 (1998) 631)."""
    from pymoo.util.ref_dirs import get_reference_directions

    partitions = 1
    while comb(objectives + partitions, objectives - 1) <= _DIRECTIONS:
        partitions += 1
    points = np.asarray(get_reference_directions("das-dennis", objectives, n_partitions=partitions))
    unit: Array = points / np.linalg.norm(points, axis=1, keepdims=True)
    return unit
