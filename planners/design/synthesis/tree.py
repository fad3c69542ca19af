"""A way of making a molecule: a tree of reactions with purchasable molecules as its leaves. It is never changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Leaf:
    """A molecule that is bought."""

    smiles: str

    @property
    def steps(self) -> int:
        return 0


@dataclass(frozen=True)
class Step:
    """`reaction` run on the products of `parts`, in the order of its templates, gives `smiles`."""

    reaction: str
    parts: tuple[Tree, ...]
    smiles: str

    @property
    def steps(self) -> int:
        """Reactions in all."""
        return 1 + sum(part.steps for part in self.parts)


Tree = Leaf | Step
# Which part at each step down; () is the tree itself.
Path = tuple[int, ...]


def paths(tree: Tree, *, above: Path = ()) -> Iterator[tuple[Path, Tree]]:
    """Every subtree with its place, from the top."""
    yield above, tree
    if isinstance(tree, Step):
        for i, part in enumerate(tree.parts):
            yield from paths(part, above=(*above, i))


def at(tree: Tree, path: Path) -> Tree:
    for i in path:
        assert isinstance(tree, Step)
        tree = tree.parts[i]
    return tree


def route(tree: Tree) -> tuple[str, ...]:
    """Reaction SMILES in the order of making."""
    if isinstance(tree, Leaf):
        return ()
    before = [line for part in tree.parts for line in route(part)]
    return (*dict.fromkeys(before), f"{'.'.join(part.smiles for part in tree.parts)}>>{tree.smiles}")


def as_json(tree: Tree) -> Any:
    """A leaf as its SMILES, a step as [reaction, parts, product]."""
    return tree.smiles if isinstance(tree, Leaf) else [tree.reaction, [as_json(p) for p in tree.parts], tree.smiles]


def from_json(data: Any) -> Tree:
    if isinstance(data, str):
        return Leaf(data)
    reaction, parts, smiles = data
    return Step(reaction, tuple(from_json(part) for part in parts), smiles)
