"""Drawing molecules with the network: several from scribbles for each one wanted, of which the critic's opinion draws
one by lot.

The critic's answer is the logarithm of how much likelier a graph is among real molecules than among drawings, up to a
constant. Drawing by lot in proportion to its exponential gives a sample nearer to real molecules than the network's own
(S. Azadi et al., ICLR 2019, "Discriminator rejection sampling"; resampling among a fixed number instead of rejection).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from planners.design.adversarial.critic import Critic
from planners.design.adversarial.network import Canvas, Drafter, Graphs, one_hot, read_off
from planners.design.adversarial.scribbles import Flags, Scribbles, scribbled, smudged

RIVALS = 6  # drawings of which one is drawn by lot
REDRAWN = 2  # the same where only a part is drawn: what stays was good already
_CLEAR = 4.0  # the critic's answers count up to so far from the mean of the rivals


def canvas(
    rng: np.random.Generator, given: Scribbles, opened: Flags, level: npt.NDArray[np.float64], noise: int
) -> Canvas:
    """The arrays as the network reads them, with noise drawn from `rng`."""
    drawn = rng.standard_normal((*opened.shape, noise), dtype=np.float32)
    graphs = Graphs(torch.from_numpy(given.kinds), torch.from_numpy(given.orders))
    return Canvas(graphs, torch.from_numpy(opened), torch.from_numpy(level).float(), torch.from_numpy(drawn))


@torch.no_grad()
def drawn_anew(
    model: Drafter,
    critic: Critic,
    rng: np.random.Generator,
    batch: int,
    n: int,
    *,
    allowed: Tensor | None = None,
    rivals: int = RIVALS,
) -> Graphs:
    """Graphs of n atoms from nothing.  allowed: kinds of atoms that may occur, shape (kinds,), bool."""
    many = batch * rivals
    everything, level = np.ones((many, n), dtype=np.bool_), np.ones(many)
    on = canvas(rng, scribbled(rng, many, n), everything, level, model.shape.noise)
    return _by_lot(critic, read_off(model(on), on, allowed), rivals, rng)


@torch.no_grad()
def redrawn(
    model: Drafter,
    critic: Critic,
    rng: np.random.Generator,
    graphs: Graphs,
    opened: Flags,
    level: npt.NDArray[np.float64],
    *,
    allowed: Tensor | None = None,
    rivals: int = REDRAWN,
) -> Graphs:
    """The same graphs with their open atoms (batch, n) drawn again; the others stay, and the bonds between them."""
    known = Scribbles(graphs.kinds.numpy().repeat(rivals, 0), graphs.orders.numpy().repeat(rivals, 0))
    opened, level = opened.repeat(rivals, 0), level.repeat(rivals)
    on = canvas(rng, smudged(rng, known, opened, level), opened, level, model.shape.noise)
    return _by_lot(critic, read_off(model(on), on, allowed), rivals, rng)


def _by_lot(critic: Critic, graphs: Graphs, rivals: int, rng: np.random.Generator) -> Graphs:
    """One of each `rivals` graphs that stand together."""
    if rivals == 1:
        return graphs
    answers = critic(*one_hot(graphs)).view(-1, rivals)
    answers = (answers - answers.mean(1, keepdim=True)).clamp(-_CLEAR, _CLEAR).double().numpy()
    # The largest of logits with Gumbel noise is a draw from their softmax.
    place = torch.from_numpy((answers + rng.gumbel(size=answers.shape)).argmax(1) + np.arange(len(answers)) * rivals)
    return Graphs(graphs.kinds[place], graphs.orders[place])
