"""Shards into batches of one source length, as tensors that the network reads."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from planners.routes.single_step.sequence.tokens import END, PAD, START
from planners.routes.training.sequence_data import LONGEST_SCRIPT, Shard

# oneDNN compiles a kernel for every new matrix shape, which took most of the time when shapes were free: so lengths
# come in steps and every batch of a length has the same number of rows.
STEP = 8


def stepped(length: int) -> int:
    """The length that a string is padded to."""
    step = STEP if length <= 10 * STEP else 4 * STEP
    return (length + step - 1) // step * step


@dataclass(frozen=True, slots=True)
class Batch:
    """`said` [B, T] is the script so far, `target` [B, T] what comes next (-1: nothing); see `SequenceNetwork`."""

    source: Tensor
    touch: Tensor
    mask: Tensor
    said: Tensor
    last: Tensor
    first: Tensor
    target: Tensor


def batch_of(shard: Shard, rows: list[int], words: int, dtype: torch.dtype) -> Batch:
    sources = [shard.source.row(i) for i in rows]
    scripts = [shard.script.row(i) for i in rows]
    length, steps = stepped(max(map(len, sources))), min(stepped(max(map(len, scripts)) + 1), LONGEST_SCRIPT + 2)
    source = np.full((len(rows), length), PAD, np.int64)
    touch = np.zeros((len(rows), length, length), np.float32)
    said = np.full((len(rows), steps), PAD, np.int64)
    target = np.full((len(rows), steps), -1, np.int64)
    last = np.zeros((len(rows), steps), bool)
    first = np.full((len(rows), steps), -1, np.int64)
    for b, (i, text, script) in enumerate(zip(rows, sources, scripts, strict=True)):
        source[b, : len(text)] = text
        edges = shard.edges.row(i).reshape(-1, 2)
        touch[b, edges[:, 0], edges[:, 1]] = 1
        touch[b, edges[:, 1], edges[:, 0]] = 1
        said[b, 0] = START
        said[b, 1 : len(script) + 1] = script
        target[b, : len(script)] = script
        target[b, len(script)] = END
        points = script >= words
        closes = points & (np.cumsum(points) % 2 == 0)
        last[b, 1 : len(script) + 1] = closes
        first[b, 1 : len(script) + 1] = np.where(points & ~closes, script - words, -1)
    touch /= np.maximum(touch.sum(axis=2, keepdims=True), 1)
    mask = torch.from_numpy(source != PAD)[:, None, None]
    return Batch(
        torch.from_numpy(source),
        torch.from_numpy(touch).to(dtype),
        mask,
        torch.from_numpy(said),
        torch.from_numpy(last),
        torch.from_numpy(first),
        torch.from_numpy(target),
    )


def batches(shard: Shard, tokens: int, rng: random.Random) -> Iterator[list[int]]:
    """Rows of about `tokens` source tokens, alike in length, in random order."""
    lengths, steps = shard.source.lengths(), shard.script.lengths()
    order = list(range(len(lengths)))
    rng.shuffle(order)
    groups: dict[int, list[int]] = {}
    for i in order:
        groups.setdefault(stepped(int(lengths[i])), []).append(i)
    made = []
    for length, rows in groups.items():
        size = max(min(tokens // length, len(rows)), 1)
        rows += rng.sample(rows, -len(rows) % size)
        rows.sort(key=lambda i: steps[i] + 3 * rng.random())  # scripts of one batch are alike in length, roughly
        made += [rows[i : i + size] for i in range(0, len(rows), size)]
    rng.shuffle(made)
    yield from made
