"""Where every heavy atom comes from, and what becomes of those that the product does not hold."""

from __future__ import annotations

from collections import Counter

from rdkit import Chem

from planners.routes import formula
from planners.routes.precedents.mapping import Graph, Mapping, assign
from planners.routes.structure import parse

EQUIVALENTS = 3  # of one reactant at most, when the product needs more of it than is written
USEFUL = 0.4  # share of a further copy's heavy atoms that the product must be short of
LARGE = 10  # heavy atoms of a lost group that nobody named and no precedent loses
_HALOGENS = (9, 17, 35, 53)
# Lost groups that have a name, by their elements without hydrogen: halides, alcohols, Boc, Cbz, Fmoc, sulfonates,
# silyl groups, boronates, phosphonates, phosphines, metals, trityl.
_FORMULAE = (
    "B1O2 B1C6O2 Cl1 Br1 I1 F1 O1 C1O1 C2O1 C1 C2 C4 C7 C5O2 C8O2 C15O2 C1O3S1 C7O3S1 C1F3O3S1 C1O2 C2O2 C2F3O1 "
    "C6Si1 C3Si1 C9Si1 C16Si1 C5O1 C4O3P1 C18O1P1 C18P1 Mg1 Br1Mg1 Cl1Mg1 Li1 Zn1 C12Sn1 N2 C19"
)
_NAMED = frozenset(_FORMULAE.split())


def missing(product: str, reactants: tuple[str, ...]) -> Counter[str]:
    """Heavy atoms of the product that the reactants, taken once each, are short of. Raises ValueError."""
    have: Counter[str] = Counter()
    for reactant in reactants:
        have.update(formula.of_smiles(reactant))
    wanted = formula.of_smiles(product)
    return Counter({e: n - have[e] for e, n in wanted.items() if e != "H" and n > have[e]})


def completed(product: str, reactants: tuple[str, ...]) -> tuple[str, ...]:
    """The reactants, one of them repeated when only that closes the account (one alcohol, both esters of a diacid).

    Raises InvalidMolecule.
    """
    lack = missing(product, reactants).total()
    if not lack:
        return reactants
    for reactant in sorted(set(reactants), key=lambda r: (len(r), r)):
        for extra in range(1, EQUIVALENTS):
            if lack < USEFUL * extra * parse(reactant).GetNumHeavyAtoms():
                break  # one atom amiss is no reason to ask for a whole further molecule
            more = (*reactants, *(reactant for _ in range(extra)))
            if not missing(product, more) and _alike(assign(product, ".".join(more)), more):
                return more
    return reactants


def _alike(mapping: Mapping, reactants: tuple[str, ...]) -> bool:
    """Whether each copy of the last reactant gives as many atoms: then one change happens several times."""
    used = set(mapping.partner)
    given, start = set(), 0
    for reactant in reactants:
        size = parse(reactant).GetNumAtoms()
        if reactant == reactants[-1]:
            given.add(sum(r in used for r in range(start, start + size)))
        start += size
    return len(given) == 1


def _parts(graph: Graph, atoms: list[int]) -> list[list[int]]:
    left, parts = dict.fromkeys(atoms), []
    while left:
        start = next(iter(left))
        part, stack = [], [start]
        del left[start]
        while stack:
            atom = stack.pop()
            part.append(atom)
            for other in graph.bonds[atom]:
                if other in left:
                    del left[other]
                    stack.append(other)
        parts.append(sorted(part))
    return parts


def from_reagents(mapping: Mapping) -> tuple[list[str], list[str]]:
    """Product atoms without an origin: (what a common reagent supplies, what comes from nowhere), as phrases.

    A reagent may add oxygen (an oxidant; water, where a halide leaves), halogen, nitrogen as amine or nitro, sulfur,
    boron, carbon dioxide or cyanide, each at one end of the molecule; nothing else.
    """
    graph = mapping.product
    supplied, nowhere = [], []
    for part in _parts(graph, [p for p, r in enumerate(mapping.partner) if r < 0]):
        anchors = {q for p in part for q in graph.bonds[p] if mapping.partner[q] >= 0}
        phrase = _reagent(mapping, part, sorted(anchors))
        if phrase:
            supplied.append(phrase)
        else:
            nowhere.append(_smiles(graph, part))
    return supplied, nowhere


def _formula(graph: Graph, part: list[int]) -> str:
    counts = Counter(graph.mol.GetAtomWithIdx(atom).GetSymbol() for atom in part)
    return "".join(f"{element}{counts[element]}" for element in sorted(counts))


def _reagent(mapping: Mapping, part: list[int], anchors: list[int]) -> str | None:
    graph = mapping.product
    elements = "".join(
        f"{e}{n}" for e, n in sorted(Counter(graph.mol.GetAtomWithIdx(p).GetSymbol() for p in part).items())
    )
    lost = _lost_at(mapping, anchors)
    if elements == "O1":
        if len(anchors) == 2:  # an epoxide, of a double bond
            return "an oxidant brings oxygen" if anchors[0] in graph.bonds[anchors[1]] and not lost else None
        if not lost:
            return "an oxidant brings oxygen"
        carbonyl = (
            graph.bonds[part[0]][anchors[0]] == 2.0
        )  # an imine, of a nitrile and a Grignard reagent, is hydrolysed
        return "water brings oxygen" if lost <= set(_HALOGENS) | ({7} if carbonyl else set()) else None
    if len(anchors) != 1:
        return None
    if len(part) == 1 and graph.numbers[part[0]] in _HALOGENS:
        return "a halogenating agent brings halogen" if lost <= {1, 8, 7, *_HALOGENS} else None
    if elements in ("N1", "N1O2"):
        taken = lost <= set(_HALOGENS) | {8}
        return (
            ("ammonia brings nitrogen" if elements == "N1" else "nitric acid brings a nitro group") if taken else None
        )
    known = {"S1": "a thionating agent brings sulfur", "C1O2": "carbon dioxide brings a carboxyl group"}
    known |= {"C1N1": "cyanide brings a nitrile", "B1O2": "a borylating agent brings boron"}
    return known.get(elements) if lost <= {1, 8, *_HALOGENS} else None


def _lost_at(mapping: Mapping, anchors: list[int]) -> set[int]:
    """Elements that leave the atoms to which something new is bound."""
    back = mapping.backwards()
    graph = mapping.reactants
    return {graph.numbers[s] for p in anchors for s in graph.bonds[mapping.partner[p]] if s not in back}


def _smiles(graph: Graph, part: list[int]) -> str:
    return str(Chem.MolFragmentToSmiles(graph.mol, part, canonical=True))


def unnamed(mapping: Mapping) -> list[str]:
    """Lost groups of more than `LARGE` atoms that have no name among chemists, as SMILES."""
    used = set(mapping.partner)
    graph = mapping.reactants
    out = []
    for part in _parts(graph, [r for r in range(len(graph)) if r not in used]):
        if len(part) > LARGE and _formula(graph, part) not in _NAMED:
            out.append(_smiles(graph, part))
    return out
