"""Teacher forcing for the edit model: products with their edit sequences, batches of like size, the loss."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from rdkit import Chem
from torch import Tensor

from planners.routes.single_step.graph.edits import Editor
from planners.routes.single_step.graph.model import N_ORDERS, Drawn, EditModel, Prefix, ask
from planners.routes.single_step.graph.molgraph import collate, featurise
from planners.routes.training.graph_derive import Derived

_POOL = 32  # batches that are sorted by size together


@dataclass(frozen=True, slots=True)
class Example:
    """A product with its edits; words by number."""

    drawn: Drawn
    bonds: tuple[tuple[int, int], ...]
    atoms: tuple[tuple[int, int], ...]

    @property
    def length(self) -> int:
        """How many decisions the sequence has, the stop included."""
        return len(self.bonds) + len(self.atoms) + 1

    def prefix(self, owner: int, done: int) -> Prefix:
        return Prefix(owner, self.bonds[:done], self.atoms[: max(0, done - len(self.bonds))])


def examples(reactions: Sequence[Derived], words: Sequence[str]) -> list[Example]:
    """Those that the words can spell, in order."""
    numbers = {word: i for i, word in enumerate(words)}
    found = []
    for d in reactions:
        if d.edits is not None and all(word in numbers for _, word in d.edits.atoms):
            atoms = tuple((atom, numbers[word]) for atom, word in d.edits.atoms)
            found.append(Example(draw(d.product), d.edits.bonds, atoms))
    return found


def draw(product: str) -> Drawn:
    """A canonical product as the model reads it. Raises InvalidMolecule."""
    editor = Editor(product)
    return Drawn(featurise(Chem.Mol(editor.mol)), np.array(editor.orders, dtype=np.int64))


def batches(
    data: Sequence[Example], size: int, random: np.random.Generator | None
) -> Iterator[tuple[list[Example], list[Prefix], Tensor]]:
    """One pass over the data: products, prefixes, the weight of each prefix.

    With a generator: shuffled, of each product the empty prefix and one random longer one, weighted for those left
    out. Without: in order of size, every prefix.
    """
    order = np.arange(len(data)) if random is None else random.permutation(len(data))
    atoms = np.array([len(e.drawn.graph.atoms) for e in data])
    step = size * _POOL if random is not None else max(len(data), 1)
    chunks: list[np.ndarray[tuple[int], np.dtype[np.int64]]] = []
    for start in range(0, len(order), step):
        pool = order[start : start + step]
        pool = pool[np.argsort(atoms[pool], kind="stable")]
        chunks += [pool[i : i + size] for i in range(0, len(pool), size)]
    if random is not None:
        chunks = [chunks[i] for i in random.permutation(len(chunks))]
    for chunk in chunks:
        chosen = [data[int(i)] for i in chunk]
        prefixes, weights = [], []
        for owner, e in enumerate(chosen):
            prefixes.append(e.prefix(owner, 0))
            weights.append(1.0)
            if random is None:
                prefixes += [e.prefix(owner, done) for done in range(1, e.length)]
                weights += [1.0] * (e.length - 1)
            elif e.length > 1:
                prefixes.append(e.prefix(owner, int(random.integers(1, e.length))))
                weights.append(float(e.length - 1))
        yield chosen, prefixes, torch.tensor(weights)


def losses(model: EditModel, chosen: Sequence[Example], prefixes: Sequence[Prefix]) -> tuple[Tensor, Tensor]:
    """[b] negative log probability of each next edit; [b] bool, whether the first site guessed is the true one."""
    drawn = [e.drawn for e in chosen]
    batch = collate([d.graph for d in drawn])
    with torch.autocast("cpu", torch.bfloat16):
        states = model.read(batch)
        question = ask(drawn, batch.first_atom, prefixes)
        answer = model(states, question)
    b, firsts = question.batch.size, question.batch
    bond_at: list[tuple[int, int]] = []  # prefix, flat place in answer.bonds
    atom_at: list[tuple[int, int, int]] = []  # prefix, atom in the batch, word
    stops: list[int] = []
    for i, prefix in enumerate(prefixes):
        e = chosen[prefix.owner]
        done = len(prefix.bonds) + len(prefix.atoms)
        if done < len(e.bonds):
            bond, order = e.bonds[done]
            bond_at.append((i, (int(firsts.first_bond[i]) + bond) * N_ORDERS + order))
        elif done < e.length - 1:
            atom, word = e.atoms[done - len(e.bonds)]
            atom_at.append((i, int(firsts.first_atom[i]) + atom, word))
        else:
            stops.append(i)
    bond_places = torch.tensor(bond_at, dtype=torch.int64).reshape(-1, 2)
    atom_places = torch.tensor(atom_at, dtype=torch.int64).reshape(-1, 3)
    stop_places = torch.tensor(stops, dtype=torch.int64)
    with torch.autocast("cpu", torch.bfloat16):
        spelled = model.spell(answer, atom_places[:, 1], atom_places[:, 0])
    site = torch.zeros(b)
    site = site.index_add(0, bond_places[:, 0], answer.bonds.flatten()[bond_places[:, 1]])
    site = site.index_add(0, atom_places[:, 0], answer.atoms[atom_places[:, 1]])
    site = site.index_add(0, stop_places, answer.stop[stop_places])
    spelt = torch.zeros(b).index_add(0, atom_places[:, 0], spelled.gather(1, atom_places[:, 2:]).squeeze(1))
    with torch.no_grad():
        best = torch.full((b,), -torch.inf)
        best = best.scatter_reduce(0, firsts.bond_molecule, answer.bonds.amax(1), "amax")
        best = best.scatter_reduce(0, firsts.molecule, answer.atoms, "amax")
        right = site >= torch.maximum(best, answer.stop) - 1e-4
    return -(site + spelt), right
