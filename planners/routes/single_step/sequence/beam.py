"""Beam search over many texts at once, with the decoder's keys and values kept from step to step.

Without length normalisation a beam's probability can only fall, so a text is done as soon as its best open beam is
worse than the last of its finished ones: nothing better can come.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from planners.routes.single_step.sequence.inputs import Texts
from planners.routes.single_step.sequence.network import SequenceNetwork
from planners.routes.single_step.sequence.tokens import END, START

_LOWEST = -1e9
_HOPELESS = 9.0  # in nats below the best finished script: one in eight thousand of it


@dataclass(frozen=True, slots=True)
class Said:
    """A finished script, as numbers, and its log-probability."""

    numbers: tuple[int, ...]
    log_probability: float


@dataclass(slots=True)
class _Beams:
    """M texts with W open beams each. `place`: which texts of the batch these are."""

    place: Tensor  # [M]
    encoded: Tensor  # [M, L, D]
    keys: Tensor  # [M, L, D]
    mask: Tensor  # [M, 1, 1, L]
    memory: list[tuple[Tensor, Tensor]]  # per layer [M, H, L, D / H]
    past: list[tuple[Tensor, Tensor]]  # per layer [M * W, H, t, D / H]
    log_p: Tensor  # [M, W]
    script: Tensor  # [M, W, t], begins with START
    first: Tensor  # [M, W]
    last: Tensor  # [M, W]
    done_log_p: Tensor  # [M, W]
    done_script: Tensor  # [M, W, T]

    def keep(self, rows: Tensor) -> None:
        """Only these texts go on."""
        width = self.log_p.shape[1]
        flat = (rows[:, None] * width + torch.arange(width)).reshape(-1)
        self.memory = [(k[rows], v[rows]) for k, v in self.memory]
        self.past = [(k[flat], v[flat]) for k, v in self.past]
        for name in (
            "place",
            "encoded",
            "keys",
            "mask",
            "log_p",
            "script",
            "first",
            "last",
            "done_log_p",
            "done_script",
        ):
            setattr(self, name, getattr(self, name)[rows])


def _begin(network: SequenceNetwork, texts: Texts, width: int) -> _Beams:
    encoded = network.encode(texts.source, texts.touch, texts.mask)
    m = encoded.shape[0]
    log_p = torch.full((m, width), _LOWEST)
    log_p[:, 0] = 0.0  # one beam; the others open with the second step
    return _Beams(
        place=torch.arange(m),
        encoded=encoded,
        keys=network.point_key(encoded),
        mask=texts.mask,
        memory=[layer.memory(encoded) for layer in network.tellers()],
        past=[],
        log_p=log_p,
        script=torch.full((m, width, 1), START),
        first=torch.full((m, width), -1),
        last=torch.zeros((m, width), dtype=torch.bool),
        done_log_p=torch.full((m, width), _LOWEST),
        done_script=torch.full((m, width, network.sizes.longest_script), END),
    )


def _advance(network: SequenceNetwork, beams: _Beams) -> None:
    m, width = beams.log_p.shape
    words, t = network.sizes.vocabulary, beams.script.shape[2]
    x = network.embedded(beams.script[:, :, -1], beams.last, beams.encoded, torch.tensor([t - 1]))
    grown = []
    for i, layer in enumerate(network.tellers()):
        x, now = layer.step(x, beams.past[i] if beams.past else None, beams.memory[i], beams.mask)
        grown.append(now)
    log_p = torch.log_softmax(network.scores(x, beams.keys, beams.first, beams.mask), dim=-1)
    log_p = (beams.log_p[..., None] + log_p).clamp_min(_LOWEST)

    ended = torch.cat([beams.done_log_p, log_p[:, :, END]], dim=1)
    padded = torch.full((m, width, beams.done_script.shape[2]), END)
    padded[:, :, : t - 1] = beams.script[:, :, 1:]
    beams.done_log_p, best = ended.topk(width, dim=1)
    both = torch.cat([beams.done_script, padded], dim=1)
    beams.done_script = both.gather(1, best[..., None].expand(-1, -1, both.shape[2]))

    log_p[:, :, : END + 1] = _LOWEST
    beams.log_p, best = log_p.view(m, -1).topk(width, dim=1)
    parent, said = best // log_p.shape[2], best % log_p.shape[2]
    flat = (torch.arange(m)[:, None] * width + parent).reshape(-1)
    beams.past = [(k[flat], v[flat]) for k, v in grown]
    beams.script = torch.cat([beams.script.gather(1, parent[..., None].expand(-1, -1, t)), said[..., None]], dim=2)
    was_open = beams.first.gather(1, parent) >= 0
    beams.last = was_open
    beams.first = torch.where((said >= words) & ~was_open, said - words, -1)


@torch.inference_mode()
def search(network: SequenceNetwork, texts: Texts, width: int) -> list[list[Said]]:
    """The `width` most probable scripts of each text that a beam of this width finds, best first.

    The network must be in evaluation mode.
    """
    m = texts.source.shape[0]
    answers: list[list[Said]] = [[] for _ in range(m)]
    beams = _begin(network, texts, width)
    for _ in range(network.sizes.longest_script - 1):
        _advance(network, beams)
        best_open, best_done = beams.log_p[:, 0], beams.done_log_p[:, 0]
        done = (best_open < beams.done_log_p[:, -1]) | (best_open < best_done - _HOPELESS)
        if int(done.sum()) * 4 >= len(done):
            _collect(beams, done, answers)
            beams.keep(torch.nonzero(~done)[:, 0])
            if len(beams.place) == 0:
                return answers
    _collect(beams, torch.ones(len(beams.place), dtype=torch.bool), answers)
    return answers


def _collect(beams: _Beams, rows: Tensor, answers: list[list[Said]]) -> None:
    for place, log_ps, found in zip(
        beams.place[rows].tolist(), beams.done_log_p[rows].tolist(), beams.done_script[rows].tolist(), strict=True
    ):
        answers[place] = [
            Said(tuple(numbers[: numbers.index(END)] if END in numbers else numbers), log_p)
            for numbers, log_p in zip(found, log_ps, strict=True)
            if log_p > _LOWEST / 2
        ]
