"""Whether a model may be believed about a molecule: how near the nearest training molecules are, and which they are.

Similarity is count-Tanimoto of Morgan fingerprints. The limit comes from the training data: nine in ten of them have
another one at least this near. The measure is the usual distance to model (R. P. Sheridan et al., J. Chem. Inf. Comput.
Sci. 44 (2004) 1912).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knowledge.qspr.contract import Samples
from knowledge.qspr.kernels import Array, tanimoto
from knowledge.qspr.representation import Representation, default_representation
from knowledge.qspr.splits import scaffold

LEFT_OUT = 0.1  # share of the training molecules that would be outside by their own nearest neighbour
_BLOCK = 512


@dataclass(frozen=True)
class Neighbour:
    """A training molecule, its value on the model scale and its similarity to the one asked about."""

    smiles: str
    value: float
    similarity: float


@dataclass(frozen=True)
class Place:
    """Where a molecule stands: `reason` is empty inside the domain; `new_scaffold`: no training molecule has its
    scaffold; `neighbours`, the nearest first.
    """

    in_domain: bool
    similarity: float
    new_scaffold: bool
    reason: str
    neighbours: tuple[Neighbour, ...]


class Domain:
    """The training molecules of a model. Build it with `Domain.of` or `Domain.restore`."""

    def __init__(
        self,
        samples: Samples,
        threshold: float,
        representation: Representation,
        *,
        scaffolds: frozenset[str] | None = None,
    ) -> None:
        self.samples = samples
        self.threshold = threshold
        self._representation = representation
        self._counts = representation.counts(samples.smiles)
        self._scaffolds = frozenset(scaffold(s) for s in samples.smiles) if scaffolds is None else scaffolds
        self._elements = frozenset().union(*(_elements(s) for s in samples.smiles))

    @staticmethod
    def of(samples: Samples, *, left_out: float = LEFT_OUT, representation: Representation | None = None) -> Domain:
        """The limit is the `left_out` quantile of each training molecule's similarity to its nearest other one.

        Raises ValueError with fewer than 2 molecules.
        """
        if len(samples) < 2:
            raise ValueError(f"a domain needs at least 2 molecules, got {len(samples)}")
        used = representation or default_representation()
        return Domain(samples, float(np.quantile(leave_one_out(samples.smiles, used), left_out)), used)

    def similarity(self, smiles: Sequence[str]) -> Array:
        """To the nearest training molecule, (n,) in [0, 1]. Raises InvalidMolecule."""
        return nearest(smiles, self.samples.smiles, self._representation)

    def new_scaffolds(self, smiles: Sequence[str]) -> NDArray[np.bool_]:
        """Whether no training molecule has the scaffold of each, (n,). Raises InvalidMolecule."""
        return np.array([scaffold(s) not in self._scaffolds for s in smiles], dtype=np.bool_)

    def place(self, smiles: Sequence[str], *, neighbours: int = 3) -> list[Place]:
        """Raises InvalidMolecule."""
        places: list[Place] = []
        for start in range(0, len(smiles), _BLOCK):
            block = smiles[start : start + _BLOCK]
            similarity = tanimoto(self._representation.counts(block), self._counts)
            order = np.argsort(-similarity, axis=1, kind="stable")[:, : max(1, neighbours)]
            places += [self._place(s, similarity[i], order[i].tolist()) for i, s in enumerate(block)]
        return places

    def _place(self, smiles: str, similarity: Array, order: Sequence[int]) -> Place:
        near = tuple(
            Neighbour(self.samples.smiles[j], float(self.samples.values[j]), float(similarity[j])) for j in order
        )
        best = near[0].similarity
        reasons = []
        if best < self.threshold:
            reasons.append(f"the nearest training molecule has similarity {best:.2f}, below {self.threshold:.2f}")
        if unseen := sorted(_elements(smiles) - self._elements):
            reasons.append(f"no training molecule holds {', '.join(unseen)}")
        return Place(not reasons, best, scaffold(smiles) not in self._scaffolds, "; ".join(reasons), near)

    def to_dict(self) -> dict[str, Any]:
        """JSON-able, the training molecules left out: they are stored once, with the model."""
        return {
            "threshold": self.threshold,
            "representation": self._representation.version,
            "scaffolds": sorted(self._scaffolds),
        }

    @staticmethod
    def restore(state: Mapping[str, Any], samples: Samples, *, representation: Representation | None = None) -> Domain:
        """Raises ValueError when the fingerprint has changed since."""
        used = representation or default_representation()
        if state["representation"] != used.version:
            raise ValueError(f"the stored domain is on {state['representation']}, this is {used.version}; fit again")
        return Domain(samples, float(state["threshold"]), used, scaffolds=frozenset(state["scaffolds"]))


def nearest(smiles: Sequence[str], training: Sequence[str], representation: Representation | None = None) -> Array:
    """Similarity of each molecule to the nearest of `training`, (n,). Raises InvalidMolecule."""
    used = representation or default_representation()
    if not smiles:
        return np.zeros(0)
    counts = used.counts(training)
    # In blocks: a full matrix of thousands of molecules each way would take hundreds of megabytes.
    blocks = [
        tanimoto(used.counts(smiles[start : start + _BLOCK]), counts).max(axis=1)
        for start in range(0, len(smiles), _BLOCK)
    ]
    return np.concatenate(blocks)


def leave_one_out(smiles: Sequence[str], representation: Representation | None = None) -> Array:
    """Similarity of each molecule to its nearest other one, (n,); n >= 2."""
    used = representation or default_representation()
    counts = used.counts(smiles)
    best = np.zeros(len(smiles))
    for start in range(0, len(smiles), _BLOCK):
        rows = np.arange(start, min(start + _BLOCK, len(smiles)))
        block = tanimoto(counts[rows], counts)
        block[rows - start, rows] = -1.0
        best[rows] = block.max(axis=1)
    return best


def _elements(smiles: str) -> frozenset[str]:
    from knowledge.features.featurizer import parse

    return frozenset(atom.GetSymbol() for atom in parse(smiles).GetAtoms())
