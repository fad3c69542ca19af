"""The live line of a route search, on stderr."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console

if TYPE_CHECKING:
    from planners.routes.search import Progress

EVERY_S = 5.0  # where nobody watches, a line this often


@contextmanager
def searching(seconds: float, *, quiet: bool) -> Iterator[Callable[[Progress], None] | None]:
    """Gives the callback that a search reports to; None when `quiet`."""
    if quiet:
        yield None
        return
    console = Console(stderr=True, highlight=False, markup=False)
    if console.is_terminal:
        with console.status("reading models and stock ...") as status:
            yield lambda seen: status.update(_words(seen, seconds))
        return
    last = 0.0

    def line(seen: Progress) -> None:
        nonlocal last
        if seen.seconds - last >= EVERY_S:
            last = seen.seconds
            console.print(_words(seen, seconds), soft_wrap=True)

    yield line


def _words(seen: Progress, seconds: float) -> str:
    found = f"{seen.routes} routes" if seen.routes else "a route is there" if seen.solved else "no route yet"
    return f"{seen.seconds:.0f} of {seconds:g} s: {seen.expansions} molecules taken apart, {found}"
