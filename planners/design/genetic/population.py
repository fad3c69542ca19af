"""The parents: an archive of all that did well, ranked, drawn from by rank, watched for stagnation and collapse."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import log

import numpy as np

from knowledge.records.base import Record
from planners.design.generator import Dice, Evaluated, State
from planners.design.genetic.fronts import pareto_order
from planners.design.genetic.niche import niche

_FEASIBLE, _UNSCORED, _INFEASIBLE = 0, 1, 2
_Key = tuple[int, float, str]
_LAST = chr(0x10FFFF)  # after every SMILES
_UNLUCKY = 150  # molecules without a better best: fewer say nothing about where a search stands


class Diagnosis(Record):
    """How the search goes.

    stagnant_for: scored batches without a better best (several objectives: without a molecule that none dominates).
    largest_niche: its share of the parents.
    """

    size: int
    niches: int
    largest_niche: float
    stagnant_for: int
    stagnant: bool
    collapsed: bool
    best_score: float | None


@dataclass(frozen=True, slots=True)
class _Member:
    smiles: str
    score: float | None  # None: never scored
    feasible: bool
    objectives: tuple[float, ...] = ()

    @property
    def key(self) -> _Key:
        """Feasible first, then unscored, then infeasible; higher scores first; the SMILES breaks ties."""
        if self.score is None:
            return (_UNSCORED, 0.0, self.smiles)
        return (_FEASIBLE if self.feasible else _INFEASIBLE, -self.score, self.smiles)


class Population:
    """At most `capacity` parents, best first.

    One objective: ranked by score. Several (`Evaluated.objectives`): by fronts of non-domination.
    A parent is drawn evenly from the best n**u, u even in 0..1: the logarithm of how many compete is even, so the best
    few have children in every batch and the last are not forgotten.
    niche_share: of the parents that one niche may have when some must leave.  niche_draws: how often a parent is drawn
        from one niche only.  patience: batches without a better best that count as stagnation.
    """

    def __init__(
        self,
        capacity: int,
        *,
        niche_share: float = 0.15,
        niche_draws: float = 0.02,
        patience: int = 4,
    ) -> None:
        self.capacity = capacity
        self._niche_share = niche_share
        self._niche_draws = niche_draws
        self._patience = patience
        self._members: dict[str, _Member] = {}
        self._keys: dict[str, _Key] = {}
        self._order: list[_Key] = []  # sorted
        self._shelves: dict[str, list[_Key]] = {}  # of each niche, sorted
        self._niches: list[str] = []  # the names of the shelves, sorted
        self._several = False
        self._front_size = 0
        self._stagnant_for = 0
        self._unlucky = 0
        self._stuck = False

    def __len__(self) -> int:
        return len(self._order)

    @property
    def smiles(self) -> list[str]:
        """Best first."""
        return [key[2] for key in self._order]

    def front(self) -> list[Evaluated]:
        """Scored feasible members that no other dominates; with one objective the best one. Best first."""
        scored = [self._members[key[2]] for key in self._order if key[0] == _FEASIBLE]
        members = scored[: self._front_size] if self._several else scored[:1]
        return [
            Evaluated(smiles=m.smiles, score=m.score, objectives=m.objectives) for m in members if m.score is not None
        ]

    def found(self, seeds: Iterable[str]) -> None:
        """Start from unscored molecules, taken niche by niche so that none crowds out the others."""
        shelves: dict[str, list[str]] = {}
        for smiles in seeds:
            shelves.setdefault(niche(smiles), []).append(smiles)
        chosen: list[str] = []
        depth = 0
        while len(chosen) < self.capacity and any(len(shelf) > depth for shelf in shelves.values()):
            chosen += [shelf[depth] for shelf in shelves.values() if len(shelf) > depth]
            depth += 1
        self._clear()
        for smiles in chosen[: self.capacity]:
            self._enter(_Member(smiles, None, True))
        self._watch()

    def absorb(self, evaluated: Iterable[Evaluated]) -> None:
        """Merge scored molecules; a later score of the same molecule replaces the earlier one."""
        before = self._best()
        told: list[str] = []
        for e in evaluated:
            told.append(e.smiles)
            self._several = self._several or len(e.objectives) > 1
            self._enter(_Member(e.smiles, e.score, e.feasible, e.objectives))
        if self._several:
            self._rank_by_fronts()
        self._evict()
        improved = self._improved(told, before)
        self._stagnant_for = 0 if improved else self._stagnant_for + 1
        self._unlucky = 0 if improved else self._unlucky + len(told)
        self._watch()

    def select(self, dice: Dice) -> str:
        """One parent, by rank over all or, now and then, over one niche; every fourth time over a niche when stuck."""
        ranked: list[_Key] = self._order
        if dice.random() < (0.25 if self._stuck else self._niche_draws):
            ranked = self._shelves[dice.pick(self._niches)]
        competing = len(ranked) ** dice.random()
        kind, value, _ = ranked[int(dice.random() * competing)]
        # Equals have the same chance: on a plateau the order of their SMILES must not decide.
        first, beyond = bisect_left(ranked, (kind, value, "")), bisect_right(ranked, (kind, value, _LAST))
        return ranked[first + int(dice.random() * (beyond - first))][2]

    def rank(self, smiles: str) -> int | None:
        """How many parents are better, 0 for the best; None when it is none of them or is infeasible."""
        key = self._keys.get(smiles)
        return None if key is None or key[0] == _INFEASIBLE else bisect_left(self._order, (*key[:2], ""))

    def merit(self, smiles: str) -> float:
        """1 for the best, 0 for the last and for what is no parent; even in the logarithm of the rank."""
        rank = self.rank(smiles)
        return 0.0 if rank is None else 1.0 - log(1.0 + rank) / log(1.0 + len(self._order))

    def diagnosis(self) -> Diagnosis:
        return Diagnosis(
            size=len(self._order),
            niches=len(self._niches),
            largest_niche=self._largest_share(),
            stagnant_for=self._stagnant_for,
            stagnant=self._stagnant(),
            collapsed=self._collapsed(),
            best_score=self._best(),
        )

    def state(self) -> State:
        members = (self._members[key[2]] for key in self._order)
        return {
            "members": [[m.smiles, m.score, m.feasible, list(m.objectives)] for m in members],
            "stagnant_for": self._stagnant_for,
            "unlucky": self._unlucky,
            "front_size": self._front_size,
        }

    def restore(self, state: State) -> None:
        self._clear()
        kept = []
        for smiles, score, feasible, objectives in state["members"]:
            self._several = self._several or len(objectives) > 1
            member = _Member(smiles, score, feasible, tuple(objectives))
            kept.append(member.key)
            self._enter(member)
        if self._several:
            # As it was ranked then, with molecules that have left since.
            self._front_size = int(state["front_size"])
            self._rank({key[2]: float(place) for place, key in enumerate(kept)})
        self._stagnant_for, self._unlucky = int(state["stagnant_for"]), int(state["unlucky"])
        self._watch()

    def _clear(self) -> None:
        self._members, self._keys, self._shelves = {}, {}, {}
        self._order, self._niches = [], []
        self._several = False
        self._front_size = 0

    def _enter(self, member: _Member) -> None:
        if member.smiles in self._members:
            self._leave(member.smiles)
        self._members[member.smiles] = member
        key = self._keys[member.smiles] = member.key
        insort(self._order, key)
        name = niche(member.smiles)
        if name not in self._shelves:
            insort(self._niches, name)
        insort(self._shelves.setdefault(name, []), key)

    def _leave(self, smiles: str) -> None:
        key = self._keys.pop(smiles)
        del self._members[smiles]
        del self._order[bisect_left(self._order, key)]
        name = niche(smiles)
        shelf = self._shelves[name]
        del shelf[bisect_left(shelf, key)]
        if not shelf:
            del self._shelves[name]
            self._niches.remove(name)

    def _rank_by_fronts(self) -> None:
        """Feasible members with objectives in the order of their fronts; others of their class after them."""
        ranked = [m for m in self._members.values() if m.feasible and m.objectives]
        ranked.sort(key=lambda m: m.key)  # equal ones in an order that does not depend on who came first
        order, self._front_size = pareto_order(np.array([m.objectives for m in ranked]))
        place = {ranked[i].smiles: float(p) for p, i in enumerate(order)}
        last = float(len(place))
        for smiles, member in self._members.items():
            if smiles not in place:  # a score becomes a number after all places: bounded, still in its order
                score = member.key[1]
                place[smiles] = last + 2.0 + score / (1.0 + abs(score))
        self._rank(place)

    def _rank(self, place: Mapping[str, float]) -> None:
        """Order the members by these numbers, within their class."""
        self._keys = {smiles: (member.key[0], place[smiles], smiles) for smiles, member in self._members.items()}
        self._order = sorted(self._keys.values())
        for name in self._niches:
            self._shelves[name] = sorted(self._keys[key[2]] for key in self._shelves[name])

    def _evict(self) -> None:
        """Down to `capacity`: the last of those whose niche is crowded, or the last where none is."""
        limit = max(2, round(self._niche_share * self.capacity))
        while len(self._order) > self.capacity:
            crowded = {name for name, shelf in self._shelves.items() if len(shelf) > limit}
            last = self._order[-1]
            if crowded:
                last = next(key for key in reversed(self._order) if niche(key[2]) in crowded)
            self._leave(last[2])

    def _watch(self) -> None:
        self._stuck = self._stagnant() or self._collapsed()

    def _stagnant(self) -> bool:
        return self._stagnant_for >= self._patience and self._unlucky >= _UNLUCKY

    def _improved(self, told: list[str], before: float | None) -> bool:
        if self._several:
            ranks = (self.rank(smiles) for smiles in told)
            return any(rank is not None and rank < self._front_size for rank in ranks)
        after = self._best()
        return after is not None and (before is None or after > before)

    def _best(self) -> float | None:
        first = self._order[0] if self._order else None
        return self._members[first[2]].score if first is not None and first[0] == _FEASIBLE else None

    def _largest_share(self) -> float:
        return max((len(s) for s in self._shelves.values()), default=0) / max(1, len(self._order))

    def _collapsed(self) -> bool:
        # A third of the parents alike, although a niche may hold half of that: nothing else is left to take.
        return len(self._order) >= 10 and self._largest_share() > 1.0 / 3.0
