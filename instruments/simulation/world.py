"""One laboratory: its clock, the vessels that its robots share, and where it has one, its chemistry."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import NamedTuple

from instruments.simulation.clock import VirtualClock
from instruments.simulation.config import FaultRule, LabConfig
from instruments.simulation.journal import Execution, Journal
from instruments.simulation.sample import Contents
from instruments.simulation.truth import Truth


class Vessel(NamedTuple):
    """One vessel as the journals have it.

    `contents` is what it holds now, `stock` what was there before anyone took an aliquot: the same composition to the
    last bit, whatever the order of taking. `version` counts changes, `settled_g` is all that was ever drawn from it.
    """

    contents: Contents
    stock: Contents
    version: int
    settled_g: float
    last: Execution | None


class Room:
    """Vessels are derived from the journals, never kept beside them, so a killed lab reopens as it was."""

    def __init__(self, seed: int, faults: Sequence[FaultRule], clock: VirtualClock) -> None:
        self.seed = seed
        self.faults = tuple(faults)
        self.clock = clock
        self.lock = threading.RLock()
        self.journals: list[Journal] = []
        clock.watch(self._next_finish)

    def vessel(self, sample: str) -> Vessel:
        """What stands in the vessel of that label; empty when nobody ever filled it."""
        latest: Execution | None = None
        for journal in self.journals:
            found = journal.of_sample(sample)
            if found is not None and (latest is None or (found.version or 0) > (latest.version or 0)):
                latest = found
        drawn = sum(journal.drawn_g(sample) for journal in self.journals)
        if latest is None or latest.after is None:
            return Vessel(Contents(), Contents(), 0 if latest is None else latest.version or 0, drawn, latest)
        total = latest.after.grams
        left = max(total - (drawn - latest.settled_g), 0.0)
        contents = latest.after.scaled(left / total) if total > 0.0 and left < total else latest.after
        return Vessel(contents, latest.after, latest.version or 0, drawn, latest)

    def _next_finish(self, now: float) -> float | None:
        upcoming = [t for journal in self.journals if (t := journal.next_finish(now)) is not None]
        return min(upcoming, default=None)


class World(Room):
    """A room in which chemistry happens."""

    def __init__(self, config: LabConfig, truth: Truth, clock: VirtualClock) -> None:
        super().__init__(config.seed, config.faults, clock)
        self.config = config
        self.truth = truth
