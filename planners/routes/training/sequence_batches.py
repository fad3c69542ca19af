"""Shards into batches of texts that are alike in length."""

from __future__ import annotations

import random
from collections.abc import Iterator

from planners.routes.single_step.sequence.inputs import Scripts, Texts, scripts, texts
from planners.routes.training.sequence_data import LONGEST_SCRIPT, Shard

# oneDNN compiles a kernel for every new matrix shape: lengths come in steps, and all batches of a length have the same
# number of rows.
STEP = 8


def stepped(length: int) -> int:
    """The length that a string is padded to."""
    step = STEP if length <= 10 * STEP else 4 * STEP
    return (length + step - 1) // step * step


def batch_of(shard: Shard, rows: list[int], words: int) -> tuple[Texts, Scripts]:
    sources = [shard.source.row(i).tolist() for i in rows]
    edges = [shard.edges.row(i).reshape(-1, 2).tolist() for i in rows]
    numbers = [shard.script.row(i).tolist() for i in rows]
    steps = min(stepped(max(map(len, numbers)) + 1), LONGEST_SCRIPT + 2)
    return texts(sources, edges, stepped(max(map(len, sources)))), scripts(numbers, words, steps)


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
