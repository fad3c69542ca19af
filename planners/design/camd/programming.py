"""Mathematical programming as a generator: the proven optimum, then the next best, each decoded to real molecules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rdkit import Chem

from knowledge.records.base import canonical_json, sha256_text
from knowledge.records.candidate import Candidate, Provenance
from knowledge.records.molecule import InvalidMolecule, Molecule
from planners.design.camd.component import Vector, counts_of
from planners.design.camd.conflict import conflict, told
from planners.design.camd.correction import fitted
from planners.design.camd.decode import decode
from planners.design.camd.groups import BY_NAME, GROUPS, NAMES, fragmentation
from planners.design.camd.model import Programme, Solution, Status
from planners.design.camd.structure import LARGEST_RING, MOST_GROUPS, structure
from planners.design.camd.wanted import wanted
from planners.design.filters.accessibility import synthetic_accessibility
from planners.design.filters.pipeline import FilterReport, Filters
from planners.design.generator import CannotServe, Evaluated, State, StateMismatch
from planners.design.problem import Problem

_VERSION = 1
ISOMERS = 8  # of one group vector: the model cannot tell them apart
_BARREN = 200  # vectors in a row without one molecule, after which an ask gives up


class ProgrammingGenerator:
    """Molecules of the best group vector, then of the next best; the easiest to make first among equals.

    A vector without a molecule that is cut into the same groups again, or with none that the filters let through, is
    ruled out and the search goes on. A seed only decides the order among vectors of the same score.
    """

    name = "camd"

    def __init__(
        self,
        problem: Problem,
        *,
        seed: int = 0,
        exclude: Sequence[str] = (),
        isomers: int = ISOMERS,
        most_groups: int = MOST_GROUPS,
    ) -> None:
        """Raises CannotServe where groups cannot express a goal or hold a lock."""
        self.problem = problem
        self._wanted = wanted(problem)
        self._structure = structure(problem.space, most_groups=most_groups)
        self._isomers, self._most_groups = isomers, most_groups
        self._filters = Filters(problem.space)
        self._excluded = dict.fromkeys(k for k in map(_connectivity, (*exclude, *problem.exclude)) if k is not None)
        self._asked: dict[str, None] = {}
        self._queue: list[Candidate] = []
        self._judged: dict[Vector, list[tuple[float, bool]]] = {}
        self._visited: list[Vector] = []
        self._correction: dict[int, float] = {}
        self._found = 0
        self._next: Solution | None = None
        self._last: Solution | None = None
        self.reseed(seed)

    @property
    def unexpressed(self) -> tuple[str, ...]:
        """Requirements that groups cannot express; whoever judges the molecules has to see to them."""
        return self._wanted.unexpressed

    @property
    def last(self) -> Solution | None:
        """The vector that was decoded last, with what is proven of it."""
        return self._last

    def filter_report(self) -> FilterReport:
        """What the decoded molecules were dropped for."""
        return self._filters.report()

    def prove_possible(self) -> None:
        """Search the first vector. Raises CannotServe with a smallest set of demands that conflict."""
        self._next = self._programme.best()
        if self._next is None:
            words = conflict(self.problem.space, self._wanted, most_groups=self._most_groups, seed=self._seed)
            raise CannotServe(f"camd: {told(words)}")

    def ask(self, n: int) -> list[Candidate]:
        chosen: list[Candidate] = []
        barren = 0
        while len(chosen) < n:
            if self._queue:
                chosen.append(self._queue.pop(0))
                continue
            solution = self._next or self._programme.best()
            self._next = None
            if solution is None or barren >= _BARREN:
                break
            self._last = solution
            self._visited.append(solution.vector)
            self._programme.rule_out(solution.vector)
            self._queue = list(self._molecules(solution.vector))
            barren = 0 if self._queue else barren + 1
        return chosen

    def tell(self, evaluated: Sequence[Evaluated]) -> None:
        """Molecules told are not proposed any more. Scores between 0 and 1 correct the model, see `correction`."""
        known: set[str] = set()
        for item in evaluated:
            key = _connectivity(item.smiles)
            if key is None:
                continue
            self._asked[key] = None
            known.add(key)
            vector = _vector(item.smiles)
            if vector is not None:
                self._judged.setdefault(vector, []).append((item.score, item.feasible))
        self._queue = [c for c in self._queue if c.molecule.connectivity not in known]
        correction = fitted(self._wanted, self._judged)
        if correction != self._correction:
            self._correction = correction
            self._renew(self._programme.warm)

    def reseed(self, seed: int) -> None:
        self._seed = seed
        self._renew(())

    def state(self) -> State:
        return {
            "generator": self.name,
            "version": _VERSION,
            "problem": self._digest(),
            "seed": self._seed,
            "visited": [counts_of(v) for v in self._visited],
            "warm": [counts_of(v) for v in self._programme.warm],
            "next": None if self._next is None else _written(self._next),
            "found": self._found,
            "asked": list(self._asked),
            "queue": [c.model_dump(mode="json") for c in self._queue],
            "judged": [[counts_of(v), told] for v, told in self._judged.items()],
            "correction": {NAMES[i]: value for i, value in self._correction.items()},
            "filters": self._filters.report().model_dump(mode="json"),
        }

    def restore(self, state: State) -> None:
        if state.get("generator") != self.name or state.get("version") != _VERSION:
            raise StateMismatch(f"not the state of a camd generator of version {_VERSION}")
        if state["problem"] != self._digest():
            raise StateMismatch("the state was made with another problem, other exclusions or other limits of groups")
        self._seed = int(state["seed"])
        self._visited = [_read(v) for v in state["visited"]]
        self._found = int(state["found"])
        self._asked = dict.fromkeys(state["asked"])
        self._queue = [Candidate.model_validate(c) for c in state["queue"]]
        self._judged = {_read(v): [(float(s), bool(f)) for s, f in told] for v, told in state["judged"]}
        self._correction = {NAMES.index(name): float(value) for name, value in state["correction"].items()}
        self._filters.restore(FilterReport.model_validate(state["filters"]))
        self._last = None
        self._renew([_read(v) for v in state["warm"]])
        if state["next"] is not None:
            ahead = state["next"]
            self._next = Solution(
                _read(ahead["vector"]), float(ahead["score"]), float(ahead["bound"]), Status(ahead["status"])
            )

    def _renew(self, warm: Sequence[Vector]) -> None:
        self._next = None
        self._programme = Programme(
            self._structure,
            self._wanted,
            seed=self._seed,
            correction=self._correction,
            ruled_out=self._visited,
            warm=warm,
        )

    def _digest(self) -> str:
        settings: dict[str, Any] = {
            "problem": self.problem.sha256,
            "excluded": sorted(self._excluded),
            "isomers": self._isomers,
            "most_groups": self._most_groups,
        }
        return sha256_text(canonical_json(settings))

    def _molecules(self, vector: Vector) -> Iterator[Candidate]:
        """Those that may be proposed, at most `isomers`, easy ones first."""
        found = decode(vector, largest_ring=min(LARGEST_RING, self.problem.space.max_ring_size))
        ranked = []
        for smiles in found.smiles:
            mol = Chem.MolFromSmiles(smiles)
            if self._filters.verdict(smiles, mol) is None:
                ranked.append((round(synthetic_accessibility(mol), 6), smiles))
        operator = "next best" if self._found else "optimum"
        groups = counts_of(vector)
        taken = 0
        for _, smiles in sorted(ranked):
            key = _connectivity(smiles)
            if key is None or key in self._asked or key in self._excluded:
                continue
            self._asked[key] = None
            taken += 1
            yield Candidate(
                molecule=Molecule.from_smiles(smiles),
                provenance=Provenance(generator=self.name, operator=operator, groups=groups),
            )
            if taken == self._isomers:
                break
        self._found += taken > 0


def opened(
    problem: Problem, *, start: Sequence[str] = (), seed: int = 0, exclude: Sequence[str] = ()
) -> ProgrammingGenerator:
    """The family `camd`. `start` is not needed: the optimum does not depend on where one begins.

    Raises CannotServe for a goal that groups cannot express, a lock that they cannot hold, and for demands that no
    group vector meets, with the ones that conflict.
    """
    made = ProgrammingGenerator(problem, seed=seed, exclude=exclude)
    made.prove_possible()
    return made


def _vector(smiles: str) -> Vector | None:
    try:
        found = fragmentation(smiles)
    except InvalidMolecule:
        return None
    return tuple(found.counts.get(i, 0) for i in range(len(GROUPS))) if found.complete else None


def _written(solution: Solution) -> State:
    return {
        "vector": counts_of(solution.vector),
        "score": solution.score,
        "bound": solution.bound,
        "status": solution.status.value,
    }


def _read(counts: Mapping[str, int]) -> Vector:
    return tuple(int(counts.get(name, 0)) for name in BY_NAME)


def _connectivity(smiles: str) -> str | None:
    try:
        return Molecule.from_smiles(smiles).connectivity
    except InvalidMolecule:
        return None
