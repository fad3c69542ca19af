"""Drawing molecules with the network: once from a scribble, then again and again over parts of what there is."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from planners.design.adversarial.network import Canvas, Drafter, Graphs, read_off
from planners.design.adversarial.scribbles import Flags, Scribbles, scribbled, smudged

PASSES = 3  # draws after the first
_OPEN, _LEVEL = 0.5, 0.5  # share of atoms that a later draw opens, share of their places that it scribbles over


def canvas(rng: np.random.Generator, given: Scribbles, opened: Flags, level: np.ndarray, noise: int) -> Canvas:
    """The arrays as the network reads them, with noise drawn from `rng`."""
    drawn = rng.standard_normal((*opened.shape, noise), dtype=np.float32)
    graphs = Graphs(torch.from_numpy(given.kinds), torch.from_numpy(given.orders))
    return Canvas(graphs, torch.from_numpy(opened), torch.from_numpy(level).float(), torch.from_numpy(drawn))


@torch.no_grad()
def drawn_anew(
    model: Drafter, rng: np.random.Generator, batch: int, n: int, *, passes: int, allowed: Tensor | None = None
) -> Graphs:
    """Graphs of n atoms from nothing.  allowed: kinds of atoms that may occur, shape (kinds,), bool."""
    everything, level = np.ones((batch, n), dtype=np.bool_), np.ones(batch)
    on = canvas(rng, scribbled(rng, batch, n), everything, level, model.shape.noise)
    graphs = read_off(model(on), on, allowed)
    for _ in range(passes):
        opened = rng.random((batch, n)) < _OPEN
        graphs = redrawn(model, rng, graphs, opened, np.full(batch, _LEVEL), allowed=allowed)
    return graphs


@torch.no_grad()
def redrawn(
    model: Drafter,
    rng: np.random.Generator,
    graphs: Graphs,
    opened: Flags,
    level: np.ndarray,
    *,
    allowed: Tensor | None = None,
) -> Graphs:
    """The same graphs with their open atoms (batch, n) drawn again; the others stay, and the bonds between them."""
    known = Scribbles(graphs.kinds.numpy(), graphs.orders.numpy())
    on = canvas(rng, smudged(rng, known, opened, level), opened, level, model.shape.noise)
    return read_off(model(on), on, allowed)
