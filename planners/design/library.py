"""Known molecules as a generator: a shelf that is walked in a seeded order, each molecule once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from knowledge.records.base import sha256_text
from knowledge.records.candidate import Candidate, Provenance
from knowledge.records.molecule import InvalidMolecule, Molecule
from planners.design.filters.pipeline import FilterReport, Filters
from planners.design.generator import Dice, Evaluated, State, StateMismatch
from planners.design.space import DesignSpace

_VERSION = 1


class LibraryGenerator:
    """Proposes members of a list that fit the design space, without repetition, stereoisomers counted as one molecule.

    smiles: the shelf, in any order; duplicates and unreadable entries are passed over.
    exclude: SMILES never to propose.
    Known molecules exist, so neither the stability rules nor synthetic accessibility are asked; the space is.
    """

    def __init__(
        self,
        space: DesignSpace,
        smiles: Iterable[str],
        *,
        seed: int,
        exclude: Iterable[str] = (),
        name: str = "library",
    ) -> None:
        from rdkit import Chem

        self._parse = Chem.MolFromSmiles
        self._name = name
        self.space = space
        self._shelf = sorted(set(smiles))
        self._digest = sha256_text("\n".join(self._shelf))
        self._filters = Filters(space, stability=False, accessibility=False)
        self._excluded = frozenset(key for key in map(_connectivity, exclude) if key is not None)
        self._keys: dict[str, None] = {}
        self.reseed(seed)
        self._cursor = 0

    @property
    def name(self) -> str:
        return self._name

    def filter_report(self) -> FilterReport:
        """What was looked at and passed over so far."""
        return self._filters.report()

    def ask(self, n: int) -> list[Candidate]:
        candidates: list[Candidate] = []
        while len(candidates) < n and self._cursor < len(self._shelf):
            text = self._shelf[self._order[self._cursor]]
            self._cursor += 1
            if not self._filters.keep((text,)):
                continue
            try:
                molecule = Molecule.from_smiles(text)
            except InvalidMolecule:
                continue  # readable, but without an InChIKey: nothing could recognise it again
            key = molecule.connectivity
            if key in self._keys or key in self._excluded:
                continue
            self._keys[key] = None
            candidates.append(
                Candidate(molecule=molecule, provenance=Provenance(generator=self._name, operator="library"))
            )
        return candidates

    def tell(self, evaluated: Sequence[Evaluated]) -> None:
        """A shelf does not learn; molecules told are not proposed any more."""
        for item in evaluated:
            key = _connectivity(item.smiles)
            if key is not None:
                self._keys[key] = None

    def reseed(self, seed: int) -> None:
        """A new order; what was asked stays asked."""
        self._order = Dice(seed).permutation(len(self._shelf))
        self._seed = seed
        self._cursor = 0

    def state(self) -> State:
        return {
            "generator": "library",
            "version": _VERSION,
            "space": self.space.sha256,
            "shelf": self._digest,
            "seed": self._seed,
            "cursor": self._cursor,
            "keys": list(self._keys),
            "filters": self._filters.report().model_dump(mode="json"),
        }

    def restore(self, state: State) -> None:
        if state.get("generator") != "library" or state.get("version") != _VERSION:
            raise StateMismatch(f"not the state of a library generator of version {_VERSION}")
        if state["space"] != self.space.sha256 or state["shelf"] != self._digest:
            raise StateMismatch("the state was made with another design space or another library")
        self.reseed(int(state["seed"]))
        self._cursor = int(state["cursor"])
        self._keys = dict.fromkeys(state["keys"])
        self._filters.restore(FilterReport.model_validate(state["filters"]))


def _connectivity(smiles: str) -> str | None:
    try:
        return Molecule.from_smiles(smiles).connectivity
    except InvalidMolecule:
        return None
