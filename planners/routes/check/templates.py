"""A reaction template read off a mapped step: reacting atoms, their neighbours, the bonds before and after."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from planners.routes.precedents.changes import change
from planners.routes.precedents.mapping import Graph, Mapping

_BOND = {1.0: "-", 1.5: ":", 2.0: "=", 3.0: "#"}
_SYMBOLS = {5: "B", 6: "C", 7: "N", 8: "O", 9: "F", 14: "Si", 15: "P", 16: "S", 17: "Cl", 35: "Br", 53: "I"}
_LOWER = {5: "b", 6: "c", 7: "n", 8: "o", 15: "p", 16: "s"}
LEAVING_ATOMS = 12  # of a leaving group, that a forward template asks for
ACCEPTORS = "$([N,O,S]~[C,S,P]=[O,S,N])"  # an amide's nitrogen is no amine, an acid's oxygen no alcohol
Writer = Callable[[int], str]


@dataclass(frozen=True, slots=True)
class Template:
    """Reaction SMARTS, forward. `order`: which reactant (index into the step's) each reactant template is run on.

    `reacting`: map numbers of the atoms whose bonds change. `kept`: those of carbons that exchange one neighbour for
    another, where an inversion may show.
    """

    smarts: str
    order: tuple[int, ...]
    reacting: tuple[int, ...]
    kept: tuple[int, ...]


def _symbol(graph: Graph, atom: int) -> str:
    number = graph.numbers[atom]
    if graph.aromatic[atom]:
        return _LOWER.get(number, f"#{number}")
    return _SYMBOLS.get(number, f"#{number}")


def _charge(value: int) -> str:
    return f"+{value}" if value >= 0 else str(value)


def _surroundings(graph: Graph, atom: int) -> str:
    """What a neighbour of the reacting atoms must be like: saturated, carbonyl, vinyl, nitrile or aromatic."""
    if graph.numbers[atom] != 6 or graph.aromatic[atom]:
        return ""
    orders = [(order, graph.numbers[other]) for other, order in graph.bonds[atom].items() if order >= 2.0]
    if not orders:
        return ";X4"
    order, other = max(orders)
    if order == 3.0:
        return ";$(C#N)" if other == 7 else ";$(C#C)"
    return ";$(C=C)" if other == 6 else ";$(C=[!#6])"


def _reacting(graph: Graph, atom: int, loses_hydrogen: bool) -> str:
    text = _symbol(graph, atom) + ";" + _charge(graph.charges[atom])
    if loses_hydrogen:
        text += ";!H0"
    number = graph.numbers[atom]
    if number in (7, 8, 16) and not graph.aromatic[atom]:
        pulled = any(
            graph.numbers[other] in (6, 15, 16)
            and any(o == 2.0 and graph.numbers[t] in (7, 8, 16) for t, o in graph.bonds[other].items())
            for other in graph.bonds[atom]
        )
        if not pulled:
            text += f";!{ACCEPTORS}"
    return text


def _protecting(graph: Graph, atom: int) -> str:
    """tert-Butyl, benzyl and other alkyl groups leave under conditions that spare each other."""
    bonds = graph.bonds[atom]
    if graph.numbers[atom] != 6 or graph.aromatic[atom] or any(order != 1.0 for order in bonds.values()):
        return ""
    if len(bonds) == 4:
        return ";D4"
    return ";$(Cc)" if any(graph.aromatic[o] and graph.numbers[o] == 6 for o in bonds) else ";!D4;!$(Cc)"


def _written(atoms: Sequence[int], graph: Graph, text: Writer, bonds: list[dict[int, float]]) -> list[str]:
    """SMARTS of each connected part of `atoms`, in the order of their first atoms."""
    inside = set(atoms)
    seen: set[int] = set()
    parts = []
    for start in atoms:
        if start in seen:
            continue
        closures: dict[int, list[str]] = {}
        tree: dict[int, list[int]] = {}
        _span(start, inside, bonds, seen, tree, closures)
        parts.append(_text(start, tree, closures, text, bonds))
    return parts


def _span(
    start: int,
    inside: set[int],
    bonds: list[dict[int, float]],
    seen: set[int],
    tree: dict[int, list[int]],
    closures: dict[int, list[str]],
) -> None:
    count = 0
    done: set[tuple[int, int]] = set()
    stack = [(start, -1)]
    while stack:
        atom, parent = stack.pop()
        if atom in seen:
            continue
        seen.add(atom)
        tree[atom] = []
        if parent >= 0:
            tree[parent].append(atom)
            done.add((min(atom, parent), max(atom, parent)))
        for other, order in bonds[atom].items():
            key = (min(atom, other), max(atom, other))
            if other not in inside or key in done:
                continue
            if other in seen:
                count += 1
                label = f"%{count}" if count > 9 else str(count)
                closures.setdefault(atom, []).append(_BOND.get(order, "~") + label)
                closures.setdefault(other, []).append(_BOND.get(order, "~") + label)
                done.add(key)
            else:
                stack.append((other, atom))


def _text(
    atom: int, tree: dict[int, list[int]], closures: dict[int, list[str]], text: Writer, bonds: list[dict[int, float]]
) -> str:
    out = text(atom) + "".join(closures.get(atom, ()))
    branches = [_BOND.get(bonds[atom][child], "~") + _text(child, tree, closures, text, bonds) for child in tree[atom]]
    return out + "".join(f"({branch})" for branch in branches[:-1]) + (branches[-1] if branches else "")


def _grouped(parts: Iterable[str]) -> str:
    listed = list(parts)
    return listed[0] if len(listed) == 1 else "(" + ".".join(listed) + ")"


@dataclass(frozen=True, slots=True)
class Site:
    """The atoms a template is made of. `leaving`: reactants' atoms, in whole groups, that do not end in the product."""

    product: tuple[int, ...]
    reactants: tuple[int, ...]
    centre: frozenset[int]  # reactants' atoms
    made: frozenset[int]  # product atoms at changes
    leaving: tuple[int, ...]


def site(mapping: Mapping) -> Site:
    """Reacting atoms and their neighbours, on both sides."""
    back = mapping.backwards()
    atoms = change(mapping).atoms
    # An aromatic nitrogen may trade its hydrogen for a double bond elsewhere in the ring without any bond of its own
    # changing; the template must name it, or its written hydrogen stays.
    shifted = [(p, r) for p, r in enumerate(mapping.partner) if r >= 0 and _hydrogen_shifts(mapping, p, r)]
    centre = {r for _, r in (*atoms, *shifted) if r >= 0}
    made = {p for p, _ in (*atoms, *shifted) if p >= 0}
    before, after = set(centre), set(made)
    for r in centre:
        before.update(s for s in mapping.reactants.bonds[r] if r in back)
    before.update(_nearest_of_leaving(mapping, [r for r in centre if r not in back], back))
    for p in made:
        after.update(mapping.product.bonds[p])
    before.update(mapping.partner[p] for p in after if mapping.partner[p] >= 0)
    after.update(back[r] for r in before if r in back)
    leaving = _groups(mapping, centre, back)
    return Site(tuple(sorted(after)), tuple(sorted(before)), frozenset(centre), frozenset(made), tuple(sorted(leaving)))


def _hydrogen_shifts(mapping: Mapping, p: int, r: int) -> bool:
    if not (mapping.product.aromatic[p] or mapping.reactants.aromatic[r]) or mapping.product.numbers[p] == 6:
        return False
    return _hydrogens(mapping.product, p) != _hydrogens(mapping.reactants, r)


def _nearest_of_leaving(mapping: Mapping, starts: list[int], back: dict[int, int]) -> set[int]:
    """A leaving group as far as its first saturated or aromatic carbons: tert-butyl carbamate, sulfonate, acetal."""
    graph = mapping.reactants
    found, stack = set(starts), list(starts)
    while stack:
        r = stack.pop()
        if graph.numbers[r] == 6 and not any(o == 2.0 for o in graph.bonds[r].values()):
            continue
        for s in graph.bonds[r]:
            if s not in back and s not in found and len(found) < LEAVING_ATOMS:
                found.add(s)
                stack.append(s)
    return found


def _groups(mapping: Mapping, centre: set[int], back: dict[int, int]) -> set[int]:
    stack = [r for r in centre if r not in back]
    found = set(stack)
    while stack:
        for s in mapping.reactants.bonds[stack.pop()]:
            if s not in back and s not in found:
                found.add(s)
                stack.append(s)
    return found


def _hydrogens(graph: Graph, atom: int) -> int:
    return int(graph.mol.GetAtomWithIdx(atom).GetTotalNumHs())


def _made_atom(mapping: Mapping, place: Site, p: int) -> str:
    graph = mapping.product
    text = _symbol(graph, p)
    r = mapping.partner[p]
    if p in place.made:
        # A reactant's bracket atom hands its hydrogens on; where bonds change they must be told anew.
        if r < 0 or mapping.reactants.mol.GetAtomWithIdx(r).GetNoImplicit() or graph.aromatic[p]:
            text += f"H{_hydrogens(graph, p)}"
        text += _charge(graph.charges[p])
    elif graph.charges[p]:
        text += _charge(graph.charges[p])
    return f"[{text}:{r + 1}]" if r >= 0 else f"[{text}]"


def forward_template(mapping: Mapping, sizes: Sequence[int]) -> Template:
    """`sizes`: atoms of each reactant, as joined in the mapping."""
    place = site(mapping)
    back = mapping.backwards()

    def query(r: int) -> str:
        graph = mapping.reactants
        if r in place.centre and r in back:
            fewer = _hydrogens(mapping.product, back[r]) < _hydrogens(graph, r)
            return f"[{_reacting(graph, r, fewer)}:{r + 1}]"
        if r in back:
            return f"[{_symbol(graph, r)}{_surroundings(graph, r)}:{r + 1}]"
        return f"[{_symbol(graph, r)}{_surroundings(graph, r)}{_protecting(graph, r)}]"

    patterns, order, start = [], [], 0
    for index, size in enumerate(sizes):
        here = [r for r in place.reactants if start <= r < start + size]
        if here:
            patterns.append(_grouped(_written(here, mapping.reactants, query, list(mapping.reactants.bonds))))
            order.append(index)
        start += size
    product = _written(
        place.product, mapping.product, lambda p: _made_atom(mapping, place, p), list(mapping.product.bonds)
    )
    reacting = tuple(r + 1 for r in sorted(place.centre) if r in back)
    kept = tuple(number for number in reacting if _exchanges(mapping, number - 1, back[number - 1]))
    return Template(f"{'.'.join(patterns)}>>{_grouped(product)}", tuple(order), reacting, kept)


def _exchanges(mapping: Mapping, r: int, p: int) -> bool:
    graph, made = mapping.reactants, mapping.product
    return graph.numbers[r] == 6 and not graph.aromatic[r] and len(graph.bonds[r]) == len(made.bonds[p])


def retro_template(mapping: Mapping) -> str:
    """The same backwards, with whole leaving groups, as a policy would apply it: product >> precursors."""
    place = site(mapping)
    back = mapping.backwards()
    wanted = sorted({*(r for r in place.reactants if r in back), *place.leaving})

    def query(p: int) -> str:
        r = mapping.partner[p]
        tail = f":{r + 1}" if r >= 0 else ""
        inner = (
            _reacting(mapping.product, p, False)
            if p in place.made
            else (_symbol(mapping.product, p) + _surroundings(mapping.product, p))
        )
        return f"[{inner}{tail}]"

    def plain(r: int) -> str:
        graph = mapping.reactants
        text = _symbol(graph, r)
        if r in place.centre and r in back:
            atom = mapping.product.mol.GetAtomWithIdx(back[r])
            if atom.GetNoImplicit() or graph.aromatic[r]:
                text += f"H{_hydrogens(graph, r)}"
            text += _charge(graph.charges[r])
        elif r not in back:
            text += f"H{_hydrogens(graph, r)}" + _charge(graph.charges[r])
        return f"[{text}:{r + 1}]" if r in back else f"[{text}]"

    product = _grouped(_written(place.product, mapping.product, query, list(mapping.product.bonds)))
    parts = _written(wanted, mapping.reactants, plain, list(mapping.reactants.bonds))
    return f"{product}>>{'.'.join(parts)}"
