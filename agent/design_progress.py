"""How far a design is, on stderr: on a terminal one line that is redrawn, elsewhere a line now and then."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.status import Status

if TYPE_CHECKING:
    from agent.designing import Step

EVERY_S = 5.0  # where nobody watches, a line this often


class Telling:
    """What a design reports to."""

    def __init__(self, calls: int, console: Console, status: Status | None, *, quiet: bool) -> None:
        self._calls, self._console, self._status, self._quiet = calls, console, status, quiet
        self._last = -EVERY_S

    def stage(self, words: str) -> None:
        self._tell(f"{words} ...", always=True)

    def step(self, step: Step) -> None:
        best = "none feasible yet" if step.best is None else f"{step.feasible} feasible, best score {step.best:.3f}"
        self._tell(f"{step.calls} of {self._calls} molecules judged: {best}", always=step.calls == self._calls)

    def _tell(self, words: str, *, always: bool) -> None:
        if self._quiet:
            return
        if self._status is not None:
            self._status.update(words)
            return
        now = time.monotonic()
        if always or now - self._last >= EVERY_S:
            self._last = now
            self._console.print(words, soft_wrap=True)


@contextmanager
def designing(calls: int, *, quiet: bool) -> Iterator[Telling]:
    """`quiet`: nothing is shown."""
    console = Console(stderr=True, highlight=False, markup=False)
    if console.is_terminal and not quiet:
        with console.status("reading the problem ...") as status:
            yield Telling(calls, console, status, quiet=False)
    else:
        yield Telling(calls, console, None, quiet=quiet)
