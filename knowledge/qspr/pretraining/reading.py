"""What is read from a trained encoder by linear layers: principal components, and GFN2-xTB values once more.

The network has seen few GFN2-xTB values many times and knows them by heart, so that its own layer trusts them too much.
The layer is therefore moved, by ridge regression, to fit values that have been computed since the training began.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from knowledge.qspr.models.encoder import Encoder, GraphRows, apply
from knowledge.quantum.training.labels import folder, part, read

COMPONENTS = 32  # of the embedding, kept for models that have few rows
RIDGE = 300.0  # in rows, of standardised columns; as good as 100 and 1,000 on the labels' validation part
_LEAST = 1000  # new values below which the layer stays as it is


@dataclass(frozen=True)
class Layer:
    """`weight` (q, width), `offset` (q,), in the quantities' units; `rows`: how many values it was moved by."""

    weight: Tensor
    offset: Tensor
    rows: int


def components(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Centre (width,) and principal axes (k, width), widest first, of an embedding (n, width)."""
    centre = rows.mean(dim=0)
    axes = torch.linalg.svd(rows - centre, full_matrices=False).Vh[:COMPONENTS]
    # A singular vector has no sign of its own.
    return centre, axes * torch.sign(axes.gather(1, axes.abs().argmax(dim=1, keepdim=True)))


def refit(network: Encoder, weight: Tensor, offset: Tensor, quantities: Sequence[str], learned: Path) -> Layer:
    """The layer moved; `learned`: the labels that the training has seen."""
    seen = {row["inchikey"] for row in read(learned)}
    since = [row for row in read(folder() / "labels.jsonl") if row["inchikey"] not in seen]
    new = [row for row in since if part(row["inchikey"]) == "train"]
    if len(new) < _LEAST:
        return Layer(weight, offset, 0)
    rows, truth = _asked(network, new, quantities)
    residual = truth - (rows @ weight.T + offset)
    centre, shift = rows.mean(dim=0), residual.mean(dim=0)
    scale = rows.std(dim=0).clamp(min=1e-3)
    x = (rows - centre) / scale
    gram = x.T @ x + RIDGE * torch.eye(x.shape[1], dtype=x.dtype)
    change = torch.linalg.solve(gram, x.T @ (residual - shift)).T / scale
    moved = Layer(weight + change, offset + shift - change @ centre, len(new))
    held = [row for row in since if part(row["inchikey"]) == "validation"]
    if held:
        rows, truth = _asked(network, held, quantities)
        for name, layer in (("before", Layer(weight, offset, 0)), ("after", moved)):
            error = rows @ layer.weight.T + layer.offset - truth
            for i, quantity in enumerate(quantities):
                share = 1.0 - error[:, i].square().mean() / truth[:, i].var()
                print(f"{len(held)} held out, {name}: {quantity} MAE {error[:, i].abs().mean():.3f}, R2 {share:.3f}")
    return moved


def _asked(network: Encoder, rows: Sequence[dict[str, object]], quantities: Sequence[str]) -> tuple[Tensor, Tensor]:
    truth = torch.tensor([[row[q] for q in quantities] for row in rows], dtype=torch.float64)
    return apply(network, GraphRows.of([str(row["smiles"]) for row in rows])).double(), truth
