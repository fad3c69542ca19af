"""What the encoder learns to tell from a graph: computed numbers only, never a measured one.

Descriptors and group counts of every molecule; GFN2-xTB values of those that have them
(`knowledge.quantum.training.labels`, without the parts that are kept there for validation and test). All are cut at
both ends, since a diverged index would take the whole loss, and brought to variance 1.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from knowledge.quantum.surrogate import QUANTITIES
from knowledge.quantum.training.labels import folder, part, read

_TAIL = 0.1  # per cent at either end that do not stretch a scale
_LIMIT = 6.0  # standard deviations
_LEAST = 30  # molecules in which a column must differ from its most frequent value

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Scale:
    """`columns` (c,): which of the columns are kept; `centre` and `spread` (c,)."""

    columns: npt.NDArray[np.int64]
    centre: Floats
    spread: Floats

    @staticmethod
    def of(values: Floats) -> Scale:
        """`values` (n, d), nan where unknown."""
        low, high = np.nanpercentile(values, [_TAIL, 100.0 - _TAIL], axis=0)
        keep, centre, spread = [], [], []
        for j in range(values.shape[1]):
            column = values[:, j][np.isfinite(values[:, j])]
            _, counts = np.unique(column, return_counts=True)
            if len(column) - counts.max(initial=0) < _LEAST:
                continue
            # A group that one molecule in a thousand has is all tail.
            cut = np.clip(column, low[j], high[j]) if high[j] > low[j] else column
            cut = cut if cut.std() > 0.0 else column
            keep.append(j)
            centre.append(cut.mean())
            spread.append(cut.std())
        return Scale(np.array(keep), np.array(centre, dtype=np.float32), np.array(spread, dtype=np.float32))

    def __call__(self, values: Floats) -> Floats:
        """(n, c), nan where unknown."""
        standard: Floats = np.clip((values[:, self.columns] - self.centre) / self.spread, -_LIMIT, _LIMIT)
        return standard


def labels(kept: Path, *, anew: bool) -> dict[str, Mapping[str, Any]]:
    """GFN2-xTB values by SMILES, as far as they have been computed; empty where nobody has.

    What a training begins with is copied to `kept` and read from there when it goes on: targets must not change.
    """
    computed = folder() / "labels.jsonl"
    if computed.is_file() and (anew or not kept.is_file()):
        kept.write_text("".join(json.dumps(row) + "\n" for row in read(computed)), encoding="utf-8")
    return {row["smiles"]: row for row in read(kept)}


def quantum(smiles: Sequence[str], known: Mapping[str, Mapping[str, Any]], *, hidden: bool) -> Floats:
    """(n, len(QUANTITIES)), nan where unknown: of the labels' training part or, with `hidden`, of their validation."""
    rows = np.full((len(smiles), len(QUANTITIES)), np.nan, dtype=np.float32)
    for row, text in zip(rows, smiles, strict=True):
        label = known.get(text)
        if label is not None and part(label["inchikey"]) == ("validation" if hidden else "train"):
            row[:] = [label[q] for q in QUANTITIES]
    return rows
