"""Which generator of a portfolio earns how many of the next molecules."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from planners.design.generator import Dice, Evaluated, State

Array = npt.NDArray[np.float64]

WINDOW = 300  # latest judged molecules of members: who was good long ago has to be good again, and the other way round
FLOOR = 0.2  # share that is divided evenly, so that nobody is ever forgotten
_TOP = 10
_BELOW = 0.1  # of the range seen: how far the volume's corner lies below the worst, so that extremes count
_PRIOR = 5.0  # molecules' worth of doubt about each member
_ABOUT = 25  # molecules before and after that were judged about the same time
_ASKS = 6  # latest asks of a member that say what its molecules cost
PATIENCE = 0.1  # seconds that a molecule may take, its judging among them, before its cost tells


class Gains:
    """What each told molecule adds to the best so far, 0..1.

    Half of it is how many of the ten best it beats, half how much it adds to the dominated hypervolume, in shares of
    what the best of its batch adds; with one goal the former alone. (The hypervolume of the objectives, scaled to what
    was seen, above the worst seen: E. Zitzler and L. Thiele, PPSN V, 1998, 292.)
    """

    def __init__(self) -> None:
        self._top: list[tuple[bool, float]] = []
        self._front: list[tuple[float, ...]] = []
        self._ends: list[list[float]] = []  # worst and best value seen of each objective

    def of(self, evaluated: Sequence[Evaluated]) -> list[float]:
        """In the given order, all against the best before them; then they are among the best themselves."""
        ranks = [self._beaten(e) for e in evaluated]
        volumes = self._volumes(evaluated)
        for e in evaluated:
            self._top = sorted([*self._top, (e.feasible, e.score)], reverse=True)[:_TOP]
        if volumes is None:
            return ranks
        return [(rank + volume) / 2 for rank, volume in zip(ranks, volumes, strict=True)]

    def state(self) -> State:
        return {"top": [list(t) for t in self._top], "front": [list(f) for f in self._front], "ends": self._ends}

    def restore(self, state: State) -> None:
        self._top = [(bool(feasible), float(score)) for feasible, score in state["top"]]
        self._front = [tuple(point) for point in state["front"]]
        self._ends = [list(ends) for ends in state["ends"]]

    def _beaten(self, e: Evaluated) -> float:
        return (_TOP - sum(known >= (e.feasible, e.score) for known in self._top)) / _TOP

    def _volumes(self, evaluated: Sequence[Evaluated]) -> list[float] | None:
        points = [e.objectives if e.feasible and len(e.objectives) > 1 else None for e in evaluated]
        found = [p for p in points if p is not None]
        if not found:
            return [0.0] * len(evaluated) if self._front else None
        whole = np.array([*self._front, *found])
        ends = np.array([*np.array(self._ends).T, *whole]) if self._ends else whole
        low, high = ends.min(0), ends.max(0)
        self._ends = np.stack([low, high], -1).tolist()
        scale = np.where(high > low, high - low, 1.0)
        low = low - _BELOW * scale
        front = (np.array(self._front).reshape(len(self._front), len(low)) - low) / scale
        before = _volume(front)
        added = [
            0.0 if p is None else _volume(np.vstack([front, (np.array(p) - low) / scale])) - before for p in points
        ]
        self._front = [tuple(row) for row in whole[_undominated(whole)].tolist()]
        most = max(added)
        return [gain / most if most > 0.0 else 0.0 for gain in added]


class Credit:
    """Shares of members in proportion to what their molecules gained per cost, within a sliding window.

    Gains dwindle as a campaign goes on, whoever brings them: each counts in units of the mean of those judged about the
    same time. A molecule costs `PATIENCE` seconds and what its member took to propose it, where that was told
    (`spend`); of members whose cost was not told that of the others is believed. Without any cost told, shares go by
    gains alone.
    """

    def __init__(self, members: Sequence[str]) -> None:
        self.members = tuple(members)
        self._window: list[tuple[str, float]] = []
        self._spent: dict[str, list[tuple[float, int]]] = {name: [] for name in self.members}

    def add(self, member: str, gain: float) -> None:
        self._window = [*self._window, (member, gain)][-WINDOW:]

    def spend(self, member: str, seconds: float, molecules: int) -> None:
        """One ask of a member: how long it took, and how many molecules it brought."""
        self._spent[member] = [*self._spent[member], (max(seconds, 0.0), molecules)][-_ASKS:]

    def cost(self, member: str) -> float | None:
        """Seconds for one molecule of a member's latest; None where nobody told."""
        spent = self._spent[member]
        return sum(s for s, _ in spent) / max(sum(n for _, n in spent), 1) if spent else None

    def dear(self, member: str) -> bool:
        """Whether proposing takes longer than one has patience for."""
        cost = self.cost(member)
        return cost is not None and cost > PATIENCE

    def rates(self) -> dict[str, float]:
        """Of each member, 1 for one as good as the others; who has few molecules in the window is drawn to 1."""
        gains = np.array([gain for _, gain in self._window])
        around = np.convolve(gains, np.ones(2 * _ABOUT + 1))[_ABOUT:-_ABOUT] if len(gains) else gains
        counted = np.convolve(np.ones(len(gains)), np.ones(2 * _ABOUT + 1))[_ABOUT:-_ABOUT] if len(gains) else gains
        worth = np.divide(gains * counted, around, out=np.ones_like(gains), where=around > 0.0)
        rates = {}
        for name in self.members:
            own = worth[[member == name for member, _ in self._window]] if len(worth) else worth
            rates[name] = (float(own.sum()) + _PRIOR) / (len(own) + _PRIOR)
        return rates

    def shares(self) -> dict[str, float]:
        """Sum 1."""
        costs = {name: self.cost(name) for name in self.members}
        told = [cost for cost in costs.values() if cost is not None]
        usual = sum(told) / len(told) if told else 0.0
        merits = {
            name: rate / (PATIENCE + (usual if (cost := costs[name]) is None else cost))
            for name, rate in self.rates().items()
        }
        total, n = sum(merits.values()), len(self.members)
        return {
            name: FLOOR / n + (1.0 - FLOOR) * (merit / total if total > 0.0 else 1.0 / n)
            for name, merit in merits.items()
        }

    def quotas(self, count: int, dice: Dice) -> dict[str, int]:
        """`count` in whole molecules, on average the shares exactly (systematic sampling)."""
        offset, reached, given = dice.random(), 0.0, 0
        quotas = {}
        for name, share in self.shares().items():
            reached += share * count
            until = min(count, int(reached + offset))
            quotas[name], given = until - given, until
        quotas[self.members[-1]] += count - given
        return quotas

    def state(self) -> State:
        return {
            "window": [[member, gain] for member, gain in self._window],
            "spent": {member: [list(ask) for ask in asks] for member, asks in self._spent.items()},
        }

    def restore(self, state: State) -> None:
        self._window = [(str(member), float(gain)) for member, gain in state["window"]]
        self._spent = {
            member: [(float(seconds), int(molecules)) for seconds, molecules in state["spent"][member]]
            for member in self.members
        }


def _volume(points: Array) -> float:
    """Dominated by the rows, above 0; exact."""
    from pymoo.indicators.hv import HV

    inside = points[(points > 0.0).all(1)]
    return float(HV(ref_point=np.zeros(points.shape[1]))(-inside)) if len(inside) else 0.0


def _undominated(points: Array) -> npt.NDArray[np.bool_]:
    """Rows that no other row dominates; of equal rows the first."""
    kept = np.ones(len(points), dtype=np.bool_)
    for i, point in enumerate(points):
        as_good = (points >= point).all(1)
        better = as_good & (points > point).any(1)
        kept[i] = not better.any() and not as_good[:i].any()
    return kept
