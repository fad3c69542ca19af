"""When a group vector can be a molecule: linear conditions on counts, each necessary, together nearly sufficient.

Groups outside rings and whole rings are the nodes of a tree: with p ports each, the ports of all nodes are twice the
edges, and a tree has one edge less than nodes (O. Odele, S. Macchietto, Fluid Phase Equilib. 82 (1993) 47, carried
over to rings as nodes). Ports of classes that may not be bonded to each other must find enough partners. What these
conditions let through and no molecule has is found by the decoder, and cut.

Rings are single: five- to seven-membered without double bonds, or aromatic of six; fused, bridged and spiro rings are
not written in these groups.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from planners.design.camd.groups import CARBON, GROUPS, HETERO, Group, allowed
from planners.design.camd.locks import lock_rows
from planners.design.space import DesignSpace, compile_smarts

SMALLEST_RING, LARGEST_RING, AROMATIC_RING = 5, 7, 6
MOST_GROUPS = 20
# Beside the counts: rings of either kind, pairs of double-bonded groups, whether one ring is all there is.
AUXILIARY = ("rings_aromatic", "rings_saturated", "double_bonds", "lone_ring")


@dataclass(frozen=True)
class Row:
    """`low <= sum of coefficients times variables <= high`; variables are group numbers or names of `AUXILIARY`.

    name: what the row stands for, in words; empty for chemistry itself, which nobody can give up.
    """

    coefficients: Mapping[int | str, float]
    low: float = -math.inf
    high: float = math.inf
    name: str = ""


@dataclass(frozen=True)
class Structure:
    """Groups that may be used (numbers of the table), the most of each, and the conditions on their counts."""

    numbers: tuple[int, ...]
    upper: Mapping[int, int]
    rings: tuple[int, int]
    rows: tuple[Row, ...]
    heavy: tuple[int, int]


def structure(
    space: DesignSpace, *, groups: tuple[Group, ...] = GROUPS, most_groups: int = MOST_GROUPS, least_groups: int = 2
) -> Structure:
    """Of a design space. Raises CannotServe for a lock that holds no group's atoms."""
    numbers = tuple(i for i, g in enumerate(GROUPS) if g in groups and _possible(g, space))
    largest = min(LARGEST_RING, space.max_ring_size)
    rings = (
        space.max_rings if largest >= AROMATIC_RING else 0,
        space.max_rings if largest >= SMALLEST_RING else 0,
    )
    numbers = tuple(
        i for i in numbers if GROUPS[i].ring == "chain" or (rings[0] if GROUPS[i].ring == "aromatic" else rings[1]) > 0
    )
    rows = [*_tree(numbers, most_groups), *_rings(numbers, largest), *_partners(numbers)]
    rows += _limits(numbers, space, least_groups, most_groups)
    rows += lock_rows(space.locked, numbers, Row)
    upper = {i: _most(GROUPS[i], space, most_groups) for i in numbers}
    heavy = (space.min_heavy_atoms, min(space.max_heavy_atoms, most_groups * max(g.heavy_atoms for g in GROUPS)))
    return Structure(numbers, upper, rings, tuple(rows), heavy)


def _possible(group: Group, space: DesignSpace) -> bool:
    return all(element in space.elements for element in group.elements) and not any(
        always_forbidden(group, smarts) for smarts in space.forbidden
    )


def always_forbidden(group: Group, smarts: str) -> bool:
    """Whether the pattern is in the group itself, whatever is bonded to it: then no molecule with it is allowed."""
    from rdkit import Chem, rdBase

    pattern = compile_smarts(smarts)
    for neighbour in ("[CH3]", "c1ccccc1", "C(=O)C", "OC", "N(C)C", "C=C", "C(C)(C)C", "F", "C#N"):
        port = _NEIGHBOUR_CLASS[neighbour]
        if group.ports and not all(allowed(p, port) for p in group.ports):
            continue
        text = _completed(group, neighbour)
        if text is None:
            return False
        with rdBase.BlockLogs():
            mol = Chem.MolFromSmiles(text)
        if mol is None or not mol.HasSubstructMatch(pattern):
            return False
    return True


_NEIGHBOUR_CLASS = {
    "[CH3]": "sp3",
    "c1ccccc1": "aryl",
    "C(=O)C": "acyl",
    "OC": "ether",
    "N(C)C": "amine",
    "C=C": "vinyl",
    "C(C)(C)C": "sp3",
    "F": "halogen",
    "C#N": "nitrile",
}


def _completed(group: Group, neighbour: str) -> str | None:
    """A chain group with the same neighbour on all ports; None where that is no simple molecule."""
    if group.ends or "double" in group.ports:
        return None
    text = group.template
    if text.startswith("[*:1]"):
        # The first port is written in front; as a branch behind the first atom it reads the same.
        head = 6 if text[5:7] not in ("Cl",) else 7
        text = f"{text[5:head]}([*:1]){text[head:]}"
    for i in range(len(group.ports)):
        text = text.replace(f"[*:{i + 1}]", neighbour)
    return text


def _tree(numbers: tuple[int, ...], most_groups: int) -> list[Row]:
    nodes: dict[int | str, float] = {i: len(GROUPS[i].ports) - (0 if GROUPS[i].ends else 2) for i in numbers}
    rows = [Row({**nodes, "rings_aromatic": -2.0, "rings_saturated": -2.0}, -2.0, -2.0)]
    # Unless one ring is the whole molecule, every ring is bonded to something.
    for kind, name in (("aromatic", "rings_aromatic"), ("ring", "rings_saturated")):
        ports: dict[int | str, float] = {i: len(GROUPS[i].ports) for i in numbers if GROUPS[i].ring == kind}
        rows.append(Row({**ports, name: -1.0, "lone_ring": 1.0}, low=0.0))
    chain: dict[int | str, float] = {i: 1.0 for i in numbers if not GROUPS[i].ends}
    rows.append(Row({**chain, "lone_ring": most_groups}, high=most_groups))
    rows.append(Row({"rings_aromatic": 1.0, "rings_saturated": 1.0, "lone_ring": -1.0}, low=0.0))
    rows.append(Row({"rings_aromatic": 1.0, "rings_saturated": 1.0, "lone_ring": most_groups}, high=most_groups + 1.0))
    return rows


def _rings(numbers: tuple[int, ...], largest: int) -> list[Row]:
    aromatic: dict[int | str, float] = {i: 1.0 for i in numbers if GROUPS[i].ring == "aromatic"}
    saturated: dict[int | str, float] = {i: GROUPS[i].ring_atoms for i in numbers if GROUPS[i].ring == "ring"}
    rows = [
        Row({**aromatic, "rings_aromatic": -AROMATIC_RING}, 0.0, 0.0),
        Row({**saturated, "rings_saturated": -SMALLEST_RING}, low=0.0),
        Row({**saturated, "rings_saturated": -largest}, high=0.0),
    ]
    for kind in ("aromatic", "ring"):
        ends = _count(numbers, lambda g: g.ends if g.ring == kind else (), lambda c: _ring_side(c))  # noqa: B023
        rows.append(Row(ends, low=0.0))
    return rows


def _ring_side(port: str) -> float:
    """Within a ring every heteroatom's bond needs a carbon's."""
    return -1.0 if port in HETERO else 1.0 if port in CARBON else 0.0


def _partners(numbers: tuple[int, ...]) -> list[Row]:
    def ports(weight: Callable[[str], float]) -> dict[int | str, float]:
        return _count(numbers, lambda g: g.ports, weight)

    double = ports(lambda c: float(c == "double"))
    terminal: dict[int | str, float] = {
        i: -1.0 if len(GROUPS[i].ports) == 1 else 1.0 for i in double if isinstance(i, int)
    }
    return [
        Row({**double, "double_bonds": -2.0}, 0.0, 0.0),
        Row(terminal, low=0.0),  # ethylene is no molecule to design; any other terminal =CH2 needs a partner
        Row(ports(lambda c: 1.0 if c in CARBON else -1.0 if c in HETERO else 0.0), low=0.0),
        Row(ports(lambda c: {"sp3": 1.0, "alcohol": -1.0}.get(c, 0.0)), low=0.0),
        Row(ports(lambda c: {"aryl": 1.0, "phenol": -1.0}.get(c, 0.0)), low=0.0),
    ]


def _count(
    numbers: tuple[int, ...], which: Callable[[Group], tuple[str, ...]], weight: Callable[[str], float]
) -> dict[int | str, float]:
    sums: dict[int | str, float] = {i: sum(weight(c) for c in which(GROUPS[i])) for i in numbers}
    return {i: w for i, w in sums.items() if w}


def _limits(numbers: tuple[int, ...], space: DesignSpace, least: int, most: int) -> list[Row]:
    heavy: dict[int | str, float] = {i: GROUPS[i].heavy_atoms for i in numbers}
    every: dict[int | str, float] = {}
    every.update((i, 1.0) for i in numbers)
    rings: dict[int | str, float] = {"rings_aromatic": 1.0, "rings_saturated": 1.0}
    return [
        Row(every, least, most, f"at most {most} groups"),
        Row(heavy, low=space.min_heavy_atoms, name=f"space: at least {space.min_heavy_atoms} heavy atoms"),
        Row(heavy, high=space.max_heavy_atoms, name=f"space: at most {space.max_heavy_atoms} heavy atoms"),
        Row(rings, high=space.max_rings, name=f"space: at most {space.max_rings} rings"),
    ]


def _most(group: Group, space: DesignSpace, most_groups: int) -> int:
    return max(0, min(most_groups, space.max_heavy_atoms // group.heavy_atoms))
