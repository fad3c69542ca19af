"""The adversarial generator: the network draws molecules, and draws the best ones anew in part, behind ask/tell."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from rdkit import Chem

from knowledge.records.candidate import Candidate
from planners.design.adversarial import openings
from planners.design.adversarial.alphabet import LARGEST
from planners.design.adversarial.model import DrawingModel, Request
from planners.design.adversarial.openings import Parent
from planners.design.filters.pipeline import FilterReport, Filters
from planners.design.generator import CannotServe, Dice, Evaluated, State, StateMismatch
from planners.design.genetic.bandit import OperatorBandit
from planners.design.genetic.breeding import Offspring
from planners.design.genetic.memory import Memory, flat_smiles
from planners.design.genetic.population import Population
from planners.design.portfolio.foresight import picked, remembered
from planners.design.space import DesignSpace

_VERSION = 2
_SMALLEST = 3  # atoms; the network was trained from there
_OFFERED, _LEAST, _MOST = 4, 64, 600  # drawings that pass the filters for each molecule asked for, and their limits
_ROUNDS = 24  # of drawing in one `ask`, after which fewer molecules are given than were asked for
_TRIALS = 800  # drawings of which one at least has to fit the space
_CAPACITY = 150


@dataclass(frozen=True)
class _Plan:
    """What to draw: nothing to begin from (`request` None), or a part of something."""

    operator: str
    parents: tuple[str, ...]
    request: Request | None


class AdversarialGenerator:
    """Cold, it draws from nothing and around known molecules. Told scores, it draws parts of the best molecules anew,
    by operators that earn their shares, and of many drawings gives those that Gaussian processes on what was told
    think best.

    start: known molecules to draw around, none of which is proposed; those that the network cannot draw are passed
        over.  exclude: molecules never to propose.
    Locked substructures stay closed in every drawing. Raises CannotServe when the network cannot draw the elements or
    as many atoms as the space wants, when nothing holds the locked substructures, or when no drawing fits the space.
    """

    def __init__(
        self,
        model: DrawingModel,
        space: DesignSpace,
        start: Iterable[str],
        *,
        seed: int,
        exclude: Iterable[str] = (),
        name: str = "adversarial",
    ) -> None:
        self._model, self.space, self._name = model, space, name
        self._least, self._most = _sizes(space)
        self._filters = Filters(space)
        # A parent may be smaller than the space wants, since it can grow, and look hard to make, since it exists.
        self._gate = Filters(space.model_copy(update={"min_heavy_atoms": 1}), accessibility=False)
        self._bandit = OperatorBandit(_prior(space))
        self._population = Population(_CAPACITY)
        self._parents: dict[str, Parent | None] = {}
        self._pending: dict[str, tuple[str, tuple[str, ...]]] = {}
        self._told: dict[str, Evaluated] = {}
        parents = [text for text in map(flat_smiles, start) if text is not None and self._parent(text) is not None]
        grown = openings.lock_itself(space.locked)
        if not parents and grown is not None and self._parent(grown) is not None:
            parents = [grown]
        self._memory = Memory((*exclude, *parents))
        self._population.found(self._gate.keep(dict.fromkeys(parents)))
        self.reseed(seed)
        self._try()

    @property
    def name(self) -> str:
        return self._name

    @property
    def operator_probabilities(self) -> dict[str, float]:
        return self._bandit.probabilities

    def filter_report(self) -> FilterReport:
        """What was drawn and dropped since the start, by filter."""
        return self._filters.report()

    def ask(self, n: int) -> list[Candidate]:
        if n < 1:
            return []
        dice, rng = self._streams()
        wanted = min(max(_LEAST, _OFFERED * n), max(_MOST, n))
        offered: dict[str, Offspring] = {}
        for _ in range(_ROUNDS):
            if len(offered) >= wanted:
                break
            for child in self._drawn(self._plans(wanted, dice), rng):
                if child.smiles not in self._memory:
                    offered.setdefault(child.smiles, child)
        texts = list(offered)
        order = picked(list(self._told.values()), texts, len(texts) if len(texts) <= n else min(2 * n, len(texts)), rng)
        found: list[Candidate] = []
        for i in order:
            if len(found) >= n:
                break
            child = offered[texts[i]]
            candidate = self._memory.proposal(child, self._name)
            if candidate is not None:
                origin = child.operator, child.parents
                self._pending[flat_smiles(candidate.molecule.smiles) or child.smiles] = origin
                found.append(candidate)
        return found

    def tell(self, evaluated: Sequence[Evaluated]) -> None:
        """Molecules that the network cannot draw, or that lie outside of the space, still teach what is good."""
        rewards: dict[str, list[float]] = {}
        accepted: list[Evaluated] = []
        for item in evaluated:
            flat = flat_smiles(item.smiles)
            if flat is None:
                continue
            item = item.model_copy(update={"smiles": flat})
            self._memory.add(flat)
            self._told.pop(flat, None)
            self._told[flat] = item
            origin = self._pending.pop(flat, None)
            if origin is not None:
                rewards.setdefault(origin[0], []).append(self._reward(item, origin[1]))
            if self._parent(flat) is not None and (origin is not None or self._gate.keep((flat,))):
                accepted.append(item)
        self._told = {e.smiles: e for e in remembered(list(self._told.values()))}
        self._bandit.credit(rewards)
        if accepted:
            self._population.absorb(accepted)

    def reseed(self, seed: int) -> None:
        self._seed, self._turn = seed, 0

    def state(self) -> State:
        return {
            "generator": "adversarial",
            "version": _VERSION,
            "space": self.space.sha256,
            "weights": self._model.digest,
            "seed": self._seed,
            "turn": self._turn,
            "bandit": self._bandit.state(),
            "population": self._population.state(),
            "told": [item.model_dump(mode="json") for item in self._told.values()],
            "memory": self._memory.state(),
            "pending": [[smiles, operator, list(parents)] for smiles, (operator, parents) in self._pending.items()],
            "filters": self._filters.report().model_dump(mode="json"),
        }

    def restore(self, state: State) -> None:
        if state.get("generator") != "adversarial" or state.get("version") != _VERSION:
            raise StateMismatch(f"not the state of an adversarial generator of version {_VERSION}")
        if state["space"] != self.space.sha256:
            raise StateMismatch("the state was made in another design space")
        if state["weights"] != self._model.digest:
            raise StateMismatch("the state was made with other weights, which draw other molecules")
        self._seed, self._turn = int(state["seed"]), int(state["turn"])
        self._bandit.restore(state["bandit"])
        self._population.restore(state["population"])
        told = [Evaluated.model_validate(item) for item in state["told"]]
        self._told = {item.smiles: item for item in told}
        self._memory.restore(state["memory"])
        self._pending = {smiles: (operator, tuple(parents)) for smiles, operator, parents in state["pending"]}
        self._filters.restore(FilterReport.model_validate(state["filters"]))

    def _streams(self) -> tuple[Dice, np.random.Generator]:
        """The next streams of random numbers: seed and turn say all about them."""
        self._turn += 1
        first, second = np.random.SeedSequence([self._seed, self._turn]).spawn(2)
        return Dice(int(first.generate_state(1)[0])), np.random.Generator(np.random.PCG64(second))

    def _try(self) -> None:
        dice, rng = Dice(self._seed), np.random.Generator(np.random.PCG64(self._seed))
        for _ in range(_TRIALS // 100):
            if self._drawn(self._plans(100, dice), rng):
                self._filters.restore(FilterReport())
                return
        dropped = self._filters.report().dropped
        most = max(sorted(dropped), key=lambda reason: dropped[reason], default="nothing drawn")
        raise CannotServe(f"adversarial: of {_TRIALS} drawings none fits the design space, mostly because of {most}")

    def _plans(self, count: int, dice: Dice) -> list[_Plan]:
        plans: list[_Plan] = []
        for _ in range(count):
            plan = self._plan(self._bandit.choose(dice), dice)
            if plan is not None:
                plans.append(plan)
        return plans

    def _plan(self, operator: str, dice: Dice) -> _Plan | None:
        if operator == "draw" or not len(self._population):
            return None if self.space.locked else _Plan("draw", (), None)
        names = [self._population.select(dice) for _ in range(2 if operator == "blend" else 1)]
        parents = [parent for parent in map(self._parent, names) if parent is not None]
        match operator:
            case "touch":
                request = openings.touch(parents[0], dice)
            case "redraw":
                request = openings.redraw(parents[0], dice)
            case "extend":
                request = openings.extend(parents[0], self._most, dice)
            case "prune":
                request = openings.prune(parents[0], self._least, dice)
            case _:
                request = openings.blend(parents[0], parents[1], self._most, dice)
        return None if request is None else _Plan(operator, tuple(names), request)

    def _drawn(self, plans: Sequence[_Plan], rng: np.random.Generator) -> list[Offspring]:
        """What the plans became, less what the filters drop."""
        blank = [plan for plan in plans if plan.request is None]
        partly = [(plan, plan.request) for plan in plans if plan.request is not None]
        elements = self.space.elements
        made = self._model.draw(len(blank), rng, least=self._least, most=self._most, elements=elements)
        made += self._model.redraw([request for _, request in partly], rng, elements=elements)
        children: list[Offspring] = []
        for plan, smiles in zip([*blank, *(plan for plan, _ in partly)], made, strict=True):
            if smiles is None:
                continue
            mol = Chem.MolFromSmiles(smiles)
            if self._filters.verdict(smiles, mol) is None:
                children.append(Offspring(smiles, plan.operator, plan.parents, mol))
        return children

    def _parent(self, smiles: str) -> Parent | None:
        if smiles not in self._parents:
            self._parents[smiles] = Parent.of(smiles, self.space.locked)
        return self._parents[smiles]

    def _reward(self, item: Evaluated, parents: tuple[str, ...]) -> float:
        """1 for a child better than its best parent, 0.5 for one among the better half of what was told, else 0."""
        if not item.feasible:
            return 0.0
        known = [self._told[p] for p in parents if p in self._told]
        if known and item.score > max((e.score for e in known if e.feasible), default=-np.inf):
            return 1.0
        scores = [e.score for e in self._told.values() if e.feasible]
        return 0.5 if item.score >= float(np.median(scores)) else 0.0


def _sizes(space: DesignSpace) -> tuple[int, int]:
    """Least and most atoms to draw. Raises CannotServe."""
    if space.min_heavy_atoms > LARGEST:
        raise CannotServe(
            f"adversarial: the network draws at most {LARGEST} heavy atoms, the space wants at least "
            f"{space.min_heavy_atoms}"
        )
    most = min(space.max_heavy_atoms, LARGEST)
    return min(max(space.min_heavy_atoms, _SMALLEST), most), most


def _prior(space: DesignSpace) -> dict[str, float]:
    """Without "draw" where a substructure is locked: nothing drawn from nothing would hold it."""
    return {name: share for name, share in openings.PRIOR.items() if name != "draw" or not space.locked}
