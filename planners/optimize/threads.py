"""How many threads numerical libraries may use: always said, never guessed from the machine.

Sums are split by thread, so another number of threads can change the last bits of a result, and with them a choice
between near-equals. Work on matrices of some hundred rows is also slower on two threads than on one (a campaign's
models: twice the processor's time, and half as long again by the clock). Independent pieces of work on one thread each
change nothing but the time: `side_by_side` has as many as there are cores.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")

ENVIRONMENT_VARIABLE = "ATHANOR_THREADS"
_MOST_AT_ONCE = 4  # each holds matrices of its own


def cores() -> int:
    """That this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def side_by_side(work: Callable[[Item], Answer], items: Sequence[Item]) -> list[Answer]:
    """`work` of each, in their order, several at once on several cores. For pure work that numpy does most of."""
    several = min(cores(), _MOST_AT_ONCE, len(items))
    if several < 2:
        return [work(item) for item in items]
    with ThreadPoolExecutor(several) as crew:
        return list(crew.map(work, items))


def default_threads() -> int:
    """`$ATHANOR_THREADS`, otherwise 1. Raises ValueError when the variable is not a positive integer."""
    text = os.environ.get(ENVIRONMENT_VARIABLE, "1")
    if not text.isdigit() or int(text) < 1:
        raise ValueError(f"{ENVIRONMENT_VARIABLE} must be a positive integer, got '{text}'")
    return int(text)


@contextmanager
def blas_threads(threads: int | None) -> Iterator[None]:
    """Limit BLAS and OpenMP inside the block; None means `default_threads()`."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    with threadpool_limits(limits=threads or default_threads()):
        yield


@contextmanager
def torch_threads(threads: int | None) -> Iterator[None]:
    """The same for torch (imported here) together with BLAS; the former number is put back."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(threads or default_threads())
    try:
        with blas_threads(threads):
            yield
    finally:
        torch.set_num_threads(before)
