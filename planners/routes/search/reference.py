"""Published routes to compare with: the targets file of RetroCast, and whether a route found is the route published.

File: JSON (gzipped or not), {"stock_name", "targets": {id: {"smiles", "ground_truth": {"target": molecule}}}}, where
molecule = {"smiles", "inchikey", "synthesis_step": {"reactants": [molecule, ...]} | null}.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from knowledge.records.molecule import InvalidMolecule, Molecule
from knowledge.records.route import Route

# Product and the set of its reactants, both as InChIKeys.
Reactions = frozenset[tuple[str, frozenset[str]]]


@dataclass(frozen=True)
class ReferenceRoute:
    """`reactions` empty: the target has no published route. `depth`: reactions on the longest linear sequence."""

    id: str
    smiles: str
    reactions: Reactions
    leaves: frozenset[str]
    depth: int


class BadReference(ValueError):
    """A targets file that does not look like one."""


def read_targets(path: str | Path) -> list[ReferenceRoute]:
    """In the order of the file. Raises BadReference, naming the target, and OSError."""
    path = Path(path)
    try:
        with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as stream:
            content = json.load(stream)
        targets = content["targets"]
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise BadReference(f"{path} is no JSON object with targets: {error}") from error
    pairs = targets.items() if isinstance(targets, Mapping) else enumerate(targets)
    return [_target(str(name), body) for name, body in pairs]


def matches_reference(route: Route, reference: ReferenceRoute) -> bool:
    """Whether `route` is the published one: the same reactions, by product and set of reactants, stereo included.

    Stricter than a comparison of leaves or of skeletons. How often a reactant is used does not matter, for references
    list each once.
    """
    if not route.steps or len(route.steps) != len(reference.reactions):
        return False
    try:
        return reactions_of(route) == reference.reactions
    except InvalidMolecule:
        return False


def reactions_of(route: Route) -> Reactions:
    """Raises InvalidMolecule for a molecule without an InChIKey."""
    return frozenset((_key(s.product), frozenset(map(_key, s.reactants))) for s in route.steps)


def _key(smiles: str) -> str:
    return Molecule.from_smiles(smiles).inchikey


def _target(name: str, body: Any) -> ReferenceRoute:
    try:
        reactions: set[tuple[str, frozenset[str]]] = set()
        leaves: set[str] = set()
        truth = body.get("ground_truth")
        depth = _collect(truth["target"], reactions, leaves) if truth else 0
        return ReferenceRoute(name, str(body["smiles"]), frozenset(reactions), frozenset(leaves), depth)
    except (KeyError, TypeError, AttributeError) as error:
        raise BadReference(f"target {name}: {error!r}") from error


def _collect(molecule: Any, reactions: set[tuple[str, frozenset[str]]], leaves: set[str]) -> int:
    """Depth of the tree below `molecule`."""
    step = molecule.get("synthesis_step")
    if not step:
        leaves.add(_inchikey(molecule))
        return 0
    reactions.add((_inchikey(molecule), frozenset(map(_inchikey, step["reactants"]))))
    return 1 + max(_collect(r, reactions, leaves) for r in step["reactants"])


def _inchikey(molecule: Any) -> str:
    return str(molecule.get("inchikey") or _key(molecule["smiles"]))
