"""Evolution over ways of making: every candidate carries the route it was made by."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence

from knowledge.records.candidate import Candidate, Provenance
from knowledge.records.molecule import InvalidMolecule, Molecule
from planners.design.filters.pipeline import FilterReport, Filters
from planners.design.generator import CannotServe, Dice, Evaluated, State, StateMismatch
from planners.design.genetic.bandit import OperatorBandit
from planners.design.genetic.population import Population
from planners.design.space import DesignSpace, compile_smarts
from planners.design.synthesis.bench import Bench
from planners.design.synthesis.operators import PRIOR, Workshop, cross, exchange, fresh, grow, prune, swap
from planners.design.synthesis.recipes import Recipes
from planners.design.synthesis.shelf import LEAVING, Shelf
from planners.design.synthesis.tree import Step, Tree, as_json, from_json, route
from planners.routes.structure import parse

_VERSION = 1
# Edits in a row without a new molecule after which what can be made counts as used up.
_PATIENCE = 2000
_FOUNDERS = 40
_SEARCHES = 1500  # edits to look for founders in
_KNOWN = 30  # molecules to begin from for which a way of making is looked for
_LEARNED = 3  # other people's molecules per `tell`, likewise


class SynthesisGenerator:
    """`ask` edits the ways in which parents are made; `tell` lets scored molecules compete for places among them.

    start: SMILES of known molecules; those that can be made from the shelf in two steps become parents.
    exclude: SMILES never to propose; those of `start` are never proposed either.
    most_steps: reactions in one route.
    Raises CannotServe when nothing that is made from the shelf lies in the space.
    """

    def __init__(
        self,
        space: DesignSpace,
        shelf: Shelf,
        *,
        seed: int,
        start: Iterable[str] = (),
        exclude: Iterable[str] = (),
        most_steps: int = 3,
        capacity: int = 200,
        name: str = "synthesis",
    ) -> None:
        self._name = name
        self.space = space
        self._shelf = shelf
        self._dice = Dice(seed)
        self._filters = Filters(space)
        self._gate = Filters(space)
        self._bandit = OperatorBandit(PRIOR)
        self._population = Population(capacity)
        bench = Bench()
        patterns = [compile_smarts(smarts) for smarts in space.locked]
        anchors = shelf.holding(patterns) if patterns else frozenset[int]()
        self._shop = Workshop(shelf, bench, most_steps, space.max_heavy_atoms + LEAVING, anchors)
        self._recipes = Recipes(shelf, bench)
        self._trees: dict[str, Tree] = {}
        self._scores: dict[str, float] = {}  # of parents, feasible ones
        self._seen: dict[str, None] = {}
        self._keys: dict[str, None] = {}  # first InChIKey blocks of what was asked
        self._pending: dict[str, tuple[str, tuple[str, ...]]] = {}
        known = [molecule for molecule in map(_read, start) if molecule is not None]
        for molecule in (*known, *(m for m in map(_read, exclude) if m is not None)):
            self._seen[molecule.smiles] = None
            self._keys[molecule.connectivity] = None
        self._found(known)

    @property
    def name(self) -> str:
        return self._name

    @property
    def population(self) -> list[str]:
        """Present parents, best first."""
        return self._population.smiles

    def way(self, smiles: str) -> Tree | None:
        """How a parent, or a molecule that was asked and not told yet, is made."""
        return self._trees.get(smiles)

    def filter_report(self) -> FilterReport:
        """What was made and dropped since the start, by filter."""
        return self._filters.report()

    def ask(self, n: int) -> list[Candidate]:
        candidates: list[Candidate] = []
        failed = 0
        while len(candidates) < n and failed < _PATIENCE:
            candidate = self._child(self._bandit.choose(self._dice))
            if candidate is None:
                failed += 1
            else:
                failed = 0
                candidates.append(candidate)
        return candidates

    def tell(self, evaluated: Sequence[Evaluated]) -> None:
        """Of molecules that were not asked here, the best few become parents if a way of making them is found."""
        median = statistics.median(self._scores.values()) if self._scores else None
        rewards: dict[str, list[float]] = {}
        accepted: list[Evaluated] = []
        others: list[Evaluated] = []
        for item in evaluated:
            origin = self._pending.pop(item.smiles, None)
            if origin is not None:
                operator, parents = origin
                rewards.setdefault(operator, []).append(self._reward(item, parents, median))
                accepted.append(item)
            else:
                others.append(item)
        self._bandit.credit(rewards)
        accepted += self._adopted(others)
        if accepted:
            self._scores |= {item.smiles: item.score for item in accepted if item.feasible}
            self._population.absorb(accepted)
            self._forget()

    def reseed(self, seed: int) -> None:
        self._dice = Dice(seed)

    def state(self) -> State:
        return {
            "generator": "synthesis",
            "version": _VERSION,
            "space": self.space.sha256,
            "shelf": self._shelf.sha256,
            "dice": self._dice.state(),
            "bandit": self._bandit.state(),
            "population": self._population.state(),
            "trees": [[smiles, as_json(tree)] for smiles, tree in self._trees.items()],
            "scores": [[smiles, score] for smiles, score in self._scores.items()],
            "seen": list(self._seen),
            "keys": list(self._keys),
            "pending": [[smiles, operator, list(parents)] for smiles, (operator, parents) in self._pending.items()],
            "filters": self._filters.report().model_dump(mode="json"),
        }

    def restore(self, state: State) -> None:
        if state.get("generator") != "synthesis" or state.get("version") != _VERSION:
            raise StateMismatch(f"not the state of a synthesis generator of version {_VERSION}")
        if state["space"] != self.space.sha256 or state["shelf"] != self._shelf.sha256:
            raise StateMismatch("the state was made in another design space or from another stock")
        self._dice.restore(state["dice"])
        self._bandit.restore(state["bandit"])
        self._population.restore(state["population"])
        self._trees = {smiles: from_json(tree) for smiles, tree in state["trees"]}
        self._scores = {smiles: float(score) for smiles, score in state["scores"]}
        self._seen = dict.fromkeys(state["seen"])
        self._keys = dict.fromkeys(state["keys"])
        self._pending = {smiles: (operator, tuple(parents)) for smiles, operator, parents in state["pending"]}
        self._filters.restore(FilterReport.model_validate(state["filters"]))

    def _found(self, known: Sequence[Molecule]) -> None:
        """First parents: known molecules with a way of making, and the products of steps by lot."""
        founders: dict[str, Tree] = {}
        for molecule in known[:_KNOWN]:
            recipe = self._recipes.tree(molecule.smiles) if self._fits(molecule.smiles) else None
            if recipe is not None:
                founders[recipe.smiles] = recipe
        tried = 0
        while len(founders) < _FOUNDERS and tried < _SEARCHES:
            tried += 1
            tree = fresh(self._shop, self._dice)
            # The lock, or the size, may be reached with a second step.
            if tree is not None and not self._fits(tree.smiles):
                tree = grow(self._shop, tree, self._dice)
            if tree is not None and self._fits(tree.smiles):
                founders.setdefault(tree.smiles, tree)
        if not founders:
            what = f"holds {' and '.join(self.space.locked)}" if self.space.locked else "lies in the design space"
            raise CannotServe(
                f"synthesis: nothing that {tried} reactions made of {len(self._shelf)} purchasable molecules {what}"
            )
        self._trees = founders
        self._population.found(founders)
        self._forget()

    def _fits(self, smiles: str) -> bool:
        return self._gate.verdict(smiles, parse(smiles)) is None

    def _child(self, operator: str) -> Candidate | None:
        tree, parents = self._edited(operator)
        if not isinstance(tree, Step) or tree.smiles in self._seen:
            return None
        if self._filters.verdict(tree.smiles, parse(tree.smiles)) is not None:
            return None
        molecule = _read(tree.smiles)
        self._seen[tree.smiles] = None
        if molecule is None or molecule.connectivity in self._keys:
            return None
        self._keys[molecule.connectivity] = None
        self._seen[molecule.smiles] = None
        self._trees[molecule.smiles] = tree
        self._pending[molecule.smiles] = (operator, parents)
        provenance = Provenance(generator=self._name, operator=operator, parents=parents, route=route(tree))
        return Candidate(molecule=molecule, provenance=provenance)

    def _edited(self, operator: str) -> tuple[Tree | None, tuple[str, ...]]:
        if operator == "fresh":
            return fresh(self._shop, self._dice), ()
        first = self._population.select(self._dice)
        tree = self._trees[first]
        if operator == "cross":
            second = self._population.select(self._dice)
            return cross(self._shop, tree, self._trees[second], self._dice), (first, second)
        edit = {"swap": swap, "exchange": exchange, "grow": grow, "prune": prune}[operator]
        return edit(self._shop, tree, self._dice), (first,)

    def _adopted(self, others: Sequence[Evaluated]) -> list[Evaluated]:
        adopted: list[Evaluated] = []
        searched = 0
        for item in sorted(others, key=lambda e: (not e.feasible, -e.score, e.smiles)):
            molecule = _read(item.smiles)
            if molecule is None:
                continue
            self._seen[molecule.smiles] = None
            self._keys[molecule.connectivity] = None
            tree = self._trees.get(molecule.smiles)
            if tree is None and searched < _LEARNED and self._fits(molecule.smiles):
                searched += 1
                tree = self._recipes.tree(molecule.smiles)
            if tree is not None:
                self._trees[molecule.smiles] = tree
                adopted.append(item.model_copy(update={"smiles": molecule.smiles}))
        return adopted

    def _forget(self) -> None:
        """Ways of making are kept for parents and for what is out to be scored, scores for parents."""
        parents = self._population.smiles
        self._trees = {smiles: self._trees[smiles] for smiles in dict.fromkeys((*parents, *self._pending))}
        self._scores = {smiles: self._scores[smiles] for smiles in parents if smiles in self._scores}

    def _reward(self, item: Evaluated, parents: tuple[str, ...], median: float | None) -> float:
        """1 for a child better than its best parent, 0.5 for one better than the median parent, else 0."""
        if not item.feasible:
            return 0.0
        scores = [self._scores[smiles] for smiles in parents if smiles in self._scores]
        if scores and item.score > max(scores):
            return 1.0
        return 0.5 if median is None or item.score > median else 0.0


def _read(smiles: str) -> Molecule | None:
    try:
        return Molecule.from_smiles(smiles)
    except InvalidMolecule:
        return None
