"""Children of two parents: parts cut from each and joined. Neither parent is written to."""

from __future__ import annotations

from typing import NamedTuple

from rdkit import Chem

from planners.design.generator import Dice
from planners.design.genetic.fragments import ORDERS
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
    # A pair of elements that the first parent has here itself may come back.
    if second.elements[k] != first.elements[j] and not first.accepts(i, second.elements[k]):
        return None
    taken = second.side(k, m)
    if not space.min_heavy_atoms <= len(kept) + len(taken) <= space.max_heavy_atoms:
        return None
    draft, offset = _side_by_side(first, second)
    draft.AddBond(i, k + offset, _SINGLE)
    _keep(draft, first, kept, second, taken)
    return draft


def cross_ring(first: Graph, second: Graph, dice: Dice, space: DesignSpace) -> Chem.RWMol | None:
    """Cut one ring of each parent at two bonds and close a ring from an arc of each, substituents included."""
    ours, theirs = _arc(first, dice), _arc(second, dice)
    if ours is None or theirs is None:
        return None
    if not first.locked <= ours.part or not 5 <= ours.length + theirs.length <= min(7, space.max_ring_size):
        return None
    if not space.min_heavy_atoms <= len(ours.part) + len(theirs.part) <= space.max_heavy_atoms:
        return None
    (i, j), (k, m) = ours.ends, theirs.ends
    if not (first.accepts(i, second.elements[k]) and first.accepts(j, second.elements[m])):
        return None
    draft, offset = _side_by_side(first, second)
    for (a, b), one, other in zip(((i, k), (j, m)), ours.orders, theirs.orders, strict=True):
        draft.AddBond(a, b + offset, ORDERS[min(one, other)])
    _keep(draft, first, ours.part, second, theirs.part)
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


class _Arc(NamedTuple):
    """ends: of the arc.  orders: of the bonds cut there.  part: the arc and all that hangs on it.  length: in atoms."""

    ends: tuple[int, int]
    orders: tuple[int, int]
    part: set[int]
    length: int


def _arc(parent: Graph, dice: Dice) -> _Arc | None:
    """A random arc of a ring, None where it cannot be cut out at two bonds since the ring is fused or bridged there."""
    if not parent.rings:
        return None
    ring = dice.pick(parent.rings)
    size = len(ring)
    start = dice.index(size)
    length = 1 + dice.index(size - 1)
    arc = [ring[(start + step) % size] for step in range(length)]
    outside = (ring[start - 1], ring[(start + length) % size])
    if any(end in parent.sealed and out in parent.sealed for end, out in zip((arc[0], arc[-1]), outside, strict=True)):
        return None
    cuts = ({arc[0], outside[0]}, {arc[-1], outside[1]})
    part, stack = set(arc), list(arc)
    rest = set(ring) - part
    while stack:
        atom = stack.pop()
        for n in parent.neighbours[atom]:
            if n in rest:
                if {atom, n} not in cuts:
                    return None
            elif n not in part:
                part.add(n)
                stack.append(n)
    return _Arc((arc[0], arc[-1]), (parent.order(arc[0], outside[0]), parent.order(arc[-1], outside[1])), part, length)
