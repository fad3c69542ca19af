"""The bench: which instruments exist, and how time passes for them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Protocol

from instruments.driver import Driver


class LabClock(Protocol):
    """How a lab's time passes."""

    def now(self) -> float:
        """Seconds on the lab's clock."""
        ...

    def elapse(self, at_most_s: float) -> None:
        """Let time pass until something may have changed: a real lab sleeps, a virtual one jumps to its next event."""
        ...


class WallClock:
    """Real labs: time passes by itself."""

    def now(self) -> float:
        return time.time()

    def elapse(self, at_most_s: float) -> None:
        time.sleep(at_most_s)


class UnknownInstrument(KeyError):
    """No instrument of that name or kind is on the bench."""


class Bench:
    """The instruments of one lab by name. Who holds which is the store's business (leases), not the bench's."""

    def __init__(self, drivers: Sequence[Driver], clock: LabClock, *, simulated: bool) -> None:
        self.clock = clock
        self.simulated = simulated
        self._drivers: dict[str, Driver] = {}
        self._kinds: dict[str, list[str]] = {}
        for driver in drivers:
            about = driver.describe()
            if about.name in self._drivers:
                raise ValueError(f"two instruments are called '{about.name}'")
            self._drivers[about.name] = driver
            self._kinds.setdefault(about.kind, []).append(about.name)

    def names(self) -> tuple[str, ...]:
        return tuple(sorted(self._drivers))

    def of_kind(self, kind: str) -> tuple[str, ...]:
        """Names of the instruments that carry out operations of this kind, in a fixed order."""
        if kind not in self._kinds:
            raise UnknownInstrument(f"no '{kind}' on the bench; present: {', '.join(sorted(self._kinds))}")
        return tuple(sorted(self._kinds[kind]))

    def kinds(self) -> tuple[str, ...]:
        return tuple(sorted(self._kinds))

    def driver(self, name: str) -> Driver:
        try:
            return self._drivers[name]
        except KeyError:
            raise UnknownInstrument(
                f"no instrument '{name}' on the bench; present: {', '.join(self.names())}"
            ) from None
