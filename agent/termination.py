"""Being asked to stop by another program (SIGTERM: `kill`, `timeout`, a service's or a cluster's scheduler)."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

TERMINATED = 128 + signal.SIGTERM
"""Exit code of a program that SIGTERM ended, as shells have it."""


@dataclass
class Termination:
    """`asked`: whether SIGTERM has come."""

    asked: bool = False


@contextmanager
def as_interrupt() -> Iterator[Termination]:
    """Inside the block SIGTERM is raised as KeyboardInterrupt, so that it is answered as Ctrl-C is. In the main thread
    only.

    Only the first one is: `timeout` sends it twice, to the process and to its group, and the second would strike the
    one who is writing down what was found. Ctrl-C still ends that.
    """
    seen = Termination()

    def interrupt(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        seen.asked = True
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield seen
    finally:
        signal.signal(signal.SIGTERM, before)
