"""Where a search begins when nobody names molecules to begin from: known compounds of the space."""

from __future__ import annotations

from functools import lru_cache

from rdkit import Chem

from knowledge.sources.handbook import Handbook
from planners.design.generator import Dice
from planners.design.space import DesignSpace


@lru_cache(maxsize=1)
def _book() -> tuple[str, ...]:
    return tuple(molecule.smiles for molecule in Handbook.full().molecules())


@lru_cache(maxsize=8)
def known_members(space: DesignSpace, *, seed: int, wanted: int = 1000) -> tuple[str, ...]:
    """At most `wanted` compounds of the handbook that the space takes, drawn by lot; fewer where it has no more."""
    book = _book()
    members: list[str] = []
    for i in Dice(seed).permutation(len(book)):
        mol = Chem.MolFromSmiles(book[i])
        if mol is not None and space.violation(mol) is None:
            members.append(book[i])
            if len(members) == wanted:
                break
    return tuple(members)
