"""What Athanor's own pretrained encoder makes of a molecule: a network that has learned to tell descriptors, groups and
GFN2-xTB values from the graph. See `knowledge/qspr/models/trained/encoder.md`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from knowledge.features.featurizer import CACHED_ROWS

if TYPE_CHECKING:
    from knowledge.qspr.models.encoder import Pretrained


def _given() -> Pretrained:
    # Imported late: reading weights needs torch.
    from knowledge.qspr.models.encoder import pretrained

    return pretrained()


@lru_cache(maxsize=CACHED_ROWS)
def _row(smiles: str, version: str) -> npt.NDArray[np.float32]:
    # One molecule at a time: in a batch the last digits would depend on the other molecules.
    from knowledge.qspr.models.encoder import embed

    row: npt.NDArray[np.float32] = embed([smiles])[0]
    row.setflags(write=False)
    return row


def whole_embedding(smiles: Sequence[str]) -> npt.NDArray[np.float64]:
    """All numbers of the encoder's last layer, shape (len(smiles), width), not scaled; at most 50,000 molecules stay in
    memory (75 MB). Raises InvalidMolecule, WeightsMissing.
    """
    from knowledge.qspr.models.network import reproducible

    given = _given()
    rows = np.zeros((len(smiles), given.shape.width))
    with reproducible(0):
        for row, text in zip(rows, smiles, strict=True):
            row[:] = _row(text, given.version)
    return rows


class PretrainedEmbedding:
    """The embedding's principal components over molecules of the training corpus, widest first, not scaled.

    The version is the weights'. Every use raises WeightsMissing where there are none.
    """

    name = "pretrained"

    @property
    def version(self) -> str:
        return _given().version

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(f"pretrained_{i}" for i in range(len(_given().axes)))

    def __call__(self, smiles: Sequence[str]) -> npt.NDArray[np.float64]:
        """Shape (len(smiles), len(columns)). Raises InvalidMolecule."""
        given = _given()
        return (whole_embedding(smiles) - given.centre) @ given.axes.T


class PretrainedQuantum:
    """GFN2-xTB values as the encoder tells them, in the units of `knowledge.quantum.QuantumProperties`: orbital
    energies and gap, dipole, solvation. Made in milliseconds, for use as features; they carry no error of their own.
    """

    name = "pretrained_quantum"

    @property
    def version(self) -> str:
        return _given().version

    @property
    def columns(self) -> tuple[str, ...]:
        return _given().quantities

    def __call__(self, smiles: Sequence[str]) -> npt.NDArray[np.float64]:
        """Shape (len(smiles), len(columns)). Raises InvalidMolecule, and WeightsMissing where there are no weights."""
        given = _given()
        return whole_embedding(smiles) @ given.quantum.T + given.offset
