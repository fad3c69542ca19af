"""Molecules as a property model sees them: count fingerprints and descriptors, computed once per process and
molecule.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from knowledge.qspr.kernels import Array, unary

MAX_COUNT = 16  # an atom environment of a small molecule that occurs more often counts as 16
_REMEMBERED = 20_000


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
    """Fingerprint and descriptors behind one memory of the last 20,000 molecules (about 1 kB each).

    Raises whatever the featurizers raise for a SMILES that cannot be read.
    """

    def __init__(self, fingerprint: Featurizer, descriptors: Featurizer) -> None:
        self._fingerprint, self._descriptors = fingerprint, descriptors
        self._known: OrderedDict[str, tuple[sparse.csr_array, Array]] = OrderedDict()

    @property
    def version(self) -> str:
        """Names and versions of both featurizers: arrays of another version do not fit a stored model."""
        parts = (self._fingerprint, self._descriptors)
        return "+".join(f"{p.name}/{p.version}" for p in parts)

    def encode(self, smiles: Sequence[str]) -> Encoded:
        """(n, .) arrays for any n >= 0."""
        missing = [s for s in dict.fromkeys(smiles) if s not in self._known]
        rows: dict[str, tuple[sparse.csr_array, Array]] = {}
        if missing or not smiles:
            probe = missing or ["C"]
            counts = unary(np.asarray(self._fingerprint(probe), dtype=np.float64), MAX_COUNT)
            values = np.asarray(self._descriptors(probe), dtype=np.float64)
            if not smiles:
                return Encoded(counts=counts[:0], descriptors=values[:0])
            rows = {s: (counts[[i]], values[i]) for i, s in enumerate(missing)}
        for s in dict.fromkeys(smiles):
            if s in rows:
                self._known[s] = rows[s]
            self._known.move_to_end(s)
        picked = [self._known[s] for s in smiles]
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return Encoded(
            counts=sparse.csr_array(sparse.vstack([c for c, _ in picked], format="csr")),
            descriptors=np.stack([d for _, d in picked]),
        )


@cache
def default_representation() -> Representation:
    """Count Morgan fingerprints of radius 2 and the project's descriptors, shared by all models of this process."""
    from knowledge.features import CountMorgan, Descriptors

    return Representation(CountMorgan(radius=2, bits=2048), Descriptors())
