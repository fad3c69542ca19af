"""The operators by name, with the weight that each starts with."""

from __future__ import annotations

from collections.abc import Callable

from rdkit import Chem

from planners.design.generator import Dice
from planners.design.genetic import crossover, grafting, mutation, rings
from planners.design.genetic.graph import Graph
from planners.design.space import DesignSpace

Mutation = Callable[[Graph, Dice, DesignSpace], Chem.RWMol | None]
Crossover = Callable[[Graph, Graph, Dice, DesignSpace], Chem.RWMol | None]

MUTATIONS: dict[str, Mutation] = {
    "append_atom": mutation.append_atom,
    "insert_atom": mutation.insert_atom,
    "delete_atom": mutation.delete_atom,
    "change_element": mutation.change_element,
    "change_bond_order": mutation.change_bond_order,
    "form_ring": rings.form_ring,
    "break_ring": rings.break_ring,
    "fuse_ring": rings.fuse_ring,
    "change_saturation": rings.change_saturation,
    "move_group": mutation.move_group,
    "trim": mutation.trim,
    "append_group": grafting.append_group,
    "replace_group": grafting.replace_group,
    "insert_group": grafting.insert_group,
    "bridge_group": grafting.bridge_group,
}
CROSSOVERS: dict[str, Crossover] = {
    "cross_chain": crossover.cross_chain,
    "cross_ring": crossover.cross_ring,
}
# Crossover and whole groups lead: they move between molecules that chemists know. Bond-order edits mostly fail.
PRIOR: dict[str, float] = {
    "append_atom": 1.5,
    "insert_atom": 1.5,
    "delete_atom": 1.0,
    "change_element": 1.5,
    "change_bond_order": 0.5,
    "form_ring": 1.0,
    "break_ring": 0.5,
    "fuse_ring": 0.7,
    "change_saturation": 0.5,
    "move_group": 1.0,
    "trim": 0.5,
    "append_group": 2.0,
    "replace_group": 2.0,
    "insert_group": 1.5,
    "bridge_group": 1.0,
    "cross_chain": 10.0,
    "cross_ring": 2.5,
}
