"""Several generators in one campaign: credit decides how much each proposes, what is known decides which of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol, runtime_checkable

import numpy as np

from knowledge.records.base import Record
from knowledge.records.candidate import Candidate
from knowledge.records.molecule import InvalidMolecule, Molecule
from planners.design.filters.pipeline import FilterReport
from planners.design.generator import CannotServe, Dice, Evaluated, Generator, State, StateMismatch
from planners.design.portfolio.credit import Credit, Gains
from planners.design.portfolio.foresight import ENOUGH, picked, remembered

_VERSION = 2
_OFFERED = 3  # molecules asked of a member for each that it may place, once there is something to choose by
_LOT = 8  # molecules asked of a dear member at once: what it does for the first serves for the others
_RESERVE = 120  # molecules of each member that were asked for, not chosen, and may be later


@runtime_checkable
class Counting(Protocol):
    """A generator that counts what its filters drop."""

    def filter_report(self) -> FilterReport: ...


class Share(Record):
    """What a member has had and gets.

    gain: of its latest molecules; 1 is the mean of those judged about the same time.
    cost: seconds that it took for one of its latest molecules; None without a clock.
    """

    member: str
    share: float
    proposed: int
    judged: int
    gain: float
    cost: float | None = None


class PortfolioGenerator:
    """Each `ask` is divided by credit: what the latest molecules of a member gained per cost, see `Credit`. Members
    offer more than their part; Gaussian processes on all that was told choose among it, with diversity, see `picked`.
    Every member is told everything. Members whose molecules are dear are asked rarely, and for many at once, some of
    which wait for a later turn.

    clock: seconds, by which members' time is taken (`time.process_time`). None: all cost the same, and the same inputs,
        seed and state give the same molecules; with a clock they do as long as it tells the same.

    members: by name, at least one.
    left_out: families that cannot work on the problem, with their reasons.
    exclude: molecules never to propose.
    Raises CannotServe without members, with the reasons of all that are left out.
    """

    def __init__(
        self,
        members: Mapping[str, Generator],
        *,
        seed: int,
        left_out: Mapping[str, str] | None = None,
        exclude: Iterable[str] = (),
        name: str = "portfolio",
        clock: Callable[[], float] | None = None,
    ) -> None:
        self.left_out = dict(left_out or {})
        if not members:
            reasons = "; ".join(f"{who}: {why}" for who, why in self.left_out.items())
            raise CannotServe(f"portfolio: no generator can work on this problem: {reasons or 'none was given'}")
        self._name, self.clock = name, clock
        self._members = dict(members)
        self._credit, self._gains = Credit(tuple(self._members)), Gains()
        self._reserve: dict[str, list[Candidate]] = {member: [] for member in self._members}
        self._proposed, self._judged = dict.fromkeys(self._members, 0), dict.fromkeys(self._members, 0)
        self._pending: dict[str, str] = {}  # connectivity of what was proposed and not judged: its member
        self._keys: dict[str, None] = {}  # connectivity of what was proposed, told or excluded
        self._told: dict[str, Evaluated] = {}
        for text in exclude:
            key = _connectivity(text)
            if key is not None:
                self._keys[key] = None
        self.reseed(seed)

    @property
    def name(self) -> str:
        return self._name

    @property
    def members(self) -> tuple[str, ...]:
        return tuple(self._members)

    def shares(self) -> tuple[Share, ...]:
        """Of all members, in their order; what `share` says is what the next `ask` divides by."""
        shares, rates = self._credit.shares(), self._credit.rates()
        return tuple(
            Share(
                member=member,
                share=shares[member],
                proposed=self._proposed[member],
                judged=self._judged[member],
                gain=rates[member],
                cost=self._credit.cost(member),
            )
            for member in self._members
        )

    def filter_report(self) -> FilterReport:
        """What those members that filter have made and dropped since the start, added up."""
        reports = [generator.filter_report() for generator in self._members.values() if isinstance(generator, Counting)]
        dropped: dict[str, int] = {}
        for report in reports:
            for reason, count in report.dropped.items():
                dropped[reason] = dropped.get(reason, 0) + count
        passed = sum(report.passed for report in reports)
        return FilterReport(
            examined=passed + sum(dropped.values()), passed=passed, dropped=dict(sorted(dropped.items()))
        )

    def ask(self, n: int) -> list[Candidate]:
        if n < 1:
            return []
        dice, rng = self._streams()
        quotas = self._credit.quotas(n, dice)
        for member, quota in quotas.items():
            self._stock(member, self._wanted(member, quota))
        for member in sorted(self._members, key=lambda name: self._credit.cost(name) or 0.0):
            if sum(len(shelf) for shelf in self._reserve.values()) >= n:
                break
            self._stock(member, n)  # somebody has no more to give: the others step in, the cheapest first
        offers = [(member, candidate) for member, shelf in self._reserve.items() for candidate in shelf]
        groups = [
            ([i for i, (member, _) in enumerate(offers) if member == name], quota) for name, quota in quotas.items()
        ]
        texts = [candidate.molecule.smiles for _, candidate in offers]
        chosen = [offers[i] for i in picked(list(self._told.values()), texts, n, rng, groups)]
        for member, candidate in chosen:
            self._keys[candidate.molecule.connectivity] = None
            self._pending[candidate.molecule.connectivity] = member
            self._proposed[member] += 1
        taken = {candidate.molecule.connectivity for _, candidate in chosen}
        for member, shelf in self._reserve.items():
            self._reserve[member] = [c for c in shelf if c.molecule.connectivity not in taken][-_RESERVE:]
        return [candidate for _, candidate in chosen]

    def tell(self, evaluated: Sequence[Evaluated]) -> None:
        """Members learn from all; credit is for what they proposed."""
        known = [e for e in evaluated if np.isfinite((e.score, *e.objectives)).all()]
        for e, gain in zip(known, self._gains.of(known), strict=True):
            key = _connectivity(e.smiles)
            member = self._pending.pop(key, None) if key is not None else None
            if key is not None:
                self._keys[key] = None
            if member is not None:
                self._credit.add(member, gain)
                self._judged[member] += 1
            self._told.pop(e.smiles, None)
            self._told[e.smiles] = e
        self._told = {e.smiles: e for e in remembered(list(self._told.values()))}
        for generator in self._members.values():
            generator.tell(evaluated)
        for member, shelf in self._reserve.items():
            self._reserve[member] = [c for c in shelf if c.molecule.connectivity not in self._keys]

    def reseed(self, seed: int) -> None:
        """Members get streams of their own."""
        self._seed, self._turn = seed, 0
        for i, generator in enumerate(self._members.values()):
            generator.reseed(int(np.random.SeedSequence([seed, i]).generate_state(1)[0]))

    def state(self) -> State:
        return {
            "generator": "portfolio",
            "version": _VERSION,
            "seed": self._seed,
            "turn": self._turn,
            "members": {member: generator.state() for member, generator in self._members.items()},
            "credit": self._credit.state(),
            "gains": self._gains.state(),
            "reserve": {m: [c.model_dump(mode="json") for c in shelf] for m, shelf in self._reserve.items()},
            "proposed": dict(self._proposed),
            "judged": dict(self._judged),
            "pending": dict(self._pending),
            "keys": list(self._keys),
            "told": [e.model_dump(mode="json") for e in self._told.values()],
        }

    def restore(self, state: State) -> None:
        if state.get("generator") != "portfolio" or state.get("version") != _VERSION:
            raise StateMismatch(f"not the state of a portfolio of version {_VERSION}")
        if sorted(state["members"]) != sorted(self._members):
            raise StateMismatch(
                f"the state is of a portfolio of {', '.join(state['members'])}; this one has {', '.join(self._members)}"
            )
        for member, generator in self._members.items():
            generator.restore(state["members"][member])
        self._seed, self._turn = int(state["seed"]), int(state["turn"])
        self._credit.restore(state["credit"])
        self._gains.restore(state["gains"])
        self._reserve = {
            member: [Candidate.model_validate(c) for c in state["reserve"][member]] for member in self._members
        }
        self._proposed = {member: int(state["proposed"][member]) for member in self._members}
        self._judged = {member: int(state["judged"][member]) for member in self._members}
        self._pending, self._keys = dict(state["pending"]), dict.fromkeys(state["keys"])
        told = [Evaluated.model_validate(e) for e in state["told"]]
        self._told = {e.smiles: e for e in told}

    def _wanted(self, member: str, quota: int) -> int:
        """How many of a member's molecules are to be chosen from where `quota` are to be placed."""
        if self.clock is not None and self._credit.cost(member) is None:
            return quota  # nobody knows yet what it takes
        if self._credit.dear(member):
            return 0 if quota <= len(self._reserve[member]) else max(quota, _LOT)
        return quota * (_OFFERED if len(self._told) >= ENOUGH else 1)

    def _stock(self, member: str, wanted: int) -> None:
        """Ask a member until so many of its molecules can be chosen from; the first to propose a molecule has it."""
        shelf = self._reserve[member]
        missing = wanted - len(shelf)
        if missing < 1:
            return
        waiting = {c.molecule.connectivity for held in self._reserve.values() for c in held}
        began, had = 0.0 if self.clock is None else self.clock(), len(shelf)
        for candidate in self._members[member].ask(missing):
            key = candidate.molecule.connectivity
            if key not in self._keys and key not in waiting:
                waiting.add(key)
                shelf.append(candidate)
        if self.clock is not None:
            self._credit.spend(member, self.clock() - began, len(shelf) - had)

    def _streams(self) -> tuple[Dice, np.random.Generator]:
        """The next streams of random numbers: seed and turn say all about them."""
        self._turn += 1
        first, second = np.random.SeedSequence([self._seed, self._turn]).spawn(2)
        return Dice(int(first.generate_state(1)[0])), np.random.Generator(np.random.PCG64(second))


def _connectivity(smiles: str) -> str | None:
    try:
        return Molecule.from_smiles(smiles).connectivity
    except InvalidMolecule:
        return None
