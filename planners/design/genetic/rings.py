"""Edits of whole rings: fuse a new one on, take or give double bonds, open, close, replace."""

from __future__ import annotations

from rdkit import Chem

from planners.design.generator import Dice
from planners.design.genetic.fragments import ORDERS
from planners.design.genetic.graph import Graph
from planners.design.space import DesignSpace

# Ring size wanted by a ring closure, as the distance of the two atoms (size - 1).
_CLOSURE = {2: 0.1, 3: 0.1, 4: 3.0, 5: 3.0, 6: 0.3, 7: 0.05}
_SINGLE = Chem.BondType.SINGLE
# What a fused ring brings: atoms (atomic numbers) and the orders of the bonds before, between and after them.
_ARCS: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...] = (
    ((6, 6, 6, 6), (1, 2, 1, 2, 1)),  # benzo
    ((6, 6, 6, 7), (1, 2, 1, 2, 1)),  # pyrido
    ((7, 6, 6, 7), (1, 2, 1, 2, 1)),  # pyrazino
    ((6, 7, 6, 7), (1, 2, 1, 2, 1)),  # pyrimido
    ((6, 6, 7), (1, 2, 1, 1)),  # pyrrolo
    ((7, 6, 7), (1, 2, 1, 1)),  # imidazo
    ((6, 7, 7), (1, 2, 1, 1)),  # pyrazolo
    ((6, 6, 8), (1, 2, 1, 1)),  # furo
    ((7, 6, 8), (1, 2, 1, 1)),  # oxazolo
    ((7, 6, 16), (1, 2, 1, 1)),  # thiazolo
    ((6, 6, 16), (1, 2, 1, 1)),  # thieno
    ((6, 6, 6), (1, 1, 1, 1)),  # cyclopenta
    ((6, 6, 6, 6), (1, 1, 1, 1, 1)),  # cyclohexa
    ((6, 6, 7, 6), (1, 1, 1, 1, 1)),  # piperidino
    ((8, 6, 8), (1, 1, 1, 1)),  # dioxolo
    ((8, 6, 6, 8), (1, 1, 1, 1, 1)),  # dioxano
    ((8, 6, 6), (1, 1, 1, 1)),  # oxolano
    ((8, 6, 6, 6), (1, 1, 1, 1, 1)),  # oxano
)


def form_ring(parent: Graph, dice: Dice, space: DesignSpace) -> Chem.RWMol | None:
    """Join two atoms that each have a hydrogen; mostly to rings of five and six."""
    if len(parent.rings) >= space.max_rings:
        return None
    places = parent.open_atoms()
    if len(places) < 2:
        return None
    first = dice.pick(places)
    distance = parent.distances_from(first)
    others = [
        i
        for i in places
        if distance[i] in _CLOSURE and distance[i] < space.max_ring_size and parent.accepts(i, parent.elements[first])
    ]
    if not others:
        return None
    second = others[dice.weighted([_CLOSURE[distance[i]] for i in others])]
    draft = parent.draft()
    draft.AddBond(first, second, _SINGLE)
    return draft


def break_ring(parent: Graph, dice: Dice, space: DesignSpace) -> Chem.RWMol | None:
    """Open a single ring bond."""
    bonds = [
        (i, j)
        for i, j, order, ring, aromatic in parent.bonds
        if ring and order == 1 and not aromatic and not (i in parent.sealed and j in parent.sealed)
    ]
    if not bonds:
        return None
    i, j = dice.pick(bonds)
    draft = parent.draft()
    draft.RemoveBond(i, j)
    return draft


def fuse_ring(parent: Graph, dice: Dice, space: DesignSpace) -> Chem.RWMol | None:
    """Fuse a ring onto a bond whose two atoms each have a hydrogen."""
    arcs = _arcs(space)
    room = space.max_heavy_atoms - parent.size
    bonds = [
        (i, j)
        for i, j, order, _, _ in parent.bonds
        if order < 3 and parent.free[i] > 0 and parent.free[j] > 0 and not (i in parent.sealed and j in parent.sealed)
    ]
    if not arcs or not bonds or len(parent.rings) >= space.max_rings:
        return None
    numbers, orders = dice.pick(arcs)
    i, j = dice.pick(bonds)
    if dice.random() < 0.5:
        i, j = j, i
    if len(numbers) > room or not (parent.accepts(i, numbers[0]) and parent.accepts(j, numbers[-1])):
        return None
    draft = parent.draft()
    previous = i
    for number, order in zip(numbers, orders, strict=False):
        added = draft.AddAtom(Chem.Atom(number))
        draft.AddBond(previous, added, ORDERS[order])
        previous = added
    draft.AddBond(previous, j, ORDERS[orders[-1]])
    return draft


def change_saturation(parent: Graph, dice: Dice, space: DesignSpace) -> Chem.RWMol | None:
    """Hydrogenate an unsaturated ring, or put as many double bonds as fit into a saturated one: THF becomes furan."""
    rings = [ring for ring in parent.rings if 4 < len(ring) < 7 and not parent.sealed.intersection(ring)]
    if not rings:
        return None
    ring = dice.pick(rings)
    pairs = list(zip(ring, (*ring[1:], ring[0]), strict=True))
    order_of = {frozenset((i, j)): order for i, j, order, _, _ in parent.bonds}
    double = [pair for pair in pairs if order_of[frozenset(pair)] == 2]
    draft = parent.draft()
    if double:
        for i, j in double:
            draft.GetBondBetweenAtoms(i, j).SetBondType(_SINGLE)
        return draft
    start = dice.index(len(pairs))
    taken: set[int] = set()
    for i, j in (*pairs[start:], *pairs[:start]):
        if i not in taken and j not in taken and parent.free[i] and parent.free[j] and parent.elements[i] != 8:
            draft.GetBondBetweenAtoms(i, j).SetBondType(ORDERS[2])
            taken |= {i, j}
    return draft if taken else None


def _arcs(space: DesignSpace) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    allowed = space.atomic_numbers
    return [
        arc for arc in _ARCS if len(arc[0]) + 2 <= space.max_ring_size and all(number in allowed for number in arc[0])
    ]
