"""Where and with what a figure was measured, and worker processes of one thread each."""

from __future__ import annotations

import contextlib
import os
import platform
import resource
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from multiprocessing import get_context
from typing import Any, NamedTuple, TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")
_PACKAGES = ("rdkit", "rdchiral", "torch", "lightgbm", "numpy", "safetensors", "tblite")
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def described() -> dict[str, Any]:
    """Date (UTC), cores, processor, operating system and the versions of what computes."""
    versions = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = "missing"
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "cores": os.cpu_count(),
        "processor": _processor(),
        "system": f"{platform.system()} {platform.machine()}",
        "versions": versions,
    }


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")
    except OSError:
        return platform.processor() or "unknown"


class Worker(NamedTuple):
    """How a process stands; memory is the peak so far."""

    pid: int
    peak_memory_mb: float
    counts: dict[str, int]


def worker(counts: dict[str, int]) -> Worker:
    """This process."""
    return Worker(os.getpid(), peak_memory_mb(), counts)


def peak_memory_mb() -> float:
    """Of this process so far."""
    # A child inherits ru_maxrss from the parent it was forked from, even across exec; the kernel's VmHWM starts anew.
    with contextlib.suppress(OSError), open("/proc/self/status", encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("VmHWM:"):
                return round(int(line.split()[1]) / 1024.0, 1)
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0, 1)


def total(workers: Iterable[Worker]) -> dict[str, int]:
    counter: Counter[str] = Counter()
    for each in workers:
        counter.update(each.counts)
    return dict(counter)


def one_thread() -> None:
    """For this process's children and for libraries not imported yet: one thread of computation."""
    for name in _THREADS:
        os.environ[name] = "1"


def crew(
    work: Callable[[Item], Answer],
    items: list[Item],
    *,
    jobs: int,
    start: Callable[..., None],
    arguments: tuple[Any, ...],
) -> Iterator[Answer]:
    """Answers as they come from `jobs` fresh processes, each prepared once by `start(*arguments)`.

    Few items are handed out ahead, so that an interrupted run has lost little. What `work` raises passes through.
    """
    one_thread()
    context = get_context("spawn")
    queue = iter(items)
    with ProcessPoolExecutor(jobs, mp_context=context, initializer=start, initargs=arguments) as pool:
        under_way: set[Future[Answer]] = set()
        try:
            for item in queue:
                under_way.add(pool.submit(work, item))
                if len(under_way) > jobs:
                    done, under_way = wait(under_way, return_when=FIRST_COMPLETED)
                    for future in done:
                        yield future.result()
            while under_way:
                done, under_way = wait(under_way, return_when=FIRST_COMPLETED)
                for future in done:
                    yield future.result()
        finally:
            for future in under_way:
                future.cancel()
