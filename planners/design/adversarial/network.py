"""The generator's network: a scribbled graph becomes kinds of atoms and orders of bonds that look like a molecule.

Nothing in it knows an order of the atoms: relabelling the scribble relabels the drawing. Pairs talk to pairs over a
third atom by products of their features (J. Jumper et al., Nature 2021, 596, 583), since a ring is a matter of pairs.
Parts of a graph can be held: then only the open atoms, and pairs with one, are drawn anew.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from planners.design.adversarial.alphabet import CAPACITY, KINDS, LARGEST, ORDERS
from planners.design.adversarial.decoding import decoded

_HELD = 1e6  # log odds of a bond that must stay


@dataclass(frozen=True)
class Shape:
    """noise: numbers per atom beside the scribble.  nodes, pairs, inner: widths of features."""

    noise: int = 4
    nodes: int = 64
    pairs: int = 24
    inner: int = 12
    heads: int = 4
    layers: int = 3


@dataclass(frozen=True)
class Graphs:
    """kinds: shape (batch, n).  orders: shape (batch, n, n), symmetric. Both int64."""

    kinds: Tensor
    orders: Tensor


@dataclass(frozen=True)
class Canvas:
    """What is drawn upon.

    given: scribbled where `opened`, shape (batch, n) bool, and to be held elsewhere.
    level: shape (batch,), which share of the open places is scribble.  noise: shape (batch, n, `Shape.noise`).
    """

    given: Graphs
    opened: Tensor
    level: Tensor
    noise: Tensor

    @property
    def pairs(self) -> Tensor:
        """Pairs that are drawn, shape (batch, n, n), bool."""
        return self.opened[:, :, None] | self.opened[:, None, :]


@dataclass(frozen=True)
class Sketch:
    """What the network thinks: logits.

    kinds: shape (batch, n, kinds).  orders: shape (batch, n, n, 4), no bond first, symmetric.
    """

    kinds: Tensor
    orders: Tensor


class Layer(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        node, pair, inner = shape.nodes, shape.pairs, shape.inner
        self.heads = shape.heads
        self.node_norm, self.pair_norm, self.inner_norm = nn.LayerNorm(node), nn.LayerNorm(pair), nn.LayerNorm(inner)
        self.query, self.value, self.out = nn.Linear(node, 2 * node), nn.Linear(node, node), nn.Linear(node, node)
        self.bias = nn.Linear(pair, shape.heads)
        self.mix = nn.Sequential(nn.LayerNorm(node), nn.Linear(node, 2 * node), nn.SiLU(), nn.Linear(2 * node, node))
        self.ends, self.legs = nn.Linear(node, pair), nn.Linear(pair, inner)
        self.triangle = nn.Linear(inner, pair)
        self.blend = nn.Sequential(nn.Linear(pair, pair), nn.SiLU(), nn.Linear(pair, pair))

    def forward(self, node: Tensor, pair: Tensor) -> tuple[Tensor, Tensor]:
        batch, n, width = node.shape
        x, p = self.node_norm(node), self.pair_norm(pair)
        query, key = (t.view(batch, n, self.heads, -1).transpose(1, 2) for t in self.query(x).chunk(2, dim=-1))
        logits = query @ key.transpose(2, 3) * (width // self.heads) ** -0.5
        weights = (logits + self.bias(p).permute(0, 3, 1, 2)).softmax(-1)
        value = self.value(x).view(batch, n, self.heads, -1).transpose(1, 2)
        node = node + self.out((weights @ value).transpose(1, 2).reshape(batch, n, width))
        node = node + self.mix(node)
        end, leg = self.ends(self.node_norm(node)), self.legs(p).permute(0, 3, 1, 2)
        across = self.inner_norm((leg @ leg).permute(0, 2, 3, 1))  # legs are symmetric, so is their product
        met = p + end[:, :, None] * end[:, None, :] + self.triangle(across)
        return node, pair + self.blend(met)


class Drafter(nn.Module):
    """A `Canvas` to a `Sketch`."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        # kind, bonds of each order, valence left, open or held, level, noise
        self.enter = nn.Linear(len(KINDS) + len(ORDERS) + 3 + shape.noise, shape.nodes)
        self.meet = nn.Linear(len(ORDERS) + 2, shape.pairs)
        self.size = nn.Embedding(LARGEST + 1, shape.nodes)
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.layers))
        self.node_norm, self.pair_norm = nn.LayerNorm(shape.nodes), nn.LayerNorm(shape.pairs)
        self.kinds, self.orders = nn.Linear(shape.nodes, len(KINDS)), nn.Linear(shape.pairs, len(ORDERS) + 1)
        self.trust = nn.Parameter(torch.tensor([4.0, 4.0]))  # in the kinds and bonds that are there already
        with torch.no_grad():  # training begins near the scribble
            self.kinds.weight.mul_(0.2)
            self.orders.weight.mul_(0.2)

    def forward(self, canvas: Canvas) -> Sketch:
        kinds, bonds = one_hot(canvas.given)
        batch, n, _ = kinds.shape
        every = torch.cat([1.0 - bonds.sum(1, keepdim=True), bonds], 1).permute(0, 2, 3, 1)
        degree = bonds.sum(-1).transpose(1, 2)
        left = torch.tensor(CAPACITY)[canvas.given.kinds] - canvas.given.orders.sum(-1)
        about = torch.stack([left.float(), canvas.opened.float(), canvas.level[:, None].expand(batch, n)], -1)
        node = self.enter(torch.cat([kinds, degree, about, canvas.noise], -1)) + self.size.weight[n]
        pair = self.meet(torch.cat([every, canvas.pairs[..., None].float()], -1))
        for layer in self.layers:
            node, pair = layer(node, pair)
        return Sketch(
            self.kinds(self.node_norm(node)) + self.trust[0] * kinds,
            self.orders(self.pair_norm(pair)) + self.trust[1] * every,
        )


def read_off(sketch: Sketch, canvas: Canvas, allowed: Tensor | None = None) -> Graphs:
    """The graphs of a sketch: the likeliest kinds (of those allowed, shape (kinds,), bool), the bonds by `decoded`.

    What the canvas holds stays.
    """
    kinds = sketch.kinds.detach()
    if allowed is not None:
        kinds = kinds.masked_fill(~allowed, -torch.inf)
    chosen = torch.where(canvas.opened, kinds.argmax(-1), canvas.given.kinds)
    logits = sketch.orders.detach()
    held = functional.one_hot(canvas.given.orders, len(ORDERS) + 1)[..., 1:] > 0
    fixed = torch.where(held, _HELD, -torch.inf)
    advantage = torch.where(canvas.pairs[..., None], logits[..., 1:] - logits[..., :1], fixed)
    return Graphs(chosen, decoded(advantage, torch.tensor(CAPACITY)[chosen]))


def one_hot(graphs: Graphs) -> tuple[Tensor, Tensor]:
    """Kinds, shape (batch, n, kinds), and bonds, shape (batch, 3, n, n), as floats."""
    bonds = functional.one_hot(graphs.orders, len(ORDERS) + 1)[..., 1:].permute(0, 3, 1, 2)
    return functional.one_hot(graphs.kinds, len(KINDS)).float(), bonds.float()
