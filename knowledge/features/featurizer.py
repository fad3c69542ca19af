"""What every featurizer is: a named, versioned, pure function from SMILES to rows of numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Lock
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
from rdkit import Chem, rdBase

from knowledge.records.molecule import InvalidMolecule

# Rows kept in memory per kind of feature. The key is the SMILES as given, so canonical SMILES are best; the largest row
# (40 descriptors) takes 0.5 kB, so that this many cost 25 MB.
CACHED_ROWS = 50_000


@runtime_checkable
class Featurizer(Protocol):
    """`name` and `version` go into a model's data hash: the version is raised whenever a value would change."""

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str: ...

    @property
    def columns(self) -> tuple[str, ...]: ...

    def __call__(self, smiles: Sequence[str]) -> npt.NDArray[np.float64]:
        """Shape (len(smiles), len(columns)), finite. Raises InvalidMolecule."""
        ...


class Memory:
    """Rows by SMILES as given, computed when first asked for; the oldest go when there are more than CACHED_ROWS. Rows
    that were computed elsewhere can be kept as well.
    """

    def __init__(self, compute: Callable[[str], npt.NDArray[Any]]) -> None:
        self.compute = compute
        self._rows: dict[str, npt.NDArray[Any]] = {}
        self._lock = Lock()

    def __contains__(self, smiles: str) -> bool:
        return smiles in self._rows

    def __call__(self, smiles: str) -> npt.NDArray[Any]:
        """Raises what `compute` raises."""
        row = self._rows.get(smiles)
        return self.keep(smiles, self.compute(smiles)) if row is None else row

    def keep(self, smiles: str, row: npt.NDArray[Any]) -> npt.NDArray[Any]:
        row.setflags(write=False)
        with self._lock:
            if len(self._rows) >= CACHED_ROWS:
                del self._rows[next(iter(self._rows))]
            self._rows[smiles] = row
        return row


@runtime_checkable
class Counting(Featurizer, Protocol):
    """A featurizer whose rows, of `bits` columns, are nearly all zeros: counts that it can give without them."""

    @property
    def bits(self) -> int: ...

    def occurrences(self, smiles: Sequence[str]) -> list[tuple[npt.NDArray[np.int32], npt.NDArray[np.float64]]]:
        """Of each molecule the columns that are not zero, each once, and their values, at least 1. Raises
        InvalidMolecule.
        """
        ...


def parse(smiles: str) -> Chem.Mol:
    """RDKit's molecule. Raises InvalidMolecule."""
    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(smiles) if smiles else None
    if mol is None or mol.GetNumAtoms() == 0:
        raise InvalidMolecule(f"cannot read '{smiles}' as a SMILES")
    return mol
