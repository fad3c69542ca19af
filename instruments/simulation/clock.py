"""The virtual lab's clock: it survives being killed, never runs backwards, and jumps instead of sleeping."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from instruments.simulation.durable import open_durable

_SCHEMA = """
CREATE TABLE clock (id INTEGER PRIMARY KEY CHECK (id = 1), now_s REAL NOT NULL);
INSERT INTO clock VALUES (1, 0.0)"""


class VirtualClock:
    """Seconds since the lab was set up, written down before anyone sees them (SQLite, synchronous=FULL)."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        self._next_finish: Callable[[float], float | None] = lambda now: None
        self._db = open_durable(path, _SCHEMA, 1)
        self._now = float(self._db.execute("SELECT now_s FROM clock").fetchone()[0])

    def watch(self, next_finish: Callable[[float], float | None]) -> None:
        """`next_finish(now)` names the moment at which the next running command ends, None when none will."""
        self._next_finish = next_finish

    def now(self) -> float:
        return self._now

    def elapse(self, at_most_s: float) -> None:
        """Jump to the end of the next command that finishes; with none running, let `at_most_s` seconds pass.

        Raises ValueError when `at_most_s` is negative.
        """
        if at_most_s < 0.0:
            raise ValueError(f"time cannot run backwards by {at_most_s} s")
        with self._lock:
            upcoming = self._next_finish(self._now)
            target = self._now + at_most_s if upcoming is None else upcoming
            if target > self._now:
                self._db.execute("UPDATE clock SET now_s = max(now_s, ?)", (target,))
                self._now = target

    def close(self) -> None:
        with self._lock:
            self._db.close()
