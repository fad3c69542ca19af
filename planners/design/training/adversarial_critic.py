"""What the critic learns from: real graphs against drawn ones."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from planners.design.adversarial.critic import Critic


@dataclass(frozen=True)
class Losses:
    """critic: what the critic minimises.  gap: mean of its answers for real graphs less that for drawn ones."""

    critic: Tensor
    gap: float


def critic_losses(critic: Critic, real: tuple[Tensor, Tensor], drawn: tuple[Tensor, Tensor], penalty: float) -> Losses:
    """Relativistic pairing with zero-centred penalties on both sides, which keeps a generator from dropping kinds of
    molecules (Y. Huang et al., NeurIPS 2024, "The GAN is dead; long live the GAN!").

    penalty: weight of half the squared gradients; 0 leaves them out.
    """
    sides = [tuple(t.detach().requires_grad_(penalty > 0.0) for t in side) for side in (real, drawn)]
    answers = [critic(*side) for side in sides]
    loss = functional.softplus(answers[1] - answers[0]).mean()
    if penalty > 0.0:
        for side, answer in zip(sides, answers, strict=True):
            steep = torch.autograd.grad(answer.sum(), side, create_graph=True)
            loss = loss + 0.5 * penalty * sum(g.square().flatten(1).sum(1).mean() for g in steep)
    return Losses(loss, float((answers[0] - answers[1]).mean().detach()))
