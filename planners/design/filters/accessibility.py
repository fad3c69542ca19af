"""How hard a molecule looks to make, before anybody plans a route."""

from __future__ import annotations

from functools import cache
from types import ModuleType

from rdkit import Chem


@cache
def _scorer() -> ModuleType:
    # Imported late: it reads a fragment table of 8 MB (RDKit's own contributed module and file).
    from rdkit.Contrib.SA_Score import sascorer

    return sascorer


def synthetic_accessibility(mol: Chem.Mol) -> float:
    """SA score, 1 (easy) .. 10 (hard), of P. Ertl and A. Schuffenhauer, J. Cheminform. 2009, 1:8."""
    return float(_scorer().calculateScore(mol))
