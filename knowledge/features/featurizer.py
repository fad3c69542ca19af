"""What every featurizer is: a named, versioned, pure function from SMILES to rows of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

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
