"""Where pure work runs: in this process, in worker processes, or on a Dask cluster."""

from __future__ import annotations

import contextlib
import ctypes
import multiprocessing
import os
import signal
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from importlib import import_module
from typing import Any

from agent.stages.contract import Inputs

_PR_SET_PDEATHSIG = 1


class Inline(Executor):
    """Runs at once, in the caller's thread; for tests and for virtual devices."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 (a future carries every error to whoever asks for its result)
            future.set_exception(error)
        return future


def _prepare_worker(threads: int, parent: int) -> None:
    """A worker must die with its engine (`kill -9` included), leave Ctrl-C to it, and use the threads it was given."""
    with contextlib.suppress(OSError):  # not Linux: an orphaned worker then ends with its queue
        ctypes.CDLL("libc.so.6", use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)  # the engine died while this worker was starting, before it could ask to be told
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "ATHANOR_THREADS"):
        os.environ[name] = str(threads)


def run_stage(name: str, inputs: Inputs) -> dict[str, Any]:
    """Import the stage where it runs (its libraries are heavy) and compute."""
    from rdkit import rdBase

    rdBase.DisableLog("rdApp.warning")  # about a lone H2 among the reagents, again and again
    result: dict[str, Any] = import_module(f"agent.stages.{name}").compute(inputs)
    return result


def executor(workers: int, threads: int, dask: str | None = None) -> Executor:
    """`workers` 0: inline. `dask`: address of a scheduler (extra `dask`)."""
    if dask is not None:
        try:
            from distributed import Client
        except ImportError:
            raise RuntimeError("a Dask cluster needs the extra: pip install 'athanor[dask]'") from None
        cluster: Executor = Client(dask).get_executor()
        return cluster
    if workers == 0:
        return Inline()
    return ProcessPoolExecutor(
        max_workers=workers,
        mp_context=multiprocessing.get_context("spawn"),  # forking a process that runs threads can deadlock
        initializer=_prepare_worker,
        initargs=(threads, os.getpid()),
    )
