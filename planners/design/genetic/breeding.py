"""From parents to a child: an operator, sanitising, locks, filters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rdkit import Chem

from planners.design.filters.pipeline import Filters
from planners.design.generator import Dice
from planners.design.genetic.graph import Graph, finish
from planners.design.genetic.operators import CROSSOVERS, MUTATIONS
from planners.design.space import DesignSpace, compile_smarts

_GRAPH_CACHE = 20_000


@dataclass(frozen=True, slots=True)
class Offspring:
    """A new molecule before anything costly is computed for it. `mol`: sanitised, without stereo."""

    smiles: str
    operator: str
    parents: tuple[str, ...]
    mol: Chem.Mol


class Breeder:
    """Applies operators to parents given as SMILES; keeps their graphs, which operators read and never write."""

    def __init__(self, space: DesignSpace, filters: Filters) -> None:
        self.space = space
        self._filters = filters
        self._locked = tuple(compile_smarts(smarts) for smarts in space.locked)
        self._graphs: dict[str, Graph] = {}

    def child(
        self, operator: str, select: Callable[[], str], dice: Dice, known: Callable[[str], bool]
    ) -> Offspring | None:
        """One child of parents drawn with `select`.

        None when the operator cannot, when valences do not add up, when `known` says so of its SMILES, or when a lock
        or a filter is against it.
        """
        first = self._graph(select())
        if operator in CROSSOVERS:
            second = self._graph(select())
            parents: tuple[str, ...] = (first.smiles, second.smiles)
            draft = CROSSOVERS[operator](first, second, dice, self.space)
        else:
            parents = (first.smiles,)
            draft = MUTATIONS[operator](first, dice, self.space)
        if draft is None:
            return None
        smiles = finish(draft)
        if smiles is None or known(smiles) or not all(draft.HasSubstructMatch(lock) for lock in self._locked):
            return None
        if self._filters.verdict(smiles, draft) is not None:
            return None
        return Offspring(smiles, operator, parents, draft)

    def _graph(self, smiles: str) -> Graph:
        graph = self._graphs.get(smiles)
        if graph is None:
            if len(self._graphs) >= _GRAPH_CACHE:
                self._graphs.clear()
            graph = self._graphs[smiles] = Graph(smiles, self.space.locked)
        return graph
