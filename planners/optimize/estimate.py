"""What a campaign will cost to compute, from how long small parts of it took here. An estimate, and called one.

Each part grows as a power of its size, between two sizes that were timed. What is timed and on what is the caller's
business: nothing here reads a clock.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from knowledge.records.base import Record

FLATTEST, STEEPEST = 0.0, 3.0  # exponents; a factorisation grows with the third power, and timing scatters


class Part(Record):
    """One kind of work. `seconds` of one processor: of the `first` batch, the `last`, and `total` over all; `size`: how
    many `unit` the last batch has of it.
    """

    name: str
    unit: str
    size: int
    first: float
    last: float
    total: float


@dataclass(frozen=True)
class Growth:
    """Seconds = `factor` * size ** `exponent`."""

    factor: float
    exponent: float

    @staticmethod
    def between(small: tuple[int, float], large: tuple[int, float]) -> Growth:
        """Through two (size, seconds), the larger size last. Raises ValueError for sizes that do not grow."""
        (n, t), (m, u) = small, large
        if not 0 < n < m:
            raise ValueError(f"growth needs two sizes, the larger last, got {n} and {m}")
        if t <= 0.0 or u <= 0.0:
            return Growth(max(u, 0.0) / m, 1.0)
        exponent = min(max(math.log(u / t) / math.log(m / n), FLATTEST), STEEPEST)
        return Growth(u / m**exponent, exponent)

    def __call__(self, size: float) -> float:
        return self.factor * max(size, 0.0) ** self.exponent


def part(name: str, unit: str, sizes: Sequence[int], growth: Growth) -> Part:
    """`sizes`: of every batch, in turn; at least one."""
    seconds = [growth(size) for size in sizes]
    return Part(name=name, unit=unit, size=sizes[-1], first=seconds[0], last=seconds[-1], total=math.fsum(seconds))


def batches(experiments: int, batch: int, start: int | None = None) -> list[int]:
    """How many experiments are known before each batch is chosen. `start`: size of the first batch, `batch` when None.

    Raises ValueError unless all are positive.
    """
    first = batch if start is None else start
    if min(experiments, batch, first) < 1:
        raise ValueError("experiments, batch and start must be at least 1")
    return [0, *range(min(first, experiments), experiments, batch)]


def matrices_mb(rows: int, count: int) -> float:
    """Memory of `count` square matrices of `rows` rows in double precision."""
    return count * 8.0 * rows * rows / 2**20
