"""The embedding of Athanor's own pretrained encoder: what a network that has learned to tell descriptors, groups and
GFN2-xTB values from the graph makes of a molecule. See `knowledge/qspr/models/trained/encoder.md`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from knowledge.features.featurizer import CACHED_ROWS


@lru_cache(maxsize=CACHED_ROWS)
def _row(smiles: str, version: str) -> npt.NDArray[np.float32]:
    # One molecule at a time: in a batch the last digits would depend on the other molecules.
    from knowledge.qspr.models.encoder import embed

    row: npt.NDArray[np.float32] = embed([smiles])[0]
    row.setflags(write=False)
    return row


class PretrainedEmbedding:
    """Numbers of no scale of their own, as many as the encoder is wide; at most 50,000 molecules stay in memory
    (100 MB). The version is the weights'.

    Every use raises WeightsMissing where there are no weights.
    """

    name = "pretrained"

    @property
    def version(self) -> str:
        from knowledge.qspr.models.encoder import pretrained

        return pretrained().version

    @property
    def columns(self) -> tuple[str, ...]:
        from knowledge.qspr.models.encoder import pretrained

        return tuple(f"pretrained_{i}" for i in range(pretrained().shape.width))

    def __call__(self, smiles: Sequence[str]) -> npt.NDArray[np.float64]:
        """Shape (len(smiles), width). Raises InvalidMolecule."""
        from knowledge.qspr.models.network import reproducible

        version = self.version
        rows = np.zeros((len(smiles), len(self.columns)))
        with reproducible(0):
            for row, text in zip(rows, smiles, strict=True):
                row[:] = _row(text, version)
        return rows
