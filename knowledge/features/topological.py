"""RDKit's full list of two-dimensional descriptors, made safe for regression.

About 210 numbers: physicochemical estimates (Crippen logP, TPSA, charges), connectivity and shape indices, EState and
VSA sums, Burden eigenvalues and fragment counts. Definitions and sources: the RDKit book, "list of available
descriptors". Everything comes from the graph; no conformer is made.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from rdkit import Chem, rdBase
from rdkit.Chem import rdFingerprintGenerator

from knowledge.features.featurizer import CACHED_ROWS, Memory, parse
from knowledge.records.base import sha256_text

LIMIT = 1e4  # beyond this a descriptor has diverged (an information content, a charge without parameters)
_LOGARITHMIC = frozenset({"Ipc"})  # grows exponentially with the number of atoms: 1e40 for a dye
_LEFT_OUT = frozenset({"qed"})  # a fifth of the time, and a function of the other descriptors
_ESTATE = frozenset({"MaxEStateIndex", "MinEStateIndex", "MaxAbsEStateIndex", "MinAbsEStateIndex"})
PAIR_BITS = 2048


@cache
def _functions() -> tuple[tuple[str, Callable[[Chem.Mol], float]], ...]:
    from rdkit.Chem import Descriptors

    return tuple(
        sorted((name, _sparing(name, function)) for name, function in Descriptors.descList if name not in _LEFT_OUT)
    )


def _sparing(name: str, function: Callable[..., float]) -> Callable[[Chem.Mol], float]:
    """RDKit computes EState indices anew for each descriptor made of them unless it is told not to."""
    return (lambda mol: function(mol, False)) if name in _ESTATE else function


def _computed(smiles: str) -> npt.NDArray[np.float32]:
    mol = parse(smiles)
    values = np.zeros(len(_functions()))
    with rdBase.BlockLogs():
        for i, (name, function) in enumerate(_functions()):
            value = _defined(function, mol)
            values[i] = np.sign(value) * np.log1p(abs(value)) if name in _LOGARITHMIC else value
    # Single precision in the cache: 1 kB a molecule.
    return np.clip(np.nan_to_num(values, nan=0.0, posinf=LIMIT, neginf=-LIMIT), -LIMIT, LIMIT).astype(np.float32)


ROWS = Memory(_computed)


def _defined(function: Callable[[Chem.Mol], float], mol: Chem.Mol) -> float:
    """0 where the descriptor does not exist: no bond to build a matrix from (methane), an atom without parameters."""
    try:
        return float(function(mol))
    except (ArithmeticError, RuntimeError, ValueError):
        return 0.0


class Topological:
    """RDKit's 2D descriptors by name, in alphabetical order; what is undefined for a molecule is 0. Not scaled.

    The version contains the list of columns, which grows with RDKit.
    """

    name = "topological"

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(name for name, _ in _functions())

    @property
    def version(self) -> str:
        return f"1.{sha256_text(' '.join(self.columns))[:8]}"

    def __call__(self, smiles: Sequence[str]) -> npt.NDArray[np.float64]:
        """Shape (len(smiles), len(columns)). Raises InvalidMolecule."""
        rows = np.zeros((len(smiles), len(_functions())))
        for row, text in zip(rows, smiles, strict=True):
            row[:] = ROWS(text)
        return rows


@cache
def _pair_generator() -> Any:
    return rdFingerprintGenerator.GetAtomPairGenerator(fpSize=PAIR_BITS, includeChirality=False, countSimulation=False)


@lru_cache(maxsize=CACHED_ROWS)
def _pairs(smiles: str) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float64]]:
    found = _pair_generator().GetCountFingerprint(parse(smiles)).GetNonzeroElements()
    positions = np.fromiter(found.keys(), dtype=np.int32, count=len(found))
    return positions, np.fromiter(found.values(), dtype=np.float64, count=len(found))


class AtomPairs:
    """How often each pair of atom types occurs at each distance in bonds (R. E. Carhart et al., J. Chem. Inf. Comput.
    Sci. 25 (1985) 64), folded to 2048 positions: the long-range complement of circular fingerprints.
    """

    name = "atom_pairs"
    version = "1"
    bits = PAIR_BITS
    columns = tuple(f"pair_{i}" for i in range(PAIR_BITS))

    def occurrences(self, smiles: Sequence[str]) -> list[tuple[npt.NDArray[np.int32], npt.NDArray[np.float64]]]:
        """Positions and counts of each molecule's pairs. Raises InvalidMolecule."""
        return [_pairs(text) for text in smiles]

    def __call__(self, smiles: Sequence[str]) -> npt.NDArray[np.float64]:
        """Counts, shape (len(smiles), 2048). Raises InvalidMolecule."""
        rows = np.zeros((len(smiles), PAIR_BITS))
        for row, text in zip(rows, smiles, strict=True):
            positions, counts = _pairs(text)
            row[positions] = counts
        return rows
