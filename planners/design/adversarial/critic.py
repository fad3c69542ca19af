"""The critic: a relational graph convolution that tells drawn molecules from real ones, and weighs drawings later.

Message passing alone cannot count rings, so atoms are also told how many closed walks without turning back run through
them (N. Alon et al., Commun. Contemp. Math. 2007, 9, 585); these are polynomials of the bonds, so gradients pass.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from planners.design.adversarial.alphabet import CAPACITY, KINDS, ORDERS

WALKS = 8  # longest closed walk that is counted
_NEAR = 2  # walks of 2 and 3 bonds are relations of their own


class Critic(nn.Module):
    """One number for each graph, higher for what looks real; all graphs of a batch have the same number of atoms."""

    def __init__(self, width: int = 64, layers: int = 3) -> None:
        super().__init__()
        extra = len(ORDERS) + WALKS - 1  # bonds of each order, valence left, closed walks of 3 to `WALKS` bonds
        self.enter = nn.Linear(len(KINDS) + extra, width)
        relations = len(ORDERS) + _NEAR
        self.own = nn.ModuleList(nn.Linear(width, width) for _ in range(layers))
        self.other = nn.ModuleList(nn.Linear(width, relations * width, bias=False) for _ in range(layers))
        self.mix = nn.ModuleList(nn.Linear(width, width) for _ in range(layers))
        self.gate, self.pool = nn.Linear(width, 2 * width), nn.Linear(width, 2 * width)
        self.last = nn.Sequential(nn.Linear(2 * width + 1, width), nn.SiLU(), nn.Linear(width, 1))

    def forward(self, kinds: Tensor, bonds: Tensor) -> Tensor:
        """kinds: shape (batch, n, kinds), bonds: (batch, 3, n, n), as of `one_hot`. Answers shape (batch,)."""
        batch, n, _ = kinds.shape
        walks = _walks(bonds.sum(1))
        degree = bonds.sum(-1).transpose(1, 2)
        left = kinds @ torch.tensor(CAPACITY, dtype=kinds.dtype) - degree @ torch.tensor(ORDERS, dtype=degree.dtype)
        closed = torch.stack([walk.diagonal(dim1=1, dim2=2) for walk in walks[2:]], -1)
        node = self.enter(torch.cat([kinds, degree, left[..., None], closed.clamp(max=8.0)], -1))
        relations = torch.cat([bonds, torch.stack(walks[1 : 1 + _NEAR], 1)], 1)
        for own, other, mix in zip(self.own, self.other, self.mix, strict=True):
            sent = other(node).view(batch, n, relations.shape[1], -1).transpose(1, 2)
            node = node + mix(functional.silu(own(node) + (relations @ sent).sum(1)))
        graph = (self.gate(node).sigmoid() * self.pool(node)).sum(1) / 4.0
        size = torch.full((batch, 1), n / 10.0)
        return self.last(torch.cat([graph, size], -1)).squeeze(-1)


def _walks(adjacency: Tensor) -> list[Tensor]:
    """Numbers of walks of 1 .. `WALKS` bonds that never turn back, each of shape (batch, n, n)."""
    n = adjacency.shape[1]
    degree = adjacency.sum(-1)
    found = [adjacency, adjacency @ adjacency - torch.diag_embed(degree)]
    back = torch.diag_embed(degree) - torch.eye(n)
    while len(found) < WALKS:
        found.append(found[-1] @ adjacency - found[-2] @ back)
    return found
