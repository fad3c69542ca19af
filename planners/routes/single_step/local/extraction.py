"""From an atom-mapped reaction to its local template and to the place in the product where it belongs.

Everything is told in the atom order of the CANONICAL unmapped product: the order in which a mapped reaction happens to
be written begins at the reaction centre and would give the answer away.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from rdkit import Chem, rdBase

from planners.routes.single_step.local.application import apply, order_code
from planners.routes.single_step.local.template import (
    AtomEdit,
    BondEdit,
    LocalTemplate,
    TooSymmetric,
    canonical_order,
)
from planners.routes.structure import canonical, parse

MAX_CENTRE = 14  # atoms; more is a wrong mapping or a cascade that no other reaction will share


class NoTemplate(ValueError):
    """Why a reaction has no local template."""


@dataclass(frozen=True, slots=True)
class Extracted:
    """`product` canonical; `sites`: one tuple of product atoms (centre order) per equivalent laying of the template.

    `exact`: the template applied at the site gives `reactants` (sorted canonical SMILES), stereo included.
    """

    product: str
    reactants: tuple[str, ...]
    template: LocalTemplate
    sites: tuple[tuple[int, ...], ...]
    exact: bool


def unmapped(smiles: str) -> str:
    """Canonical SMILES without map numbers. Raises InvalidMolecule."""
    with rdBase.BlockLogs():
        mol: Chem.Mol | None = Chem.MolFromSmiles(smiles)
    if mol is None:
        return canonical(smiles)
    for atom in mol.GetAtoms():
        atom.SetAtomMapNum(0)
    return canonical(str(Chem.MolToSmiles(mol)))


def _canonical_numbers(smiles: str) -> tuple[str, list[int]]:
    """The canonical unmapped product and the map number of each of its atoms."""
    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(smiles)
    if mol is None:
        raise NoTemplate("the product cannot be read")
    numbers = [a.GetAtomMapNum() for a in mol.GetAtoms()]
    for _ in range(2):  # as `canonical` does it: written, read and written again
        for atom in mol.GetAtoms():
            atom.SetAtomMapNum(0)
        text = str(Chem.MolToSmiles(mol))
        order = [int(i) for i in mol.GetPropsAsDict(True, True)["_smilesAtomOutputOrder"]]
        numbers = [numbers[i] for i in order]
        mol = Chem.MolFromSmiles(text)
    return text, numbers


def extract(reactants: str, product: str) -> Extracted:
    """The local template of one mapped reaction. Raises NoTemplate and InvalidMolecule."""
    target, numbers = _canonical_numbers(product)
    truth = tuple(sorted(unmapped(part) for part in reactants.split(".")))
    with rdBase.BlockLogs():
        before = Chem.MolFromSmiles(reactants)
    if before is None:
        raise NoTemplate("the reactants cannot be read")
    mol = parse(target)
    source = {a.GetAtomMapNum(): a for a in before.GetAtoms() if a.GetAtomMapNum()}
    if len(set(numbers)) != len(numbers) or any(n not in source for n in numbers):
        raise NoTemplate("product atoms without a partner in the reactants")
    old = {a.GetIdx(): source[numbers[a.GetIdx()]] for a in mol.GetAtoms()}
    back = {atom.GetIdx(): index for index, atom in old.items()}
    centre = _centre(mol, old, back)
    if not centre:
        raise NoTemplate("nothing changes")
    if len(centre) > MAX_CENTRE:
        raise NoTemplate("too many atoms change")
    place = {index: position for position, index in enumerate(centre)}
    atoms = [
        AtomEdit(
            mol.GetAtomWithIdx(i).GetSymbol(),
            old[i].GetTotalNumHs() - mol.GetAtomWithIdx(i).GetTotalNumHs(),
            old[i].GetFormalCharge() - mol.GetAtomWithIdx(i).GetFormalCharge(),
        )
        for i in centre
    ]
    bonds = []
    for a, b in combinations(range(len(centre)), 2):
        now = order_code(mol.GetBondBetweenAtoms(centre[a], centre[b]))
        then = order_code(before.GetBondBetweenAtoms(old[centre[a]].GetIdx(), old[centre[b]].GetIdx()))
        if now or then:
            bonds.append(BondEdit(a, b, now, then))
    groups = _groups(before, back, place)
    try:
        template, orders = canonical_order(atoms, bonds, groups)
    except TooSymmetric as error:
        raise NoTemplate(str(error)) from error
    sites = tuple(tuple(centre[i] for i in order) for order in orders)
    for marks in _stereo_choices(template, mol, sites[0]):
        marked = template.with_stereo(marks)
        if apply(marked, mol, sites[0]) == truth:
            return Extracted(target, truth, marked, sites if not marks else sites[:1], True)
    return Extracted(target, truth, template, sites, False)


def _centre(mol: Chem.Mol, old: dict[int, Chem.Atom], back: dict[int, int]) -> list[int]:
    """Product atoms whose hydrogens, charge or bonds change."""
    before = next(iter(old.values())).GetOwningMol()
    changed: set[int] = set()
    for atom in mol.GetAtoms():
        i = atom.GetIdx()
        partner = old[i]
        if atom.GetTotalNumHs() != partner.GetTotalNumHs() or atom.GetFormalCharge() != partner.GetFormalCharge():
            changed.add(i)
        if any(n.GetIdx() not in back for n in partner.GetNeighbors()):
            changed.add(i)
    for bond in mol.GetBonds():
        a, b = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
        if order_code(bond) != order_code(before.GetBondBetweenAtoms(old[a].GetIdx(), old[b].GetIdx())):
            changed.update((a, b))
    for bond in before.GetBonds():
        first, second = back.get(bond.GetBeginAtomIdx()), back.get(bond.GetEndAtomIdx())
        if first is not None and second is not None and mol.GetBondBetweenAtoms(first, second) is None:
            changed.update((first, second))
    return sorted(changed)


def _groups(before: Chem.Mol, back: dict[int, int], place: dict[int, int]) -> list[str]:
    """SMILES of the connected pieces of the reactants that the product lacks, with their attachments."""
    outside = [a.GetIdx() for a in before.GetAtoms() if a.GetIdx() not in back]
    found: list[str] = []
    seen: set[int] = set()
    for start in outside:
        if start in seen:
            continue
        piece, stack = [start], [start]
        seen.add(start)
        while stack:
            for neighbour in before.GetAtomWithIdx(stack.pop()).GetNeighbors():
                n = neighbour.GetIdx()
                if n not in back and n not in seen:
                    seen.add(n)
                    piece.append(n)
                    stack.append(n)
        found.append(_group(before, piece, back, place))
    return found


def _group(before: Chem.Mol, piece: list[int], back: dict[int, int], place: dict[int, int]) -> str:
    """The piece cut out of the reactants, its neighbours in the product turned into numbered dummies."""
    rw = Chem.RWMol(before)
    members = set(piece)
    keep: list[int] = list(piece)
    for index in piece:
        for neighbour in before.GetAtomWithIdx(index).GetNeighbors():
            n = neighbour.GetIdx()
            if n not in members and n not in keep:
                keep.append(n)
                dummy = Chem.Atom(0)
                dummy.SetIsotope(place[back[n]] + 1)
                rw.ReplaceAtom(n, dummy)
    for bond in before.GetBonds():
        a, b = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
        if a not in members and b not in members:
            rw.RemoveBond(a, b)
    for index in sorted(set(range(before.GetNumAtoms())) - set(keep), reverse=True):
        rw.RemoveAtom(index)
    return str(Chem.MolToSmiles(rw))


def _stereo_choices(template: LocalTemplate, mol: Chem.Mol, site: Sequence[int]) -> Iterator[tuple[str, ...]]:
    """No mark first, then one, then two."""
    marks: list[str] = []
    for position, index in enumerate(site):
        if mol.GetAtomWithIdx(index).GetChiralTag() != Chem.ChiralType.CHI_UNSPECIFIED:
            marks += [f"{position}i", f"{position}l"]
    for bond in template.bonds:
        if bond.new == 2 and bond.old != 2:
            marks += [f"{bond.a}-{bond.b}E", f"{bond.a}-{bond.b}Z"]
    yield ()
    for count in (1, 2):
        for choice in combinations(marks, count):
            if len({m[:-1] for m in choice}) == count:
                yield choice
