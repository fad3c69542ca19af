"""The edit model: given a product and the edits made so far, which edit comes next.

A trunk reads the product once. A lighter head reads the trunk's atom states with marks for the edits so far and scores
every site: (bond, new order), atom to complete, stop. For an atom a second head chooses the word. Edits come in one
order only, bonds before atoms and each ascending, so that one set of edits is one sequence.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional

from planners.routes.single_step.graph.encoder import Encoder, Stack, filled
from planners.routes.single_step.graph.molgraph import Batch, MolGraph, collate

N_ORDERS = 4  # 0 deletes the bond, 1 to 3 set its order
_MARKS = N_ORDERS + 1


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes that a checkpoint needs to be read again."""

    width: int = 256
    trunk_depth: int = 4
    trunk_attention: tuple[int, ...] = (4,)
    head_depth: int = 2
    head_attention: tuple[int, ...] = ()
    heads: int = 8
    dropout: float = 0.05


@dataclass(frozen=True, slots=True)
class Drawn:
    """A product as the model reads it."""

    graph: MolGraph
    orders: NDArray[np.int64]  # [m / 2], kekulised bond orders: an edit has to change them


@dataclass(frozen=True, slots=True)
class Prefix:
    """Edits made so far on product number `owner`, in order; atom edits with word numbers."""

    owner: int
    bonds: tuple[tuple[int, int], ...] = ()
    atoms: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """Prefixes as tensors; b prefixes, n atoms, m / 2 undirected bonds in all."""

    batch: Batch
    rows: Tensor  # [n], each atom's row among the trunk's states
    atom_marks: Tensor  # [n], 0 or 1 + word number
    touched: Tensor  # [n], edited bonds at the atom, at most 2
    bond_marks: Tensor  # [m], 0 or 1 + new order
    bond_open: Tensor  # [m / 2, N_ORDERS] bool, edits that may come next
    atom_open: Tensor  # [n] bool


@dataclass(frozen=True, slots=True)
class Answer:
    """Log probabilities of what comes next; all sites of one prefix sum to one."""

    bonds: Tensor  # [m / 2, N_ORDERS], -inf where closed
    atoms: Tensor  # [n]
    stop: Tensor  # [b]
    states: Tensor  # [n, width]
    pooled: Tensor  # [b, width]


def ask(drawn: Sequence[Drawn], first_row: Tensor, prefixes: Sequence[Prefix]) -> Question:
    """`first_row` [products + 1]: where each product's atoms begin among the trunk's states."""
    owners = [drawn[p.owner] for p in prefixes]
    batch = collate([o.graph for o in owners])
    first_atom, first_bond = batch.first_atom.numpy(), batch.first_bond.numpy()
    n, bonds = int(first_atom[-1]), int(first_bond[-1])
    starts = first_row.numpy()[[p.owner for p in prefixes]]
    rows = np.repeat(starts - first_atom[:-1], np.diff(first_atom)) + np.arange(n)
    orders = np.concatenate([o.orders for o in owners])
    bond_open = np.arange(N_ORDERS)[None, :] != orders[:, None]
    atom_open = np.ones(n, dtype=bool)
    atom_marks, touched = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
    bond_marks = np.zeros(bonds, dtype=np.int64)
    source = batch.source.numpy()
    for i, prefix in enumerate(prefixes):
        for bond, order in prefix.bonds:
            place = first_bond[i] + bond
            bond_marks[place] = 1 + order
            for end in source[2 * place : 2 * place + 2]:
                touched[end] = min(touched[end] + 1, 2)
            bond_open[first_bond[i] : place + 1] = False
        for atom, word in prefix.atoms:
            atom_marks[first_atom[i] + atom] = 1 + word
            bond_open[first_bond[i] : first_bond[i + 1]] = False
            atom_open[first_atom[i] : first_atom[i] + atom + 1] = False
    return Question(
        batch,
        torch.from_numpy(rows),
        torch.from_numpy(atom_marks),
        torch.from_numpy(touched),
        torch.from_numpy(np.repeat(bond_marks, 2)),
        torch.from_numpy(bond_open),
        torch.from_numpy(atom_open),
    )


class EditModel(nn.Module):
    """`words`: the vocabulary of atom edits, as `edits.py` spells them."""

    def __init__(self, shape: Shape, words: Sequence[str]) -> None:
        super().__init__()
        self.shape, self.words = shape, tuple(words)
        width = shape.width
        self.trunk = Encoder(width, shape.trunk_depth, shape.trunk_attention, shape.heads, shape.dropout)
        self.word_mark = nn.Embedding(len(self.words) + 1, width)
        self.touch_mark = nn.Embedding(3, width)
        self.bond_mark = nn.Embedding(_MARKS, width)
        for table in (self.word_mark, self.touch_mark, self.bond_mark):
            nn.init.normal_(table.weight, std=0.3)
        self.head = Stack(width, shape.head_depth, shape.head_attention, shape.heads, shape.dropout)
        self.norm = nn.LayerNorm(width)
        self.pool = nn.Linear(width, width)
        self.atom_score = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 1))
        self.bond_ends = nn.Linear(width, width)
        self.bond_kind = nn.Linear(width, width)
        self.bond_score = nn.Sequential(nn.ReLU(), nn.Linear(width, N_ORDERS))
        self.stop_score = nn.Linear(width, 1)
        self.word_score = nn.Sequential(nn.Linear(2 * width, width), nn.ReLU(), nn.Linear(width, len(self.words)))

    def read(self, batch: Batch) -> Tensor:
        """[n, width]: the trunk's atom states of the products."""
        return torch.as_tensor(self.trunk(batch))

    def forward(self, states: Tensor, question: Question) -> Answer:
        """`states` as `read` gave them."""
        batch = question.batch
        kinds, codes = torch.unique(batch.bonds * _MARKS + question.bond_marks, return_inverse=True)
        kinds = filled(kinds, 64)
        table = self.trunk.bond_table()[kinds // _MARKS] + self.bond_mark(kinds % _MARKS)
        x = states.index_select(0, question.rows)
        x = x + self.word_mark(question.atom_marks) + self.touch_mark(question.touched)
        n, m = len(x), batch.first_bond[-1]
        x = filled(self.norm(self.head(x, table, codes, batch)))
        count = batch.first_atom.diff().unsqueeze(1)
        gated = functional.relu(self.pool(x))[:n].float()
        pooled = gated.new_zeros((batch.size, gated.shape[1])).index_add(0, batch.molecule, gated) / count.sqrt()
        ends = self.bond_ends(x)
        begin, end, kind = (filled(i[::2]) for i in (batch.source, batch.target, codes))
        ends = ends.index_select(0, begin) + ends.index_select(0, end)
        bonds = self.bond_score(ends + self.bond_kind(table).index_select(0, kind))[:m].float()
        atoms = self.atom_score(x)[:n].float().squeeze(1)
        stop = self.stop_score(filled(pooled, 64))[: batch.size].float().squeeze(1)
        bonds = bonds.masked_fill(~question.bond_open, -torch.inf)
        atoms = atoms.masked_fill(~question.atom_open, -torch.inf)
        total = _log_total(bonds, atoms, stop, batch)
        return Answer(
            bonds - total.index_select(0, batch.bond_molecule).unsqueeze(1),
            atoms - total.index_select(0, batch.molecule),
            stop - total,
            x[:n],
            pooled,
        )

    def spell(self, answer: Answer, atoms: Tensor, prefixes: Tensor) -> Tensor:
        """[len(atoms), words] log probabilities of the word at an atom of the batch; `prefixes`: whose atom it is."""
        x = torch.cat((answer.states[atoms], answer.pooled[prefixes].to(answer.states.dtype)), 1)
        return torch.as_tensor(self.word_score(filled(x, 64))[: len(atoms)].float().log_softmax(1))


def _log_total(bonds: Tensor, atoms: Tensor, stop: Tensor, batch: Batch) -> Tensor:
    """[b] log of the sum of exp over all sites of each prefix."""
    scores = torch.cat((bonds.flatten(), atoms, stop))
    whose = torch.cat((batch.bond_molecule.repeat_interleave(N_ORDERS), batch.molecule, torch.arange(batch.size)))
    top = scores.detach().new_full((batch.size,), -torch.inf).scatter_reduce(0, whose, scores.detach(), "amax")
    parts = (scores - top.index_select(0, whose)).exp()
    return torch.zeros_like(top).index_add(0, whose, parts).log() + top


def save(path: Path, state: dict[str, Tensor], shape: Shape, words: Sequence[str], notes: dict[str, str]) -> None:
    """fp16 safetensors with shape, words and `notes` in its metadata."""
    metadata = {"shape": json.dumps(asdict(shape)), "words": json.dumps(list(words)), **notes}
    save_file({k: v.detach().half().contiguous() for k, v in state.items()}, path, metadata=metadata)


def load(path: Path) -> EditModel:
    """Ready for inference. Raises ValueError when the file is of another kind."""
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata() or {}
    if not {"shape", "words"} <= metadata.keys():
        raise ValueError(f"{path.name} holds no edit model")
    sizes = json.loads(metadata["shape"])
    sizes |= {key: tuple(sizes[key]) for key in ("trunk_attention", "head_attention")}
    model = EditModel(Shape(**sizes), json.loads(metadata["words"]))
    model.load_state_dict({k: v.float() for k, v in load_file(path).items()})
    return model.eval()
