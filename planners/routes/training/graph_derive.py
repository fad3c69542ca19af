"""From a mapped reaction the edits that lead from its product to its reactants, proved by applying them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

from rdkit import Chem, rdBase

from knowledge.records.molecule import InvalidMolecule
from planners.routes.single_step.graph.edits import FORGET, INVERT, ORDERS, Editor, Edits
from planners.routes.single_step.graph.stereo import (
    forget_double_bonds,
    remember,
    restore_centres,
    restore_double_bonds,
)
from planners.routes.structure import canonical
from planners.routes.training.uspto import MappedReaction


@dataclass(frozen=True, slots=True)
class Derived:
    """`edits` is None when no edits of our kinds regenerate the reactants; `why` then says what is in the way."""

    product: str
    reactants: tuple[str, ...]
    edits: Edits | None
    why: str = ""


def truth(reactants: str) -> tuple[str, ...]:
    """Canonical unmapped reactants, sorted. Raises InvalidMolecule."""
    mol = Chem.MolFromSmiles(reactants)
    if mol is None:
        raise InvalidMolecule(f"cannot read '{reactants}' as a SMILES")
    for atom in mol.GetAtoms():
        atom.SetAtomMapNum(0)
    return tuple(sorted(canonical(part) for part in Chem.MolToSmiles(mol).split(".")))


def canonical_product(product: str) -> tuple[str, list[int]]:
    """The unmapped canonical SMILES and the map numbers in the order of ITS atoms. Raises InvalidMolecule.

    The mapped string's own order tells which atoms react; nothing of it may reach a model.
    """
    mol = Chem.MolFromSmiles(product)
    if mol is None:
        raise InvalidMolecule(f"cannot read '{product}' as a SMILES")
    numbers = [a.GetAtomMapNum() for a in mol.GetAtoms()]
    for atom in mol.GetAtoms():
        atom.SetAtomMapNum(0)
    for _ in range(2):  # the second pass is the round trip that `canonical` makes
        smiles = Chem.MolToSmiles(mol)
        order = [int(i) for i in mol.GetProp("_smilesAtomOutputOrder").strip("[],").split(",")]
        numbers = [numbers[i] for i in order]
        mol = Chem.MolFromSmiles(smiles)
    return str(smiles), numbers


def derive(reaction: MappedReaction) -> Derived:
    """Raises InvalidMolecule when the reaction is no reaction of molecules."""
    with rdBase.BlockLogs():
        reactants = truth(reaction.reactants)
        product, numbers = canonical_product(reaction.product)
        try:
            editor, source = Editor(product), _Source(reaction.reactants)
            plain = Edits(_bond_edits(editor, source, numbers), _atom_edits(editor, source, numbers))
        except _Unsupported as reason:
            return Derived(product, reactants, None, str(reason))
        for edits in _variants(plain, editor, source, numbers):
            if editor.apply(edits) == reactants:
                return Derived(product, reactants, edits)
    return Derived(product, reactants, None, "other molecules come out")


class _Unsupported(Exception):
    pass


class _Source:
    """The mapped reactants with kekulised bonds beside the aromatic ones."""

    def __init__(self, smiles: str) -> None:
        self.mol = Chem.MolFromSmiles(smiles)
        self.kekulised = Chem.Mol(self.mol)
        Chem.Kekulize(self.kekulised, clearAromaticFlags=True)
        self.bonds = {frozenset((b.GetBeginAtomIdx(), b.GetEndAtomIdx())): b for b in self.mol.GetBonds()}
        self.memory = remember(self.mol)
        self.place: dict[int, int] = {}
        for atom in self.mol.GetAtoms():
            if atom.GetAtomMapNum():
                if atom.GetAtomMapNum() in self.place:
                    raise _Unsupported("a map number twice")
                self.place[atom.GetAtomMapNum()] = atom.GetIdx()


def _bond_edits(editor: Editor, source: _Source, numbers: list[int]) -> tuple[tuple[int, int], ...]:
    if any(n not in source.place for n in numbers):
        raise _Unsupported("a product atom comes from nowhere")
    back = {source.place[n]: i for i, n in enumerate(numbers)}
    found = []
    for bond in editor.mol.GetBonds():
        ends = (source.place[numbers[bond.GetBeginAtomIdx()]], source.place[numbers[bond.GetEndAtomIdx()]])
        before = source.bonds.get(frozenset(ends))
        if before is None:
            found.append((bond.GetIdx(), 0))
        elif before.GetBondType() != bond.GetBondType():
            kind = source.kekulised.GetBondWithIdx(before.GetIdx()).GetBondType()
            order = next((i for i, known in enumerate(ORDERS) if known == kind), None)
            if order is None:
                raise _Unsupported("an odd bond")
            if order != editor.orders[bond.GetIdx()]:
                found.append((bond.GetIdx(), order))
    for bond in source.mol.GetBonds():
        begin, end = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
        if begin in back and end in back and editor.mol.GetBondBetweenAtoms(back[begin], back[end]) is None:
            raise _Unsupported("a bond between product atoms that the product does not have")
    return tuple(found)


def _atom_edits(editor: Editor, source: _Source, numbers: list[int]) -> tuple[tuple[int, str], ...]:
    mapped = {source.place[n]: i for i, n in enumerate(numbers)}
    pieces: dict[int, list[int]] = {}
    rest = {a.GetIdx() for a in source.mol.GetAtoms()} - mapped.keys()
    while rest:
        piece, edge = [], [min(rest)]
        rest -= set(edge)
        anchors = set()
        while edge:
            piece.append(edge.pop())
            for n in source.mol.GetAtomWithIdx(piece[-1]).GetNeighbors():
                if n.GetIdx() in mapped:
                    anchors.add(n.GetIdx())
                elif n.GetIdx() in rest:
                    rest.discard(n.GetIdx())
                    edge.append(n.GetIdx())
        if len(anchors) != 1:
            raise _Unsupported("a leaving group with several anchors" if anchors else "a reagent without a trace")
        pieces.setdefault(anchors.pop(), []).extend(piece)
    found = []
    for place, index in sorted(mapped.items(), key=lambda item: item[1]):
        atom, before = editor.mol.GetAtomWithIdx(index), source.mol.GetAtomWithIdx(place)
        charge = before.GetFormalCharge() - atom.GetFormalCharge()
        if charge or place in pieces:
            found.append((index, _spell(source, place, sorted(pieces.get(place, ())), charge)))
    return tuple(found)


def _spell(source: _Source, anchor: int, piece: list[int], charge: int) -> str:
    mol, places = Chem.RWMol(), {}
    for index in (anchor, *piece):
        places[index] = mol.AddAtom(source.kekulised.GetAtomWithIdx(index) if index != anchor else Chem.Atom(0))
    for bond in source.kekulised.GetBonds():
        begin, end = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
        if begin in places and end in places:
            mol.AddBond(places[begin], places[end], bond.GetBondType())
    forget_double_bonds(mol)
    memory = source.memory.moved(places)
    restore_centres(mol, memory)
    mol.GetAtomWithIdx(0).SetFormalCharge(charge)
    if Chem.SanitizeMol(mol, catchErrors=True) != Chem.SanitizeFlags.SANITIZE_NONE:
        raise _Unsupported("a leaving group that is no group")
    Chem.AssignStereochemistry(mol, cleanIt=True, force=True)
    restore_double_bonds(mol, [memory])
    return canonical(Chem.MolToSmiles(mol))


def _variants(plain: Edits, editor: Editor, source: _Source, numbers: list[int]) -> Iterator[Edits]:
    """The edits, then the same with stereo forgotten where the reactant does not know it, or inverted."""
    yield plain
    centres = [a.GetIdx() for a in editor.mol.GetAtoms() if a.GetChiralTag() != Chem.ChiralType.CHI_UNSPECIFIED]
    unknown = [
        i
        for i in centres
        if source.mol.GetAtomWithIdx(source.place[numbers[i]]).GetChiralTag() == Chem.ChiralType.CHI_UNSPECIFIED
    ]
    known = [i for i in centres if i not in unknown]
    if unknown:
        yield _with_stereo(plain, dict.fromkeys(unknown, FORGET))
    for n in range(1, min(len(known), 2) + 1):
        for inverted in combinations(known, n):
            yield _with_stereo(plain, dict.fromkeys(unknown, FORGET) | dict.fromkeys(inverted, INVERT))


def _with_stereo(plain: Edits, marks: dict[int, int]) -> Edits:
    words = dict(plain.atoms)
    for index, mark in marks.items():
        mol = Chem.MolFromSmiles(words.get(index, "*"))
        next(a for a in mol.GetAtoms() if a.GetAtomicNum() == 0).SetIsotope(mark)
        words[index] = canonical(Chem.MolToSmiles(mol))
    return Edits(plain.bonds, tuple(sorted(words.items())))
