"""Published reactions of a class with what was in their flasks: a compact index, searched by product similarity.

Made by `planners.routes.training.conditions`; a product is stored as a folded fingerprint beside its patent's number.
"""

from __future__ import annotations

import gzip
import json
from collections import Counter
from dataclasses import dataclass, field
from functools import cache, cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rdkit import DataStructs
from rdkit.Chem import rdFingerprintGenerator

from planners.routes.precedents import signature
from planners.routes.single_step.weights import available, find
from planners.routes.structure import parse

WEIGHTS = "conditions.safetensors"
WORDS = "conditions.json.gz"
BITS, RADIUS = 512, 2
POWER = 4  # of the similarity: tuned on other patents, between the nearest alone (high) and the class's habit (0)
SAME_CHANGE = 1.5  # how much more a neighbour says whose bond changes, with their surroundings, are the same


@dataclass(frozen=True, slots=True)
class Neighbour:
    """`agents`: names in the vocabulary; `weight` grows with similarity and with likeness of the change."""

    patent: str
    similarity: float
    weight: float
    agents: tuple[str, ...]


@dataclass(frozen=True)
class AgentIndex:
    """Rows are reactions: `bits` (n, 64) uint8, `classes` (n,), `changes` (n,) int64, agents in compressed rows."""

    bits: NDArray[np.uint8]
    classes: NDArray[np.int16]
    changes: NDArray[np.int64]
    starts: NDArray[np.int32]
    agents: NDArray[np.int16]
    class_names: tuple[str, ...]
    agent_names: tuple[str, ...]
    patents: tuple[str, ...]
    _rows: dict[str, NDArray[np.int64]] = field(default_factory=dict)
    _shares: dict[str, dict[str, float]] = field(default_factory=dict)

    @staticmethod
    def load() -> AgentIndex:
        """Raises WeightsMissing."""
        from safetensors.numpy import load_file

        arrays = load_file(find(WEIGHTS))
        words: dict[str, Any] = json.loads(gzip.decompress(find(WORDS).read_bytes()))
        return AgentIndex(
            bits=arrays["bits"],
            classes=arrays["classes"],
            changes=arrays["changes"],
            starts=arrays["starts"],
            agents=arrays["agents"],
            class_names=tuple(words["classes"]),
            agent_names=tuple(words["agents"]),
            patents=tuple(words["patents"]),
        )

    @cached_property
    def _sizes(self) -> NDArray[np.int64]:
        return np.bitwise_count(self.bits).sum(axis=1, dtype=np.int64)

    def rows(self, reaction_class: str) -> NDArray[np.int64]:
        if reaction_class not in self._rows:
            known = self.class_names.index(reaction_class) if reaction_class in self.class_names else -1
            self._rows[reaction_class] = np.flatnonzero(self.classes == known)
        return self._rows[reaction_class]

    def of_row(self, row: int) -> tuple[str, ...]:
        return tuple(self.agent_names[i] for i in self.agents[self.starts[row] : self.starts[row + 1]])

    def nearest(
        self, reaction_class: str, product: str, reactants: tuple[str, ...], k: int, *, without: str = ""
    ) -> list[Neighbour]:
        """The `k` heaviest neighbours of the class, heaviest first; none of the patent `without` (for validation)."""
        rows = self.rows(reaction_class)
        if not len(rows):
            return []
        query = packed(product)
        common = np.bitwise_count(self.bits[rows] & query).sum(axis=1, dtype=np.int64)
        either = self._sizes[rows] + int(np.bitwise_count(query).sum()) - common
        similarity = common / np.maximum(either, 1)
        same = self.changes[rows] == signature(product, reactants).radius1
        weight = similarity**POWER * np.where(same, SAME_CHANGE, 1.0)
        order = np.argsort(-weight, kind="stable")
        found: list[Neighbour] = []
        for i in order:
            patent = self.patents[rows[i]]
            if patent != without:
                found.append(Neighbour(patent, float(similarity[i]), float(weight[i]), self.of_row(int(rows[i]))))
            if len(found) == k:
                break
        return found

    def shares(self, reaction_class: str) -> dict[str, float]:
        """Agent -> share of the class's reactions that name it."""
        if reaction_class not in self._shares:
            rows = self.rows(reaction_class)
            counts = Counter(name for row in rows for name in self.of_row(int(row)))
            self._shares[reaction_class] = {name: n / len(rows) for name, n in sorted(counts.items())}
        return self._shares[reaction_class]


@cache
def agent_index() -> AgentIndex | None:
    """The index that comes with the package; None without its weights: the class rules serve alone then."""
    return AgentIndex.load() if available(WEIGHTS) and available(WORDS) else None


@cache
def _generator() -> Any:
    return rdFingerprintGenerator.GetMorganGenerator(radius=RADIUS, fpSize=BITS)


@lru_cache(maxsize=16384)
def packed(smiles: str) -> NDArray[np.uint8]:
    """Morgan fingerprint (Rogers and Hahn, J. Chem. Inf. Model. 2010, 50, 742) folded to 512 bits: (64,) uint8."""
    bits = np.zeros(BITS, dtype=np.uint8)
    DataStructs.ConvertToNumpyArray(_generator().GetFingerprint(parse(smiles)), bits)
    return np.packbits(bits)
