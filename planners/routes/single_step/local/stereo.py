"""Stereo marks through a graph edit: what keeps its meaning is kept, position for position.

A tetrahedral mark of RDKit speaks of the order of the bonds around an atom, an implicit hydrogen standing last; when a
neighbour is replaced, its successor takes its place in that order, which is retention of the spatial arrangement.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from rdkit import Chem
from rdkit.Chem.rdCIPLabeler import AssignCIPLabels

from planners.routes.single_step.local.template import LocalTemplate

HYDROGEN = -1  # stands for the implicit hydrogen (or lone pair) in an order of neighbours
TETRAHEDRAL = (Chem.ChiralType.CHI_TETRAHEDRAL_CW, Chem.ChiralType.CHI_TETRAHEDRAL_CCW)
SIDES = {
    Chem.BondStereo.STEREOZ: Chem.BondStereo.STEREOCIS,
    Chem.BondStereo.STEREOE: Chem.BondStereo.STEREOTRANS,
    Chem.BondStereo.STEREOCIS: Chem.BondStereo.STEREOCIS,
    Chem.BondStereo.STEREOTRANS: Chem.BondStereo.STEREOTRANS,
}
OTHER_SIDE = {
    Chem.BondStereo.STEREOCIS: Chem.BondStereo.STEREOTRANS,
    Chem.BondStereo.STEREOTRANS: Chem.BondStereo.STEREOCIS,
}


@dataclass(slots=True)
class Attached:
    """Atoms of the groups: `orders` their neighbours as the group's SMILES has them, `gained` those of centre atoms."""

    orders: dict[int, list[int]] = field(default_factory=dict)
    gained: dict[int, list[int]] = field(default_factory=dict)


def _around(atom: Chem.Atom) -> list[int]:
    order = [b.GetOtherAtomIdx(atom.GetIdx()) for b in atom.GetBonds()]
    return [*order, HYDROGEN] if len(order) == 3 else order


def _odd(before: Sequence[int], after: Sequence[int]) -> bool:
    places = [after.index(x) for x in before]
    return bool(sum(places[i] > places[j] for i in range(len(places)) for j in range(i + 1, len(places))) % 2)


def _flip(tag: Chem.ChiralType) -> Chem.ChiralType:
    return TETRAHEDRAL[0] if tag == TETRAHEDRAL[1] else TETRAHEDRAL[1]


def _successors(before: Sequence[int], after: Sequence[int], rank: dict[int, int]) -> dict[int, int]:
    """Who stands where each lost neighbour stood; several are paired in the template's order, hydrogen last."""
    last = len(rank) + 10**6
    lost = sorted((x for x in before if x not in after), key=lambda x: last if x == HYDROGEN else rank.get(x, x))
    new = sorted((x for x in after if x not in before), key=lambda x: last if x == HYDROGEN else rank.get(x, x))
    return dict(zip(lost, new, strict=False))


def carry(template: LocalTemplate, rw: Chem.RWMol, mol: Chem.Mol, site: Sequence[int], attached: Attached) -> None:
    """Set the tetrahedral marks of the edited atoms, in place; before the molecule is sanitised."""
    rank = {index: position for position, index in enumerate(site)}
    for position, index in enumerate(site):
        atom = rw.GetAtomWithIdx(index)
        tag = mol.GetAtomWithIdx(index).GetChiralTag()
        if tag not in TETRAHEDRAL:
            continue
        before, after = _around(mol.GetAtomWithIdx(index)), _around(atom)
        swap = _successors(before, after, rank)
        wanted = [swap.get(x, x) for x in before]
        if sorted(wanted) != sorted(after) or len(after) != 4 or f"{position}l" in template.stereo:
            atom.SetChiralTag(Chem.ChiralType.CHI_UNSPECIFIED)
            continue
        turned = _odd(wanted, after) != (f"{position}i" in template.stereo)
        atom.SetChiralTag(_flip(tag) if turned else tag)
    for index, order in attached.orders.items():
        atom = rw.GetAtomWithIdx(index)
        if atom.GetChiralTag() in TETRAHEDRAL:
            before = [*order, HYDROGEN] if len(order) == 3 else order
            if _odd(before, _around(atom)):
                atom.SetChiralTag(_flip(atom.GetChiralTag()))


def _marked_bonds(mol: Chem.Mol, site: Sequence[int]) -> list[Chem.Bond]:
    """Double bonds of the product with a stereo mark and an end in the centre."""
    found = {b.GetIdx(): b for i in site for b in mol.GetAtomWithIdx(i).GetBonds() if b.GetStereo() in SIDES}
    return [found[i] for i in sorted(found)]


def _double_bonds(rw: Chem.RWMol, mol: Chem.Mol, marked: Sequence[Chem.Bond], attached: Attached) -> None:
    for old in marked:
        side = SIDES[old.GetStereo()]
        bond = rw.GetBondBetweenAtoms(old.GetBeginAtomIdx(), old.GetEndAtomIdx())
        if bond is None or bond.GetBondType() != Chem.BondType.DOUBLE:
            continue
        marks: list[int] = []
        # The edited bond may run the other way than the product's.
        ends = (bond.GetBeginAtomIdx(), bond.GetEndAtomIdx())
        for end, other in (ends, ends[::-1]):
            known = [x for x in old.GetStereoAtoms() if mol.GetBondBetweenAtoms(end, x) is not None and x != other]
            now = [x.GetIdx() for x in rw.GetAtomWithIdx(end).GetNeighbors() if x.GetIdx() != other]
            gained = [x for x in attached.gained.get(end, []) if x != other]
            if known and known[0] in now:
                marks.append(known[0])
            elif gained:
                marks.append(gained[0])
            elif now:
                marks.append(now[0])
                side = OTHER_SIDE[side]
        bond.SetStereo(Chem.BondStereo.STEREONONE)
        if len(marks) == 2:
            bond.SetStereoAtoms(marks[0], marks[1])
            bond.SetStereo(side)


def settle(template: LocalTemplate, edited: Chem.RWMol, mol: Chem.Mol, site: Sequence[int], attached: Attached) -> None:
    """Set the double bonds at the centre: those that stay as they were, new ones as the template names them.

    The molecule must be sanitised. Perception comes first, since it forgets marks that bond directions do not show.
    """
    marked = _marked_bonds(mol, site)
    if not marked and not any(mark[-1] in "EZ" for mark in template.stereo):
        return
    Chem.AssignStereochemistry(edited, cleanIt=True, force=True)
    for bond in edited.GetBonds():
        bond.SetBondDir(Chem.BondDir.NONE)
    _double_bonds(edited, mol, marked, attached)
    for mark in template.stereo:
        if mark[-1] not in "EZ":
            continue
        a, _, b = mark[:-1].partition("-")
        bond = edited.GetBondBetweenAtoms(site[int(a)], site[int(b)])
        ends = (bond.GetBeginAtom(), bond.GetEndAtom())
        first = [x.GetIdx() for x in ends[0].GetNeighbors() if x.GetIdx() != ends[1].GetIdx()]
        second = [x.GetIdx() for x in ends[1].GetNeighbors() if x.GetIdx() != ends[0].GetIdx()]
        if not first or not second:
            continue
        bond.SetStereoAtoms(first[0], second[0])
        for side in (Chem.BondStereo.STEREOTRANS, Chem.BondStereo.STEREOCIS):
            bond.SetStereo(side)
            AssignCIPLabels(edited, atomsToLabel=[], bondsToLabel=[bond.GetIdx()])
            if bond.HasProp("_CIPCode") and bond.GetProp("_CIPCode") == mark[-1]:
                break
    Chem.SetDoubleBondNeighborDirections(edited)
