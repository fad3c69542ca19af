"""Applying a local template to a product: a direct edit of the molecular graph at given atoms."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

from rdkit import Chem, rdBase

from planners.routes.single_step.local import stereo
from planners.routes.single_step.local.template import AROMATIC, BOND, ORDER, LocalTemplate
from planners.routes.structure import canonical

MAX_MATCHES = 16


@lru_cache(maxsize=8192)
def _group(smiles: str) -> Chem.Mol:
    return Chem.MolFromSmiles(smiles, sanitize=False)


def order_code(bond: Chem.Bond | None) -> int:
    """The template's code for a bond; 0 for None."""
    return 0 if bond is None else ORDER.get(bond.GetBondType(), -1)


def fits(template: LocalTemplate, position: int, atom: Chem.Atom) -> bool:
    """Whether `atom` has the element and the hydrogens that the template takes at this centre position."""
    edit = template.atoms[position]
    return bool(atom.GetSymbol() == edit.element and atom.GetTotalNumHs() + edit.hydrogens >= 0)


def matches(template: LocalTemplate, mol: Chem.Mol, anchor: Sequence[int]) -> list[tuple[int, ...]]:
    """Every way, at most MAX_MATCHES, to lay the whole centre on `mol` with its anchor at these atoms."""
    fixed = dict(zip(template.anchor, anchor, strict=True))
    for position, index in fixed.items():
        if not fits(template, position, mol.GetAtomWithIdx(index)):
            return []
    sites: list[tuple[int, ...]] = []
    for site in _extend(template, mol, _walk(template), 0, fixed):
        sites.append(site)
        if len(sites) == MAX_MATCHES:
            break
    return sites


def _walk(template: LocalTemplate) -> list[int]:
    """Centre positions, the anchor first, then always one beside those already placed while there is one."""
    order = list(template.anchor)
    while len(order) < len(template.atoms):
        beside = [
            p
            for p in range(len(template.atoms))
            if p not in order and any(template.neighbours[p].get(q) for q in order)
        ]
        rest = [p for p in range(len(template.atoms)) if p not in order]
        order.append(beside[0] if beside else rest[0])
    return order


def _extend(
    template: LocalTemplate, mol: Chem.Mol, walk: list[int], depth: int, placed: dict[int, int]
) -> Iterator[tuple[int, ...]]:
    if depth == len(walk):
        yield tuple(placed[p] for p in range(len(walk)))
        return
    position = walk[depth]
    around = {q: order for q, order in template.neighbours[position].items() if q in walk[:depth]}
    if position in placed:
        if _bonded(mol, placed, placed[position], around):
            yield from _extend(template, mol, walk, depth + 1, placed)
        return
    beside = next((q for q, order in around.items() if order), None)
    if beside is None:
        candidates = [a.GetIdx() for a in mol.GetAtoms()]
    else:
        candidates = [a.GetIdx() for a in mol.GetAtomWithIdx(placed[beside]).GetNeighbors()]
    taken = set(placed.values())
    for index in candidates:
        if index in taken or not fits(template, position, mol.GetAtomWithIdx(index)):
            continue
        if _bonded(mol, placed, index, around):
            yield from _extend(template, mol, walk, depth + 1, {**placed, position: index})


def _bonded(mol: Chem.Mol, placed: dict[int, int], index: int, around: dict[int, int]) -> bool:
    return all(order_code(mol.GetBondBetweenAtoms(index, placed[q])) == order for q, order in around.items())


def apply(template: LocalTemplate, mol: Chem.Mol, site: Sequence[int]) -> tuple[str, ...] | None:
    """Reactants as sorted canonical SMILES, or None when the edit gives no molecule.

    `site`: the atom of `mol` for each centre atom, as `matches` gives them.
    """
    attached = stereo.Attached()
    edited = _edit(template, mol, site, attached)
    if edited is None:
        return None
    with rdBase.BlockLogs():
        if Chem.SanitizeMol(edited, catchErrors=True) != Chem.SanitizeFlags.SANITIZE_NONE:
            return None
        if any(edited.GetAtomWithIdx(i).GetNumRadicalElectrons() for i in site):
            return None
        stereo.settle(template, edited, mol, site, attached)
        parts = Chem.MolToSmiles(edited, canonical=False).split(".")
        try:
            return tuple(sorted(canonical(part) for part in parts))
        except ValueError:
            return None


def _edit(template: LocalTemplate, mol: Chem.Mol, site: Sequence[int], attached: stereo.Attached) -> Chem.RWMol | None:
    rw = Chem.RWMol(mol)
    hydrogens = [mol.GetAtomWithIdx(i).GetTotalNumHs() for i in site]
    for bond in template.bonds:
        a, b = site[bond.a], site[bond.b]
        if bond.old == bond.new:
            continue
        if not bond.old:
            rw.AddBond(a, b, BOND[bond.new])
        elif not bond.new:
            rw.RemoveBond(a, b)
        else:
            changed = rw.GetBondBetweenAtoms(a, b)
            changed.SetStereo(Chem.BondStereo.STEREONONE)
            changed.SetBondType(BOND[bond.new])
            changed.SetIsAromatic(bond.new == AROMATIC)
    for smiles in template.groups:
        _attach(rw, _group(smiles), site, attached)
    for position, (index, edit) in enumerate(zip(site, template.atoms, strict=True)):
        atom = rw.GetAtomWithIdx(index)
        count = hydrogens[position] + edit.hydrogens
        if count < 0:
            return None
        atom.SetFormalCharge(atom.GetFormalCharge() + edit.charge)
        atom.SetNoImplicit(True)
        atom.SetNumExplicitHs(count)
        atom.SetIsAromatic(any(b.GetBondType() == Chem.BondType.AROMATIC for b in atom.GetBonds()))
    stereo.carry(template, rw, mol, site, attached)
    return rw


def _attach(rw: Chem.RWMol, group: Chem.Mol, site: Sequence[int], attached: stereo.Attached) -> None:
    place: dict[int, int] = {}
    for atom in group.GetAtoms():
        if atom.GetAtomicNum():
            place[atom.GetIdx()] = rw.AddAtom(atom)
        else:
            place[atom.GetIdx()] = site[atom.GetIsotope() - 1]
    for bond in group.GetBonds():
        a, b = place[bond.GetBeginAtomIdx()], place[bond.GetEndAtomIdx()]
        rw.AddBond(a, b, bond.GetBondType())
        made = rw.GetBondBetweenAtoms(a, b)
        made.SetIsAromatic(bond.GetBondType() == Chem.BondType.AROMATIC)
        made.SetBondDir(bond.GetBondDir())
    for atom in group.GetAtoms():
        if atom.GetAtomicNum():
            around = [place[b.GetOtherAtomIdx(atom.GetIdx())] for b in atom.GetBonds()]
            attached.orders[place[atom.GetIdx()]] = around
            for neighbour in atom.GetNeighbors():
                if not neighbour.GetAtomicNum():
                    attached.gained.setdefault(place[neighbour.GetIdx()], []).append(place[atom.GetIdx()])
