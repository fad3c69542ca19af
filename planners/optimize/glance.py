"""What a glance at many molecules gives: circular fingerprints and a few cheap numbers, packed small.

A property model sees two hundred descriptors and two fingerprints, which take milliseconds a molecule; these take a
tenth of one, most of it for reading the SMILES. A hundred thousand molecules keep 25 MB.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import chain
from multiprocessing import get_context
from typing import Any

import numpy as np
from numpy.typing import NDArray

BITS = 2048
LEVELS = 16  # as in the property models: what occurs more often counts as 16
NUMBERS = (
    "CalcNumHeavyAtoms",
    "CalcExactMolWt",
    "CalcLabuteASA",
    "CalcChi0v",
    "CalcChi1v",
    "CalcChi1n",
    "CalcKappa1",
    "CalcHallKierAlpha",
    "CalcFractionCSP3",
    "CalcTPSA",
    "CalcNumHBD",
    "CalcNumLipinskiHBA",
    "CalcNumHeteroatoms",
    "CalcNumHeterocycles",
    "CalcNumAmideBonds",
    "CalcNumRings",
    "CalcNumAromaticRings",
    "CalcNumSaturatedRings",
)
"""Size, branching, polarity, hydrogen bonds and rings: names in rdkit.Chem.rdMolDescriptors, some microseconds each."""
_AT_ONCE = 2048  # molecules
_READ = 64  # molecules; as many stay in the processor's cache from one column to the next


@dataclass(frozen=True)
class Glances:
    """Of n molecules. Molecule i has the fingerprint's `columns[starts[i] : starts[i + 1]]`, each occurrence of a bit
    being a column of its own (`knowledge.qspr.kernels.unary`); `numbers` (n, d) are those of NUMBERS. What is not
    `readable` (n,) has no columns, and zeros.
    """

    columns: NDArray[np.uint16]
    starts: NDArray[np.int64]
    numbers: NDArray[np.float32]
    readable: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.readable)

    def part(self, start: int, end: int) -> Glances:
        starts = self.starts[start : end + 1]
        return Glances(
            self.columns[starts[0] : starts[-1]],
            starts - starts[0],
            self.numbers[start:end],
            self.readable[start:end],
        )

    @staticmethod
    def joined(parts: Sequence[Glances]) -> Glances:
        """One after the other; at least one."""
        lengths = np.concatenate([np.diff(p.starts) for p in parts])
        return Glances(
            np.concatenate([p.columns for p in parts]),
            np.concatenate([[0], np.cumsum(lengths)]),
            np.concatenate([p.numbers for p in parts]),
            np.concatenate([p.readable for p in parts]),
        )


@contextmanager
def reading(processes: int) -> Iterator[Executor | None]:
    """Processes that read molecules, or None for one, this. They are started anew, which takes about a second."""
    if processes < 2:
        yield None
        return
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as crew:
        yield crew


def glances(smiles: Sequence[str], crew: Executor | None = None) -> Glances:
    """Of all of them; see `each_glance`."""
    return Glances.joined(list(each_glance(smiles, crew)))


def each_glance(smiles: Sequence[str], crew: Executor | None = None) -> Iterator[Glances]:
    """Some thousand molecules after another, the same with a crew as without; it works ahead of whoever takes them."""
    parts = [smiles[i : i + _AT_ONCE] for i in range(0, len(smiles), _AT_ONCE)] or [()]
    yield from map(look, parts) if crew is None else crew.map(look, parts)


def look(smiles: Sequence[str]) -> Glances:
    """Of some molecules, here and now."""
    from rdkit import rdBase

    readable = np.zeros(len(smiles), dtype=np.bool_)
    numbers = np.zeros((len(smiles), len(NUMBERS)), dtype=np.float32)
    found: list[dict[int, int]] = []
    with rdBase.BlockLogs():
        for start in range(0, len(smiles), _READ):
            mols = [_read(s) for s in smiles[start : start + _READ]]
            given = [m for m in mols if m is not None]
            rows = start + np.flatnonzero([m is not None for m in mols])
            readable[rows] = True
            for column, function in enumerate(_functions()):
                numbers[rows, column] = [function(mol) for mol in given]
            found += [f.GetNonzeroElements() for f in _generator().GetCountFingerprints(given, numThreads=1)]
    numbers[~np.isfinite(numbers)] = 0.0
    return Glances(*_coded(found, readable), numbers, readable)


def _read(smiles: str) -> Any:
    """A molecule without its stereochemistry, which nothing here asks for and whose perception takes a third of the
    time; None for what cannot be read.
    """
    from rdkit import Chem

    if "[H" in smiles or " " in smiles:  # hydrogens to be folded in, or more than a SMILES
        mol = Chem.MolFromSmiles(smiles)
    else:
        mol = Chem.MolFromSmiles(smiles, _plain())
        if mol is not None and Chem.SanitizeMol(mol, catchErrors=True) != Chem.SanitizeFlags.SANITIZE_NONE:
            return None
    return mol if mol is not None and mol.GetNumAtoms() > 0 else None


@cache
def _plain() -> Any:
    from rdkit.Chem import SmilesParserParams

    params: Any = SmilesParserParams()
    params.sanitize = False
    params.removeHs = False
    return params


@cache
def _functions() -> tuple[Any, ...]:
    from rdkit.Chem import rdMolDescriptors

    return tuple(getattr(rdMolDescriptors, name) for name in NUMBERS)


@cache
def _generator() -> Any:
    from rdkit.Chem.rdFingerprintGenerator import GetMorganGenerator

    return GetMorganGenerator(radius=2, fpSize=BITS, includeChirality=False)


def _coded(
    found: Sequence[dict[int, int]], readable: NDArray[np.bool_]
) -> tuple[NDArray[np.uint16], NDArray[np.int64]]:
    kinds = np.zeros(len(readable), dtype=np.int64)
    kinds[readable] = [len(f) for f in found]
    bits = np.fromiter(chain.from_iterable(found), dtype=np.int64, count=int(kinds.sum()))
    counts = np.fromiter(chain.from_iterable(f.values() for f in found), dtype=np.int64, count=len(bits))
    repeats = np.minimum(counts, LEVELS)
    level = np.arange(repeats.sum()) - np.repeat(np.cumsum(repeats) - repeats, repeats)
    columns = (np.repeat(bits, repeats) + level * BITS).astype(np.uint16)
    return columns, np.concatenate([[0], np.cumsum(repeats)])[np.concatenate([[0], np.cumsum(kinds)])].astype(np.int64)
