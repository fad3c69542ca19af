"""The genetic generator: graph edits and crossovers of a diverse population, behind ask/tell."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rdkit import Chem, rdBase

from knowledge.records.candidate import Candidate, Provenance
from knowledge.records.molecule import Molecule
from planners.design.filters.pipeline import FilterReport, Filters
from planners.design.generator import Dice, Evaluated, State, StateMismatch
from planners.design.genetic.bandit import OperatorBandit
from planners.design.genetic.graph import Graph, finish
from planners.design.genetic.operators import CROSSOVERS, MUTATIONS, PRIOR
from planners.design.genetic.population import Diagnosis, Population
from planners.design.space import DesignSpace, lock_as_molecule

_VERSION = 1
_GRAPH_CACHE = 20_000
# Edits in a row without a new molecule after which the space around the population counts as used up.
_PATIENCE = 5_000


class NoParents(ValueError):
    """Not one seed molecule can start the search."""


@dataclass(frozen=True)
class Offspring:
    """A new molecule before anything costly is computed for it."""

    smiles: str
    operator: str
    parents: tuple[str, ...]


class GeneticGenerator:
    """`ask` edits parents chosen from the population; `tell` lets scored molecules compete for places in it.

    seeds: SMILES to start from (known molecules); those that break a stability rule or the space are left out, except
        that they may be smaller than it wants.
    exclude: SMILES never to propose (measured, pending, rejected); the seeds are never proposed either.
    Raises NoParents when no seed fits and no locked substructure can serve as one.
    """

    def __init__(
        self,
        space: DesignSpace,
        seeds: Iterable[str],
        *,
        seed: int,
        exclude: Iterable[str] = (),
        capacity: int = 200,
        name: str = "genetic",
    ) -> None:
        self._name = name
        self.space = space
        self._dice = Dice(seed)
        self._filters = Filters(space)
        self._bandit = OperatorBandit(PRIOR)
        self._population = Population(capacity)
        self._graphs: dict[str, Graph] = {}
        self._seen: dict[str, None] = {}  # an ordered set of canonical SMILES
        self._keys: dict[str, None] = {}  # first InChIKey blocks of what was asked: tautomers and stereoisomers are one
        self._pending: dict[str, tuple[str, tuple[str, ...]]] = {}
        # A parent may be smaller than the space wants, since it can grow, and look hard to make, since it exists.
        self._gate = Filters(space.model_copy(update={"min_heavy_atoms": 1}), accessibility=False)
        parents = self._breedable(seeds) or _lock_itself(space)
        if not parents:
            raise NoParents("no seed molecule fits the design space; give seeds that hold the locked substructures")
        for smiles in parents:
            self._seen[smiles] = None
        for text in exclude:
            known = _flat_smiles(text)
            if known is not None:
                self._seen[known] = None
                self._keys[Molecule.from_smiles(known).connectivity] = None
        # Drawn by lot, so that a long library does not always start with the same few.
        order = self._dice.permutation(len(parents))
        self._population.found(parents[i] for i in order)

    @property
    def name(self) -> str:
        return self._name

    @property
    def population(self) -> list[str]:
        """Present parents, best first."""
        return self._population.smiles

    @property
    def operator_probabilities(self) -> dict[str, float]:
        return self._bandit.probabilities

    def diagnosis(self) -> Diagnosis:
        return self._population.diagnosis()

    def filter_report(self) -> FilterReport:
        """What was made and dropped since the start, by filter."""
        return self._filters.report()

    def breed(self, n: int) -> list[Offspring]:
        """Up to `n` new molecules without InChIKeys: what a fast inner loop needs. Each counts as asked."""
        return list(self._breed(n))

    def ask(self, n: int) -> list[Candidate]:
        candidates: list[Candidate] = []
        while len(candidates) < n:
            batch = self.breed(n - len(candidates))
            if not batch:
                break
            for child in batch:
                molecule = Molecule.from_smiles(child.smiles)
                if molecule.connectivity in self._keys:
                    continue
                self._keys[molecule.connectivity] = None
                if molecule.smiles != child.smiles:
                    self._seen[molecule.smiles] = None
                    self._pending[molecule.smiles] = self._pending.pop(child.smiles)
                provenance = Provenance(generator=self._name, operator=child.operator, parents=child.parents)
                candidates.append(Candidate(molecule=molecule, provenance=provenance))
        return candidates

    def tell(self, evaluated: Sequence[Evaluated]) -> None:
        """Molecules outside of the space (known ones, say) are remembered as seen, but do not become parents."""
        median = self._population.median()
        rewards: dict[str, list[float]] = {}
        accepted: list[Evaluated] = []
        for item in evaluated:
            origin = self._pending.pop(item.smiles, None)
            if origin is not None:
                operator, parents = origin
                rewards.setdefault(operator, []).append(self._reward(item, parents, median))
                accepted.append(item)
                continue
            known = _flat_smiles(item.smiles)
            if known is not None:
                self._seen[known] = None
                if self._breedable((known,)):
                    accepted.append(item.model_copy(update={"smiles": known}))
        self._bandit.credit(rewards)
        if accepted:
            self._population.absorb(accepted)

    def reseed(self, seed: int) -> None:
        self._dice = Dice(seed)

    def state(self) -> State:
        return {
            "generator": "genetic",
            "version": _VERSION,
            "space": self.space.sha256,
            "dice": self._dice.state(),
            "bandit": self._bandit.state(),
            "population": self._population.state(),
            "seen": list(self._seen),
            "keys": list(self._keys),
            "pending": [[smiles, operator, list(parents)] for smiles, (operator, parents) in self._pending.items()],
            "filters": self._filters.report().model_dump(mode="json"),
        }

    def restore(self, state: State) -> None:
        if state.get("generator") != "genetic" or state.get("version") != _VERSION:
            raise StateMismatch(f"not the state of a genetic generator of version {_VERSION}")
        if state["space"] != self.space.sha256:
            raise StateMismatch("the state was made in another design space")
        self._dice.restore(state["dice"])
        self._bandit.restore(state["bandit"])
        self._population.restore(state["population"])
        self._seen = dict.fromkeys(state["seen"])
        self._keys = dict.fromkeys(state["keys"])
        self._pending = {smiles: (operator, tuple(parents)) for smiles, operator, parents in state["pending"]}
        self._filters.restore(FilterReport.model_validate(state["filters"]))

    def _breedable(self, smiles: Iterable[str]) -> list[str]:
        """Those that can be parents: canonical without stereo, each once, in the given order."""
        flat = dict.fromkeys(text for text in map(_flat_smiles, smiles) if text is not None)
        return self._gate.keep(flat)

    def _breed(self, n: int) -> Iterator[Offspring]:
        made = failed = 0
        while made < n and failed < _PATIENCE:
            child = self._child(self._bandit.choose(self._dice))
            if child is None:
                failed += 1
            else:
                failed = 0
                made += 1
                yield child

    def _child(self, operator: str) -> Offspring | None:
        first = self._graph(self._population.select(self._dice))
        if operator in CROSSOVERS:
            second = self._graph(self._population.select(self._dice))
            parents: tuple[str, ...] = (first.smiles, second.smiles)
            draft = CROSSOVERS[operator](first, second, self._dice, self.space)
        else:
            parents = (first.smiles,)
            draft = MUTATIONS[operator](first, self._dice, self.space)
        if draft is None:
            return None
        smiles = finish(draft)
        if smiles is None or smiles in self._seen or self._filters.verdict(smiles, draft) is not None:
            return None
        self._seen[smiles] = None
        self._pending[smiles] = (operator, parents)
        return Offspring(smiles, operator, parents)

    def _graph(self, smiles: str) -> Graph:
        graph = self._graphs.get(smiles)
        if graph is None:
            if len(self._graphs) >= _GRAPH_CACHE:
                self._graphs.clear()
            graph = self._graphs[smiles] = Graph(smiles, self.space.locked)
        return graph

    def _reward(self, item: Evaluated, parents: tuple[str, ...], median: float | None) -> float:
        """1 for a child better than its best parent, 0.5 for one better than the median parent, else 0."""
        if not item.feasible:
            return 0.0
        scores = [s for s in map(self._population.score, parents) if s is not None]
        if scores and item.score > max(scores):
            return 1.0
        return 0.5 if median is None or item.score > median else 0.0


def _flat_smiles(text: str) -> str | None:
    """Canonical SMILES without stereo; None when the text is no molecule."""
    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(text)
    return str(Chem.MolToSmiles(mol, isomericSmiles=False)) if mol is not None and mol.GetNumAtoms() else None


def _lock_itself(space: DesignSpace) -> list[str]:
    """A single locked substructure that is a molecule, as the only parent."""
    fragment = lock_as_molecule(space.locked[0]) if len(space.locked) == 1 else None
    return [] if fragment is None else [str(Chem.MolToSmiles(fragment, isomericSmiles=False))]
