"""One E(3)-equivariant network for flow matching and for diffusion: from a noisy molecule to a guess of the clean one.

All batches are dense and hold molecules of one size. Atoms, bonds of every pair, and coordinates go through the same
layers: attention over atoms steered by pairs, pairs updated by what passed, coordinates moved along differences. Only
distances enter what is invariant, and only differences weighted by invariants what is equivariant, so rotations,
reflections, translations and the order of atoms pass through (Satorras, Hoogeboom, Welling, ICML 2021; sets of
coordinates after Irwin et al., AISTATS 2025).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

ELEMENTS: tuple[str, ...] = ("C", "N", "O", "F")
BONDS = 4  # none, single, double, triple; aromatic rings are written with alternating bonds
LEAST_ATOMS, MOST_ATOMS = 3, 9  # heavy atoms of the molecules it was taught
_PATHS = 4
_WAVES = 6


@dataclass(frozen=True)
class Size:
    """Widths of the network. sets: how many sets of coordinates the layers carry."""

    node: int = 96
    pair: int = 32
    message: int = 64
    heads: int = 8
    sets: int = 8
    layers: int = 6


@dataclass(frozen=True)
class Clean:
    """A guess of clean molecules: coordinates (b, n, 3), log-probabilities of elements (b, n, 4), of bonds
    (b, n, n, 4), the latter symmetric."""

    x: Tensor
    atoms: Tensor
    bonds: Tensor


@dataclass(frozen=True)
class Noisy:
    """Molecules on the way from noise (time 0) to data (time 1).

    x: (b, n, 3), mean zero.  atoms: (b, n) int.  bonds: (b, n, n) int, symmetric, zero on the diagonal.
    time: (b,).  mode: (b,), 0 for flow matching, 1 for diffusion.
    wanted: (b, p), standardised properties.  given: (b, p), 1 where the property is asked for, else 0.
    """

    x: Tensor
    atoms: Tensor
    bonds: Tensor
    time: Tensor
    mode: Tensor
    wanted: Tensor
    given: Tensor


def _paths(adjacent: Tensor) -> Tensor:
    """Of bonds (b, n, n) in 0..1: log-counts of walks of 2, 3, 4 steps, and what can be reached at all."""
    second = adjacent @ adjacent
    third = second @ adjacent
    fourth = second @ second
    reached = (adjacent + second).clamp(max=1.0)
    for _ in range(3):
        reached = (reached + reached @ reached).clamp(max=1.0)
    return torch.stack([torch.log1p(second), torch.log1p(third), torch.log1p(fourth), reached], dim=-1)


def _structure(bonds: Tensor) -> tuple[Tensor, Tensor]:
    """What the graph of bond probabilities (b, n, n, 4) says: for atoms (b, n, 6), for pairs (b, n, n, 8)."""
    order = bonds @ bonds.new_tensor([0.0, 1.0, 2.0, 3.0])
    paths = _paths(1.0 - bonds[..., 0])
    closed = paths.diagonal(dim1=1, dim2=2).transpose(1, 2)
    atoms = torch.cat([order.sum(2, keepdim=True) / 4, (1.0 - bonds[..., 0]).sum(2, keepdim=True) / 4, closed], dim=-1)
    return atoms, torch.cat([bonds, paths], dim=-1)


class Layer(nn.Module):
    def __init__(self, size: Size) -> None:
        super().__init__()
        node, pair, message, heads, sets = size.node, size.pair, size.message, size.heads, size.sets
        self._split = [heads, sets, pair]
        self.heads = heads
        self.norm = nn.LayerNorm(node)
        self.ends = nn.Linear(node, 2 * message + node)
        self.pair_norm = nn.LayerNorm(pair)
        self.between = nn.Linear(pair + sets, message, bias=False)
        self.out = nn.Linear(message, heads + sets + pair)
        self.gather = nn.Linear(node + message, node)
        self.think = nn.Sequential(nn.LayerNorm(node), nn.Linear(node, 2 * node), nn.SiLU(), nn.Linear(2 * node, node))
        self.mix = nn.Parameter(torch.zeros(sets, sets))
        nn.init.zeros_(self.gather.weight)
        nn.init.zeros_(self.gather.bias)
        with torch.no_grad():
            self.out.weight.mul_(0.3)

    def forward(self, h: Tensor, e: Tensor, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """h: (b, n, node), e: (b, n, n, pair), x: (b, sets, n, 3)."""
        b, n, width = h.shape
        gram = x @ x.transpose(2, 3)
        square = gram.diagonal(dim1=2, dim2=3)
        far = (square[..., :, None] + square[..., None, :] - 2 * gram).clamp(min=0.0) + 0.1
        near = far.permute(0, 2, 3, 1)
        left, right, value = self.ends(self.norm(h)).split([self._half, self._half, width], dim=-1)
        between = self.between(torch.cat([self.pair_norm(e), torch.log(near)], dim=-1))
        z = functional.silu(between + left[:, :, None] + right[:, None])
        logits, pull, bond = self.out(z).split(self._split, dim=-1)
        share = torch.softmax(logits, dim=2)  # (b, i, j, heads)
        share_first = share.permute(0, 3, 1, 2)
        carried = share_first @ value.view(b, n, self.heads, -1).transpose(1, 2)
        passed = (share[..., None] * z.view(b, n, n, self.heads, -1)).sum(2)
        h = h + self.gather(torch.cat([carried.transpose(1, 2).reshape(b, n, -1), passed.reshape(b, n, -1)], dim=-1))
        h = h + self.think(h)
        e = e + bond + bond.transpose(1, 2)
        weight = (pull / (torch.sqrt(near) + 1.0)).permute(0, 3, 1, 2) / n
        x = x + x * weight.sum(3, keepdim=True) - weight @ x
        x = x + torch.einsum("ks,bsnc->bknc", self.mix, x)
        return h, e, x

    @property
    def _half(self) -> int:
        return self.between.out_features


class Network(nn.Module):
    """Guesses the clean molecule. properties: how many may be asked for."""

    centres: Tensor
    waves: Tensor

    def __init__(self, properties: int, size: Size | None = None) -> None:
        super().__init__()
        self.size = size or Size()
        node, pair = self.size.node, self.size.pair
        kinds = len(ELEMENTS)
        atom_features = 2 * (kinds + 2 + _PATHS) + 1 + 2 * _WAVES + 2 * properties + 1
        self.atom_in = nn.Linear(atom_features, node)
        self.bond_in = nn.Linear(2 * (BONDS + _PATHS) + 1 + 32, pair)
        self.sets_in = nn.Parameter(torch.randn(self.size.sets, 2) * 0.3 + torch.tensor([0.7, 0.3]))
        self.layers = nn.ModuleList(Layer(self.size) for _ in range(self.size.layers))
        self.norm = nn.LayerNorm(node)
        self.atom_out = nn.Linear(node, kinds)
        self.meet = nn.Linear(node, pair)
        self.bond_hidden = nn.Linear(2 * pair, 2 * pair)
        self.bond_out = nn.Linear(2 * pair, BONDS)
        self.sets_out = nn.Parameter(torch.full((self.size.sets,), 1.0 / self.size.sets))
        self.register_buffer("centres", torch.linspace(0.0, 5.0, 16), persistent=False)
        self.register_buffer("waves", 2.0 ** torch.arange(_WAVES) * torch.pi / 2, persistent=False)

    def forward(self, noisy: Noisy, before: Clean | None = None) -> Clean:
        """before: the last guess for the same molecules (self-conditioning; Chen, Zhang, Hinton, ICLR 2023)."""
        with torch.no_grad():
            atoms, pairs, sets = self._features(noisy, before)
        h, e = self.atom_in(atoms), self.bond_in(pairs)
        x = torch.einsum("ks,bsnc->bknc", self.sets_in, sets)
        for layer in self.layers:
            h, e, x = layer(h, e, x)
        h = self.norm(h)
        met = self.meet(h)
        both = torch.cat([e, met[:, :, None] * met[:, None]], dim=-1)
        bonds = self.bond_out(functional.silu(self.bond_hidden(both)))
        place = torch.einsum("k,bknc->bnc", self.sets_out, x)
        return Clean(
            place - place.mean(1, keepdim=True),
            torch.log_softmax(self.atom_out(h), dim=-1),
            torch.log_softmax(bonds, dim=-1),
        )

    def _features(self, noisy: Noisy, before: Clean | None) -> tuple[Tensor, Tensor, Tensor]:
        x0 = noisy.x
        b, n, _ = x0.shape
        kind = functional.one_hot(noisy.atoms, len(ELEMENTS)).to(x0.dtype)
        eye = torch.eye(n, dtype=x0.dtype).expand(b, n, n)[..., None]
        of_atoms, of_pairs = _structure(functional.one_hot(noisy.bonds, BONDS).to(x0.dtype))
        phase = noisy.time[:, None] * self.waves.to(x0.dtype)
        whole = torch.cat(
            [
                phase.sin(),
                phase.cos(),
                noisy.mode[:, None],
                noisy.wanted * noisy.given,
                noisy.given,
                torch.full((b, 1), float(before is not None), dtype=x0.dtype),
            ],
            dim=1,
        )
        if before is None:
            guess = [torch.zeros_like(kind), torch.zeros_like(of_atoms)]
            guessed_pairs, guessed_x = torch.zeros_like(of_pairs), torch.zeros_like(x0)
            guessed_near = x0.new_zeros(b, n, n, 16)
        else:
            bonds = before.bonds.exp() * (1 - eye)
            bonds[..., :1] += eye
            prior_atoms, guessed_pairs = _structure(bonds)
            guess, guessed_x = [before.atoms.exp(), prior_atoms], before.x
            guessed_near = self._near(guessed_x)
        atoms = torch.cat([kind, of_atoms, *guess, whole[:, None].expand(b, n, -1)], dim=-1)
        pairs = torch.cat([of_pairs, guessed_pairs, eye, self._near(x0), guessed_near], dim=-1)
        return atoms, pairs, torch.stack([x0, guessed_x], dim=1)

    def _near(self, x: Tensor) -> Tensor:
        far = torch.sqrt((x[:, :, None] - x[:, None]).square().sum(-1, keepdim=True) + 1e-4)
        return torch.exp(-((far - self.centres.to(x.dtype)) ** 2) * 6)
