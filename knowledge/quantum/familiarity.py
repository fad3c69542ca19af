"""How strange a molecule is to a model: how often its atoms' surroundings occurred in what the model learned from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from knowledge.quantum.graphs import ATOM_CODES, KINDS, Graphs, Integers

FEWEST = 5

Array = npt.NDArray[np.float64]


def _scrambled(count: int, start: int) -> npt.NDArray[np.uint64]:
    """`count` fixed 64-bit numbers without pattern: SplitMix64 (G. Steele, D. Lea and C. Flood, OOPSLA 2014)."""
    x = np.arange(start + 1, start + count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


_OWN = _scrambled(ATOM_CODES, 0)
_NEIGHBOUR = _scrambled(ATOM_CODES * KINDS, ATOM_CODES)


def surroundings(graphs: Graphs) -> npt.NDArray[np.uint64]:
    """(n,): a hash of each atom's type and of the types of its neighbours with the bonds to them, in any order."""
    count = len(graphs.codes)
    each = _NEIGHBOUR[graphs.codes[graphs.source] * KINDS + graphs.kind]
    # Sums that wrap around are as good as any; differences of running ones are those of each atom.
    running = np.concatenate([np.zeros(1, dtype=np.uint64), np.cumsum(each, dtype=np.uint64)])
    ends = np.cumsum(np.bincount(graphs.target, minlength=count)) if count else np.zeros(0, dtype=np.int64)
    starts = np.concatenate([np.zeros(1, dtype=np.int64), ends[:-1]]) if count else ends
    hashes: npt.NDArray[np.uint64] = _OWN[graphs.codes] + running[ends] - running[starts]
    return hashes


@dataclass(frozen=True)
class Familiarity:
    """`keys` (k,) ascending: surroundings seen; `counts` (k,): in how many molecules; `types` (ATOM_CODES,): in how
    many each type of atom was.
    """

    keys: npt.NDArray[np.uint64]
    counts: Integers
    types: Integers

    @classmethod
    def of(cls, graphs: Graphs) -> Familiarity:
        owner = np.repeat(np.arange(len(graphs.sizes)), graphs.sizes)
        pairs = np.unique(np.stack([surroundings(graphs), owner.astype(np.uint64)], axis=1), axis=0)
        keys, counts = np.unique(pairs[:, 0], return_counts=True)
        codes = np.unique(np.stack([graphs.codes, owner], axis=1), axis=0)[:, 0]
        return cls(keys, counts.astype(np.int64), np.bincount(codes, minlength=ATOM_CODES))

    def rarity(self, graphs: Graphs) -> Array:
        """(m,): 1 / (1 + molecules that had it), summed over the atoms: near 0 for what is common, 1 for each atom with
        surroundings never seen.
        """
        wanted = surroundings(graphs)
        place = np.minimum(np.searchsorted(self.keys, wanted), len(self.keys) - 1)
        seen = np.where(self.keys[place] == wanted, self.counts[place], 0)
        owner = np.repeat(np.arange(len(graphs.sizes)), graphs.sizes)
        strange = np.zeros(len(graphs.sizes))
        np.add.at(strange, owner, 1.0 / (1.0 + seen))
        return strange

    def unknown(self, graphs: Graphs) -> npt.NDArray[np.bool_]:
        """(m,): whether a molecule has an atom of a type that fewer than FEWEST molecules had."""
        owner = np.repeat(np.arange(len(graphs.sizes)), graphs.sizes)
        rare = self.types[graphs.codes] < FEWEST
        found: npt.NDArray[np.bool_] = np.bincount(owner[rare], minlength=len(graphs.sizes)) > 0
        return found
