"""How clean molecules become noise: two roads for coordinates, one for elements and bonds.

Time runs from 0 (noise) to 1 (data). Coordinates are in units of `Scales.length`.

- Flow matching: x(t) = t x1 + (1 - t) x0, where the Gaussian x0 is first permuted (Hungarian method) and turned
  (Kabsch) towards x1, so that roads seldom cross (Klein, Krämer, Noé, NeurIPS 2023; Song et al., NeurIPS 2023).
- Diffusion: x(t) = sin(πt/2) x1 + cos(πt/2) noise, of constant variance (Ho, Jain, Abbeel, NeurIPS 2020; cosine
  schedule of Nichol and Dhariwal, ICML 2021).
- Elements and bonds keep their value with probability t, and are otherwise drawn from how often each occurs in the data
  (Vignac et al., ICLR 2023), on both roads.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

FLOW, DIFFUSION = 0.0, 1.0


@dataclass(frozen=True)
class Scales:
    """What was measured on the training data. length: Å per unit of coordinates.  atoms (4,), bonds (4,): frequencies.
    mean, std: (p,) of the properties.  sizes: (10,), how many molecules have that many heavy atoms."""

    length: float
    atoms: Tensor
    bonds: Tensor
    mean: Tensor
    std: Tensor
    sizes: Tensor


def centred(x: Tensor) -> Tensor:
    return x - x.mean(1, keepdim=True)


def gaussian(b: int, n: int, dice: torch.Generator) -> Tensor:
    """(b, n, 3), mean zero in each molecule."""
    return centred(torch.randn(b, n, 3, generator=dice))


def drawn(frequencies: Tensor, shape: tuple[int, ...], dice: torch.Generator) -> Tensor:
    """Independent draws of classes, int64 of `shape`."""
    flat = torch.multinomial(frequencies.expand(1, -1), math.prod(shape), replacement=True, generator=dice)
    return flat.view(shape)


def drawn_bonds(frequencies: Tensor, b: int, n: int, dice: torch.Generator) -> Tensor:
    """(b, n, n), symmetric, zero on the diagonal."""
    return mirrored(drawn(frequencies, (b, n, n), dice))


def mirrored(upper: Tensor) -> Tensor:
    """The symmetric matrices with the strict upper triangle of `upper`."""
    half = torch.triu(upper, 1)
    return half + half.transpose(1, 2)


def aligned(noise: Tensor, x: Tensor) -> Tensor:
    """The rows of `noise` (b, n, 3) reordered, and turned or mirrored, towards `x`; its distribution stays the same."""
    cost = torch.cdist(x, noise).numpy()
    order = np.stack([linear_sum_assignment(square)[1] for square in cost])
    noise = torch.gather(noise, 1, torch.from_numpy(order)[..., None].expand(-1, -1, 3))
    left, _, right = torch.linalg.svd(noise.transpose(1, 2) @ x)
    return noise @ (left @ right)


def level(time: Tensor) -> tuple[Tensor, Tensor]:
    """Of diffusion: shares of signal and of noise at `time`, their squares sum to 1."""
    return torch.sin(time * math.pi / 2), torch.cos(time * math.pi / 2)


def corrupted(
    x: Tensor, atoms: Tensor, bonds: Tensor, time: Tensor, mode: Tensor, scales: Scales, dice: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """Coordinates, elements and bonds at `time` (b,), each molecule on the road of its `mode` (b,)."""
    b, n, _ = x.shape
    noise = gaussian(b, n, dice)
    flow = mode == FLOW
    if flow.any():
        noise[flow] = aligned(noise[flow], x[flow])
    signal, rest = level(time)
    a = torch.where(flow, time, signal)[:, None, None]
    s = torch.where(flow, 1 - time, rest)[:, None, None]
    keep_atoms = torch.rand(b, n, generator=dice) < time[:, None]
    keep_bonds = mirrored((torch.rand(b, n, n, generator=dice) < time[:, None, None]).long()).bool()
    return (
        a * x + s * noise,
        torch.where(keep_atoms, atoms, drawn(scales.atoms, (b, n), dice)),
        torch.where(keep_bonds, bonds, drawn_bonds(scales.bonds, b, n, dice)),
    )
