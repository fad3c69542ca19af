"""The features that take milliseconds a molecule, computed by several processes before they are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from typing import Any

import numpy.typing as npt

from knowledge.features import descriptors, topological

_AT_ONCE = 50  # molecules; a part of a second
_MEMORIES = (topological.ROWS, descriptors.ROWS)


def look_ahead(smiles: Sequence[str], crew: Executor) -> None:
    """Remember the descriptors of molecules in this process, to the bit as it would compute them. Raises
    InvalidMolecule.
    """
    missing = [s for s in dict.fromkeys(smiles) if not all(s in memory for memory in _MEMORIES)]
    parts = [missing[i : i + _AT_ONCE] for i in range(0, len(missing), _AT_ONCE)]
    for part, found in zip(parts, crew.map(_rows, parts), strict=True):
        for memory, rows in zip(_MEMORIES, found, strict=True):
            for text, row in zip(part, rows, strict=True):
                memory.keep(text, row)


def _rows(smiles: Sequence[str]) -> list[list[npt.NDArray[Any]]]:
    return [[memory.compute(text) for text in smiles] for memory in _MEMORIES]
