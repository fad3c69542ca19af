"""Stereochemistry that a reaction keeps or inverts, and that a template without stereo would drop."""

from __future__ import annotations

from collections.abc import Mapping as Places
from collections.abc import Sequence

from rdkit import Chem

from planners.routes.check.templates import Template

_DRAWN = (Chem.BondStereo.STEREOZ, Chem.BondStereo.STEREOE, Chem.BondStereo.STEREOCIS, Chem.BondStereo.STEREOTRANS)
_TAGS = {
    Chem.ChiralType.CHI_TETRAHEDRAL_CW: Chem.ChiralType.CHI_TETRAHEDRAL_CCW,
    Chem.ChiralType.CHI_TETRAHEDRAL_CCW: Chem.ChiralType.CHI_TETRAHEDRAL_CW,
}


def carry_over(
    outcome: Chem.Mol, mols: Sequence[Chem.Mol], at: Places[int, tuple[int, int]], template: Template
) -> None:
    """Drawn double bonds that the reaction leaves double keep their geometry, a group that leaves handing its place on.

    (Cross-couplings of vinyl halides and boronates go with retention.) Changes `outcome`.
    """
    if not any(b.GetStereo() in _DRAWN for i in template.order for b in mols[i].GetBonds()):
        return
    here: dict[tuple[int, int], int] = {}
    for atom in outcome.GetAtoms():
        if atom.HasProp("old_mapno"):
            here[at[atom.GetIntProp("old_mapno")]] = atom.GetIdx()
        elif atom.HasProp("react_atom_idx") and atom.HasProp("react_idx"):
            here[(template.order[atom.GetIntProp("react_idx")], atom.GetIntProp("react_atom_idx"))] = atom.GetIdx()
    for i in template.order:
        for bond in mols[i].GetBonds():
            if bond.GetStereo() in _DRAWN:
                _drawn(outcome, mols[i], bond, i, here)


def _drawn(outcome: Chem.Mol, mol: Chem.Mol, bond: Chem.Bond, index: int, here: dict[tuple[int, int], int]) -> None:
    old = (int(bond.GetBeginAtomIdx()), int(bond.GetEndAtomIdx()))
    ends = [here[index, atom] for atom in old if (index, atom) in here]
    if len(ends) < 2:
        return
    made = outcome.GetBondBetweenAtoms(*ends)
    if made is None or made.GetBondType() != Chem.BondType.DOUBLE or made.GetStereo() in _DRAWN:
        return
    references: list[int] = []
    for end, other, home, reference in zip(ends, reversed(ends), old, bond.GetStereoAtoms(), strict=True):
        now = here.get((index, reference))
        around = [n.GetIdx() for n in outcome.GetAtomWithIdx(end).GetNeighbors() if n.GetIdx() != other]
        kept = {here.get((index, n.GetIdx())) for n in mol.GetAtomWithIdx(home).GetNeighbors()}
        fresh = [n for n in around if n not in kept]
        if now is not None and now in around:
            references.append(now)
        elif len(fresh) == 1:
            references.append(fresh[0])
        else:
            return
    cis = bond.GetStereo() in (Chem.BondStereo.STEREOZ, Chem.BondStereo.STEREOCIS)
    if made.GetBeginAtomIdx() != ends[0]:
        references.reverse()
    made.SetStereoAtoms(*references)
    made.SetStereo(Chem.BondStereo.STEREOCIS if cis else Chem.BondStereo.STEREOTRANS)


def inverted(outcome: Chem.Mol, template: Template) -> Chem.Mol:
    """A copy with every stereocentre that exchanged a neighbour turned over, as an SN2 or a Mitsunobu reaction does."""
    copy = Chem.Mol(outcome)
    for atom in copy.GetAtoms():
        if atom.HasProp("old_mapno") and atom.GetIntProp("old_mapno") in template.kept:
            atom.SetChiralTag(_TAGS.get(atom.GetChiralTag(), atom.GetChiralTag()))
    return copy
