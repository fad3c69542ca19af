"""Several values of one molecule become one; what they disagree by becomes its variance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from knowledge.qspr.contract import Samples
from knowledge.records.base import Record
from knowledge.records.molecule import Molecule

CONFLICT = 0.5  # standard deviations of all values; what one molecule's values may differ by without a word
_SIGNIFICANT = 3.0  # stated uncertainties; the same where they are given


class Merge(StrEnum):
    """How several values of one molecule become one."""

    WEIGHTED = "weighted"  # inverse-variance mean where every value states its uncertainty, else the median
    MEDIAN = "median"


class Merged(Record):
    """Several values of one molecule, in the table's unit. `conflict`: they differ by more than they should."""

    smiles: str
    lines: tuple[int, ...]
    values: tuple[float, ...]
    value: float
    std: float
    conflict: bool


@dataclass(frozen=True)
class Row:
    """One value as its source gives it, in the table's unit; `std` 0 where no uncertainty is stated, `source` "" where
    no source is; `prior`: another estimate of it, None where the table has none.
    """

    line: int
    molecule: Molecule
    value: float
    std: float
    source: str
    prior: float | None = None


def estimates(rows: Sequence[Row]) -> dict[str, float]:
    """The median of each molecule's priors by the SMILES that `merged` gives it."""
    return {
        min(r.molecule.smiles for r in group): float(np.median([r.prior for r in group if r.prior is not None]))
        for group in _by_molecule(rows)
        if any(r.prior is not None for r in group)
    }


def _by_molecule(rows: Sequence[Row]) -> list[list[Row]]:
    of: dict[str, list[Row]] = {}
    for row in rows:
        of.setdefault(row.molecule.inchikey, []).append(row)
    return list(of.values())


def merged(rows: Sequence[Row], how: Merge) -> tuple[Samples, tuple[Merged, ...]]:
    """One value per InChIKey: of n values x with known variances v the weighted mean, its variance 1 / sum(1 / v),
    times the Birge ratio where they scatter by more (R. T. Birge, Phys. Rev. 40 (1932) 207); of others the median, with
    the squared standard error of the mean as variance.
    """
    spread = float(np.std([r.value for r in rows])) if rows else 0.0
    smiles: list[str] = []
    values: list[float] = []
    variances: list[float] = []
    repeated: list[Merged] = []
    for group in _by_molecule(rows):
        x, v = np.array([r.value for r in group]), np.array([r.std for r in group]) ** 2
        name = min(r.molecule.smiles for r in group)
        if len(group) == 1:
            value, variance = float(x[0]), float(v[0])
        else:
            trusted = bool((v > 0.0).all())
            if trusted and how is Merge.WEIGHTED:
                weight = 1.0 / v
                value = float(x @ weight / weight.sum())
                birge = float(weight @ (x - value) ** 2) / (len(x) - 1)
                variance = max(1.0, birge) / float(weight.sum())
            else:
                value = float(np.median(x))
                variance = max(float(x.var(ddof=1)), float(v.mean())) / len(x)
            limit = _SIGNIFICANT * float(np.sqrt(v.sum())) if trusted else CONFLICT * spread
            repeated.append(
                Merged(
                    smiles=name,
                    lines=tuple(r.line for r in group),
                    values=tuple(x.tolist()),
                    value=value,
                    std=variance**0.5,
                    conflict=bool(np.ptp(x) > limit),
                )
            )
        smiles.append(name)
        values.append(value)
        variances.append(variance)
    return Samples(tuple(smiles), np.array(values), np.array(variances)), tuple(repeated)
