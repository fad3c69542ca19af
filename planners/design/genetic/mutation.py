"""Edits of one parent, atom by atom and bond by bond. Each returns an unsanitised draft, or None if it cannot."""

from __future__ import annotations

from rdkit import Chem

from planners.design.generator import Dice
from planners.design.genetic.fragments import ORDERS
from planners.design.genetic.graph import Graph, remove_atoms
from planners.design.space import ATOMIC_NUMBER, VALENCE, DesignSpace

CAPACITY = {ATOMIC_NUMBER[symbol]: valence for symbol, valence in VALENCE.items()}
# How often an element is drawn when an edit needs a new atom: organic solvents are mostly carbon and oxygen.
_PREFERENCE = {6: 10.0, 8: 4.0, 7: 2.0, 16: 0.7, 9: 0.5, 17: 0.3, 35: 0.1, 53: 0.05, 14: 0.2, 15: 0.1, 5: 0.05}
_SINGLE = Chem.BondType.SINGLE


def _element(dice: Dice, space: DesignSpace, valence: int) -> int | None:
    """An allowed element that can hold `valence` bonds."""
    numbers = [z for z in space.atomic_numbers if CAPACITY[z] >= valence]
    if not numbers:
        return None
    return numbers[dice.weighted([_PREFERENCE[z] for z in numbers])]


def append_atom(parent: Graph, dice: Dice, space: DesignSpace) -> Chem.RWMol | None:
    """Replace a hydrogen by an atom, or two hydrogens of a carbon by a doubly bonded one."""
    if parent.size >= space.max_heavy_atoms:
        return None
    places = parent.open_atoms()
    if not places:
        return None
    place = dice.pick(places)
    order = 2 if parent.free[place] >= 2 and parent.elements[place] == 6 and dice.random() < 0.25 else 1
    number = _element(dice, space, order)
    if number is None or not parent.accepts(place, number):
        return None
    draft = parent.draft()
    draft.AddBond(place, draft.AddAtom(Chem.Atom(number)), ORDERS[order])
    return draft


def insert_atom(parent: Graph, dice: Dice, space: DesignSpace) -> Chem.RWMol | None:
    """Put an atom into a single bond: a chain grows, a ring widens."""
    if parent.size >= space.max_heavy_atoms:
        return None
    bonds = [
        (i, j)
        for i, j, order, _, aromatic in parent.bonds
        if order == 1 and not aromatic and not (i in parent.sealed and j in parent.sealed)
    ]
    if not bonds:
        return None
    i, j = dice.pick(bonds)
    number = _element(dice, space, 2)
    if number is None or not (parent.accepts(i, number) and parent.accepts(j, number)):
        return None
    draft = parent.draft()
    middle = draft.AddAtom(Chem.Atom(number))
    draft.RemoveBond(i, j)
    draft.AddBond(i, middle, _SINGLE)
    draft.AddBond(middle, j, _SINGLE)
    return draft


def delete_atom(parent: Graph, dice: Dice, space: DesignSpace) -> Chem.RWMol | None:
    """Remove a terminal atom, or one with two neighbours, which are then joined: a ring shrinks."""
    if parent.size <= 2:
        return None
    places = [i for i, around in enumerate(parent.neighbours) if i not in parent.sealed and len(around) <= 2]
    if not places:
        return None
    place = dice.pick(places)
    around = parent.neighbours[place]
    draft = parent.draft()
    if len(around) == 2:
        if around[1] in parent.neighbours[around[0]] or not parent.accepts(around[0], parent.elements[around[1]]):
            return None
        draft.AddBond(around[0], around[1], _SINGLE)
    draft.RemoveAtom(place)
    return draft


def change_element(parent: Graph, dice: Dice, space: DesignSpace) -> Chem.RWMol | None:
    """Turn an atom into another element that can hold its bonds."""
    places = [
        i
        for i, number in enumerate(parent.elements)
        if i not in parent.sealed and parent.used[i] <= CAPACITY.get(number, 0)
    ]
    if not places:
        return None
    place = dice.pick(places)
    used = parent.used[place]
    numbers = [z for z in space.atomic_numbers if z != parent.elements[place] and CAPACITY[z] >= used]
    if not numbers:
        return None
    draft = parent.draft()
    atom = draft.GetAtomWithIdx(place)
    atom.SetAtomicNum(numbers[dice.weighted([_PREFERENCE[z] for z in numbers])])
    return draft


def change_bond_order(parent: Graph, dice: Dice, space: DesignSpace) -> Chem.RWMol | None:
    """Raise or lower a bond by one order, hydrogens making up for it."""
    moves = []
    for index, (i, j, order, ring, aromatic) in enumerate(parent.bonds):
        if aromatic or (i in parent.sealed and j in parent.sealed):
            continue
        if order > 1:
            moves.append((index, order - 1))
        if order < (2 if ring else 3) and parent.free[i] > 0 and parent.free[j] > 0:
            moves.append((index, order + 1))
    if not moves:
        return None
    index, order = dice.pick(moves)
    draft = parent.draft()
    draft.GetBondWithIdx(index).SetBondType(ORDERS[order])
    return draft


def move_group(parent: Graph, dice: Dice, space: DesignSpace) -> Chem.RWMol | None:
    """Cut an acyclic single bond and tie the smaller part to another atom."""
    bonds = parent.cuttable()
    if not bonds:
        return None
    i, j = dice.pick(bonds)
    group = parent.side(j, i)
    if len(group) * 2 > parent.size:
        i, j = j, i
        group = parent.side(j, i)
    number = parent.elements[j]
    places = [k for k in parent.open_atoms() if k not in group and k != i and parent.accepts(k, number)]
    if not places:
        return None
    draft = parent.draft()
    draft.RemoveBond(i, j)
    draft.AddBond(dice.pick(places), j, _SINGLE)
    return draft


def trim(parent: Graph, dice: Dice, space: DesignSpace) -> Chem.RWMol | None:
    """Cut off the smaller part at an acyclic single bond."""
    bonds = parent.cuttable()
    if not bonds:
        return None
    i, j = dice.pick(bonds)
    group = parent.side(j, i)
    if len(group) * 2 > parent.size:
        group = parent.side(i, j)
    if group & parent.sealed or parent.size - len(group) < 2:
        return None
    draft = parent.draft()
    remove_atoms(draft, sorted(group))
    return draft
