"""The filters in order, cheap ones first, with a count of what each dropped. They only drop: no score comes from here.

| filter | asks | cpu time per molecule that reaches it |
|---|---|---|
| syntax | can RDKit read it | 31 µs |
| space | elements, valence, size, rings, patterns | 24 µs |
| stability | would it sit in a bottle | 85 µs |
| accessibility | how hard does it look to make | 75 µs |
| hazard | alerts from structure and from what authorities list | 1.7 ms |
| domain | do the caller's models know molecules like it | the caller's, asked once for all that reach it |
| route | is there a way to make it | the caller's, from milliseconds to minutes |

Measured on 1,500 molecules as the genetic generator makes them, one core. A molecule seen before costs a look in a
table. Hazard, domain and route are asked only when the caller opts in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from pydantic import Field
from rdkit import Chem, rdBase

from knowledge.hazards import assess
from knowledge.records.base import Record
from planners.design.filters.accessibility import synthetic_accessibility
from planners.design.filters.stability import instability
from planners.design.problem import Problem
from planners.design.space import DesignSpace

_CACHE_LIMIT = 200_000

Known = Callable[[Sequence[str]], Sequence[bool]]
"""For each SMILES whether it lies where the caller's models know their way."""
Makeable = Callable[[str], bool]
"""Whether there is a route to a molecule (SMILES)."""


class FilterReport(Record):
    """`examined = passed + sum(dropped)`.

    dropped: counts by "filter:rule", for example "stability:peroxide" or "space:rings"; `words.words` reads them.
    """

    examined: int = 0
    passed: int = 0
    dropped: dict[str, int] = Field(default_factory=dict)

    def by_filter(self) -> dict[str, int]:
        """Dropped molecules by filter: "syntax", "space", "stability", ..., in order of their names."""
        totals: dict[str, int] = {}
        for key, count in sorted(self.dropped.items()):
            name = key.partition(":")[0]
            totals[name] = totals.get(name, 0) + count
        return totals


class Filters:
    """The pipeline of one space. Counts what it sees; verdicts are pure functions of molecule and callables.

    stability, accessibility: whether these are asked.  hazards: whether a molecule with an alert is dropped.
    domain, route: asked last and of `keep` only, in this order; each molecule is asked about once.
    """

    def __init__(
        self,
        space: DesignSpace,
        *,
        stability: bool = True,
        accessibility: bool = True,
        hazards: bool = False,
        domain: Known | None = None,
        route: Makeable | None = None,
    ) -> None:
        self.space = space
        self._stability = stability
        self._hazards = hazards
        self._limit = space.max_synthetic_accessibility if accessibility else None
        self._domain, self._route = domain, route
        self._passed = 0
        self._dropped: dict[str, int] = {}
        self._verdicts: dict[str, str | None] = {}
        self._costly: dict[str, str | None] = {}  # of domain and route

    @staticmethod
    def of(problem: Problem, *, domain: Known | None = None, route: Makeable | None = None) -> Filters:
        """As a problem wants them: hazards by `no_hazard_alert`; `domain` is asked where it says `within_domain`."""
        return Filters(
            problem.space,
            hazards=problem.no_hazard_alert,
            domain=domain if problem.within_domain else None,
            route=route,
        )

    def verdict(self, smiles: str, mol: Chem.Mol) -> str | None:
        """Why the sanitised `mol` with this SMILES is dropped ("filter:rule"), or None; counted in the report."""
        reason = self._verdict(smiles, mol)
        self._count(reason)
        return reason

    def keep(self, smiles: Iterable[str]) -> list[str]:
        """Those that pass, in the given order; a text that is no molecule is dropped as "syntax:unreadable"."""
        left = []
        for text in smiles:
            reason = self._read(text)
            if reason is None:
                left.append(text)
            else:
                self._count(reason)
        if self._domain is not None or self._route is not None:
            self._ask_costly([text for text in dict.fromkeys(left) if text not in self._costly])
        kept = []
        for text in left:
            reason = self._costly.get(text)
            self._count(reason)
            if reason is None:
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

    def _count(self, reason: str | None) -> None:
        if reason is None:
            self._passed += 1
        else:
            self._dropped[reason] = self._dropped.get(reason, 0) + 1

    def _read(self, text: str) -> str | None:
        with rdBase.BlockLogs():
            mol = Chem.MolFromSmiles(text)
        return "syntax:unreadable" if mol is None or mol.GetNumAtoms() == 0 else self._verdict(text, mol)

    def _verdict(self, smiles: str, mol: Chem.Mol) -> str | None:
        if smiles not in self._verdicts:
            if len(self._verdicts) >= _CACHE_LIMIT:
                self._verdicts.clear()
            self._verdicts[smiles] = self._judge(smiles, mol)
        return self._verdicts[smiles]

    def _judge(self, smiles: str, mol: Chem.Mol) -> str | None:
        limit = self.space.violation(mol)
        if limit is not None:
            return f"space:{limit}"
        if self._stability:
            rule = instability(mol)
            if rule is not None:
                return f"stability:{rule}"
        if self._limit is not None and synthetic_accessibility(mol) > self._limit:
            return "accessibility:score"
        if self._hazards:
            alerts = assess(smiles).blocking
            if alerts:
                return f"hazard:{alerts[0].code}"
        return None

    def _ask_costly(self, smiles: list[str]) -> None:
        if len(self._costly) + len(smiles) >= _CACHE_LIMIT:
            self._costly.clear()
        left = smiles
        if self._domain is not None and left:
            inside = self._domain(left)
            self._costly.update({t: "domain:unknown" for t, known in zip(left, inside, strict=True) if not known})
            left = [text for text, known in zip(left, inside, strict=True) if known]
        for text in left:
            self._costly[text] = None if self._route is None or self._route(text) else "route:none"


def filter_smiles(smiles: Sequence[str], space: DesignSpace) -> tuple[list[str], FilterReport]:
    """One pass of space, stability and accessibility over SMILES: those kept, and the counts."""
    filters = Filters(space)
    kept = filters.keep(smiles)
    return kept, filters.report()
