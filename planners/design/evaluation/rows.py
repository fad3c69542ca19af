"""Descriptors of the molecules that models are fitted to, computed once for all programs on this machine.

A model of a thousand compounds is restored in a moment from what its search found, but for the descriptors of its
compounds, which take milliseconds each. They are pure functions of a SMILES, so they lie beside the model.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import rdkit

from knowledge.features import descriptors, topological
from knowledge.records.base import canonical_json, sha256_text
from knowledge.sources.cache import build_once

_MEMORIES = (topological.ROWS, descriptors.ROWS)


@cache
def _versions() -> list[str]:
    return [rdkit.__version__, topological.Topological().version, descriptors.Descriptors.version]


def remember(smiles: Sequence[str]) -> None:
    """Have the descriptors of these molecules in memory, to the bit as they are computed. Raises InvalidMolecule."""
    wanted = sorted(set(smiles))

    def build(path: Path) -> None:
        rows = {f"rows_{i}": np.stack([memory(text) for text in wanted]) for i, memory in enumerate(_MEMORIES)}
        with path.open("wb") as stream:
            np.savez_compressed(stream, allow_pickle=False, **rows)

    if not wanted:
        return
    path = build_once(f"design-rows-{sha256_text(canonical_json([_versions(), wanted]))[:16]}.npz", build)
    if all(text in memory for text in wanted for memory in _MEMORIES):
        return
    with np.load(path, allow_pickle=False) as stored:
        for i, memory in enumerate(_MEMORIES):
            for text, row in zip(wanted, stored[f"rows_{i}"], strict=True):
                memory.keep(text, row.copy())
