"""The precedent index from published reactions.

    python -m planners.routes.training.precedents [--routes FILE --exclude FILE ...] [--out FOLDER]

FILE: routes as RetroCast writes them (targets -> ground_truth -> synthesis_step ...). Reactions that occur in an
excluded file, or in USPTO-50k's valid and test parts, are left out: those are benchmarks.
"""

from __future__ import annotations

import argparse
import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from loguru import logger
from rdkit import Chem, rdBase
from safetensors.numpy import save_file

from knowledge.records.molecule import InvalidMolecule
from planners.routes.precedents.changes import signature
from planners.routes.precedents.index import IDS, NAME, fingerprint
from planners.routes.single_step.weights import folder
from planners.routes.structure import canonical, flat, parse
from planners.routes.training import uspto

USPTO = "USPTO-50k"
Reaction = tuple[str, str, tuple[str, ...]]  # id, product, reactants


def bare(smiles: str) -> str:
    """Canonical SMILES without map numbers. Raises InvalidMolecule."""
    mol = Chem.MolFromSmiles(smiles)
    if mol is None:
        raise InvalidMolecule(f"cannot read '{smiles}' as a SMILES")
    for atom in mol.GetAtoms():
        atom.SetAtomMapNum(0)
    return canonical(Chem.MolToSmiles(mol))


def read(reaction: uspto.MappedReaction) -> Reaction | None:
    """Without its map; None when RDKit cannot read it."""
    try:
        return reaction.id, bare(reaction.product), tuple(sorted(map(bare, reaction.reactants.split("."))))
    except InvalidMolecule:
        return None


def published(split: uspto.Split) -> Iterator[Reaction]:
    """USPTO-50k without its maps; what RDKit cannot read is left out."""
    for reaction in uspto.reactions(split):
        found = read(reaction)
        if found is not None:
            yield found


def _steps(node: dict[str, Any]) -> Iterator[Reaction]:
    step = node.get("synthesis_step")
    if not step:
        return
    try:
        reactants = tuple(sorted(canonical(r["smiles"]) for r in step["reactants"]))
        name = str((step.get("metadata") or {}).get("ID", "")).partition(";")[0]
        if name:
            yield name, canonical(node["smiles"]), reactants
    except InvalidMolecule:
        pass
    for reactant in step["reactants"]:
        yield from _steps(reactant)


def routes(path: Path) -> Iterator[Reaction]:
    """Every reaction of a file of routes, the target's first."""
    with gzip.open(path, "rt", encoding="utf-8") as text:
        data = json.load(text)
    for name in sorted(data["targets"]):
        yield from _steps(data["targets"][name]["ground_truth"]["target"])


def key(product: str, reactants: tuple[str, ...]) -> tuple[str, ...]:
    """Two reactions with this in common are one, whatever their stereochemistry."""
    return (flat(product), *sorted({flat(r) for r in reactants}))


def collect(extra: Path | None, excluded: list[Path]) -> list[tuple[str, Reaction]]:
    """(source, reaction), each once."""
    found: dict[tuple[str, ...], tuple[str, Reaction]] = {}
    for reaction in published("train"):
        found.setdefault(key(*reaction[1:]), (USPTO, reaction))
    if extra is None:
        return list(found.values())
    held = {key(*r[1:]) for path in excluded for r in routes(path)}
    held.update(key(*r[1:]) for r in (*published("valid"), *published("test")))
    source = extra.name.partition(".")[0]
    for reaction in routes(extra):
        if key(*reaction[1:]) not in held:
            found.setdefault(key(*reaction[1:]), (source, reaction))
    return list(found.values())


def build(collected: list[tuple[str, Reaction]], out: Path) -> None:
    """Write the index; about 2 ms per reaction."""
    rows = []
    for number, (source, (name, product, reactants)) in enumerate(collected):
        if product in reactants:
            continue
        change = signature(product, reactants)
        rows.append((change.radius1, name, change.radius0, fingerprint(parse(product)).tobytes(), source))
        if number % 10000 == 0:
            logger.info("{} of {} reactions", number, len(collected))
    rows.sort()
    sources = sorted({row[4] for row in rows}, key=lambda s: (s != USPTO, s))
    known, indices = np.unique(
        np.array([[row[0] for row in rows], [row[2] for row in rows]], dtype=np.int64), return_inverse=True
    )
    indices = indices.reshape(2, -1).astype(np.int32)
    tensors = {
        "signatures": known,
        "radius1": indices[0],
        "radius0": indices[1],
        "products": np.frombuffer(b"".join(row[3] for row in rows), dtype=np.uint8).reshape(len(rows), -1),
        "origin": np.array([sources.index(row[4]) for row in rows], dtype=np.uint8),
    }
    out.mkdir(parents=True, exist_ok=True)
    save_file(tensors, out / NAME, metadata={"rows": str(len(rows))})
    text = json.dumps({"sources": sources, "ids": " ".join(row[1] for row in rows)})
    (out / IDS).write_bytes(gzip.compress(text.encode(), mtime=0))
    logger.info("{} reactions, {} changes to radius 1", len(rows), len(np.unique(indices[0])))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--routes", type=Path, default=None)
    parser.add_argument("--exclude", type=Path, nargs="*", default=[])
    parser.add_argument("--out", type=Path, default=folder())
    given = parser.parse_args()
    if given.routes is not None and not given.exclude:
        parser.error("--routes needs --exclude: name the benchmark files whose reactions must stay unseen")
    with rdBase.BlockLogs():
        build(collect(given.routes, given.exclude), given.out)


if __name__ == "__main__":
    main()
