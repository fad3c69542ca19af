"""Message passing over bonds, with global attention over all atom pairs; gives one vector per atom.

The message is GINE's (W. Hu et al., ICLR 2020): relu(neighbour + bond). The attention with a bias by distance follows
LocalRetro's global reactivity attention (S. Chen & Y. Jung, JACS Au 2021, 1, 1612) and Graphormer (C. Ying et al.,
NeurIPS 2021). Run it under `torch.autocast("cpu", torch.bfloat16)` where the processor has bf16 matrix units.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from planners.routes.single_step.graph.molgraph import (
    ATOM_ROWS,
    BOND_FIELDS,
    DISTANCE_ROWS,
    Batch,
    bond_fields,
)


class _Messages(torch.autograd.Function):
    """sum over incoming bonds of relu(states[source] + table[code]); one pass over memory fewer than autograd's."""

    @staticmethod
    def forward(ctx: Any, states: Tensor, table: Tensor, source: Tensor, target: Tensor, codes: Tensor) -> Tensor:
        edges = states.index_select(0, source).add_(table.index_select(0, codes)).relu_()
        ctx.save_for_backward(edges, source, target, codes)
        ctx.rows = table.shape[0]
        return torch.zeros_like(states).index_add_(0, target, edges)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, None, None, None]:
        edges, source, target, codes = ctx.saved_tensors
        flow = torch.ops.aten.threshold_backward(grads[0].index_select(0, target), edges, 0)
        to_states = torch.zeros_like(grads[0]).index_add_(0, source, flow)
        to_table = flow.new_zeros((ctx.rows, flow.shape[1])).index_add_(0, codes, flow)
        return to_states, to_table, None, None, None


_POOL = 1 << 22
_ROWS = 256


def filled(x: Tensor, step: int = _ROWS) -> Tensor:
    """`x` with rows of zeros up to a multiple of `step`.

    oneDNN builds a kernel for every new shape of a matrix product, which takes several times as long as the product:
    all row counts of a training would be new, padded ones come from its cache.
    """
    missing = -len(x) % step
    return functional.pad(x, (0, 0) * (x.ndim - 1) + (0, missing)) if missing else x


class Dropout(nn.Module):
    """Dropout that reads its mask at a random place of one prepared pool: drawing a fresh mask costs more than the
    layer that it follows."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate
        self._pool: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        """Same shape; unchanged outside training."""
        if not self.training or not self.rate:
            return x
        wanted = x.numel()
        if self._pool is None or self._pool.dtype != x.dtype or len(self._pool) < 2 * wanted:
            size = max(_POOL, 2 * wanted)
            self._pool = (torch.rand(size) >= self.rate).to(x.dtype).div_(1 - self.rate)
        start = int(torch.randint(len(self._pool) - wanted, ()))
        return x * self._pool[start : start + wanted].view_as(x)


class MessageLayer(nn.Module):
    """One residual round of messages."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.bond = nn.Linear(width, width)
        self.wide = nn.Linear(width, 2 * width)
        self.narrow = nn.Linear(2 * width, width)
        self.dropout = Dropout(dropout)

    def forward(self, states: Tensor, table: Tensor, codes: Tensor, batch: Batch) -> Tensor:
        """[n or more, width] to the same. `table` [rows, width] holds bond vectors, `codes` [m] a row for each bond."""
        x = self.norm(states)
        kinds = self.bond(table).to(x.dtype)
        x = x + _Messages.apply(x, kinds, batch.source, batch.target, codes)
        x = self.narrow(functional.relu(self.wide(x)))
        return states + self.dropout(x)


class AttentionLayer(nn.Module):
    """Every atom looks at every atom of its molecule; a learned bias per head and distance."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(width)
        self.mix = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.distance = nn.Embedding(DISTANCE_ROWS, heads)
        nn.init.zeros_(self.distance.weight)
        self.norm_wide = nn.LayerNorm(width)
        self.wide = nn.Linear(width, 2 * width)
        self.narrow = nn.Linear(2 * width, width)
        self.dropout = Dropout(dropout)

    def forward(self, states: Tensor, batch: Batch) -> Tensor:
        """[n or more, width] to the same; rows beyond the batch's n atoms are padding."""
        b, widest, _ = batch.distance.shape
        width = states.shape[1]
        mixed = self.mix(self.norm(states))[: len(batch.place)]
        padded = mixed.new_zeros((b * widest, 3 * width)).index_copy(0, batch.place, mixed)
        q, k, v = padded.view(b, widest, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        scores = (q @ k.transpose(2, 3)).float() * (width // self.heads) ** -0.5
        bias = torch.cat((self.distance.weight, self.distance.weight.new_full((1, self.heads), -1e4)))
        scores = scores + functional.embedding(batch.distance, bias).permute(0, 3, 1, 2)
        mixed = (scores.softmax(3).to(v.dtype) @ v).transpose(1, 2).reshape(b * widest, width)
        x = self.out(mixed.index_select(0, filled(batch.place)))
        states = states + self.dropout(x)
        x = self.narrow(functional.relu(self.wide(self.norm_wide(states))))
        return states + self.dropout(x)


class Stack(nn.Module):
    """`depth` rounds of messages; a round of attention after those counted (from 1) in `attention`."""

    def __init__(
        self, width: int, depth: int, attention: tuple[int, ...], heads: int = 8, dropout: float = 0.1
    ) -> None:
        super().__init__()
        self.messages = nn.ModuleList(MessageLayer(width, dropout) for _ in range(depth))
        self.attention = nn.ModuleDict({str(i): AttentionLayer(width, heads, dropout) for i in attention})

    def forward(self, states: Tensor, table: Tensor, codes: Tensor, batch: Batch) -> Tensor:
        """[n, width] to [n, width], not normalised at the end."""
        n = len(states)
        states = filled(states)
        for i, layer in enumerate(self.messages, start=1):
            states = layer(states, table, codes, batch)
            if str(i) in self.attention:
                states = self.attention[str(i)](states, batch)
        return states[:n]


class Encoder(nn.Module):
    """Atom states of a batch. `atom_marks` and `bond_marks` are added to what the features say, when given."""

    fields: Tensor

    def __init__(
        self,
        width: int = 256,
        depth: int = 6,
        attention: tuple[int, ...] = (3, 6),
        heads: int = 8,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.width = width
        self.atom = nn.EmbeddingBag(ATOM_ROWS, width, mode="sum")
        self.bond = nn.EmbeddingBag(sum(BOND_FIELDS), width, mode="sum")
        for table in (self.atom, self.bond):
            nn.init.normal_(table.weight, std=0.3)
        self.stack = Stack(width, depth, attention, heads, dropout)
        self.norm = nn.LayerNorm(width)
        self.register_buffer("fields", torch.from_numpy(bond_fields()), persistent=False)

    def bond_table(self) -> Tensor:
        """[BOND_ROWS, width]: the vector of every kind of bond."""
        return torch.as_tensor(self.bond(self.fields))

    def forward(self, batch: Batch, atom_marks: Tensor | None = None, bond_marks: Tensor | None = None) -> Tensor:
        """[n, width], normalised. `atom_marks` [n, width]; `bond_marks` [m, width], one row per directed bond."""
        states = self.atom(batch.atoms)
        if atom_marks is not None:
            states = states + atom_marks
        table, codes = self.bond_table(), batch.bonds
        if bond_marks is not None:
            table, codes = table.index_select(0, codes) + bond_marks, torch.arange(len(codes))
        return torch.as_tensor(self.norm(self.stack(states, table, codes, batch)))
