"""Edits of ways of making: other blocks, other reactions, one step more or less, parts of two ways joined.

Each gives a new tree whose every step was run, or None; the parents stay as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from planners.design.generator import Dice
from planners.design.synthesis.bench import Bench, usable
from planners.design.synthesis.shelf import Shelf
from planners.design.synthesis.tree import Leaf, Path, Step, Tree, at, paths
from planners.routes.structure import parse

_TRIES = 8
# How often each is drawn before it has shown what it is worth.
PRIOR: Mapping[str, float] = {"swap": 4.0, "exchange": 1.0, "grow": 2.0, "prune": 0.5, "cross": 2.0, "fresh": 1.0}


@dataclass(frozen=True)
class Workshop:
    """What edits work with.

    most_atoms: heavy atoms of the reactants of a step together, what leaves them included.
    anchors: places on the shelf that hold all locked substructures; empty where nothing is locked, or none does.
    """

    shelf: Shelf
    bench: Bench
    most_steps: int
    most_atoms: int = 104
    anchors: frozenset[int] = frozenset()

    def step(self, name: str, parts: tuple[Tree, ...]) -> Step | None:
        """None when it makes nothing, or something that was there before: a way does not go in circles."""
        made = self.bench.product(name, tuple(part.smiles for part in parts))
        if made is None or any(sub.smiles == made for part in parts for _, sub in paths(part)):
            return None
        return Step(name, parts, made)

    def rebuilt(self, tree: Tree, path: Path, part: Tree) -> Tree | None:
        """`tree` with another part in one place, and all that follows from it made anew."""
        if not path:
            return part
        if not isinstance(tree, Step):
            return None
        i = path[0]
        inner = self.rebuilt(tree.parts[i], path[1:], part)
        if inner is None:
            return None
        return self.step(tree.reaction, (*tree.parts[:i], inner, *tree.parts[i + 1 :]))

    def blocks(self, name: str, slot: int, *, beside: int) -> tuple[int, ...]:
        """What fits a place of a reaction, `beside` heavy atoms of other reactants."""
        return self.shelf.fitting(usable()[name], slot, most_atoms=self.most_atoms - beside)

    def completed(self, part: Tree | None, name: str, slot: int, dice: Dice) -> Step | None:
        """A reaction of `part` with blocks by lot in the other places, or in all where there is none."""
        reaction = usable()[name]
        count = reaction.forward.GetNumReactantTemplates()
        parts: list[Tree | None] = [part if i == slot else None for i in range(count)]
        atoms = 0 if part is None else _atoms(part)
        for i in range(count):
            if parts[i] is None:
                fitting = self.blocks(name, i, beside=atoms)
                if not fitting:
                    return None
                leaf = parts[i] = Leaf(self.shelf.smiles[dice.pick(fitting)])
                atoms += _atoms(leaf)
        if reaction.same is not None:
            first, second = reaction.same
            parts[second if second != slot else first] = parts[first if second != slot else second]
        return self.step(name, tuple(each for each in parts if each is not None))


def _atoms(tree: Tree) -> int:
    return parse(tree.smiles).GetNumHeavyAtoms()


def fresh(shop: Workshop, dice: Dice) -> Tree | None:
    """One reaction of blocks by lot; where something is locked, of a block that holds it if there is one."""
    names = tuple(usable())
    anchors = sorted(shop.anchors)
    for _ in range(_TRIES):
        if anchors:
            made = _onward(shop, Leaf(shop.shelf.smiles[dice.pick(anchors)]), dice)
        else:
            made = shop.completed(None, dice.pick(names), 0, dice)
        if made is not None:
            return made
    return None


def grow(shop: Workshop, tree: Tree, dice: Dice) -> Tree | None:
    """The product in one more reaction."""
    if tree.steps >= shop.most_steps:
        return None
    for _ in range(_TRIES):
        made = _onward(shop, tree, dice)
        if made is not None:
            return made
    return None


def _onward(shop: Workshop, tree: Tree, dice: Dice) -> Step | None:
    entries = shop.bench.entries(tree.smiles)
    if not entries:
        return None
    name, slot = dice.pick(entries)
    return shop.completed(tree, name, slot, dice)


def swap(shop: Workshop, tree: Tree, dice: Dice) -> Tree | None:
    """Another block in place of one, mostly a similar one."""
    places = [(path, sub) for path, sub in paths(tree) if path and isinstance(sub, Leaf)]
    if not places:
        return None
    path, leaf = dice.pick(places)
    above = at(tree, path[:-1])
    assert isinstance(above, Step)
    others = sum(_atoms(part) for i, part in enumerate(above.parts) if i != path[-1])
    fitting = shop.blocks(above.reaction, path[-1], beside=others)
    if shop.anchors and leaf.smiles in shop.shelf and shop.shelf.place(leaf.smiles) in shop.anchors:
        fitting = tuple(i for i in fitting if i in shop.anchors)
    if len(fitting) < 2:
        return None
    for _ in range(_TRIES // 2):
        other = shop.shelf.smiles[shop.shelf.like(leaf.smiles, fitting, dice)]
        if other == leaf.smiles:
            continue
        made = shop.rebuilt(tree, path, Leaf(other))
        if made is not None:
            return made
    return None


def exchange(shop: Workshop, tree: Tree, dice: Dice) -> Tree | None:
    """Another reaction at one step: of the same parts, or of its first part with another partner."""
    places = [(path, sub) for path, sub in paths(tree) if isinstance(sub, Step)]
    if not places:
        return None
    path, old = dice.pick(places)
    assert isinstance(old, Step)
    place = dice.index(len(old.parts))
    kept = old.parts[place]
    others = (*old.parts[:place], *old.parts[place + 1 :])
    entries = [entry for entry in shop.bench.entries(kept.smiles) if entry[0] != old.reaction]
    for _ in range(_TRIES if entries else 0):
        name, slot = dice.pick(entries)
        count = usable()[name].forward.GetNumReactantTemplates()
        step = shop.step(name, (*others[:slot], kept, *others[slot:])) if count == len(old.parts) else None
        step = step or shop.completed(kept, name, slot, dice)
        made = None if step is None else shop.rebuilt(tree, path, step)
        if made is not None:
            return made
    return None


def prune(shop: Workshop, tree: Tree, dice: Dice) -> Tree | None:
    """One step less: an earlier product for the last one, or a block for an intermediate."""
    inner = [(path, sub) for path, sub in paths(tree) if path and isinstance(sub, Step)]
    if not inner:
        return None
    path, sub = dice.pick(inner)
    if dice.random() < 0.5:
        return sub
    above = at(tree, path[:-1])
    assert isinstance(above, Step)
    others = sum(_atoms(part) for i, part in enumerate(above.parts) if i != path[-1])
    fitting = shop.blocks(above.reaction, path[-1], beside=others)
    if not fitting:
        return None
    return shop.rebuilt(tree, path, Leaf(shop.shelf.smiles[shop.shelf.like(sub.smiles, fitting, dice)]))


def cross(shop: Workshop, tree: Tree, other: Tree, dice: Dice) -> Tree | None:
    """A part of another way in a place where it fits, or the two products in one reaction."""
    parts = [sub for _, sub in paths(other)]
    places = [path for path, _ in paths(tree) if path]
    for _ in range(_TRIES if places else 0):
        path, part = dice.pick(places), dice.pick(parts)
        above = at(tree, path[:-1])
        assert isinstance(above, Step)
        if (above.reaction, path[-1]) not in shop.bench.entries(part.smiles):
            continue
        if part.smiles == at(tree, path).smiles:
            continue
        made = shop.rebuilt(tree, path, part)
        if made is not None and made.steps <= shop.most_steps:
            return made
    return None
