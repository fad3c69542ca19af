"""The parents: ranked by score, held diverse by niches, watched for stagnation and collapse."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from knowledge.records.base import Record
from planners.design.generator import Dice, Evaluated, State
from planners.design.genetic.niche import niche


class Diagnosis(Record):
    """How the search goes.

    stagnant_for: scored batches without a better best.  largest_niche: its share of the population.
    """

    size: int
    niches: int
    largest_niche: float
    stagnant_for: int
    stagnant: bool
    collapsed: bool
    best_score: float | None


@dataclass(frozen=True)
class _Member:
    smiles: str
    score: float | None  # None: never scored
    feasible: bool

    @property
    def rank_key(self) -> tuple[int, float, str]:
        """Feasible first, then scored before unscored, higher scores first; the SMILES breaks ties."""
        if self.score is None:
            return (1, 0.0, self.smiles)
        return (0 if self.feasible else 2, -self.score, self.smiles)


class Population:
    """At most `capacity` parents, of which no niche holds more than `niche_share`."""

    def __init__(self, capacity: int, *, niche_share: float = 0.15, patience: int = 4) -> None:
        self.capacity = capacity
        self._niche_cap = max(2, round(niche_share * capacity))
        self._patience = patience
        self._members: list[_Member] = []
        self._by_niche: list[list[int]] = []
        self._positions: dict[str, int] = {}
        self._stagnant_for = 0
        self._stuck = False

    def __len__(self) -> int:
        return len(self._members)

    @property
    def smiles(self) -> list[str]:
        """Best first."""
        return [m.smiles for m in self._members]

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
        self._set([_Member(s, None, True) for s in chosen[: self.capacity]])

    def absorb(self, evaluated: Iterable[Evaluated]) -> None:
        """Merge scored molecules; a later score of the same molecule replaces the earlier one."""
        before = self._best()
        merged = {m.smiles: m for m in self._members}
        for e in evaluated:
            merged[e.smiles] = _Member(e.smiles, e.score, e.feasible)
        ranked = sorted(merged.values(), key=lambda m: m.rank_key)
        counts: dict[str, int] = {}
        kept: list[_Member] = []
        spare: list[_Member] = []
        for member in ranked:
            key = niche(member.smiles)
            counts[key] = counts.get(key, 0) + 1
            (kept if counts[key] <= self._niche_cap else spare).append(member)
        if len(kept) < self.capacity:
            kept += spare[: self.capacity - len(kept)]
        self._set(sorted(kept[: self.capacity], key=lambda m: m.rank_key))
        after = self._best()
        improved = after is not None and (before is None or after > before)
        self._stagnant_for = 0 if improved else self._stagnant_for + 1
        self._watch()

    def select(self, dice: Dice) -> str:
        """One parent: half of the time by tournament over all, else over one niche; mostly niches when stuck."""
        if dice.random() < (0.9 if self._stuck else 0.5):
            shelf = dice.pick(self._by_niche)
            return self._members[min(dice.pick(shelf), dice.pick(shelf))].smiles
        n = len(self._members)
        return self._members[min(dice.index(n), dice.index(n), dice.index(n))].smiles

    def score(self, smiles: str) -> float | None:
        """The score of a present feasible parent."""
        position = self._positions.get(smiles)
        if position is None or not self._members[position].feasible:
            return None
        return self._members[position].score

    def median(self) -> float | None:
        """Median score of the scored feasible parents."""
        scores = sorted(m.score for m in self._members if m.score is not None and m.feasible)
        return scores[len(scores) // 2] if scores else None

    def diagnosis(self) -> Diagnosis:
        return Diagnosis(
            size=len(self._members),
            niches=len(self._by_niche),
            largest_niche=self._largest_share(),
            stagnant_for=self._stagnant_for,
            stagnant=self._stagnant_for >= self._patience,
            collapsed=self._collapsed(),
            best_score=self._best(),
        )

    def state(self) -> State:
        return {
            "members": [[m.smiles, m.score, m.feasible] for m in self._members],
            "stagnant_for": self._stagnant_for,
        }

    def restore(self, state: State) -> None:
        self._set([_Member(smiles, score, feasible) for smiles, score, feasible in state["members"]])
        self._stagnant_for = int(state["stagnant_for"])
        self._watch()

    def _set(self, members: list[_Member]) -> None:
        self._members = members
        self._positions = {m.smiles: i for i, m in enumerate(members)}
        shelves: dict[str, list[int]] = {}
        for i, member in enumerate(members):
            shelves.setdefault(niche(member.smiles), []).append(i)
        self._by_niche = list(shelves.values())
        self._watch()

    def _watch(self) -> None:
        self._stuck = self._stagnant_for >= self._patience or self._collapsed()

    def _best(self) -> float | None:
        first = self._members[0] if self._members else None
        return first.score if first is not None and first.feasible else None

    def _largest_share(self) -> float:
        return max((len(s) for s in self._by_niche), default=0) / max(1, len(self._members))

    def _collapsed(self) -> bool:
        # A third of the parents alike, although a niche may hold half of that: nothing else is left to take.
        return len(self._members) >= 10 and self._largest_share() > 1.0 / 3.0
