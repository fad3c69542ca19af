"""Children of two parents: parts cut from each and joined. Neither parent is written to."""

from __future__ import annotations

from rdkit import Chem

from planners.design.generator import Dice
from planners.design.genetic.graph import Graph, remove_atoms
from planners.design.space import DesignSpace

_SINGLE = Chem.BondType.SINGLE


def cross_chain(first: Graph, second: Graph, dice: Dice, space: DesignSpace) -> Chem.RWMol | None:
    """Cut an acyclic single bond in each parent, join a part of the first to a part of the second.

    The first parent's part holds its whole locked substructure, so locks survive.
    """
    here, there = first.cuttable(), second.cuttable()
    if not here or not there:
        return None
    i, j = dice.pick(here)
    if dice.random() < 0.5:
        i, j = j, i
    kept = first.side(i, j)
    if not first.locked <= kept:
        i, j = j, i
        kept = first.side(i, j)
        if not first.locked <= kept:
            return None
    k, m = dice.pick(there)
    if dice.random() < 0.5:
        k, m = m, k
    if not first.accepts(i, second.elements[k]):
        return None
    taken = second.side(k, m)
    if not space.min_heavy_atoms <= len(kept) + len(taken) <= space.max_heavy_atoms:
        return None
    draft, offset = _side_by_side(first, second)
    draft.AddBond(i, k + offset, _SINGLE)
    _keep(draft, first, kept, second, taken)
    return draft


def cross_ring(first: Graph, second: Graph, dice: Dice, space: DesignSpace) -> Chem.RWMol | None:
    """Cut one ring of each parent at two single bonds and close a ring from an arc of each, substituents included."""
    arc = _arc(first, dice)
    other = _arc(second, dice)
    if arc is None or other is None:
        return None
    (i, j), kept, here = arc
    (k, m), taken, there = other
    if not (first.accepts(i, second.elements[k]) and first.accepts(j, second.elements[m])):
        return None
    if not first.locked <= kept or not 5 <= here + there <= min(7, space.max_ring_size):
        return None
    if not space.min_heavy_atoms <= len(kept) + len(taken) <= space.max_heavy_atoms:
        return None
    draft, offset = _side_by_side(first, second)
    draft.AddBond(i, k + offset, _SINGLE)
    draft.AddBond(j, m + offset, _SINGLE)
    _keep(draft, first, kept, second, taken)
    return draft


def _side_by_side(first: Graph, second: Graph) -> tuple[Chem.RWMol, int]:
    draft = first.draft()
    draft.InsertMol(second.mol)
    return draft, first.size


def _keep(draft: Chem.RWMol, first: Graph, kept: set[int], second: Graph, taken: set[int]) -> None:
    offset = first.size
    drop = [i for i in range(first.size) if i not in kept]
    drop += [i + offset for i in range(second.size) if i not in taken]
    remove_atoms(draft, drop)


def _arc(parent: Graph, dice: Dice) -> tuple[tuple[int, int], set[int], int] | None:
    """(end atoms, all atoms of the part, ring atoms in it) of a random arc of a ring cut at two single bonds."""
    rings = [ring for ring in parent.rings if not parent.aromatic.intersection(ring)]
    if not rings:
        return None
    ring = dice.pick(rings)
    size = len(ring)
    start = dice.index(size)
    length = 1 + dice.index(size - 1)
    arc = [ring[(start + step) % size] for step in range(length)]
    rest = set(ring) - set(arc)
    if not _single(parent, arc[0], ring[start - 1]) or not _single(parent, arc[-1], ring[(start + length) % size]):
        return None
    part, stack = set(arc), list(arc)
    while stack:
        for n in parent.neighbours[stack.pop()]:
            if n in rest and not (n == ring[start - 1] or n == ring[(start + length) % size]):
                return None  # a bond across: the ring is fused or bridged here
            if n not in part and n not in rest:
                part.add(n)
                stack.append(n)
    # A fused neighbour ring would leak into the rest of this ring.
    if any(n in rest for a in part for n in parent.neighbours[a] if a not in (arc[0], arc[-1])):
        return None
    return (arc[0], arc[-1]), part, length


def _single(parent: Graph, i: int, j: int) -> bool:
    return any(order == 1 and {i, j} == {a, b} for a, b, order, _, _ in parent.bonds)
