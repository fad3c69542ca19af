"""Molecules as the autoencoder learns them: words, and the properties that its second head reads from a point."""

from __future__ import annotations

import heapq
import json
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from knowledge.trainer.wheels import training_dir
from planners.design.latent.properties import PROPERTIES, properties
from planners.design.latent.tokens import PAD, Vocabulary, as_symbols, from_selfies
from planners.design.training.corpus import held_out, molecules

LARGEST, LIMIT, SEED = 18, 130_000, 0
WORDS, LONGEST = 384, 24
RARE = 40  # molecules with a symbol that fewer than so many have are left out
ROOM = "design/latent"


@dataclass(frozen=True)
class Examples:
    """smiles: n.  numbers: (n, longest), int16, PAD at the end.  lengths: (n,).  properties: (n, p), float32."""

    smiles: tuple[str, ...]
    numbers: npt.NDArray[np.int16]
    lengths: npt.NDArray[np.int64]
    properties: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.smiles)

    def of(self, rows: npt.NDArray[np.int64]) -> Examples:
        smiles = tuple(self.smiles[row] for row in rows)
        return Examples(smiles, self.numbers[rows], self.lengths[rows], self.properties[rows])


@dataclass(frozen=True)
class Data:
    vocabulary: Vocabulary
    train: Examples
    test: Examples


def data() -> Data:
    """The corpus in words, made once. About five minutes of one core the first time."""
    path = training_dir(ROOM) / f"examples-{LARGEST}-{LIMIT}-{WORDS}.safetensors"
    if not path.is_file():
        _build(path)
    with safe_open(path, framework="np") as file:
        notes = file.metadata()
    arrays = load_file(path)
    every = Examples(tuple(json.loads(notes["smiles"])), arrays["numbers"], arrays["lengths"], arrays["properties"])
    apart = np.array([held_out(text) for text in every.smiles])
    vocabulary = Vocabulary(json.loads(notes["words"]), LONGEST)
    return Data(vocabulary, every.of(np.flatnonzero(~apart)), every.of(np.flatnonzero(apart)))


def _build(path: Path) -> None:
    spelled: dict[str, list[str]] = {}
    for smiles in molecules(LARGEST, LIMIT, SEED):
        symbols = as_symbols(smiles)
        if symbols is not None and from_selfies("".join(symbols)) == smiles:
            spelled[smiles] = symbols
    seen = Counter(symbol for symbols in spelled.values() for symbol in set(symbols))
    common = {smiles: symbols for smiles, symbols in spelled.items() if min(seen[s] for s in symbols) >= RARE}
    learned_from = [symbols for smiles, symbols in common.items() if not held_out(smiles)]
    vocabulary = Vocabulary(frequent_runs(learned_from, WORDS), LONGEST)
    kept: list[str] = []
    rows: list[list[int]] = []
    for text, symbols in common.items():
        numbers = vocabulary.of_symbols(symbols)
        if numbers is not None:
            kept.append(text)
            rows.append(numbers)
    padded = np.full((len(rows), LONGEST), PAD, dtype=np.int16)
    for row, numbers in zip(padded, rows, strict=True):
        row[: len(numbers)] = numbers
    arrays: dict[str, npt.NDArray[Any]] = {
        "numbers": padded,
        "lengths": np.array([len(row) for row in rows], dtype=np.int64),
        "properties": np.array([properties(text) for text in kept], dtype=np.float32).reshape(-1, len(PROPERTIES)),
    }
    scratch = path.with_suffix(f".{os.getpid()}")
    save_file(arrays, scratch, metadata={"smiles": json.dumps(kept), "words": json.dumps(vocabulary.words)})
    scratch.replace(path)


def frequent_runs(spelled: Iterable[Sequence[str]], count: int) -> list[str]:
    """Byte-pair words: the single symbols by name, then the most frequent neighbours made one, until there are `count`.

    Ties go to the text that sorts first.
    """
    texts = Counter(tuple(symbols) for symbols in spelled)
    sequences = [(list(symbols), often) for symbols, often in sorted(texts.items())]
    words = sorted({symbol for symbols, _ in sequences for symbol in symbols})
    pairs: Counter[tuple[str, str]] = Counter()
    where: dict[tuple[str, str], set[int]] = {}
    for i, (symbols, often) in enumerate(sequences):
        for pair in pairwise(symbols):
            pairs[pair] += often
            where.setdefault(pair, set()).add(i)
    queue = [(-often, pair) for pair, often in pairs.items()]
    heapq.heapify(queue)
    while len(words) < count and queue:
        often, pair = heapq.heappop(queue)
        if -often != pairs[pair]:
            if pairs[pair] > 0:
                heapq.heappush(queue, (-pairs[pair], pair))
            continue
        words.append("".join(pair))
        for i in sorted(where[pair]):
            symbols, weight = sequences[i]
            for old in pairwise(symbols):
                pairs[old] -= weight
            merged = _merged(symbols, pair)
            for new in pairwise(merged):
                pairs[new] += weight
                if i not in where.setdefault(new, set()):
                    where[new].add(i)
                    heapq.heappush(queue, (-pairs[new], new))
            sequences[i] = (merged, weight)
    return list(dict.fromkeys(words))


def _merged(symbols: Sequence[str], pair: tuple[str, str]) -> list[str]:
    merged: list[str] = []
    at = 0
    while at < len(symbols):
        if tuple(symbols[at : at + 2]) == pair:
            merged.append("".join(pair))
            at += 2
        else:
            merged.append(symbols[at])
            at += 1
    return merged


def batches(
    lengths: npt.NDArray[np.int64], size: int, rng: np.random.Generator, pool: int = 20
) -> list[npt.NDArray[np.int64]]:
    """Rows in batches of `size`, alike in length: `pool` batches at a time are sorted, then all are shuffled."""
    order = rng.permutation(len(lengths))
    found = []
    for begin in range(0, len(order), size * pool):
        part = order[begin : begin + size * pool]
        part = part[np.argsort(lengths[part], kind="stable")]
        found += [part[at : at + size] for at in range(0, len(part), size)]
    return [found[i] for i in rng.permutation(len(found))]


def training_smiles() -> tuple[str, ...]:
    """What the shipped weights were trained on."""
    return data().train.smiles
