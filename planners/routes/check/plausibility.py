"""How much a step looks like those that chemists published, rather than like those that templates make up.

A two-layer perceptron over what appears and disappears (difference of Morgan counts: N. Schneider, D. M. Lowe, R. A.
Sayle, G. A. Landrum, J. Chem. Inf. Model. 2015, 55, 39), the product's fingerprint, and the evidence the other tests
found.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray
from rdkit.Chem import rdFingerprintGenerator
from safetensors.numpy import load_file

from planners.routes.single_step import weights
from planners.routes.structure import parse

NAME = "precedents.plausibility.safetensors"
DIFFERENCE, PRODUCT = 1536, 1024  # inputs: folded difference, folded product
CLIP = 3


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known about a step. `same`, `alike`: published reactions with the same change to radius 1 and 0.

    `similarity`: of the nearest product among the first (0 when there is none), `second` the next, `loose` among the
    latter; `exact`, `skeleton`, `inverts`, `competing` as Outcomes has them; `lost`: heavy atoms that do not end in the
    product; `spectators`: reactants that give no atom.
    """

    same: int
    alike: int
    similarity: float
    second: float
    loose: float
    exact: bool
    skeleton: bool
    inverts: bool
    competing: int
    made: int
    broken: int
    altered: int
    lost: int
    spectators: int

    def scalars(self, product: str, reactants: tuple[str, ...]) -> list[float]:
        sizes = [parse(r).GetNumHeavyAtoms() for r in reactants]
        return [
            math.log1p(self.same) / 4,
            math.log1p(self.alike) / 4,
            self.same == 0,
            self.similarity,
            self.second,
            self.loose,
            self.exact,
            self.skeleton,
            self.inverts,
            min(self.competing, 6) / 3,
            self.competing > 0,
            self.made / 2,
            self.broken / 2,
            self.altered / 2,
            self.lost / 10,
            self.spectators,
            len(reactants) / 2,
            min(sizes) / max(sizes),
            parse(product).GetNumHeavyAtoms() / 30,
        ]


SCALARS = 19


@cache
def _generator() -> rdFingerprintGenerator.FingerprintGenerator64:
    return rdFingerprintGenerator.GetMorganGenerator(radius=2)


@lru_cache(maxsize=16384)
def _counts(smiles: str) -> tuple[tuple[int, int], ...]:
    found = _generator().GetSparseCountFingerprint(parse(smiles)).GetNonzeroElements()
    return tuple(sorted(found.items()))


def inputs(
    product: str, reactants: tuple[str, ...], evidence: Evidence
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Columns and values of the non-zero inputs: difference, product, then scalars. Raises InvalidMolecule."""
    change = Counter(dict(_counts(product)))
    for reactant in reactants:
        change.subtract(dict(_counts(reactant)))
    folded: Counter[int] = Counter()
    for bit, n in change.items():
        folded[bit % DIFFERENCE] += n
    present = {DIFFERENCE + bit % PRODUCT for bit, _ in _counts(product)}
    cells = [(bit, max(-CLIP, min(CLIP, n)) / CLIP) for bit, n in sorted(folded.items()) if n]
    cells += [(bit, 1.0) for bit in sorted(present)]
    cells += [(DIFFERENCE + PRODUCT + i, float(v)) for i, v in enumerate(evidence.scalars(product, reactants)) if v]
    return np.array([c for c, _ in cells], dtype=np.int64), np.array([v for _, v in cells], dtype=np.float32)


class Plausibility:
    """`layers`: (weights (in, out), bias (out,)) in float32; ReLU between, a logistic at the end."""

    def __init__(self, layers: list[tuple[NDArray[np.float32], NDArray[np.float32]]]) -> None:
        if len(layers[0][0]) != DIFFERENCE + PRODUCT + SCALARS:
            raise ValueError(f"the first layer takes {len(layers[0][0])} inputs, not what this version computes")
        self._layers = layers

    @staticmethod
    def load() -> Plausibility:
        """The weights that come with the package, read once. Raises WeightsMissing."""
        return _load(str(weights.find(NAME)))

    def score(self, product: str, reactants: tuple[str, ...], evidence: Evidence) -> float:
        """Probability, in [0, 1], that the step is one a chemist published, among equally many made-up ones."""
        columns, values = inputs(product, reactants, evidence)
        (first, bias), *rest = self._layers
        hidden = values @ first[columns] + bias
        for matrix, offset in rest:
            hidden = np.maximum(hidden, 0.0) @ matrix + offset
        return float(1.0 / (1.0 + np.exp(-float(hidden[0]))))


@cache
def _load(path: str) -> Plausibility:
    tensors = load_file(path)
    count = len(tensors) // 2
    return Plausibility(
        [(tensors[f"w{i}"].astype(np.float32), tensors[f"b{i}"].astype(np.float32)) for i in range(count)]
    )
