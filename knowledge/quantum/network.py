"""The surrogate's network: message passing over atoms, then one row of numbers per molecule and quantity."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from knowledge.quantum.graphs import ATOM_FEATURES, KINDS, Graphs

# What the network gives; the gap follows from the two orbitals.
OUTPUTS = ("homo_ev", "lumo_ev", "dipole_debye", "water", "octanol", "hexane")
QUANTITIES = 7  # of `knowledge.quantum.surrogate`: the outputs and the gap
_ADDITIVE = 3  # the last outputs, solvation energies, grow with the molecule
_POOLS = 4


@dataclass(frozen=True)
class Tensors:
    """`Graphs` for torch; `owner` (n,): the molecule of each atom."""

    atoms: Tensor
    source: Tensor
    target: Tensor
    kind: Tensor
    owner: Tensor
    size: int

    @classmethod
    def of(cls, graphs: Graphs) -> Tensors:
        sizes = torch.from_numpy(graphs.sizes)
        return cls(
            torch.from_numpy(graphs.atoms),
            torch.from_numpy(graphs.source),
            torch.from_numpy(graphs.target),
            torch.from_numpy(graphs.kind),
            torch.repeat_interleave(torch.arange(len(sizes)), sizes),
            len(sizes),
        )


class Layer(nn.Module):
    """Neighbours' states plus a vector for the kind of bond, rectified and summed (W. Hu et al., arXiv 1905.12265),
    into a residual step of two dense layers.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.bond = nn.Embedding(KINDS, width)
        self.own = nn.Linear(width, width)
        self.around = nn.Linear(width, width, bias=False)
        self.out = nn.Linear(width, width)

    def forward(self, state: Tensor, graph: Tensors) -> Tensor:
        x = self.norm(state)
        # In place where autograd allows it: memory traffic is half of the time.
        message = x.index_select(0, graph.source).add_(self.bond.weight.index_select(0, graph.kind)).relu_()
        around = torch.zeros_like(x).index_add_(0, graph.target, message)
        step: Tensor = self.out(functional.silu(self.own(x).add_(self.around(around))))
        return step.add_(state)


class Network(nn.Module):
    """`width` numbers per atom, `depth` rounds of messages. Outputs are in units of the training data's spread."""

    def __init__(self, width: int, depth: int) -> None:
        super().__init__()
        self.start = nn.Linear(ATOM_FEATURES, width)
        self.layers = nn.ModuleList(Layer(width) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.atom = nn.Linear(width, width)
        self.attention = nn.Linear(width, _POOLS)
        self.share = nn.Linear(width, _ADDITIVE)
        self.charge = nn.Linear(width, 1)
        self.hidden = nn.Linear(3 * width, 2 * width)
        self.mean = nn.Linear(2 * width, len(OUTPUTS))
        self.scale = nn.Linear(2 * width, QUANTITIES)

    def forward(self, graph: Tensors) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Means (m, 6), natural logarithms of scales (m, 7), last features (m, 2 width) and charges (n,) of atoms with
        their hydrogens in e.
        """
        state = self.start(graph.atoms)
        for layer in self.layers:
            state = layer(state, graph)
        x = functional.silu(self.atom(self.norm(state)))
        # Softmax over the atoms of a molecule; the clamp keeps the exponential finite without a maximum per molecule.
        weight = torch.exp(self.attention(x).clamp(-15.0, 15.0))
        width = x.shape[1]
        picked = (x.view(-1, _POOLS, width // _POOLS) * weight[:, :, None]).view(-1, width)
        summed = self._summed(torch.cat([x, picked, weight, self.share(x), torch.ones_like(weight[:, :1])], 1), graph)
        total, chosen, weights, shares, count = summed.split([width, width, _POOLS, _ADDITIVE, 1], 1)
        weights = weights.clamp_min(1e-12)
        picked = (chosen.view(-1, _POOLS, width // _POOLS) / weights[:, :, None]).view(-1, width)
        pooled = torch.cat([total * 0.1, total / count.clamp_min(1.0), picked], 1)
        hidden = functional.silu(self.hidden(pooled))
        mean = self.mean(hidden)
        mean = torch.cat([mean[:, :-_ADDITIVE], mean[:, -_ADDITIVE:] + shares], 1)
        return mean, self.scale(hidden), hidden, self.charge(x).squeeze(1)

    @staticmethod
    def _summed(rows: Tensor, graph: Tensors) -> Tensor:
        return torch.zeros(graph.size, rows.shape[1]).index_add_(0, graph.owner, rows)
