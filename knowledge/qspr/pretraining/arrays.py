"""Graphs and targets of the corpus as flat arrays on disk, so that no molecule is parsed twice.

One npz (no pickle) of `SHARD` molecules each; a shard that is there is not made again.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt

from knowledge.features import JobackGroups, UnifacGroups, molgraph
from knowledge.features.featurizer import Featurizer
from knowledge.features.topological import Topological
from knowledge.qspr.models.encoder import GraphRows
from knowledge.qspr.pretraining import corpus
from knowledge.records.base import sha256_text

SHARD = 4096


def featurizers() -> tuple[Featurizer, ...]:
    return (Topological(), JobackGroups(), UnifacGroups())


def columns() -> list[str]:
    return [f"{f.name}: {column}" for f in featurizers() for column in f.columns]


def version() -> str:
    """Changes with the featurizers, so that old shards are not read."""
    parts = [f"molgraph/{molgraph.VERSION}", *(f"{f.name}/{f.version}" for f in featurizers())]
    return sha256_text(" ".join(parts))[:8]


class _Rows:
    """Distinct rows of features, numbered: few kinds of atoms make up all molecules."""

    def __init__(self, width: int) -> None:
        self.width = width
        self.number: dict[bytes, int] = {}

    def numbers(self, rows: npt.NDArray[np.float32]) -> npt.NDArray[np.uint16]:
        found = (row.tobytes() for row in np.ascontiguousarray(rows, dtype=np.float32))
        return np.array([self.number.setdefault(key, len(self.number)) for key in found], dtype=np.uint16)

    def table(self) -> npt.NDArray[np.float32]:
        return np.frombuffer(b"".join(self.number), dtype=np.float32).reshape(-1, self.width)


def _write(path: Path, smiles: Sequence[str]) -> None:
    atoms, bonds = _Rows(molgraph.ATOM_FEATURES), _Rows(molgraph.BOND_FEATURES)
    graphs = [molgraph.molgraph(text) for text in smiles]
    targets = np.concatenate([f(smiles) for f in featurizers()], axis=1).astype(np.float32)
    scratch = path.with_name(f".{path.name}.{os.getpid()}.npz")
    np.savez(
        scratch,
        atoms=atoms.numbers(np.concatenate([g.atoms for g in graphs])),
        bonds=bonds.numbers(np.concatenate([g.bonds[::2] for g in graphs])),
        ends=np.concatenate([g.ends[:, ::2] for g in graphs], axis=1).astype(np.uint8),
        sizes=np.array([(len(g.atoms), len(g.bonds) // 2) for g in graphs], dtype=np.uint8),
        # After the rows were numbered.
        atom_table=atoms.table(),
        bond_table=bonds.table(),
        targets=targets,
    )
    scratch.replace(path)


def build(smiles: Sequence[str], workers: int) -> list[Path]:
    """The shards of `smiles` in order; about 8 ms of one core per molecule where they are missing."""
    folder = corpus.training_dir() / f"arrays-{version()}"
    folder.mkdir(exist_ok=True)
    parts = [smiles[i : i + SHARD] for i in range(0, len(smiles), SHARD)]
    paths = [folder / f"{sha256_text(' '.join(part))[:12]}.npz" for part in parts]
    missing = [(path, part) for path, part in zip(paths, parts, strict=True) if not path.is_file()]
    if missing:
        with ProcessPoolExecutor(workers) as pool:
            for done, _ in enumerate(pool.map(_write, *zip(*missing, strict=True)), start=1):
                print(f"arrays: {done} of {len(missing)} shards", flush=True)
    return paths


def load(paths: Sequence[Path]) -> tuple[GraphRows, npt.NDArray[np.float32]]:
    """Every molecule of the shards, in order, and its targets (n, len(columns()))."""
    atoms, bonds = _Rows(molgraph.ATOM_FEATURES), _Rows(molgraph.BOND_FEATURES)
    found: dict[str, list[npt.NDArray[np.integer]]] = {"atoms": [], "bonds": [], "ends": [], "sizes": []}
    targets = []
    for path in paths:
        with np.load(path, allow_pickle=False) as shard:
            for name, rows in (("atom", atoms), ("bond", bonds)):
                found[f"{name}s"].append(rows.numbers(shard[f"{name}_table"])[shard[f"{name}s"]])
            found["ends"].append(shard["ends"])
            found["sizes"].append(shard["sizes"])
            targets.append(shard["targets"])
    joined = {name: np.concatenate(parts, axis=-1 if name == "ends" else 0) for name, parts in found.items()}
    return GraphRows((atoms.table(), bonds.table()), **joined), np.concatenate(targets)
