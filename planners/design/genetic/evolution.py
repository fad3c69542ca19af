"""The genetic generator: graph edits and crossovers of a diverse population, behind ask/tell."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from knowledge.records.candidate import Candidate
from planners.design.filters.pipeline import FilterReport, Filters
from planners.design.generator import Dice, Evaluated, State, StateMismatch
from planners.design.genetic.bandit import OperatorBandit
from planners.design.genetic.breeding import Breeder, Offspring
from planners.design.genetic.memory import Memory, flat_smiles
from planners.design.genetic.nursery import Nursery
from planners.design.genetic.operators import PRIOR
from planners.design.genetic.population import Diagnosis, Population
from planners.design.space import DesignSpace

_VERSION = 2
# Edits in a row without a new molecule after which the space around the population counts as used up.
_PATIENCE = 5_000


class GeneticGenerator:
    """`ask` edits parents chosen from the population; `tell` lets scored molecules compete for places in it.

    seeds: SMILES to start from (known molecules); those that break a stability rule or the space are left out, except
        that they may be smaller than it wants.
    exclude: SMILES never to propose (measured, pending, rejected); the seeds are never proposed either.
    capacity: parents kept.  stability, accessibility: whether these filters are asked.
    With several objectives told, parents are ranked by fronts of non-domination; see `Population`.
    Raises NoParents when no seed fits and no locked substructure can serve as one.
    """

    def __init__(
        self,
        space: DesignSpace,
        seeds: Iterable[str],
        *,
        seed: int,
        exclude: Iterable[str] = (),
        capacity: int = 1000,
        stability: bool = True,
        accessibility: bool = True,
        name: str = "genetic",
    ) -> None:
        self._name = name
        self.space = space
        self._dice = Dice(seed)
        self._filters = Filters(space, stability=stability, accessibility=accessibility)
        self._breeder = Breeder(space, self._filters)
        self._bandit = OperatorBandit(PRIOR)
        self._population = Population(capacity)
        self._memory = Memory(exclude)
        self._pending: dict[str, str] = {}  # asked, not told: the operator that made it
        self._nursery = Nursery(space, stability=stability)
        parents = self._nursery.parents(seeds)
        for smiles in parents:
            self._memory.add(smiles)
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

    def front(self) -> list[Evaluated]:
        """What was told and is dominated by nothing else told; with one objective the best molecule."""
        return self._population.front()

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
                candidate = self._memory.proposal(child, self._name)
                operator = self._pending.pop(child.smiles)
                if candidate is not None:
                    self._pending[candidate.molecule.smiles] = operator
                    candidates.append(candidate)
        return candidates

    def tell(self, evaluated: Sequence[Evaluated]) -> None:
        """Molecules outside of the space (known ones, say) are remembered as seen, but do not become parents."""
        born: list[tuple[str, str]] = []
        accepted: list[Evaluated] = []
        for item in evaluated:
            operator = self._pending.pop(item.smiles, None)
            if operator is not None:
                born.append((operator, item.smiles))
                accepted.append(item)
                continue
            known = flat_smiles(item.smiles)
            if known is not None:
                self._memory.add(known)
                if self._nursery.breedable((known,)):
                    accepted.append(item.model_copy(update={"smiles": known}))
        if accepted:
            self._population.absorb(accepted)
        rewards: dict[str, list[float]] = {}
        for operator, smiles in born:
            rewards.setdefault(operator, []).append(self._population.merit(smiles))
        self._bandit.credit(rewards)

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
            "memory": self._memory.state(),
            "pending": dict(self._pending),
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
        self._memory.restore(state["memory"])
        self._pending = dict(state["pending"])
        self._filters.restore(FilterReport.model_validate(state["filters"]))

    def _breed(self, n: int) -> Iterator[Offspring]:
        made = failed = 0
        while made < n and failed < _PATIENCE:
            operator = self._bandit.choose(self._dice)
            child = self._breeder.child(operator, self._select, self._dice, self._memory.__contains__)
            if child is None:
                failed += 1
                continue
            failed = 0
            made += 1
            self._memory.add(child.smiles)
            self._pending[child.smiles] = operator
            yield child

    def _select(self) -> str:
        return self._population.select(self._dice)
