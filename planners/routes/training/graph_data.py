"""What the edit model learns from: derived edits of a split, kept beside the other training data, and their words."""

from __future__ import annotations

import gzip
import json
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from loguru import logger

from knowledge.records.molecule import InvalidMolecule
from planners.routes.single_step.graph.edits import Edits
from planners.routes.training.graph_derive import Derived, derive
from planners.routes.training.uspto import Split, reactions, training_dir


def folder() -> Path:
    path = training_dir() / "graph"
    path.mkdir(parents=True, exist_ok=True)
    return path


def derived(split: Split) -> list[Derived]:
    """All reactions of a split in the file's order; made once (some minutes for train), then read from a file."""
    path = folder() / f"derived-{split}.json.gz"
    if not path.is_file():
        rows = []
        for reaction in reactions(split):
            try:
                d = derive(reaction)
            except InvalidMolecule as error:
                logger.warning("left out: {}", error)
                continue
            edits = None if d.edits is None else [d.edits.bonds, d.edits.atoms]
            rows.append([d.product, d.reactants, edits, d.why])
        scratch = path.with_suffix(f".{os.getpid()}")
        with gzip.open(scratch, "wt", encoding="utf-8") as out:
            json.dump(rows, out)
        scratch.replace(path)
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [_read(row) for row in json.load(lines)]


def _read(row: list[object]) -> Derived:
    product, reactants, edits, why = row
    assert isinstance(product, str)
    assert isinstance(reactants, list)
    assert isinstance(why, str)
    if edits is None:
        return Derived(product, tuple(reactants), None, why)
    assert isinstance(edits, list)
    bonds, atoms = edits
    return Derived(
        product, tuple(reactants), Edits(tuple((b, o) for b, o in bonds), tuple((a, w) for a, w in atoms)), why
    )


def words(examples: Sequence[Derived], least: int) -> list[str]:
    """Words that occur at least `least` times, the most frequent first."""
    counts = Counter(word for d in examples if d.edits is not None for _, word in d.edits.atoms)
    return [word for word, n in sorted(counts.items(), key=lambda item: (-item[1], item[0])) if n >= least]


def coverage(examples: Sequence[Derived], known: Sequence[str]) -> float:
    """Share of reactions whose edits derive and spell with the known words alone: no model can be better."""
    vocabulary = frozenset(known)
    fits = sum(d.edits is not None and all(w in vocabulary for _, w in d.edits.atoms) for d in examples)
    return fits / len(examples) if examples else 0.0
