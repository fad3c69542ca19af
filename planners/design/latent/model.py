"""A variational autoencoder of molecules as words (Gómez-Bombarelli et al., ACS Cent. Sci. 2018, 4, 268; Kingma and
Welling, ICLR 2014), with a head that reads properties from a point.

Encoder: a small transformer, whose states are read position by position into mean and spread of the point. Decoder: a
causal transformer that is given, at each position, the last word and what a linear map says of the point there.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from planners.design.latent.tokens import END, PAD


@dataclass(frozen=True)
class Shape:
    """vocabulary, longest: words known, and words of a molecule.  latent: dimensions of a point."""

    vocabulary: int
    longest: int
    width: int = 192
    heads: int = 3
    encoder: int = 2
    decoder: int = 3
    summary: int = 384
    latent: int = 128
    properties: int = 6

    def plain(self) -> dict[str, int]:
        return asdict(self)


class Block(nn.Module):
    """Attention and feed-forward, each after a normalisation (Xiong et al., ICML 2020)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attend, self.together = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.widen, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, states: Tensor, hidden: Tensor) -> Tensor:
        """states: (n, t, width).  hidden: what is not attended to, true, in a shape that fits (n, heads, t, t)."""
        n, t, width = states.shape
        parts = self.attend(self.before(states)).view(n, t, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        # Written out: on one core and sequences this short it takes half the time of the fused kernel.
        likeness = (parts[0] * parts.shape[-1] ** -0.5) @ parts[1].transpose(-1, -2)
        likeness = likeness.masked_fill(hidden, -1e4).softmax(-1).to(parts.dtype)
        seen = (likeness @ parts[2]).transpose(1, 2).reshape(n, t, width)
        states = states + self.together(seen)
        added: Tensor = states + self.narrow(functional.relu(self.widen(self.between(states))))
        return added


class Autoencoder(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.words = nn.Embedding(shape.vocabulary, shape.width)
        self.places = nn.Parameter(torch.zeros(shape.longest, shape.width))
        self.reading = nn.ModuleList(Block(shape.width, shape.heads) for _ in range(shape.encoder))
        self.read = nn.LayerNorm(shape.width)
        self.gather = nn.Linear(shape.longest * shape.width, shape.summary)
        self.point = nn.Linear(shape.summary, 2 * shape.latent)
        self.hints = nn.Linear(shape.latent, (shape.longest + 1) * shape.width)
        self.writing = nn.ModuleList(Block(shape.width, shape.heads) for _ in range(shape.decoder))
        self.written = nn.LayerNorm(shape.width)
        self.bias = nn.Parameter(torch.zeros(shape.vocabulary))
        self.foresee = nn.Sequential(nn.Linear(shape.latent, 128), nn.SiLU(), nn.Linear(128, shape.properties))
        nn.init.normal_(self.words.weight, std=shape.width**-0.5)
        nn.init.normal_(self.places, std=shape.width**-0.5)
        # Points begin nearly without noise: the decoder first learns to read them, the divergence then makes room.
        nn.init.constant_(self.point.bias[shape.latent :], -2.0)

    def encode(self, numbers: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and logarithm of the spread, (n, latent) each, of words (n, t), t up to longest, PAD at the end."""
        n, t = numbers.shape
        there = numbers != PAD
        states = self.words(numbers) + self.places[:t]
        hidden = ~there[:, None, None, :]
        for block in self.reading:
            states = block(states, hidden)
        flat = (self.read(states) * there[..., None]).reshape(n, -1)
        # Places without a word add nothing, so their columns are left out.
        summary = functional.linear(flat, self.gather.weight[:, : flat.shape[1]], self.gather.bias)
        mean, spread = self.point(functional.silu(summary)).float().chunk(2, dim=-1)
        return mean, spread.clamp(-8.0, 2.0)

    def decode(self, points: Tensor, before: Tensor) -> Tensor:
        """Logits (n, t, vocabulary) of each next word. points: (n, latent).  before: (n, t), END, then words."""
        n, t = before.shape
        width = self.shape.width
        hints = functional.linear(points, self.hints.weight[: t * width], self.hints.bias[: t * width])
        states = self.words(before) + hints.view(n, t, width)
        later = torch.ones(t, t, dtype=torch.bool).triu(1)
        for block in self.writing:
            states = block(states, later)
        return functional.linear(self.written(states), self.words.weight, self.bias)

    def properties(self, points: Tensor) -> Tensor:
        """(n, properties), standardised as in training."""
        foreseen: Tensor = self.foresee(points)
        return foreseen

    @torch.no_grad()
    def write(self, points: Tensor, dice: torch.Generator | None = None) -> Tensor:
        """Words (n, longest), one after the other, END after the last: the most probable ones, or drawn with `dice`."""
        n = len(points)
        text = torch.full((n, self.shape.longest + 1), END, dtype=torch.long)
        open_rows = torch.arange(n)
        for t in range(self.shape.longest):
            logits = self.decode(points[open_rows], text[open_rows, : t + 1])[:, -1].float()
            logits[:, PAD] = -torch.inf
            if t == 0:
                logits[:, END] = -torch.inf  # nothing is no molecule
            if dice is None:
                text[open_rows, t + 1] = logits.argmax(-1)
            else:
                text[open_rows, t + 1] = torch.multinomial(logits.softmax(-1), 1, generator=dice)[:, 0]
            open_rows = open_rows[text[open_rows, t + 1] != END]
            if not len(open_rows):
                break
        return text[:, 1:]
