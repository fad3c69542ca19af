"""Which template a chemist would have used: a network from a product's fingerprint to one logit per template.

Trained on the templates that match each product, and judged so at run time: p(template | product) is normalised
over the matching templates only (H. Dai et al., NeurIPS 2019, for the idea). During training each output row is the
sum of a free vector and an encoding of the template itself, so rare templates learn from common ones (P. Seidl et al.,
J. Chem. Inf. Model. 2022, 62, 2111); what ships is the sum.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from rdkit.Chem import rdFingerprintGenerator
from safetensors import safe_open
from torch import Tensor, nn

from planners.routes.single_step import weights
from planners.routes.structure import parse

WEIGHTS = "template.safetensors"
BITS = 4096
RADIUS = 2

_generator = rdFingerprintGenerator.GetMorganGenerator(radius=RADIUS, includeChirality=True, fpSize=BITS)


def fingerprint(smiles: str) -> NDArray[np.float32]:
    """(BITS,) log(1 + count) of RDKit's Morgan count fingerprint, radius 2, with chirality. Raises InvalidMolecule."""
    counts = _generator.GetCountFingerprintAsNumPy(parse(smiles))
    return np.log1p(counts, dtype=np.float32)


class PolicyNetwork(nn.Module):
    """(n, BITS) fingerprints to (n, templates) logits; `hidden` wide, one residual layer, `rank` before the output."""

    def __init__(self, templates: int, *, hidden: int, rank: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.input = nn.Linear(BITS, hidden)
        self.inner = nn.Linear(hidden, hidden)
        self.project = nn.Linear(hidden, rank)
        self.output = nn.Linear(rank, templates)
        self.drop = nn.Dropout(dropout)
        self.act = nn.GELU()

    def embed(self, fingerprints: Tensor) -> Tensor:
        """(n, BITS) to (n, rank)."""
        first = self.drop(self.act(self.input(fingerprints)))
        return self.project(first + self.drop(self.act(self.inner(first))))

    def forward(self, fingerprints: Tensor) -> Tensor:
        return self.output(self.embed(fingerprints))


def load() -> PolicyNetwork:
    """The shipped network in evaluation mode, fp32. Raises WeightsMissing."""
    with safe_open(weights.find(WEIGHTS), framework="pt") as file:
        shape = json.loads(file.metadata()["shape"])
        network = PolicyNetwork(shape["templates"], hidden=shape["hidden"], rank=shape["rank"])
        network.load_state_dict({name: file.get_tensor(name).float() for name in file.keys()})  # noqa: SIM118
    return network.eval()


@torch.inference_mode()
def logits(network: PolicyNetwork, molecules: Sequence[str]) -> NDArray[np.float32]:
    """(molecules, templates), one forward pass. Raises InvalidMolecule."""
    inputs = np.stack([fingerprint(smiles) for smiles in molecules])
    return network(torch.from_numpy(inputs)).numpy()
