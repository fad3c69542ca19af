"""Between which values a sum over groups can lie: two linear programmes over the structure's conditions."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import numpy as np
from scipy import sparse
from scipy.optimize import linprog

from planners.design.camd.contributions import Contributions, Form
from planners.design.camd.groups import GROUPS
from planners.design.camd.structure import AUXILIARY, Structure

_AJAR = 1e-6  # relative: HiGHS's optimum is within its tolerance


def _numbered(structure: Structure) -> Iterator[tuple[int | str, int]]:
    yield from ((i, j) for j, i in enumerate(structure.numbers))
    yield from ((name, j) for j, name in enumerate(AUXILIARY, start=len(structure.numbers)))


class SumBounds:
    """Bounds of sums, of shares for each number of heavy atoms and over all; each computed once."""

    def __init__(self, structure: Structure) -> None:
        self._structure = structure
        self._columns: dict[int | str, int] = dict(_numbered(structure))
        rows, low, high = [], [], []
        for row in structure.rows:
            line = np.zeros(len(self._columns))
            for k, c in row.coefficients.items():
                line[self._columns[k]] = c
            rows.append(line)
            low.append(row.low)
            high.append(row.high)
        matrix = np.array(rows)
        low_, high_ = np.array(low), np.array(high)
        above, below = np.isfinite(high_), np.isfinite(low_)
        self._matrix = sparse.csr_matrix(np.vstack([matrix[above], -matrix[below]]))
        self._right = np.concatenate([high_[above], -low_[below]])
        tops: Mapping[str, int] = {
            "rings_aromatic": structure.rings[0],
            "rings_saturated": structure.rings[1],
            "double_bonds": 20,
            "lone_ring": 1,
        }
        self._boxes = [(0, structure.upper[k] if isinstance(k, int) else tops[k]) for k in self._columns]
        self._known: dict[str, tuple[float, float]] = {}

    def __call__(self, used: Contributions) -> tuple[float, float]:
        """Of the sum, or of the share; infinite where the conditions allow nothing at all."""
        if used.property not in self._known:
            costs = np.zeros(len(self._columns))
            for k, j in self._columns.items():
                if isinstance(k, int):
                    costs[j] = 0.0 if math.isnan(used.each[k]) else used.each[k]
                elif k.startswith("rings"):
                    costs[j] = used.per_ring
            ends = self._share(costs) if used.form is Form.SHARE else self._ends(costs, used.intercept)
            self._known[used.property] = ends
        return self._known[used.property]

    def _share(self, costs: np.ndarray) -> tuple[float, float]:
        """A mean over heavy atoms lies between the smallest and the largest group's own share."""
        shares = [costs[self._columns[i]] / GROUPS[i].heavy_atoms for i in self._structure.numbers]
        return (min(shares), max(shares)) if shares else (0.0, 0.0)

    def _ends(self, costs: np.ndarray, intercept: float) -> tuple[float, float]:
        ends = []
        for sign in (1.0, -1.0):
            found = linprog(sign * costs, A_ub=self._matrix, b_ub=self._right, bounds=self._boxes, method="highs")
            if found.status != 0:
                return -math.inf, math.inf
            value = sign * found.fun
            ends.append(intercept + value - sign * _AJAR * max(1.0, abs(value)))
        return ends[0], ends[1]
