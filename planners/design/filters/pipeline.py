"""The filters in order, cheap ones first, with a count of what each dropped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pydantic import Field
from rdkit import Chem, rdBase

from knowledge.records.base import Record
from planners.design.filters.accessibility import synthetic_accessibility
from planners.design.filters.stability import instability
from planners.design.space import DesignSpace

_CACHE_LIMIT = 200_000


class FilterReport(Record):
    """`examined = passed + sum(dropped)`.

    dropped: counts by "filter:rule", for example "stability:peroxide" or "space:rings".
    """

    examined: int = 0
    passed: int = 0
    dropped: dict[str, int] = Field(default_factory=dict)

    def by_filter(self) -> dict[str, int]:
        """Dropped molecules by filter: "syntax", "space", "stability", "accessibility", in order of their names."""
        totals: dict[str, int] = {}
        for key, count in sorted(self.dropped.items()):
            name = key.partition(":")[0]
            totals[name] = totals.get(name, 0) + count
        return totals


class Filters:
    """Design space, then stability, then synthetic accessibility. Counts what it sees; verdicts are pure functions."""

    def __init__(self, space: DesignSpace, *, stability: bool = True, accessibility: bool = True) -> None:
        self.space = space
        self._stability = stability
        self._limit = space.max_synthetic_accessibility if accessibility else None
        self._passed = 0
        self._dropped: dict[str, int] = {}
        self._verdicts: dict[str, str | None] = {}

    def verdict(self, smiles: str, mol: Chem.Mol) -> str | None:
        """Why the sanitised `mol` with this SMILES is dropped ("filter:rule"), or None; counted in the report."""
        if smiles in self._verdicts:
            reason = self._verdicts[smiles]
        else:
            reason = self._judge(mol)
            if len(self._verdicts) >= _CACHE_LIMIT:
                self._verdicts.clear()
            self._verdicts[smiles] = reason
        if reason is None:
            self._passed += 1
        else:
            self._dropped[reason] = self._dropped.get(reason, 0) + 1
        return reason

    def _judge(self, mol: Chem.Mol) -> str | None:
        limit = self.space.violation(mol)
        if limit is not None:
            return f"space:{limit}"
        if self._stability:
            rule = instability(mol)
            if rule is not None:
                return f"stability:{rule}"
        if self._limit is not None and synthetic_accessibility(mol) > self._limit:
            return "accessibility:score"
        return None

    def keep(self, smiles: Iterable[str]) -> list[str]:
        """Those that pass, in the given order; a text that is no molecule is dropped as "syntax:unreadable"."""
        kept = []
        for text in smiles:
            with rdBase.BlockLogs():
                mol = Chem.MolFromSmiles(text)
            if mol is None or mol.GetNumAtoms() == 0:
                self._dropped["syntax:unreadable"] = self._dropped.get("syntax:unreadable", 0) + 1
            elif self.verdict(text, mol) is None:
                kept.append(text)
        return kept

    def report(self) -> FilterReport:
        return FilterReport(
            examined=self._passed + sum(self._dropped.values()),
            passed=self._passed,
            dropped=dict(sorted(self._dropped.items())),
        )

    def restore(self, report: FilterReport) -> None:
        """Continue counting from an earlier report."""
        self._passed = report.passed
        self._dropped = dict(report.dropped)


def filter_smiles(smiles: Sequence[str], space: DesignSpace) -> tuple[list[str], FilterReport]:
    """One pass of all filters over SMILES: those kept, and the counts."""
    filters = Filters(space)
    kept = filters.keep(smiles)
    return kept, filters.report()
