"""Root-aligned rewriting scripts of USPTO-50k as integer arrays, made once and kept in shards.

    python -m planners.routes.training.sequence_data --shards 0 8

A shard holds every training reaction once, each from one atom drawn at random.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from loguru import logger
from numpy.typing import NDArray
from rdkit import Chem, rdBase

from planners.routes.single_step.sequence.alignment import AlignedReaction, AtomMapMissing, align
from planners.routes.single_step.sequence.script import encode
from planners.routes.single_step.sequence.tokens import UNKNOWN, UnreadableText, Vocabulary, layout
from planners.routes.training import uspto

LONGEST_SOURCE, LONGEST_SCRIPT = 192, 62
LEAST_SEEN = 5  # a token that fewer strings have is unknown: it can be copied, not said
_SEED = 20241


@dataclass(frozen=True, slots=True)
class Ragged:
    """Rows of different length: row i is `values[offsets[i]:offsets[i + 1]]`."""

    values: NDArray[np.int16]
    offsets: NDArray[np.int64]

    @classmethod
    def of(cls, rows: Sequence[Sequence[int]]) -> Ragged:
        offsets = np.zeros(len(rows) + 1, np.int64)
        np.cumsum([len(row) for row in rows], out=offsets[1:])
        return cls(np.fromiter((x for row in rows for x in row), np.int16, int(offsets[-1])), offsets)

    def row(self, i: int) -> NDArray[np.int16]:
        return self.values[self.offsets[i] : self.offsets[i + 1]]

    def lengths(self) -> NDArray[np.int64]:
        return np.diff(self.offsets)


@dataclass(frozen=True, slots=True)
class Shard:
    """`source` tokens, `edges` (pairs of token positions, flat), `script`; `reaction` is the line of each row."""

    source: Ragged
    edges: Ragged
    script: Ragged
    reaction: NDArray[np.int32]

    def save(self, path: Path) -> None:
        arrays: dict[str, NDArray[Any]] = {"reaction": self.reaction}
        for name, ragged in (("source", self.source), ("edges", self.edges), ("script", self.script)):
            arrays |= {f"{name}_values": ragged.values, f"{name}_offsets": ragged.offsets}
        part = path.with_suffix(".part.npz")
        np.savez(part, allow_pickle=False, **arrays)
        part.replace(path)

    @classmethod
    def load(cls, path: Path) -> Shard:
        with np.load(path, allow_pickle=False) as held:
            rows = {
                name: Ragged(held[f"{name}_values"], held[f"{name}_offsets"]) for name in ("source", "edges", "script")
            }
            return cls(reaction=held["reaction"], **rows)


def folder() -> Path:
    path = uspto.training_dir() / "sequence"
    path.mkdir(exist_ok=True)
    return path


def _aligned(split: uspto.Split) -> Iterator[tuple[int, AlignedReaction]]:
    for line, reaction in enumerate(uspto.reactions(split)):
        with rdBase.BlockLogs():
            product, reactants = Chem.MolFromSmiles(reaction.product), Chem.MolFromSmiles(reaction.reactants)
        try:
            aligned = align(product, reactants)
        except AtomMapMissing:
            continue
        yield line, aligned


def vocabulary() -> Vocabulary:
    """From one writing of each training reaction; kept in a file."""
    path = folder() / "vocabulary.json"
    if not path.exists():
        rng = random.Random(_SEED)
        strings: list[list[str]] = []
        for _, reaction in _aligned("train"):
            try:
                source, script = encode(*reaction.written(rng.randrange(reaction.product.mol.GetNumAtoms())), None)
            except UnreadableText:
                continue
            strings.append(source + [item for item in script if isinstance(item, str)])
        made = Vocabulary.of(strings, LEAST_SEEN)
        part = path.with_suffix(".part")
        part.write_text(json.dumps(made.learned))
        part.replace(path)
    return Vocabulary(json.loads(path.read_text()))


def make(split: uspto.Split, number: int) -> Path:
    """Shard `number` of a split; drops what the script cannot say or what is too long."""
    path = folder() / f"{split}-{number:03d}.npz"
    if path.exists():
        return path
    words = vocabulary()
    rng = random.Random(_SEED + 1 + number)
    sources, edges, scripts, lines = [], [], [], []
    dropped = 0
    for line, reaction in _aligned(split):
        root = rng.randrange(reaction.product.mol.GetNumAtoms())
        try:
            source, script = encode(*reaction.written(root), words)
        except UnreadableText:
            dropped += 1
            continue
        if len(source) > LONGEST_SOURCE or len(script) > LONGEST_SCRIPT:
            dropped += 1
            continue
        sources.append(words.numbers(source))
        edges.append([i for edge in layout(source).edges for i in edge])
        said = iter(words.numbers([item for item in script if isinstance(item, str)]))
        scripts.append([next(said) if isinstance(item, str) else len(words) + item for item in script])
        lines.append(line)
    Shard(Ragged.of(sources), Ragged.of(edges), Ragged.of(scripts), np.asarray(lines, np.int32)).save(path)
    logger.info("{}: {} rows, {} dropped, {} tokens known", path.name, len(lines), dropped, len(words))
    assert UNKNOWN not in {x for row in scripts for x in row}
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shards", type=int, nargs=2, default=(0, 8), help="first, and one past the last")
    parser.add_argument("--processes", type=int, default=1)
    arguments = parser.parse_args()
    vocabulary()
    with ProcessPoolExecutor(arguments.processes) as pool:
        jobs = [pool.submit(make, "valid", 0)]
        jobs += [pool.submit(make, "train", n) for n in range(*arguments.shards)]
        for job in jobs:
            job.result()


if __name__ == "__main__":
    main()
