"""What the generators proposed and nobody tried: counts by reason and iteration, hazards together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agent.report.data import IterationReport

_HAZARD = "hazard: "


@dataclass(frozen=True)
class Exclusion:
    """One reason with its count in every iteration. `parts`: the reasons it sums up, the most frequent first."""

    reason: str
    counts: tuple[int, ...]
    parts: tuple[Exclusion, ...] = ()

    @property
    def total(self) -> int:
        return sum(self.counts)


def exclusions(iterations: Sequence[IterationReport]) -> tuple[Exclusion, ...]:
    """The most frequent reason first. Keys such as "hazard: iarc:2B" are summed up in one row."""
    reasons = {reason for i in iterations for reason in i.filtered}
    rows = [Exclusion(reason, tuple(i.filtered.get(reason, 0) for i in iterations)) for reason in sorted(reasons)]
    hazards = [row for row in rows if row.reason.startswith(_HAZARD)]
    found = [row for row in rows if row not in hazards]
    if hazards:
        parts = tuple(Exclusion(row.reason.removeprefix(_HAZARD), row.counts) for row in _ordered(hazards))
        summed = tuple(sum(column) for column in zip(*(row.counts for row in hazards), strict=True))
        found.append(Exclusion("hazard alert", summed, parts))
    return tuple(_ordered(found))


def _ordered(rows: Sequence[Exclusion]) -> list[Exclusion]:
    return sorted(rows, key=lambda row: (-row.total, row.reason))
