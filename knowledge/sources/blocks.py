"""The building blocks of `synspace`: read without unpickling, their InChIKeys made by child processes.

The package ships them as a bz2-compressed pickle of RDKit molecules. A pickle is a program; this one's opcodes are
only scanned for the byte strings that hold molecules (RDKit's own binary format), and nothing of it is executed.

`python -m knowledge.sources.blocks PART PARTS` writes one part as lines of InChIKey and molecular weight; `read`
starts as many of these as there are cores, which unlike `multiprocessing` asks nothing of the caller's `__main__`.
"""

from __future__ import annotations

import bz2
import os
import pickletools
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from knowledge.sources import tables

_FILE = "rxn_data/blocks.pk.bz2"
# RDKit's binary molecules begin with the little-endian magic number 0xDEADBEEF.
_MAGIC = b"\xef\xbe\xad\xde"


class BlocksFailed(RuntimeError):
    """A child process that makes InChIKeys ended with an error; the message carries its last words."""


def binary_molecules() -> Iterator[bytes]:
    """Every distinct molecule of the file in RDKit's binary format, in file order."""
    path = tables.folder("synspace") / _FILE
    if not path.exists():
        raise tables.MissingTable(f"'{_FILE}' is not in the installed synspace; expected version 1.0.0")
    seen: set[bytes] = set()
    for opcode, argument, _ in pickletools.genops(bz2.decompress(path.read_bytes())):
        if (
            opcode.name.endswith("BINBYTES")
            and isinstance(argument, bytes)
            and argument.startswith(_MAGIC)
            and argument not in seen
        ):
            seen.add(argument)
            yield argument


def read(processes: int | None = None) -> list[tuple[str, float]]:
    """(InChIKey, molecular weight in g/mol) of every block, each key once, sorted. Raises BlocksFailed."""
    count = processes or os.cpu_count() or 1
    root = str(Path(__file__).resolve().parents[2])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))}
    found: dict[str, float] = {}
    with ThreadPoolExecutor(count) as waiting:
        for out in waiting.map(lambda part: _run_part(part, count, environment), range(count)):
            for line in out.splitlines():
                key, weight = line.split()
                found[key] = float(weight)
    return sorted(found.items())


def _run_part(part: int, parts: int, environment: dict[str, str]) -> str:
    command = [sys.executable, "-m", "knowledge.sources.blocks", str(part), str(parts)]
    child = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if child.returncode != 0:
        raise BlocksFailed(
            f"making InChIKeys of the building blocks failed: {' '.join(child.stderr.splitlines()[-1:])}"
        )
    return child.stdout


def _write_part(part: int, parts: int) -> None:
    from rdkit import Chem, rdBase
    from rdkit.Chem.Descriptors import MolWt  # type: ignore[attr-defined]  # missing in RDKit's stubs

    done: set[str] = set()
    with rdBase.BlockLogs():
        for i, binary in enumerate(binary_molecules()):
            if i % parts != part:
                continue
            mol = Chem.Mol(binary)  # type: ignore[call-overload]  # the stub says text, RDKit takes bytes
            # The same molecule is stored once per reaction that can use it; a canonical SMILES costs a third of an
            # InChIKey.
            smiles = Chem.MolToSmiles(mol)
            if smiles in done:
                continue
            done.add(smiles)
            key = Chem.MolToInchiKey(mol)
            if key:
                sys.stdout.write(f"{key} {MolWt(mol):.2f}\n")


if __name__ == "__main__":
    _write_part(int(sys.argv[1]), int(sys.argv[2]))
