"""One molecule's counts in a SCIP model, with the conditions of its structure; a mixture has two of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from planners.design.camd.contributions import Contributions
from planners.design.camd.expressions import Expressions
from planners.design.camd.groups import GROUPS
from planners.design.camd.structure import Structure

Vector = tuple[int, ...]
"""How often each group of the table occurs."""
_SEEDS = ("randomization/randomseedshift", "randomization/permutationseed", "randomization/lpseed")
_SETTINGS = {
    "parallel/maxnthreads": 1,
    "limits/gap": 0.0,
    "limits/absgap": 1e-7,
    "limits/maxorigsol": 20,
    # The relaxation is tight as it is written, and good vectors are found by branching: more rounds of cuts and more
    # heuristics took three times the seconds on 41 groups.
    "separating/maxroundsroot": 5,
    "separating/maxrounds": 1,
    **dict.fromkeys(
        (
            "heuristics/alns/freq",
            "heuristics/rens/freq",
            "heuristics/rins/freq",
            "heuristics/crossover/freq",
            "heuristics/multistart/freq",
            "heuristics/mpec/freq",
            "heuristics/nlpdiving/freq",
            "heuristics/undercover/freq",
        ),
        -1,
    ),
}


def new_model(seed: int) -> Any:
    """A silent SCIP model of one thread."""
    import pyscipopt

    model = pyscipopt.Model()
    model.hideOutput()
    for name in _SEEDS:
        model.setParam(name, seed % 2**31)
    for name, value in _SETTINGS.items():
        model.setParam(name, value)
    return model


class Component:
    """Variables: a whole number for every group, the rings, the heavy atoms and a binary for each number of them."""

    def __init__(
        self, model: Any, structure: Structure, bounds: Callable[[Contributions], tuple[float, float]]
    ) -> None:
        self.model, self.structure = model, structure
        self.counts = {
            i: model.addVar(GROUPS[i].name, vtype="I", lb=0, ub=structure.upper[i]) for i in structure.numbers
        }
        self._steps: dict[tuple[int, int], Any] = {}
        helpers = {
            "rings_aromatic": model.addVar("rings_aromatic", vtype="I", lb=0, ub=structure.rings[0]),
            "rings_saturated": model.addVar("rings_saturated", vtype="I", lb=0, ub=structure.rings[1]),
            "double_bonds": model.addVar("double_bonds", vtype="I", lb=0, ub=20),
            "lone_ring": model.addVar("lone_ring", vtype="B"),
        }
        self._write_rows(helpers)
        low, high = structure.heavy
        sizes = {h: model.addVar(f"heavy_{h}", vtype="B") for h in range(low, high + 1)}
        atoms = model.addVar("heavy_atoms", vtype="I", lb=low, ub=high)
        model.addCons(sum(GROUPS[i].heavy_atoms * n for i, n in self.counts.items()) - atoms == 0)
        model.addCons(sum(sizes.values()) == 1)
        model.addCons(sum(h * y for h, y in sizes.items()) - atoms == 0)
        for y in sizes.values():
            # With the size known the shares are linear, so that is asked first.
            model.chgVarBranchPriority(y, 1)
        rings = helpers["rings_aromatic"] + helpers["rings_saturated"]
        self.expressions = Expressions(model, self.counts, rings, atoms, sizes, bounds)

    def _write_rows(self, helpers: dict[str, Any]) -> None:
        variables: dict[Any, Any] = {**self.counts, **helpers}
        for row in self.structure.rows:
            terms = [c * variables[k] for k, c in row.coefficients.items() if c]
            if terms:
                _add(self.model, sum(terms), row.low, row.high)
            elif not row.low <= 0.0 <= row.high:
                self.model.addCons(helpers["lone_ring"] >= 2)  # no group can fulfil it

    def differs(self, vector: Vector) -> list[Any]:
        """Terms of which at least one is 1 wherever a count is another than the vector's, and only there.

        For every group whose count could be above or below, a binary that says "at least k" (shared by all cuts).
        """
        terms = []
        for i in self.structure.numbers:
            k = vector[i]
            if k < self.structure.upper[i]:
                terms.append(self._at_least(i, k + 1))
            if k > 0:
                terms.append(1 - self._at_least(i, k))
        return terms

    def _at_least(self, i: int, k: int) -> Any:
        if (i, k) not in self._steps:
            upper = self.structure.upper[i]
            binary = self.model.addVar(f"{GROUPS[i].name}>={k}", vtype="B")
            self.model.addCons(self.counts[i] >= k * binary)
            self.model.addCons(self.counts[i] <= (k - 1) + (upper - k + 1) * binary)
            self._steps[i, k] = binary
        return self._steps[i, k]

    def offer(self, vector: Vector) -> None:
        """As a first solution: its counts; SCIP works out the rest."""
        partial = self.model.createPartialSol()
        for i, variable in self.counts.items():
            self.model.setSolVal(partial, variable, vector[i])
        self.model.addSol(partial)

    def read(self, solution: Any) -> Vector:
        found = {i: round(self.model.getSolVal(solution, variable)) for i, variable in self.counts.items()}
        return tuple(found.get(i, 0) for i in range(len(GROUPS)))


def _add(model: Any, total: Any, low: float, high: float) -> None:
    if low == high:
        model.addCons(total == low)
        return
    if math.isfinite(low):
        model.addCons(total >= low)
    if math.isfinite(high):
        model.addCons(total <= high)


def counts_of(vector: Vector) -> dict[str, int]:
    """By name, those that occur."""
    return {GROUPS[i].name: n for i, n in enumerate(vector) if n}
