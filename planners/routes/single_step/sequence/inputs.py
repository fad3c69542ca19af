"""Ragged lists of numbers as the padded tensors that `SequenceNetwork` reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from planners.routes.single_step.sequence.network import NEVER
from planners.routes.single_step.sequence.tokens import END, PAD, START

Edges = Sequence[Sequence[int]]  # pairs of token positions


@dataclass(frozen=True, slots=True)
class Texts:
    """`source` [B, L] tokens, `touch` [B, L, L] bf16: which tokens touch, rows of sum one; `mask` [B, 1, 1, L] bf16:
    0 where the text is, `NEVER` elsewhere."""

    source: Tensor
    touch: Tensor
    mask: Tensor


@dataclass(frozen=True, slots=True)
class Scripts:
    """`said` [B, T] what was said so far, `target` [B, T] what comes next (-1: nothing). `last`: a piece ends here.
    `first`: where the open piece began, -1 when none is open."""

    said: Tensor
    last: Tensor
    first: Tensor
    target: Tensor


def texts(sources: Sequence[Sequence[int]], edges: Sequence[Edges], length: int = 0) -> Texts:
    """`length`: pad to this many tokens, when it is more than the longest has."""
    length = max(length, *map(len, sources))
    source = np.full((len(sources), length), PAD, np.int64)
    touch = np.zeros((len(sources), length, length), np.float32)
    for b, (text, pairs) in enumerate(zip(sources, edges, strict=True)):
        source[b, : len(text)] = text
        if len(pairs):
            i, j = np.asarray(pairs).T
            touch[b, i, j] = touch[b, j, i] = 1
    touch /= np.maximum(touch.sum(axis=2, keepdims=True), 1)
    mask = torch.from_numpy(np.where(source == PAD, np.float32(NEVER), np.float32(0)))[:, None, None].bfloat16()
    return Texts(torch.from_numpy(source), torch.from_numpy(touch).bfloat16(), mask)


def scripts(numbers: Sequence[Sequence[int]], words: int, steps: int = 0) -> Scripts:
    """`words`: size of the vocabulary; `steps`: pad to this many, when it is more than the longest needs."""
    shape = len(numbers), max(steps, max(map(len, numbers)) + 1)
    said, target = np.full(shape, PAD, np.int64), np.full(shape, -1, np.int64)
    last, first = np.zeros(shape, bool), np.full(shape, -1, np.int64)
    for b, row in enumerate(numbers):
        script = np.asarray(row, np.int64)
        n = len(script)
        said[b, 0], said[b, 1 : n + 1] = START, script
        target[b, :n], target[b, n] = script, END
        points = script >= words
        closes = points & (np.cumsum(points) % 2 == 0)
        last[b, 1 : n + 1] = closes
        first[b, 1 : n + 1] = np.where(points & ~closes, script - words, -1)
    return Scripts(*map(torch.from_numpy, (said, last, first, target)))
