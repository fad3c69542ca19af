"""Stereo that survives edits: a new neighbour takes the place of the one that left, a lone place is a hydrogen's.

RDKit's tetrahedral tag speaks of the order of an atom's bonds. Removing and adding bonds changes that order, so the tag
has to turn with it. Of double bonds we keep which two atoms are cis or trans.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rdkit import Chem

_TETRAHEDRAL = (Chem.ChiralType.CHI_TETRAHEDRAL_CW, Chem.ChiralType.CHI_TETRAHEDRAL_CCW)
_CIS = (Chem.BondStereo.STEREOZ, Chem.BondStereo.STEREOCIS)
_TRANS = (Chem.BondStereo.STEREOE, Chem.BondStereo.STEREOTRANS)
_HOLE = -1  # an implicit hydrogen or a lone pair; RDKit counts it as the last neighbour


@dataclass(frozen=True, slots=True)
class Memory:
    """Stereo of a molecule before it is edited."""

    centres: tuple[tuple[int, tuple[int, ...]], ...]  # atom, its neighbours in bond order
    # Ends, a neighbour of each that is not the other end, their second such neighbours or -1, the first two are cis?
    double_bonds: tuple[tuple[int, int, int, int, int, int, bool], ...]

    def moved(self, places: Mapping[int, int]) -> Memory:
        """The same for atoms renumbered by `places`, without what lies outside of it."""
        return Memory(
            tuple(
                (places[c], tuple(places[n] for n in around))
                for c, around in self.centres
                if c in places and all(n in places for n in around)
            ),
            tuple(
                (places[a], places[b], places[x], places[y], places.get(v, _HOLE), places.get(w, _HOLE), cis)
                for a, b, x, y, v, w, cis in self.double_bonds
                if all(i in places for i in (a, b, x, y))
            ),
        )


def remember(mol: Chem.Mol) -> Memory:
    """Tetrahedral centres and double bonds with known geometry."""
    centres = tuple(
        (a.GetIdx(), tuple(n.GetIdx() for n in a.GetNeighbors()))
        for a in mol.GetAtoms()
        if a.GetChiralTag() in _TETRAHEDRAL
    )
    double = []
    for bond in mol.GetBonds():
        if bond.GetStereo() not in (*_CIS, *_TRANS) or len(bond.GetStereoAtoms()) != 2:
            continue
        (x, y), (a, b) = bond.GetStereoAtoms(), (bond.GetBeginAtom(), bond.GetEndAtom())
        second = [
            next((n.GetIdx() for n in end.GetNeighbors() if n.GetIdx() not in (other.GetIdx(), known)), _HOLE)
            for end, other, known in ((a, b, x), (b, a, y))
        ]
        double.append((a.GetIdx(), b.GetIdx(), x, y, second[0], second[1], bond.GetStereo() in _CIS))
    return Memory(centres, tuple(double))


def odd(before: Sequence[int], after: Sequence[int]) -> bool:
    """Whether an odd number of swaps leads from one order to the other. Both hold the same numbers once each."""
    places = [after.index(n) for n in before]
    return sum(a > b for i, a in enumerate(places) for b in places[i + 1 :]) % 2 == 1


def forget_double_bonds(mol: Chem.Mol) -> None:
    """Take geometry and drawn directions off all bonds, in place; `restore_double_bonds` sets what is known again."""
    for bond in mol.GetBonds():
        bond.SetBondDir(Chem.BondDir.NONE)
        if bond.GetStereo() != Chem.BondStereo.STEREONONE:
            bond.SetStereo(Chem.BondStereo.STEREONONE)


def restore_centres(mol: Chem.RWMol, memory: Memory) -> None:
    """Turn the tetrahedral tags in place so that they mean after the edits what they meant before."""
    for centre, around in memory.centres:
        _restore_centre(mol.GetAtomWithIdx(centre), around)


def restore_double_bonds(mol: Chem.Mol, memories: Sequence[Memory]) -> None:
    """Set cis and trans in place; after sanitising, which takes off what no drawn direction supports."""
    for memory in memories:
        _set_double_bonds(mol, memory)
    # A molecule of several pieces is written from directions alone, cis and trans of its bonds are not looked at.
    Chem.SetDoubleBondNeighborDirections(mol)


def _set_double_bonds(mol: Chem.Mol, memory: Memory) -> None:
    for begin, end, x, y, v, w, cis in memory.double_bonds:
        bond = mol.GetBondBetweenAtoms(begin, end)
        if bond is None or bond.GetBondType() != Chem.BondType.DOUBLE:
            continue
        ends = [_reference(mol, begin, end, x, v), _reference(mol, end, begin, y, w)]
        if any(found is None for found in ends):
            continue
        (first, turn_first), (second, turn_second) = (found for found in ends if found is not None)
        if bond.GetBeginAtomIdx() != begin:
            first, second = second, first
        bond.SetStereoAtoms(first, second)
        same = cis ^ turn_first ^ turn_second
        bond.SetStereo(Chem.BondStereo.STEREOCIS if same else Chem.BondStereo.STEREOTRANS)


def _restore_centre(atom: Chem.Atom, around: tuple[int, ...]) -> None:
    after = [n.GetIdx() for n in atom.GetNeighbors()]
    before = list(around)
    for order in (before, after):
        if len(order) == 3:
            order.append(_HOLE)
    gone = [n for n in before if n not in after]
    new = [n for n in after if n not in before]
    if len(before) != 4 or len(after) != 4 or len(gone) > 1 or len(new) != len(gone):
        atom.SetChiralTag(Chem.ChiralType.CHI_UNSPECIFIED)
        return
    if gone:
        before[before.index(gone[0])] = new[0]
    if odd(before, after):
        atom.InvertChirality()


def _reference(mol: Chem.Mol, end: int, other: int, wanted: int, second: int) -> tuple[int, bool] | None:
    """An atom beside `end` that stands where `wanted` stood, or opposite to it (then True)."""
    around = [n.GetIdx() for n in mol.GetAtomWithIdx(end).GetNeighbors() if n.GetIdx() != other]
    if wanted in around:
        return wanted, False
    new = [n for n in around if n != second]
    if len(new) == 1:
        return new[0], False
    return (second, True) if second in around else None
