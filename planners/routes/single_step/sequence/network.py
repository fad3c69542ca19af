"""The Transformer behind the sequence model: reads a product's text, says a script that rewrites it (`script.py`).

Pre-norm encoder and decoder (A. Vaswani et al. 2017; R. Xiong et al. 2020). Two things make a small training suffice:
the encoder mixes every token with the tokens that it touches in the molecule, read from brackets and ring labels alone,
and the decoder points at the product's text instead of spelling it again.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True, slots=True)
class Sizes:
    vocabulary: int
    width: int = 256
    heads: int = 8
    hidden: int = 768
    encoder_layers: int = 4
    decoder_layers: int = 2
    longest_source: int = 256
    longest_script: int = 64
    dropout: float = 0.0

    def record(self) -> dict[str, float]:
        return asdict(self)


NEVER = -1e4  # added to the logit of a place that may not be looked at


def _shared_dropout(x: Tensor, rate: float, training: bool) -> Tensor:
    # One mask for all positions of a string (Gal & Ghahramani 2016): a fiftieth of the random numbers.
    if not training or not rate:
        return x
    keep = torch.empty(x.shape[0], 1, x.shape[2], dtype=x.dtype).bernoulli_(1 - rate) / (1 - rate)
    return x * keep


def _heads(x: Tensor, heads: int) -> Tensor:
    """[B, T, D] -> [B, H, T, D / H]"""
    return x.view(x.shape[0], x.shape[1], heads, -1).transpose(1, 2)


def _joined(x: Tensor) -> Tensor:
    """[B, H, T, D / H] -> [B, T, D]"""
    return x.transpose(1, 2).reshape(x.shape[0], x.shape[2], -1)


def _attended(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
    """Softmax attention, [B, H, T, D / H]; `mask` is added to the logits: 0 where a query may look, else very negative.

    Spelt out because the fused kernel's backward pass in bf16 on CPU took ten times as long (measured).
    """
    weights = torch.matmul(q * (q.shape[-1] ** -0.5), k.transpose(-1, -2))
    if mask is not None:
        weights = weights + mask
    return torch.matmul(torch.softmax(weights, dim=-1), v)


class FeedForward(nn.Module):
    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(sizes.width)
        self.rise = nn.Linear(sizes.width, sizes.hidden)
        self.fall = nn.Linear(sizes.hidden, sizes.width)

    def forward(self, x: Tensor) -> Tensor:
        return self.fall(functional.relu(self.rise(self.norm(x))))


class EncoderLayer(nn.Module):
    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.heads, self.dropout = sizes.heads, sizes.dropout
        self.norm = nn.LayerNorm(sizes.width)
        self.inputs = nn.Linear(sizes.width, 3 * sizes.width, bias=False)
        self.output = nn.Linear(sizes.width, sizes.width, bias=False)
        self.touching = nn.Linear(sizes.width, sizes.width, bias=False)
        self.forward_part = FeedForward(sizes)

    def forward(self, x: Tensor, touch: Tensor, mask: Tensor | None) -> Tensor:
        h = self.norm(x)
        q, k, v = (_heads(part, self.heads) for part in self.inputs(h).chunk(3, dim=-1))
        seen = _joined(_attended(q, k, v, mask))
        mixed = self.output(seen) + self.touching(torch.bmm(touch, h))
        x = x + _shared_dropout(mixed, self.dropout, self.training)
        return x + _shared_dropout(self.forward_part(x), self.dropout, self.training)


class DecoderLayer(nn.Module):
    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.heads, self.dropout = sizes.heads, sizes.dropout
        self.norm = nn.LayerNorm(sizes.width)
        self.inputs = nn.Linear(sizes.width, 3 * sizes.width, bias=False)
        self.output = nn.Linear(sizes.width, sizes.width, bias=False)
        self.cross_norm = nn.LayerNorm(sizes.width)
        self.cross_query = nn.Linear(sizes.width, sizes.width, bias=False)
        self.cross_inputs = nn.Linear(sizes.width, 2 * sizes.width, bias=False)
        self.cross_output = nn.Linear(sizes.width, sizes.width, bias=False)
        self.forward_part = FeedForward(sizes)

    def memory(self, encoded: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values of the product's text, each [B, H, L, D / H]."""
        k, v = (_heads(part, self.heads) for part in self.cross_inputs(encoded).chunk(2, dim=-1))
        return k, v

    def _crossed(self, x: Tensor, memory: tuple[Tensor, Tensor], mask: Tensor | None) -> Tensor:
        q = _heads(self.cross_query(self.cross_norm(x)), self.heads)
        return self.cross_output(_joined(_attended(q, *memory, mask)))

    def forward(self, x: Tensor, memory: tuple[Tensor, Tensor], mask: Tensor | None) -> Tensor:
        """Whole scripts at once. `x` [B, T, D]."""
        q, k, v = (_heads(part, self.heads) for part in self.inputs(self.norm(x)).chunk(3, dim=-1))
        causal = torch.full((x.shape[1], x.shape[1]), NEVER, dtype=x.dtype).triu(1)
        seen = self.output(_joined(_attended(q, k, v, causal)))
        x = x + _shared_dropout(seen, self.dropout, self.training)
        x = x + _shared_dropout(self._crossed(x, memory, mask), self.dropout, self.training)
        return x + _shared_dropout(self.forward_part(x), self.dropout, self.training)

    def step(
        self, x: Tensor, past: tuple[Tensor, Tensor] | None, memory: tuple[Tensor, Tensor], mask: Tensor | None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """One more place of every beam. `x` [M, W, D] for W beams of M molecules; `past` keys and values
        [M * W, H, t, D / H]; returns the new `x` and the past with this place added."""
        m, w, d = x.shape
        flat = self.norm(x).view(m * w, 1, d)
        q, k, v = (_heads(part, self.heads) for part in self.inputs(flat).chunk(3, dim=-1))
        if past is not None:
            k, v = torch.cat([past[0], k], dim=2), torch.cat([past[1], v], dim=2)
        x = x + self.output(_joined(_attended(q, k, v, None))).view(m, w, d)
        x = x + self._crossed(x, memory, mask)
        return x + self.forward_part(x), (k, v)


def _start_small(lasts: tuple[nn.Linear, ...], layers: int) -> None:
    # What a layer adds is small at first, so that a short warm-up suffices.
    for last in lasts:
        nn.init.normal_(last.weight, std=0.3 / math.sqrt(last.weight.shape[0] * layers))


class SequenceNetwork(nn.Module):
    """Numbers below `sizes.vocabulary` are tokens, those above are positions in the product's text (first or last of a
    piece to copy, in turn)."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.sizes = sizes
        self.tokens = nn.Embedding(sizes.vocabulary, sizes.width)
        self.source_places = nn.Embedding(sizes.longest_source, sizes.width)
        self.said = nn.Embedding(sizes.vocabulary, sizes.width)
        self.script_places = nn.Embedding(sizes.longest_script, sizes.width)
        self.first_of_piece = nn.Linear(sizes.width, sizes.width)
        self.last_of_piece = nn.Linear(sizes.width, sizes.width)
        self.encoder = nn.ModuleList(EncoderLayer(sizes) for _ in range(sizes.encoder_layers))
        self.decoder = nn.ModuleList(DecoderLayer(sizes) for _ in range(sizes.decoder_layers))
        self.encoder_norm = nn.LayerNorm(sizes.width)
        self.decoder_norm = nn.LayerNorm(sizes.width)
        self.say = nn.Linear(sizes.width, sizes.vocabulary)
        self.point_query = nn.Linear(sizes.width, sizes.width)
        self.point_key = nn.Linear(sizes.width, sizes.width)
        for embedding in (self.tokens, self.source_places, self.said, self.script_places):
            nn.init.normal_(embedding.weight, std=0.5)
        for layer in self.readers():
            _start_small((layer.output, layer.touching, layer.forward_part.fall), sizes.encoder_layers)
        for teller in self.tellers():
            _start_small((teller.output, teller.cross_output, teller.forward_part.fall), sizes.decoder_layers)

    def readers(self) -> list[EncoderLayer]:
        return [layer for layer in self.encoder if isinstance(layer, EncoderLayer)]

    def tellers(self) -> list[DecoderLayer]:
        return [layer for layer in self.decoder if isinstance(layer, DecoderLayer)]

    def encode(self, source: Tensor, touch: Tensor, mask: Tensor | None) -> Tensor:
        """`source` [B, L] tokens, `touch` [B, L, L] rows that sum to one or nothing,
        `mask` [B, 1, 1, L] zero where the text is, very negative elsewhere; returns [B, L, D]."""
        x = self.tokens(source) + self.source_places.weight[: source.shape[1]]
        x = _shared_dropout(x, self.sizes.dropout, self.training)
        for layer in self.readers():
            x = layer(x, touch, mask)
        return self.encoder_norm(x)

    def embedded(self, script: Tensor, last: Tensor, encoded: Tensor, places: Tensor) -> Tensor:
        """`script` [B, T] numbers already said, `last` [B, T] true where one ends a piece, `places` [T] where in the
        script they stand; returns [B, T, D]."""
        v, d = self.sizes.vocabulary, self.sizes.width
        at = (script - v).clamp_min(0)
        pointed = encoded.gather(1, at.unsqueeze(-1).expand(-1, -1, d))
        pointed = torch.where(last.unsqueeze(-1), self.last_of_piece(pointed), self.first_of_piece(pointed))
        said = self.said(script.clamp_max(v - 1))
        x = torch.where((script >= v).unsqueeze(-1), pointed, said)
        return x + self.script_places(places)

    def scores(self, x: Tensor, keys: Tensor, first: Tensor, mask: Tensor | None) -> Tensor:
        """Logits [B, T, V + L] in fp32. `keys` [B, L, D] from `point_key`; `first` [B, T]: where the open piece began
        (then only a position at or after it may follow), -1 when no piece is open."""
        x = self.decoder_norm(x)
        say = self.say(x).float()
        point = torch.bmm(self.point_query(x), keys.transpose(1, 2)).float() / math.sqrt(self.sizes.width)
        if mask is not None:
            point = point.masked_fill(mask[:, 0] < 0, -torch.inf)
        inside = (first >= 0).unsqueeze(-1)
        before = torch.arange(point.shape[2]) < first.unsqueeze(-1)
        return torch.cat([say.masked_fill(inside, -torch.inf), point.masked_fill(before, -torch.inf)], dim=-1)

    def forward(
        self, source: Tensor, touch: Tensor, mask: Tensor | None, script: Tensor, last: Tensor, first: Tensor
    ) -> Tensor:
        """Teacher-forced logits [B, T, V + L]; arguments as in `encode`, `embedded` and `scores`."""
        return self.told(self.encode(source, touch, mask), mask, script, last, first)

    def told(self, encoded: Tensor, mask: Tensor | None, script: Tensor, last: Tensor, first: Tensor) -> Tensor:
        """As `forward`, for texts that are encoded already."""
        x = self.embedded(script, last, encoded, torch.arange(script.shape[1]))
        for layer in self.tellers():
            x = layer(x, layer.memory(encoded), mask)
        return self.scores(x, self.point_key(encoded), first, mask)
