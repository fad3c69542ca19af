"""Which part of a molecule the network is to draw anew: the operators of the adversarial generator."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from rdkit import Chem

from planners.design.adversarial.alphabet import LARGEST, Drawing, drawn
from planners.design.adversarial.model import Request
from planners.design.generator import Dice
from planners.design.space import compile_smarts, lock_as_molecule

Flags = npt.NDArray[np.bool_]

# Operators on one parent, with the shares that they begin with; "draw" needs none and "blend" two.
PRIOR: dict[str, float] = {"draw": 0.6, "touch": 1.0, "redraw": 0.8, "extend": 0.8, "prune": 0.6, "blend": 0.6}


class Parent:
    """A molecule as a drawing, with the atoms of locked substructures, which stay closed."""

    def __init__(self, drawing: Drawing, locked: Flags) -> None:
        self.drawing, self.locked = drawing, locked
        self.bonded = drawing.orders > 0

    def __len__(self) -> int:
        return len(self.drawing.kinds)

    @staticmethod
    def of(smiles: str, locks: Sequence[str]) -> Parent | None:
        """None where the network cannot draw it, or a lock has no match."""
        mol = Chem.MolFromSmiles(smiles)
        drawing = None if mol is None else drawn(mol)
        if drawing is None:
            return None
        locked = np.zeros(len(drawing.kinds), dtype=np.bool_)
        for lock in locks:
            match = mol.GetSubstructMatch(compile_smarts(lock))
            if not match:
                return None
            locked[list(match)] = True
        return Parent(drawing, locked)


def lock_itself(locks: Sequence[str]) -> str | None:
    """A single lock that is a molecule, as the SMILES to grow from."""
    fragment = lock_as_molecule(locks[0]) if len(locks) == 1 else None
    return None if fragment is None else str(Chem.MolToSmiles(fragment, isomericSmiles=False))


def touch(parent: Parent, dice: Dice) -> Request | None:
    """One to three neighbouring atoms, forgotten."""
    return _opened(parent, _region(parent, 1 + dice.index(3), dice), 1.0)


def redraw(parent: Parent, dice: Dice) -> Request | None:
    """A third of the molecule to all of it, more or less forgotten."""
    count = max(1, round(len(parent) * (0.3 + 0.7 * dice.random())))
    return _opened(parent, _region(parent, count, dice), 0.2 + 0.8 * dice.random())


def extend(parent: Parent, most: int, dice: Dice) -> Request | None:
    """One to three more atoms, up to `most` in all, and a few old ones where they may be bonded."""
    room = min(most, LARGEST) - len(parent)
    if room < 1:
        return None
    n, more = len(parent), 1 + dice.index(min(3, room))
    kinds = np.concatenate([parent.drawing.kinds, np.zeros(more, dtype=np.int64)])
    orders = np.zeros((n + more, n + more), dtype=np.int64)
    orders[:n, :n] = parent.drawing.orders
    opened = np.ones(n + more, dtype=np.bool_)
    opened[:n] = _region(parent, dice.index(3), dice)
    return Request(Drawing(kinds, orders), opened, 1.0)


def prune(parent: Parent, least: int, dice: Dice) -> Request | None:
    """Without one to three neighbouring atoms, down to `least`; what they were bonded to is drawn again."""
    room = len(parent) - max(least, 1)
    if room < 1:
        return None
    gone = _region(parent, 1 + dice.index(min(3, room)), dice)
    if not gone.any():
        return None
    kept = ~gone
    opened = _touching(parent, gone) & ~parent.locked
    drawing = Drawing(parent.drawing.kinds[kept], parent.drawing.orders[np.ix_(kept, kept)])
    return Request(drawing, opened[kept], 0.5) if opened[kept].any() else None


def blend(first: Parent, second: Parent, most: int, dice: Dice) -> Request | None:
    """A part of each, with the atoms open at which they were cut."""
    most = min(most, LARGEST)
    share = 0.3 + 0.5 * dice.random()
    left = _region(first, max(1, round(share * len(first))), dice) | first.locked
    room = most - int(left.sum())
    if room < 1:
        return None
    free = Parent(second.drawing, np.zeros(len(second), dtype=np.bool_))
    right = _region(free, min(room, max(1, round((1.0 - share) * len(second)))), dice)
    a, b = int(left.sum()), int(right.sum())
    orders = np.zeros((a + b, a + b), dtype=np.int64)
    orders[:a, :a] = first.drawing.orders[np.ix_(left, left)]
    orders[a:, a:] = second.drawing.orders[np.ix_(right, right)]
    cut = np.concatenate([(_touching(first, ~left) & ~first.locked)[left], _touching(second, ~right)[right]])
    if not cut.any():
        return None
    kinds = np.concatenate([first.drawing.kinds[left], second.drawing.kinds[right]])
    return Request(Drawing(kinds, orders), cut, 0.7)


def _opened(parent: Parent, region: Flags, level: float) -> Request | None:
    return Request(parent.drawing, region, level) if region.any() else None


def _region(parent: Parent, count: int, dice: Dice) -> Flags:
    """At most `count` atoms that hang together, none locked."""
    chosen = np.zeros(len(parent), dtype=np.bool_)
    candidates = np.flatnonzero(~parent.locked)
    for _ in range(count):
        if not len(candidates):
            break
        chosen[int(candidates[dice.index(len(candidates))])] = True
        candidates = np.flatnonzero(_touching(parent, chosen) & ~chosen & ~parent.locked)
    return chosen


def _touching(parent: Parent, some: Flags) -> Flags:
    """Atoms bonded to any of `some`."""
    return np.asarray(parent.bonded[some].any(axis=0), dtype=np.bool_)
