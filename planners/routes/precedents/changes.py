"""What a reaction changes, as two numbers: the reacting bonds alone, and with the atoms around them.

The changed atoms, their bonds before and after, and (radius 1) their neighbours form a small graph (a condensed graph
of reaction: F. Hoonakker et al., Int. J. Artif. Intell. Tools 2011, 20, 253). Its atoms' labels are refined along bonds
as Weisfeiler and Leman do and hashed, so equal changes give equal numbers, in every process and on every machine.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from planners.routes.precedents.mapping import Graph, Mapping, assign, given

REFINEMENTS = 3


@dataclass(frozen=True, slots=True)
class Signature:
    """Signed 64-bit numbers. `radius0`: reacting bonds and elements; `radius1`: with what surrounds them."""

    radius0: int
    radius1: int


@dataclass(frozen=True, slots=True)
class Change:
    """`atoms`: (product atom or -1, reactants' atom or -1) of every atom at a changed bond or charge.

    `made`, `broken`, `altered`: counts of bonds between heavy atoms.
    """

    atoms: tuple[tuple[int, int], ...]
    made: int
    broken: int
    altered: int


def change(mapping: Mapping) -> Change:
    back = mapping.backwards()
    product, reactants = mapping.product, mapping.reactants
    found: dict[tuple[int, int], None] = {}
    made = broken = altered = 0
    for p, r in enumerate(mapping.partner):
        if r < 0:
            found[(p, -1)] = None
            for q in product.bonds[p]:
                found[(q, mapping.partner[q])] = None
                made += mapping.partner[q] >= 0 or q > p
            continue
        if product.charges[p] != reactants.charges[r]:
            found[(p, r)] = None
        for q, order in product.bonds[p].items():
            s = mapping.partner[q]
            if s >= 0 and q > p:
                before = reactants.bonds[r].get(s)
                if before != order:
                    found[(p, r)] = found[(q, s)] = None
                    made += before is None
                    altered += before is not None
        for s in reactants.bonds[r]:
            q = back.get(s, -1)
            if q < 0:
                found[(p, r)] = found[(-1, s)] = None
                broken += 1
            elif q > p and q not in product.bonds[p]:
                found[(p, r)] = found[(q, s)] = None
                broken += 1
    return Change(tuple(sorted(found)), made, broken, altered)


def _digest(value: object) -> int:
    return int.from_bytes(hashlib.blake2b(repr(value).encode(), digest_size=8).digest(), "big", signed=True)


def _around(mapping: Mapping, atoms: Sequence[tuple[int, int]], back: dict[int, int]) -> list[tuple[int, int]]:
    shell = dict.fromkeys(atoms)
    for p, r in atoms:
        if p >= 0:
            shell.update(dict.fromkeys((q, mapping.partner[q]) for q in mapping.product.bonds[p]))
        if r >= 0:
            shell.update(dict.fromkeys((back.get(s, -1), s) for s in mapping.reactants.bonds[r]))
    return list(shell)


def _unsaturation(graph: Graph, atom: int) -> int:
    """0: only single bonds; else the highest order of a localised multiple bond, +4 when a heteroatom is at its end."""
    best = 0
    for other, order in graph.bonds[atom].items():
        if order >= 2.0:
            best = max(best, int(order) + (4 if graph.numbers[other] != 6 else 0))
    return best


def _labels(
    mapping: Mapping, atoms: Sequence[tuple[int, int]], centre: set[tuple[int, int]], rich: bool
) -> list[object]:
    product, reactants = mapping.product, mapping.reactants
    out: list[object] = []
    for p, r in atoms:
        side = (p >= 0) + 2 * (r >= 0)
        number = product.numbers[p] if p >= 0 else reactants.numbers[r]
        aromatic = (p >= 0 and product.aromatic[p], r >= 0 and reactants.aromatic[r])
        if not rich:
            out.append((number, aromatic, side))
            continue
        inside = (p, r) in centre
        charges = (product.charges[p] if p >= 0 else 0, reactants.charges[r] if r >= 0 else 0)
        pi = 0 if inside else _unsaturation(product, p) if p >= 0 else _unsaturation(reactants, r)
        out.append((number, aromatic, side, inside, charges, pi))
    return out


def _hash(mapping: Mapping, atoms: Sequence[tuple[int, int]], labels: list[object]) -> int:
    here = {atom: i for i, atom in enumerate(atoms)}
    back = mapping.backwards()
    edges: list[dict[int, list[float]]] = [{} for _ in atoms]
    for i, (p, r) in enumerate(atoms):
        if p >= 0:
            for q, order in mapping.product.bonds[p].items():
                j = here.get((q, mapping.partner[q]))
                if j is not None:
                    edges[i].setdefault(j, [0.0, 0.0])[1] = order
        if r >= 0:
            for s, order in mapping.reactants.bonds[r].items():
                j = here.get((back.get(s, -1), s))
                if j is not None:
                    edges[i].setdefault(j, [0.0, 0.0])[0] = order
    numbers = [_digest(label) for label in labels]
    for _ in range(REFINEMENTS):
        numbers = [
            _digest((numbers[i], sorted((before, after, numbers[j]) for j, (before, after) in edges[i].items())))
            for i in range(len(atoms))
        ]
    return _digest(sorted(numbers))


def _apart(mapping: Mapping, atoms: Sequence[tuple[int, int]]) -> list[list[tuple[int, int]]]:
    """The changed atoms in parts that no bond joins, neither before nor after."""
    back = mapping.backwards()
    left = dict.fromkeys(atoms)
    parts = []
    while left:
        stack = [left.popitem()[0]]
        part = list(stack)
        while stack:
            p, r = stack.pop()
            near = [(q, mapping.partner[q]) for q in mapping.product.bonds[p]] if p >= 0 else []
            near += [(back.get(s, -1), s) for s in mapping.reactants.bonds[r]] if r >= 0 else []
            for atom in near:
                if atom in left:
                    del left[atom]
                    stack.append(atom)
                    part.append(atom)
        parts.append(sorted(part))
    return parts


def of_mapping(mapping: Mapping) -> Signature:
    """The same change at several places of a molecule (a diester from a diacid) counts as that change once."""
    atoms = change(mapping).atoms
    parts = _apart(mapping, atoms)
    if len(parts) > 1:
        each = {_signed(mapping, part) for part in parts}
        if len(each) == 1:
            return each.pop()
    return _signed(mapping, atoms)


def _signed(mapping: Mapping, atoms: Sequence[tuple[int, int]]) -> Signature:
    centre = set(atoms)
    wide = _around(mapping, atoms, mapping.backwards())
    return Signature(
        _hash(mapping, atoms, _labels(mapping, atoms, centre, rich=False)),
        _hash(mapping, wide, _labels(mapping, wide, centre, rich=True)),
    )


def signature(product: str, reactants: Sequence[str], mapped: tuple[str, str] | None = None) -> Signature:
    """Of a reaction in canonical SMILES; `mapped` = (product, reactants joined by dots) uses the map numbers there.

    Query and index must come the same way: leave `mapped` out on both sides, or give it on both.
    Raises InvalidMolecule.
    """
    if mapped is not None:
        return of_mapping(given(*mapped))
    return of_mapping(assign(product, ".".join(reactants)))
