"""How far a training is, on stderr: on a terminal a bar that is redrawn, elsewhere a line for each new kind of step."""

from __future__ import annotations

import sys
import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn


class TrainingProgress:
    """A context; called as `knowledge.qspr.selection.OnProgress`. `quiet`: nothing is shown."""

    def __init__(self, title: str, *, quiet: bool) -> None:
        console = Console(stderr=True)
        self._title, self._lines = title, not quiet and not console.is_terminal
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=quiet or self._lines,
        )
        self._task = self._bar.add_task(title, total=None)
        self._began = time.monotonic()
        self._last = ""

    def __enter__(self) -> TrainingProgress:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def __call__(self, done: int, total: int, model: str, note: str) -> None:
        self._bar.update(self._task, completed=done, total=total, description=f"{self._title}: {model}, {note}")
        step = f"{model}, {note.split(' fold ')[0]}"
        if self._lines and step != self._last and " fold " not in note:
            self._last = step
            sys.stderr.write(
                f"[{time.monotonic() - self._began:4.0f} s] {self._title}: {done} of {total}, {model}, {note}\n"
            )
            sys.stderr.flush()
