"""The atom balance of a route step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from knowledge.records.procedure import Role
from knowledge.records.route import RouteStep
from planners.routes import formula
from planners.routes.conditions import conditions_for_step
from planners.routes.precedents.mapping import assign
from planners.routes.single_step.curated import reactions
from planners.routes.structure import parse

MOST_COPIES = 3  # of one reactant: more like sites react in polymers
TOLERANCE = 0.01  # atoms: 0.34 equivalents of a reagent with three groups bring one


class Unbalanced(ValueError):
    """A step whose product holds atoms that neither its reactants nor its reagents bring."""


def sites(step: RouteStep) -> int:
    """How many like sites react in one pot: two for a diester from a diacid."""
    reaction = reactions().get(step.template)
    if reaction is None:
        return conditions_for_step(step).sites
    if reaction.repeat == 1:
        return 1
    return max(Counter(step.reactants).values()) if len(step.reactants) > 1 else _solve_sites(step)


def _solve_sites(step: RouteStep) -> int:
    # One precursor, no partner to count: only the right number of sites closes the balance.
    reaction = reactions()[step.template]
    for times in range(1, reaction.repeat + 1):
        if not _missing(step, reaction.difference(times), exact=True):
            return times
    raise Unbalanced(f"no number of sites balances {step.reaction_smiles}")


def _missing(step: RouteStep, change: Mapping[str, float], *, exact: bool) -> list[str]:
    left: Counter[str] = Counter()
    for reactant in step.reactants:
        left.update(formula.of_smiles(reactant))
    right = formula.of_smiles(step.product)
    elements = sorted({*left, *right, *change})
    if exact:
        return [e for e in elements if left[e] + change.get(e, 0) != right[e]]
    return [e for e in elements if e != "H" and left[e] + change.get(e, 0) < right[e] - TOLERANCE]


def _supply(step: RouteStep) -> dict[str, float]:
    """Atoms that the reagents bring per molecule of product, in the amounts in which they are charged."""
    conditions = conditions_for_step(step)
    supply: dict[str, float] = {}
    for use in conditions.reagents:
        if use.role is not Role.CATALYST:
            for element, n in formula.of_smiles(use.smiles).items():
                supply[element] = supply.get(element, 0.0) + n * use.equivalents * conditions.sites
    return supply


def with_copies(step: RouteStep) -> RouteStep:
    """The step with one reactant repeated as often as its product needs it; learned models write each of them once.

    The step itself when it balances as it is, when a curated rule counts, or when no repetition closes the account with
    every copy giving the same number of atoms. Raises InvalidMolecule.
    """
    if step.template in reactions() or not _missing(step, _supply(step), exact=False):
        return step
    for reactant in sorted(set(step.reactants), key=lambda r: (len(r), r)):
        for copies in range(1, MOST_COPIES):
            more = step.model_copy(update={"reactants": (*step.reactants, *(reactant,) * copies)})
            if not _missing(more, _supply(more), exact=False) and _alike(more, reactant):
                return more
    return step


def _alike(step: RouteStep, repeated: str) -> bool:
    mapping = assign(step.product, ".".join(step.reactants))
    used, start = set(mapping.partner), 0
    given = set()
    for reactant in step.reactants:
        size = parse(reactant).GetNumAtoms()
        if reactant == repeated:
            given.add(sum(atom in used for atom in range(start, start + size)))
        start += size
    return len(given) == 1 and given != {0}


def check_balance(step: RouteStep) -> None:
    """Curated templates: reactants + gain = product + loss, hydrogen included. Others: no heavy atom from nowhere.

    Nowhere is neither the reactants, one of them several times if need be, nor the reagents of the step's conditions.
    Raises Unbalanced, naming the elements.
    """
    reaction = reactions().get(step.template)
    if reaction is not None:
        missing = _missing(step, reaction.difference(sites(step)), exact=reaction.balanced)
    else:
        missing = _missing(step, _supply(step), exact=False)
    if missing and with_copies(step) != step:
        return
    if missing:
        raise Unbalanced(f"{step.reaction_smiles} ({step.template}) does not balance in {', '.join(missing)}")
