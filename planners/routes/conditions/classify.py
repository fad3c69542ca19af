"""Which named reaction a step is: told by running patterns forward on the reactants, never by a model's word."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import permutations

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem, rdBase
from rdkit.Chem import rdChemReactions

from planners.routes import formula
from planners.routes.conditions import patterns_carbon, patterns_hetero
from planners.routes.conditions.changes import class_by_change
from planners.routes.conditions.table import GENERIC
from planners.routes.single_step.curated import forward_products, reactions
from planners.routes.single_step.reaction import Reaction
from planners.routes.structure import flat, parse

Counts = NDArray[np.int32]

MAX_REACTANTS = 5  # beyond this a step is no single reaction, and the permutations would cost seconds
MAX_OUTCOMES = 40


ELEMENTS = (5, 6, 7, 8, 9, 12, 14, 15, 16, 17, 35, 50, 53)  # then all others, then the total
WIDTH = len(ELEMENTS) + 2


@dataclass(frozen=True)
class Pattern:
    """One forward pattern; `added` and `removed` count elements that have no partner on the other side."""

    reaction_class: str
    reaction: rdChemReactions.ChemicalReaction
    templates: tuple[Chem.Mol, ...]
    added: Counts
    removed: Counts
    exact: bool

    @staticmethod
    def compiled(reaction_class: str, smarts: str) -> Pattern:
        """Raises ValueError for a pattern that RDKit cannot run."""
        with rdBase.BlockLogs():
            reaction = rdChemReactions.ReactionFromSmarts(smarts)
            reaction.Initialize()
            _, errors = reaction.Validate()
        if errors:
            raise ValueError(f"'{smarts}' is not a valid reaction")
        templates = tuple(reaction.GetReactants())
        gone = [a for t in templates for a in t.GetAtoms() if not a.GetAtomMapNum()]
        come = [a for t in reaction.GetProducts() for a in t.GetAtoms() if not a.GetAtomMapNum()]
        return Pattern(
            reaction_class,
            reaction,
            templates,
            _count(a.GetAtomicNum() for a in come),
            _count((0 if _is_list(a) else a.GetAtomicNum()) for a in gone),
            not gone,
        )


def _is_list(atom: Chem.Atom) -> bool:
    return any(mark in atom.GetSmarts() for mark in (",", "$", "!", "*"))


def _count(numbers: Iterable[int]) -> Counts:
    """Heavy atoms by element; 0 stands for one of a list, which only the total can count."""
    counts = np.zeros(WIDTH, dtype=np.int32)
    for number in numbers:
        counts[-1] += 1
        if number:
            counts[ELEMENTS.index(number) if number in ELEMENTS else -2] += 1
    return counts


@lru_cache(maxsize=65536)
def _counts(smiles: str) -> Counts:
    return _count(a.GetAtomicNum() for a in parse(smiles).GetAtoms())


@dataclass(frozen=True, slots=True)
class Match:
    """`order`: positions among the reactants, by the class's precursor position; () when nothing says. `sites` >= 1."""

    reaction_class: str
    order: tuple[int, ...] = ()
    sites: int = 1


@cache
def patterns() -> tuple[Pattern, ...]:
    """All of our forward patterns, in the order in which they are tried."""
    return tuple(Pattern.compiled(*row) for row in (*patterns_hetero.PATTERNS, *patterns_carbon.PATTERNS))


@cache
def _curated_by_change() -> dict[tuple[tuple[str, int], ...], tuple[Reaction, ...]]:
    """Curated reactions by what a single run gains and loses, which a step's two formulas already tell."""
    found: dict[tuple[tuple[str, int], ...], list[Reaction]] = {}
    for reaction in reactions().values():
        if reaction.balanced:
            key = tuple(sorted((e, n) for e, n in reaction.difference().items() if n))
            found.setdefault(key, []).append(reaction)
    return {key: tuple(several) for key, several in found.items()}


def classify(product: str, reactants: Sequence[str]) -> str:
    """Key of the conditions table for any step, "generic" last. Raises InvalidMolecule."""
    return match(product, tuple(reactants)).reaction_class


@lru_cache(maxsize=65536)
def match(product: str, reactants: tuple[str, ...]) -> Match:
    """The first of our patterns that makes the product of the reactants, then curated rules, then what has changed.

    Milliseconds; answers are cached. Raises InvalidMolecule.
    """
    target = flat(product)
    if len(reactants) <= MAX_REACTANTS:
        for times in (1, 2, 3):
            for index, order in _possible(product, reactants, times):
                pattern = patterns()[index]
                if target in _after(pattern, tuple(reactants[i] for i in order), times, _counts(product)):
                    return Match(pattern.reaction_class, order, times)
            if times == 1:
                curated = _curated(product, target, reactants)
                if curated is not None:
                    return curated
    return Match(class_by_change(product, reactants) or GENERIC)


def outcomes_of_class(product: str, reactants: tuple[str, ...]) -> set[str]:
    """Flat SMILES of all that one run of the step's own pattern makes; empty when no pattern gives the product."""
    found = match(product, reactants)
    target = flat(product)
    ordered = tuple(reactants[i] for i in found.order)
    for pattern in patterns():
        if pattern.reaction_class == found.reaction_class and len(pattern.templates) == len(ordered) > 0:
            made = _outcomes(pattern, ordered, None)
            if target in made:
                return made & {m for m in made if _again(m) == m}
    return set()


@cache
def _stacked(slots: int) -> tuple[list[int], Counts, NDArray[np.bool_]]:
    """Of the patterns with so many templates: their places, what one run adds less what it removes, exactness."""
    places = [i for i, p in enumerate(patterns()) if len(p.templates) == slots]
    if not places:
        return [], np.zeros((0, WIDTH), dtype=np.int32), np.zeros(0, dtype=np.bool_)
    change = np.stack([patterns()[i].added - patterns()[i].removed for i in places])
    return places, change, np.array([patterns()[i].exact for i in places])


def _possible(product: str, reactants: tuple[str, ...], times: int) -> list[tuple[int, tuple[int, ...]]]:
    """(pattern, reactants for its templates) that the element counts and the templates allow, in the patterns' order.

    More than one run is asked for single substrates only: both esters of a diester, three Boc groups.
    """
    goal = _counts(product)
    found: list[tuple[int, tuple[int, ...]]] = []
    for slots in (1, 2, 3) if times == 1 else (1,):
        places, change, exact = _stacked(slots)
        for order in permutations(range(len(reactants)), slots):
            left = sum((_counts(reactants[i]) for i in order), np.zeros_like(goal)) + times * change - goal
            fits = (left >= 0).all(axis=1) & (~exact | (left == 0).all(axis=1))
            found.extend((places[row], order) for row in np.flatnonzero(fits))
    return [
        (index, order)
        for index, order in sorted(found)
        if all(
            parse(reactants[i]).HasSubstructMatch(t) for i, t in zip(order, patterns()[index].templates, strict=True)
        )
    ]


def _after(pattern: Pattern, ordered: tuple[str, ...], times: int, goal: Counts) -> set[str]:
    """What `times` runs give; the last one keeps only what has the product's atoms."""
    pool = {ordered}
    for _ in range(times - 1):
        pool = {(made,) for mains in sorted(pool)[:6] for made in _outcomes(pattern, mains, None)}
    return {made for mains in sorted(pool)[:12] for made in _outcomes(pattern, mains, goal)}


def _outcomes(pattern: Pattern, ordered: tuple[str, ...], goal: Counts | None) -> set[str]:
    """Flat SMILES of what one run gives; with `goal`, only of those that have as many heavy atoms."""
    found: set[str] = set()
    seen: set[str] = set()
    with rdBase.BlockLogs():  # RDKit warns whenever the ceiling is reached, which is what it is for
        outcomes = pattern.reaction.RunReactants(tuple(parse(r) for r in ordered), maxProducts=MAX_OUTCOMES)
    for outcome in outcomes:
        mol = outcome[0]
        if goal is not None and mol.GetNumAtoms() != goal[-1]:
            continue
        raw = _sanitised(mol)
        if raw is not None and raw not in seen:
            seen.add(raw)
            found.update((raw, _again(raw)))
    found.discard("")
    return found


def _sanitised(mol: Chem.Mol) -> str | None:
    """Flat SMILES of what a pattern made; None when it is no molecule. Changes `mol`."""
    with rdBase.BlockLogs():
        if Chem.SanitizeMol(mol, catchErrors=True) != Chem.SanitizeFlags.SANITIZE_NONE:
            # Cut from its group, an azole's nitrogen needs the hydrogen that no pattern writes.
            bare = [a for a in mol.GetAtoms() if a.HasProp("old_mapno") and _bare_azole(a)]
            for atom in bare:
                atom.SetNumExplicitHs(1)
            if not bare or Chem.SanitizeMol(mol, catchErrors=True) != Chem.SanitizeFlags.SANITIZE_NONE:
                return None
        Chem.RemoveStereochemistry(mol)
    return str(Chem.MolToSmiles(mol))


@lru_cache(maxsize=4096)
def _again(smiles: str) -> str:
    """After another reading the canonical SMILES no longer depends on how a template wrote its bonds."""
    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(smiles)
    return "" if mol is None else str(Chem.MolToSmiles(mol))


def _bare_azole(atom: Chem.Atom) -> bool:
    return bool(atom.GetIsAromatic() and atom.GetAtomicNum() == 7 and atom.GetDegree() == 2)


def _curated(product: str, target: str, reactants: tuple[str, ...]) -> Match | None:
    change = formula.of_smiles(product)
    for reactant in reactants:
        change.subtract(formula.of_smiles(reactant))
    key = tuple(sorted((e, n) for e, n in change.items() if n))
    for reaction in _curated_by_change().get(key, ()):
        slots = reaction.forward.GetNumReactantTemplates()
        if slots != len(reactants):
            continue
        for order in permutations(range(slots)):
            made = forward_products(reaction, tuple(reactants[i] for i in order))
            if target in {flat(m) for m in made}:
                return Match(reaction.reaction_class, order)
    return None
