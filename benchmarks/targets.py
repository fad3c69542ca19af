"""Targets for route planning, with the published routes where the file has them.

Read: JSON as RetroCast writes it (`.json` or `.json.gz`), or one SMILES per line with an optional name.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.reactions import BadFile, settled
from knowledge.records.molecule import InvalidMolecule, Molecule
from knowledge.records.route import Route

Step = tuple[str, tuple[str, ...]]  # product and sorted reactants, `settled`


@dataclass(frozen=True, slots=True)
class Target:
    """`reference`: the reactions of the published route, None when there is none; `leaves`: its starting materials."""

    key: str
    smiles: str
    reference: frozenset[Step] | None = None
    leaves: tuple[str, ...] = ()


@dataclass(slots=True)
class TargetFile:
    source: str
    sha256: str
    stock_name: str | None = None
    targets: list[Target] = field(default_factory=list)
    bad: list[tuple[str, str]] = field(default_factory=list)


def read(source: str | Path) -> TargetFile:
    """Targets in the file's order; unreadable ones are collected. Raises BadFile when none can be read, OSError."""
    data = Path(source).read_bytes()
    text = (gzip.decompress(data) if str(source).endswith(".gz") else data).decode("utf-8-sig", "replace")
    found = TargetFile(source=Path(source).name, sha256=hashlib.sha256(data).hexdigest())
    rows = _retrocast(text, found) if text.lstrip().startswith("{") else _lines(text)
    for key, smiles, tree in rows:
        try:
            found.targets.append(_target(key, smiles, tree))
        except InvalidMolecule as error:
            found.bad.append((key, str(error)))
    if not found.targets:
        raise BadFile(f"{source} holds no target that can be read")
    return found


def _retrocast(text: str, found: TargetFile) -> Iterator[tuple[str, str, dict[str, Any] | None]]:
    try:
        body = json.loads(text)
    except ValueError as error:
        raise BadFile(f"{found.source} is not JSON: {error}") from error
    targets = body.get("targets")
    if not isinstance(targets, dict):
        raise BadFile(f"{found.source} has no 'targets', as RetroCast's files do")
    found.stock_name = body.get("stock_name")
    for key, target in targets.items():
        truth = target.get("ground_truth") or {}
        yield str(key), str(target["smiles"]), truth.get("target")


def _lines(text: str) -> Iterator[tuple[str, str, None]]:
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split()
        if words and not words[0].startswith("#"):
            yield f"line {number}", words[0], None


def _target(key: str, smiles: str, tree: dict[str, Any] | None) -> Target:
    if tree is None:
        return Target(key, settled(smiles))
    steps: set[Step] = set()
    leaves: set[str] = set()
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        made, step = settled(node["smiles"]), node.get("synthesis_step")
        if not step:
            leaves.add(made)
            continue
        steps.add((made, tuple(sorted(settled(r["smiles"]) for r in step["reactants"]))))
        waiting += step["reactants"]
    return Target(key, settled(smiles), frozenset(steps) or None, tuple(sorted(leaves)))


def steps_of(route: Route) -> frozenset[Step]:
    return frozenset((settled(s.product), tuple(sorted(settled(r) for r in s.reactants))) for s in route.steps)


def reference_rank(target: Target, routes: Sequence[Route]) -> int | None:
    """Rank from 1 of the first route with exactly the published reactions; None without one or without reference."""
    if target.reference is None:
        return None
    for rank, route in enumerate(routes, start=1):
        if steps_of(route) == target.reference:
            return rank
    return None


def inchikeys(smiles: Sequence[str]) -> list[str]:
    """Raises InvalidMolecule."""
    return [Molecule.from_smiles(s).inchikey for s in smiles]
