"""The pretrained encoder: a residual message-passing network on the molecular graph, and the file its weights are in.

Each round adds, over an atom's bonds, a rectified sum of the neighbour's state and the bond (GINE: W. Hu et al., ICLR
2020) and passes it through two layers behind a normalisation. What it has learned to tell from a graph: RDKit's
descriptors, the groups of Joback and UNIFAC, GFN2-xTB values; after CheMeleon (J. Burns et al., arXiv 2506.15792).
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from safetensors import safe_open
from torch import Tensor, nn
from torch.nn import functional

from knowledge.features.molgraph import ATOM_FEATURES, BOND_FEATURES, VERSION, molgraph

FOLDER = Path(__file__).parent / "trained"
VARIABLE = "ATHANOR_PROPERTY_WEIGHTS"  # another folder, for weights that somebody trained on data of their own
NAME = "encoder.safetensors"
COMMAND = "make train-property"
_ASKED = 128  # molecules of a batch without gradients
_SUM = 0.05  # brings the sum over a molecule's atoms to the size of their mean

Indices = npt.NDArray[np.int64]


class WeightsMissing(ImportError):
    """There are no weights; the message names the command that makes them. Like a missing package it fails one
    candidate of a selection, not the others.
    """


@dataclass(frozen=True)
class Shape:
    """`hidden`: width of an atom's state; `rounds` of messages; `width` of the embedding."""

    hidden: int = 256
    rounds: int = 4
    width: int = 384


@dataclass(frozen=True)
class Graphs:
    """Molecules as one graph: `atoms` (a, ATOM_FEATURES), `bonds` (b, BOND_FEATURES) directed, `source` and `sink` (b,)
    of each, `owner` (a,): which of the `size` molecules an atom belongs to.
    """

    atoms: Tensor
    bonds: Tensor
    source: Tensor
    sink: Tensor
    owner: Tensor
    size: int


class GraphRows:
    """Many molecules as flat arrays, made once; any of them become one batch without a loop over molecules.

    `atoms` (a,) and `bonds` (b,), each bond once, are row numbers in `tables`; `ends` (2, b) count from a molecule's
    first atom; `sizes` (n, 2): atoms and bonds of each molecule.
    """

    def __init__(
        self,
        tables: tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]],
        atoms: npt.NDArray[np.integer],
        bonds: npt.NDArray[np.integer],
        ends: npt.NDArray[np.integer],
        sizes: npt.NDArray[np.integer],
    ) -> None:
        self.tables = tables
        self.atoms, self.bonds, self.ends = atoms, bonds, ends
        self.sizes = sizes.astype(np.int64)
        self.first = np.concatenate([np.zeros((1, 2), dtype=np.int64), np.cumsum(self.sizes, axis=0)[:-1]])

    def __len__(self) -> int:
        return len(self.sizes)

    @staticmethod
    def of(smiles: Sequence[str]) -> GraphRows:
        """For n >= 1 molecules. Raises InvalidMolecule."""
        graphs = [molgraph(text) for text in smiles]
        atoms = np.concatenate([g.atoms for g in graphs])
        bonds = np.concatenate([g.bonds[::2] for g in graphs])
        return GraphRows(
            (atoms, bonds),
            np.arange(len(atoms)),
            np.arange(len(bonds)),
            np.concatenate([g.ends[:, ::2] for g in graphs], axis=1),
            np.array([(len(g.atoms), len(g.bonds) // 2) for g in graphs], dtype=np.int64),
        )

    def take(self, rows: npt.NDArray[np.integer]) -> Graphs:
        """The molecules `rows` (m,), m >= 1, in this order."""
        sizes = self.sizes[rows]
        atoms = _ranges(self.first[rows, 0], sizes[:, 0])
        bonds = _ranges(self.first[rows, 1], sizes[:, 1])
        offset = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(sizes[:, 0])[:-1]])
        a, b = self.ends[:, bonds].astype(np.int64) + np.repeat(offset, sizes[:, 1])
        features = self.tables[1][self.bonds[bonds]]
        return Graphs(
            torch.from_numpy(self.tables[0][self.atoms[atoms]]),
            torch.from_numpy(np.concatenate([features, features])),
            torch.from_numpy(np.concatenate([a, b])),
            torch.from_numpy(np.concatenate([b, a])),
            torch.from_numpy(np.repeat(np.arange(len(rows), dtype=np.int64), sizes[:, 0])),
            len(rows),
        )


def _ranges(first: Indices, counts: Indices) -> Indices:
    """first[i], first[i] + 1, ... counts[i] of them, for each i in turn."""
    before = np.cumsum(counts) - counts
    return np.repeat(first - before, counts) + np.arange(int(counts.sum()))


class Round(nn.Module):
    """One round of messages; see the module."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.bond = nn.Linear(BOND_FEATURES, hidden)
        self.norm = nn.LayerNorm(hidden)
        self.first = nn.Linear(hidden, hidden)
        self.second = nn.Linear(hidden, hidden)

    def forward(self, state: Tensor, graphs: Graphs) -> Tensor:
        bonds = self.bond(graphs.bonds)
        messages = functional.relu(state.to(bonds.dtype).index_select(0, graphs.source) + bonds)
        arrived = _sum(messages, graphs.sink, len(state))
        change: Tensor = self.second(functional.relu(self.first(self.norm(state + arrived))))
        return state + change


class Encoder(nn.Module):
    """Molecules to rows of `shape.width` numbers."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.atom = nn.Linear(ATOM_FEATURES, shape.hidden)
        self.rounds = nn.ModuleList(Round(shape.hidden) for _ in range(shape.rounds))
        self.norm = nn.LayerNorm(shape.hidden)
        self.gather = nn.Linear(shape.hidden, shape.hidden)
        self.mix = nn.Linear(2 * shape.hidden, shape.width)
        self.last = nn.Linear(shape.width, shape.width)

    def forward(self, graphs: Graphs) -> Tensor:
        """Shape (graphs.size, width)."""
        state = self.atom(graphs.atoms)
        for layer in self.rounds:
            state = layer(state, graphs)
        atoms = functional.relu(self.gather(self.norm(state))).float()
        total = _sum(atoms, graphs.owner, graphs.size)
        count = torch.bincount(graphs.owner, minlength=graphs.size).unsqueeze(1).to(total.dtype)
        mixed = functional.relu(self.mix(torch.cat([total / count, total * _SUM], dim=1)))
        return functional.relu(mixed + self.last(mixed)).float()


def _sum(rows: Tensor, owner: Tensor, size: int) -> Tensor:
    return torch.zeros(size, rows.shape[1], dtype=rows.dtype).index_add(0, owner, rows)


@dataclass(frozen=True)
class Pretrained:
    """Weights by name in single precision; `version` names the file's content and what it reads.

    `axes` (k, width) and `centre` (width,): principal axes of the embedding over molecules of the corpus, widest first.
    `quantum` (q, width) and `offset` (q,): the linear layer that tells `quantities` from an embedding, in their units.
    """

    shape: Shape
    weights: Mapping[str, Tensor]
    centre: npt.NDArray[np.float64]
    axes: npt.NDArray[np.float64]
    quantities: tuple[str, ...]
    quantum: npt.NDArray[np.float64]
    offset: npt.NDArray[np.float64]
    version: str

    def encoder(self) -> Encoder:
        """A new network with these weights."""
        network = Encoder(self.shape)
        network.load_state_dict({name: value.clone() for name, value in self.weights.items()})
        return network


def weights_file() -> Path:
    """Raises WeightsMissing."""
    path = Path(os.environ.get(VARIABLE) or FOLDER) / NAME
    if not path.is_file():
        raise WeightsMissing(f"the weights {NAME} are not in {path.parent}; `{COMMAND}` makes them")
    return path


def pretrained() -> Pretrained:
    """The shipped weights. Raises WeightsMissing, and ValueError for a file of another network."""
    return _read(weights_file())


@cache
def _read(path: Path) -> Pretrained:
    with safe_open(path, framework="pt") as file:
        notes = file.metadata() or {}
        tensors = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
    if notes.get("molgraph") != VERSION:
        raise ValueError(f"{path} reads molgraph {notes.get('molgraph')}, this program makes {VERSION}; `{COMMAND}`")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    return Pretrained(
        Shape(**{name: int(notes[name]) for name in asdict(Shape())}),
        {name.removeprefix("encoder."): value for name, value in tensors.items() if name.startswith("encoder.")},
        tensors["centre"].double().numpy(),
        tensors["axes"].double().numpy(),
        tuple(json.loads(notes["quantities"])),
        tensors["quantum"].double().numpy(),
        tensors["offset"].double().numpy(),
        f"{digest}/molgraph {VERSION}",
    )


@cache
def _network(path: Path) -> Encoder:
    return _read(path).encoder().eval()


def embed(smiles: Sequence[str]) -> npt.NDArray[np.float32]:
    """Shape (n, width) for n >= 1, by the shipped weights. Raises InvalidMolecule, WeightsMissing."""
    rows: npt.NDArray[np.float32] = apply(_network(weights_file()), GraphRows.of(smiles)).numpy()
    return rows


def apply(network: Encoder, graphs: GraphRows) -> Tensor:
    """Rows (n, width) of every molecule, without gradients."""
    rows = np.arange(len(graphs))
    with torch.no_grad():
        return torch.cat([network(graphs.take(rows[i : i + _ASKED])) for i in range(0, len(rows), _ASKED)])
