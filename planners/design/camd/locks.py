"""What a locked fragment means for counts: every atom of it must be in some group.

An atom of a lock fits the groups that have an atom of its element, kind of ring and bonds. By Hall's condition the
groups that fit a set of atoms must together have enough such atoms; that is necessary, and what it lets through is
checked on the decoded molecules.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from rdkit import Chem

from planners.design.camd.groups import GROUPS
from planners.design.generator import CannotServe
from planners.design.space import lock_as_molecule

R = TypeVar("R")


def lock_rows(locked: Sequence[str], numbers: tuple[int, ...], row: Callable[..., R]) -> list[R]:
    """Rows (made by `row`) that every molecule with the locks obeys. Patterns that are no molecule give none.

    Raises CannotServe for a lock with an atom that no group has.
    """
    rows = []
    for smarts in locked:
        fragment = lock_as_molecule(smarts)
        if fragment is None:
            continue
        _check_rings(smarts, fragment)
        atoms = list(fragment.GetAtoms())
        fits = [frozenset(i for i in numbers if _capacity([atom], i)) for atom in atoms]
        for atom, found in zip(atoms, fits, strict=True):
            if not found:
                raise CannotServe(
                    f"camd: the locked fragment '{smarts}' cannot be held: no group that the space allows has its "
                    f"{'aromatic ' if atom.GetIsAromatic() else ''}{atom.GetSymbol()} atom {atom.GetIdx() + 1}"
                )
        # In the order of the atoms, each set of groups once.
        for found in dict.fromkeys(fits):
            needed = [atom for atom, other in zip(atoms, fits, strict=True) if other <= found]
            capacities = {i: _capacity(needed, i) for i in sorted(found)}
            rows.append(row(capacities, low=float(len(needed)), name=f"space: locked fragment {smarts}"))
    return rows


def _check_rings(smarts: str, fragment: Chem.Mol) -> None:
    """Rings of groups are single: saturated of five to seven atoms, or aromatic of six."""
    rings = fragment.GetRingInfo()
    for bonds, atoms in zip(rings.BondRings(), rings.AtomRings(), strict=True):
        aromatic = all(fragment.GetAtomWithIdx(a).GetIsAromatic() for a in atoms)
        double = any(fragment.GetBondWithIdx(b).GetBondTypeAsDouble() == 2.0 for b in bonds)
        fused = any(rings.NumAtomRings(a) > 1 for a in atoms)
        if fused or double or not (len(atoms) == 6 if aromatic else 5 <= len(atoms) <= 7):
            raise CannotServe(
                f"camd: the locked fragment '{smarts}' cannot be held: groups make single rings only, "
                "saturated ones of five to seven atoms and aromatic ones of six"
            )


def _capacity(atoms: Sequence[Chem.Atom], number: int) -> float:
    """How many atoms of a group can be one of these atoms of a lock."""
    return float(sum(any(_fits(atom, own, number) for atom in atoms) for own in _own_atoms(number)))


def _own_atoms(number: int) -> list[Chem.Atom]:
    return [a for a in GROUPS[number].molecule.GetAtoms() if a.GetAtomicNum()]


def _fits(atom: Chem.Atom, other: Chem.Atom, number: int) -> bool:
    ring = GROUPS[number].ring
    if atom.GetAtomicNum() != other.GetAtomicNum() or atom.GetIsAromatic() != (ring == "aromatic"):
        return False
    if atom.IsInRing() and ring == "chain":
        return False
    if atom.GetDegree() > other.GetDegree():
        return False
    multiple = [b.GetBondTypeAsDouble() for b in atom.GetBonds() if not b.GetIsAromatic()]
    return sum(b >= 2.0 for b in multiple) <= sum(b.GetBondTypeAsDouble() >= 2.0 for b in other.GetBonds())
