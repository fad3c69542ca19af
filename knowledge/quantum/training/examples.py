"""The labels as arrays: graphs made once, laid together batch by batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from rdkit import Chem

from knowledge.quantum.graphs import Graphs, graphs
from knowledge.quantum.network import Tensors
from knowledge.quantum.surrogate import QUANTITIES
from knowledge.quantum.training.labels import part

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Example:
    """`values` (7,) in the order of QUANTITIES; `charges` (atoms,): of each heavy atom with its hydrogens, in e."""

    smiles: str
    inchikey: str
    graph: Graphs
    values: Floats
    charges: Floats

    @property
    def atoms(self) -> int:
        return len(self.graph.codes)


def examples(rows: Sequence[dict[str, Any]]) -> dict[str, list[Example]]:
    """By part of the data, in the order of the labels; what the surrogate has no graph for is left out."""
    found: dict[str, list[Example]] = {"train": [], "validation": [], "test": []}
    for row in rows:
        graph, refused = graphs([row["smiles"]])
        if refused:
            continue
        charges = _with_hydrogens(row["smiles"], np.array(row["charges"], dtype=np.float32))
        if charges is None or len(charges) != len(graph.codes):
            continue  # deuterium, which has a charge of its own
        values = np.array([row[name] for name in QUANTITIES], dtype=np.float32)
        found[part(row["inchikey"])].append(Example(row["smiles"], row["inchikey"], graph, values, charges))
    return found


def _with_hydrogens(smiles: str, charges: Floats) -> Floats | None:
    hydrogens = [atom.GetTotalNumHs() for atom in Chem.MolFromSmiles(smiles).GetAtoms()]
    count = len(hydrogens)
    if count + sum(hydrogens) != len(charges):
        return None
    whole = charges[:count].copy()
    np.add.at(whole, np.repeat(np.arange(count), hydrogens), charges[count:])
    return whole


def together(chosen: Sequence[Example]) -> Graphs:
    parts = [example.graph for example in chosen]
    sizes = np.array([len(p.codes) for p in parts], dtype=np.int64)
    first = np.cumsum(sizes) - sizes
    return Graphs(
        np.concatenate([p.codes for p in parts]),
        np.concatenate([p.atoms for p in parts]),
        np.concatenate([p.source + shift for p, shift in zip(parts, first, strict=True)]),
        np.concatenate([p.target + shift for p, shift in zip(parts, first, strict=True)]),
        np.concatenate([p.kind for p in parts]),
        sizes,
    )


def tensors(chosen: Sequence[Example]) -> tuple[Tensors, torch.Tensor, torch.Tensor]:
    """Graph, values (m, 7) and charges (atoms,)."""
    return (
        Tensors.of(together(chosen)),
        torch.from_numpy(np.stack([example.values for example in chosen])),
        torch.from_numpy(np.concatenate([example.charges for example in chosen])),
    )
