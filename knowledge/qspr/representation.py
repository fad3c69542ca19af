"""Molecules as a property model sees them: count fingerprints and descriptors, computed once per process and
molecule.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from knowledge.features.featurizer import Counting
from knowledge.qspr.kernels import Array, coded, unary

MAX_COUNT = 16  # an atom environment of a small molecule that occurs more often counts as 16
_BLOCK = 256


class Featurizer(Protocol):
    """Molecules (SMILES) to an array (n, d)."""

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str: ...

    def __call__(self, smiles: Sequence[str]) -> NDArray[np.float64]: ...


@dataclass(frozen=True)
class Encoded:
    """`counts`: unary-coded fingerprints (n, d1); `descriptors`: raw values (n, d2), in the order of the SMILES."""

    counts: sparse.csr_array
    descriptors: Array


class Representation:
    """Fingerprint and descriptors of molecules, which the featurizers remember.

    Raises whatever the featurizers raise for a SMILES that cannot be read.
    """

    def __init__(self, fingerprint: Featurizer, descriptors: Featurizer) -> None:
        self._fingerprint, self._descriptors = fingerprint, descriptors

    @property
    def version(self) -> str:
        """Names and versions of both featurizers: arrays of another version do not fit a stored model."""
        parts = (self._fingerprint, self._descriptors)
        return "+".join(f"{p.name}/{p.version}" for p in parts)

    def encode(self, smiles: Sequence[str]) -> Encoded:
        """(n, .) arrays for n >= 1."""
        values = np.asarray(self._descriptors(list(smiles)), dtype=np.float64)
        return Encoded(counts=self.counts(smiles), descriptors=values)

    def counts(self, smiles: Sequence[str]) -> sparse.csr_array:
        """Unary-coded fingerprints (n, d) for n >= 1."""
        fingerprint = self._fingerprint
        if isinstance(fingerprint, Counting):
            return coded(fingerprint.occurrences(smiles), fingerprint.bits, MAX_COUNT)
        # In blocks: dense rows of thousands of molecules would take hundreds of megabytes.
        blocks = [
            unary(np.asarray(fingerprint(smiles[start : start + _BLOCK]), dtype=np.float64), MAX_COUNT)
            for start in range(0, len(smiles), _BLOCK)
        ]
        return sparse.csr_array(sparse.vstack(blocks, format="csr"))


@cache
def default_representation() -> Representation:
    """Count Morgan fingerprints of radius 2 and the project's descriptors, shared by all models of this process."""
    from knowledge.features import CountMorgan, Descriptors

    return Representation(CountMorgan(radius=2, bits=2048), Descriptors())
