"""Edits of one parent by whole functional groups."""

from __future__ import annotations

from rdkit import Chem

from planners.design.generator import Dice
from planners.design.genetic.fragments import linkers, substituents
from planners.design.genetic.graph import Graph, remove_atoms
from planners.design.space import DesignSpace

_SINGLE = Chem.BondType.SINGLE


def append_group(parent: Graph, dice: Dice, space: DesignSpace) -> Chem.RWMol | None:
    """Replace a hydrogen by a functional group."""
    room = space.max_heavy_atoms - parent.size
    groups = [g for g in substituents(space) if len(g.atoms) <= room]
    places = parent.open_atoms()
    if not groups or not places:
        return None
    group, place = dice.pick(groups), dice.pick(places)
    if not parent.accepts(place, group.joint_elements[0]):
        return None
    draft = parent.draft()
    (joint,) = group.add_to(draft)
    draft.AddBond(place, joint, _SINGLE)
    return draft


def replace_group(parent: Graph, dice: Dice, space: DesignSpace) -> Chem.RWMol | None:
    """Replace the smaller part at an acyclic single bond by a functional group."""
    bonds = parent.cuttable()
    if not bonds:
        return None
    i, j = dice.pick(bonds)
    group = parent.side(j, i)
    if len(group) * 2 > parent.size:
        i, j = j, i
        group = parent.side(j, i)
    if group & parent.sealed:
        return None
    room = space.max_heavy_atoms - parent.size + len(group)
    groups = [g for g in substituents(space) if len(g.atoms) <= room]
    if not groups:
        return None
    new = dice.pick(groups)
    if not parent.accepts(i, new.joint_elements[0]):
        return None
    draft = parent.draft()
    (joint,) = new.add_to(draft)
    draft.AddBond(i, joint, _SINGLE)
    remove_atoms(draft, sorted(group))
    return draft


def insert_group(parent: Graph, dice: Dice, space: DesignSpace) -> Chem.RWMol | None:
    """Put a bivalent group into a single bond: an alkane becomes an ester, a cycloalkane a lactone."""
    room = space.max_heavy_atoms - parent.size
    groups = [g for g in linkers(space) if len(g.atoms) <= room]
    bonds = [
        (i, j)
        for i, j, order, _, aromatic in parent.bonds
        if order == 1 and not aromatic and not (i in parent.sealed and j in parent.sealed)
    ]
    if not groups or not bonds:
        return None
    i, j = dice.pick(bonds)
    group = dice.pick(groups)
    head, tail = group.joint_elements
    if not (parent.accepts(i, head) and parent.accepts(j, tail)):
        return None
    draft = parent.draft()
    first, second = group.add_to(draft)
    draft.RemoveBond(i, j)
    draft.AddBond(i, first, _SINGLE)
    draft.AddBond(second, j, _SINGLE)
    return draft


def bridge_group(parent: Graph, dice: Dice, space: DesignSpace) -> Chem.RWMol | None:
    """Close a ring of five to seven atoms through a bivalent group: lactones, lactams, cyclic carbonates."""
    if len(parent.rings) >= space.max_rings:
        return None
    room = space.max_heavy_atoms - parent.size
    groups = [g for g in linkers(space) if len(g.atoms) <= room]
    places = parent.open_atoms()
    if not groups or len(places) < 2:
        return None
    group = dice.pick(groups)
    # Atoms of the group on the short way between its joints: side atoms (=O, N-CH3) do not count for the ring.
    span = 1 if group.joints[0] == group.joints[1] else _path_atoms(group.bonds, *group.joints)
    first = dice.pick(places)
    head_element, tail_element = group.joint_elements
    if not parent.accepts(first, head_element):
        return None
    distance = parent.distances_from(first)
    largest = min(7, space.max_ring_size)
    others = [
        k for k in places if k != first and 5 <= distance[k] + 1 + span <= largest and parent.accepts(k, tail_element)
    ]
    if not others:
        return None
    draft = parent.draft()
    head, tail = group.add_to(draft)
    draft.AddBond(first, head, _SINGLE)
    draft.AddBond(tail, dice.pick(others), _SINGLE)
    return draft


def _path_atoms(bonds: tuple[tuple[int, int, int], ...], start: int, goal: int) -> int:
    """Atoms on the shortest path, both ends counted. The bonds form a tree."""
    front, steps, seen = {start}, 1, {start}
    while goal not in front:
        front = {b for a, c, _ in bonds for a, b in ((a, c), (c, a)) if a in front and b not in seen}
        seen |= front
        steps += 1
    return steps
