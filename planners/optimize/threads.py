"""How many threads numerical libraries may use: always said, never guessed from the machine.

Sums are split by thread, so another number of threads can change the last bits of a result, and with them a choice
between near-equals.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

ENVIRONMENT_VARIABLE = "ATHANOR_THREADS"


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
