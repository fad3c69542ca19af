"""The genetic generator with a model of the score: it breeds thousands in silico and proposes what the model hopes for.

After A. Tripp, G. N. C. Simm and J. M. Hernández-Lobato, "A fresh look at de novo molecular design benchmarks", 2021: a
genetic algorithm maximises an upper confidence bound of a Gaussian process with a Tanimoto kernel. Here batches are
chosen jointly (T. Desautels et al., J. Mach. Learn. Res. 15 (2014) 4053): what is chosen counts as known at its mean.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import numpy.typing as npt
from rdkit import Chem

from knowledge.records.candidate import Candidate
from planners.design.filters.pipeline import FilterReport, Filters
from planners.design.generator import CannotServe, Dice, Evaluated, State, StateMismatch
from planners.design.genetic.bandit import OperatorBandit
from planners.design.genetic.breeding import Breeder, Offspring
from planners.design.genetic.memory import Memory, flat_smiles
from planners.design.genetic.nursery import NoParents, Nursery
from planners.design.genetic.operators import PRIOR
from planners.design.genetic.start import known_members
from planners.design.genetic.surrogate import Looks, ScoreModel, evened, joined, looks
from planners.design.problem import Problem
from planners.design.space import DesignSpace

Array = npt.NDArray[np.float64]

_VERSION = 1
_PATIENCE = 3_000
_WARM = 20  # scored molecules from which a model learns something


class AssistedGenerator:
    """`ask` gives molecules whose predicted score is high or uncertain; `tell` gives the model what it learns from.

    One model serves until `refit` new scores (or 2.5 % of all, if more) have come, so that many small asks cost little.
    seeds, exclude, stability, accessibility: as of GeneticGenerator.
    taught_on: molecules that the model is fitted to at most.  rounds, litter: of breeding with one model, and children
        in each.  Of several objectives only the score counts. Raises NoParents.
    """

    def __init__(
        self,
        space: DesignSpace,
        seeds: Iterable[str],
        *,
        seed: int,
        exclude: Iterable[str] = (),
        stability: bool = True,
        accessibility: bool = True,
        taught_on: int = 1200,
        refit: int = 50,
        rounds: int = 6,
        litter: int = 300,
        name: str = "assisted",
    ) -> None:
        self._name = name
        self.space = space
        self._taught_on, self._refit, self._rounds, self._litter = taught_on, refit, rounds, litter
        self._dice = Dice(seed)
        self._filters = Filters(space, stability=stability, accessibility=accessibility)
        self._breeder = Breeder(space, self._filters)
        self._bandit = OperatorBandit(PRIOR)
        self._memory = Memory(exclude)
        self._nursery = Nursery(space, stability=stability)
        self._seeds = self._nursery.parents(seeds)
        for smiles in self._seeds:
            self._memory.add(smiles)
        self._scores: dict[str, tuple[float, bool]] = {}
        self._looks: list[Looks] = []  # of the scored molecules, in their order; made when a model needs them
        self._queue: list[Candidate] = []
        self._fresh = 0  # scores told since the last model

    @property
    def name(self) -> str:
        return self._name

    @property
    def operator_probabilities(self) -> dict[str, float]:
        return self._bandit.probabilities

    def filter_report(self) -> FilterReport:
        """What was made and dropped since the start, by filter."""
        return self._filters.report()

    def ask(self, n: int) -> list[Candidate]:
        candidates: list[Candidate] = []
        if self._fresh >= max(self._refit, len(self._scores) // 40):
            self._queue = []
        while len(candidates) < n:
            if not self._queue:
                self._queue = self._planned(max(n - len(candidates), self._refit, len(self._scores) // 40))
                if not self._queue:
                    break
            candidates.append(self._queue.pop(0))
        return candidates

    def tell(self, evaluated: Sequence[Evaluated]) -> None:
        for item in evaluated:
            known = flat_smiles(item.smiles)
            if known is None:
                continue
            self._memory.add(known)
            if known not in self._scores:
                self._fresh += 1
            self._scores[known] = (item.score, item.feasible)

    def reseed(self, seed: int) -> None:
        self._dice = Dice(seed)

    def state(self) -> State:
        return {
            "generator": "assisted",
            "version": _VERSION,
            "space": self.space.sha256,
            "dice": self._dice.state(),
            "bandit": self._bandit.state(),
            "memory": self._memory.state(),
            "seeds": self._seeds,
            "scores": [[smiles, score, feasible] for smiles, (score, feasible) in self._scores.items()],
            "queue": [candidate.model_dump(mode="json") for candidate in self._queue],
            "fresh": self._fresh,
            "filters": self._filters.report().model_dump(mode="json"),
        }

    def restore(self, state: State) -> None:
        if state.get("generator") != "assisted" or state.get("version") != _VERSION:
            raise StateMismatch(f"not the state of an assisted genetic generator of version {_VERSION}")
        if state["space"] != self.space.sha256:
            raise StateMismatch("the state was made in another design space")
        self._dice.restore(state["dice"])
        self._bandit.restore(state["bandit"])
        self._memory.restore(state["memory"])
        self._seeds = list(state["seeds"])
        self._scores = {smiles: (float(score), bool(feasible)) for smiles, score, feasible in state["scores"]}
        self._looks = []
        self._queue = [Candidate.model_validate(body) for body in state["queue"]]
        self._fresh = int(state["fresh"])
        self._filters.restore(FilterReport.model_validate(state["filters"]))

    def _planned(self, size: int) -> list[Candidate]:
        """The next `size` proposals, best first."""
        self._fresh = 0
        if len(self._scores) < _WARM:
            parents = [*self._scores, *self._seeds]
            children = self._bred(size, lambda: self._dice.pick(parents), {})
        else:
            children = self._foreseen(size)
        proposals = (self._memory.proposal(child, self._name) for child in children)
        return [proposal for proposal in proposals if proposal is not None]

    def _foreseen(self, size: int) -> list[Offspring]:
        values, known = self._values(), self._known_looks()
        rows = self._lesson(values)
        values = evened(values)
        model = ScoreModel(known.take(rows), values[rows])
        # Between trusting the model and doubting it, by lot: no one weight suits every score and stage of a search.
        doubt = 10.0 ** (2.0 * self._dice.random() - 1.5)
        smiles = list(self._scores)
        best = np.argsort(-values, kind="stable")[: self._litter]
        ranked = sorted((-float(values[i]), smiles[i]) for i in best)
        made: dict[str, Offspring] = {}
        pages: list[Looks] = []
        hopes: list[Array] = []
        for _ in range(self._rounds):
            litter = self._bred(self._litter, lambda: _by_rank(ranked, self._dice), made)
            if not litter:
                break
            page = looks([child.mol for child in litter])
            mean, deviation = model.predict(page)
            hope = mean + doubt * deviation
            for child, value in zip(litter, hope.tolist(), strict=True):
                insort(ranked, (-value, child.smiles))
            self._credit(litter, hope, ranked)
            pages.append(page)
            hopes.append(hope)
        if not made:
            return []
        all_hopes, children = np.concatenate(hopes), list(made.values())
        short = np.argsort(-all_hopes, kind="stable")[: 4 * size]
        page = joined(pages).take(short)
        chosen = _jointly(*model.joint(page), size, self._dice)
        return [children[short[i]] for i in chosen]

    def _bred(self, n: int, select: Callable[[], str], made: dict[str, Offspring]) -> list[Offspring]:
        """Up to `n` new molecules, which join `made`."""
        litter: list[Offspring] = []
        failed = 0
        while len(litter) < n and failed < _PATIENCE:
            operator = self._bandit.choose(self._dice)
            child = self._breeder.child(operator, select, self._dice, lambda s: s in made or s in self._memory)
            if child is None:
                failed += 1
                continue
            failed = 0
            made[child.smiles] = child
            litter.append(child)
        return litter

    def _credit(self, litter: Sequence[Offspring], hope: Array, ranked: Sequence[tuple[float, str]]) -> None:
        rewards: dict[str, list[float]] = {}
        steps = -np.array([value for value, _ in ranked])[::-1]  # ascending
        above = len(ranked) - np.searchsorted(steps, hope, side="right")
        merit = 1.0 - np.log1p(above) / np.log1p(len(ranked))
        for child, value in zip(litter, merit.tolist(), strict=True):
            rewards.setdefault(child.operator, []).append(value)
        self._bandit.credit(rewards)

    def _values(self) -> Array:
        """Of the scored molecules, what the model learns: an infeasible one is worth the least of the feasible."""
        scores = np.array([score for score, _ in self._scores.values()])
        feasible = np.array([fits for _, fits in self._scores.values()])
        if feasible.any():
            scores = np.where(feasible, scores, scores[feasible].min())
        return scores

    def _known_looks(self) -> Looks:
        done = sum(len(page) for page in self._looks)
        smiles = list(self._scores)[done:]
        if smiles:
            self._looks.append(looks([Chem.MolFromSmiles(text) for text in smiles]))
            self._looks = [joined(self._looks)]
        return self._looks[0]

    def _lesson(self, values: Array) -> npt.NDArray[np.intp]:
        """Rows to learn from: half of them the best, a sixth the latest, the others by lot."""
        n, most = len(values), self._taught_on
        if n <= most:
            return np.arange(n)
        order = np.argsort(-values, kind="stable")
        chosen = dict.fromkeys([*order[: most // 2].tolist(), *range(n - most // 6, n)])
        for i in self._dice.permutation(n):
            if len(chosen) >= most:
                break
            chosen[i] = None
        return np.array(sorted(chosen), dtype=np.intp)


def opened(problem: Problem, *, start: Sequence[str], seed: int, exclude: Sequence[str]) -> AssistedGenerator:
    """As of the genetic generator. Raises CannotServe."""
    try:
        return AssistedGenerator(
            problem.space, start or known_members(problem.space, seed=seed), seed=seed, exclude=exclude
        )
    except NoParents as error:
        raise CannotServe(f"assisted: {error}") from error


def _by_rank(ranked: Sequence[tuple[float, str]], dice: Dice) -> str:
    """Evenly from the best n**u, u even in 0..1."""
    return ranked[int(dice.random() * len(ranked) ** dice.random())][1]


def _jointly(mean: Array, covariance: Array, size: int, dice: Dice) -> list[int]:
    """Indices, each the most hoped for given that those before it are known at their mean."""
    left = covariance.copy()
    chosen: list[int] = []
    taken = np.zeros(len(mean), dtype=bool)
    for _ in range(min(size, len(mean))):
        deviation = np.sqrt(np.maximum(np.diag(left), 0.0))
        hope = mean + 10.0 ** (2.0 * dice.random() - 1.5) * deviation
        hope[taken] = -np.inf
        i = int(hope.argmax())
        chosen.append(i)
        taken[i] = True
        column = left[:, i].copy()
        left -= np.outer(column, column) / max(float(column[i]), 1e-9)
    return chosen
