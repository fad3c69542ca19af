"""The conditions of one step: what precedents choose, completed by the rule of its class, every value marked."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache

from knowledge.records.procedure import Basis, Role
from knowledge.records.quantity import Quantity
from knowledge.records.route import Precedent, RouteStep
from planners.routes import formula
from planners.routes.conditions.agents import Agent, Kind, vocabulary
from planners.routes.conditions.classify import Match, match
from planners.routes.conditions.precedents import Neighbour, agent_index
from planners.routes.conditions.table import (
    GENERIC,
    REFLUX_MARGIN,
    Conditions,
    ReagentUse,
    conditions_for,
    conditions_table,
)
from planners.routes.conditions.vote import SYSTEM, Ballot, kinds_of, vote
from planners.routes.handbook import label
from planners.routes.single_step.curated import reactions
from planners.routes.single_step.weights import COMMAND
from planners.routes.structure import canonical, parse

SOURCE = "USPTO patents (PaRoutes n1)"
NAMED = 5  # precedents named in a procedure
EXCESS = 1.1  # of a precursor where the class does not say
NEAR_ENOUGH = 0.5  # a curated rule's own conditions yield only to precedents as similar as this
USUAL: dict[Kind, float] = {
    "base": 2.0, "catalyst": 0.05, "ligand": 0.1, "coupling": 1.2, "oxidant": 1.5, "reductant": 2.0, "acid": 1.0,
    "metal": 1.1,
}  # fmt: skip
NO_WEIGHTS = f"no precedent index is installed (`{COMMAND} ROUTES=FILE` makes it): the rule of the class serves alone"


def class_of(step: RouteStep) -> Match:
    """The step's class: the curated rule's own, else what the molecules themselves say. Raises InvalidMolecule."""
    if step.template in reactions():
        return Match(step.reaction_class, tuple(range(len(step.reactants))))
    found = match(step.product, step.reactants)
    if found.reaction_class == GENERIC and step.reaction_class in conditions_table().classes:
        return Match(step.reaction_class)
    return found


@lru_cache(maxsize=8192)
def conditions_for_step(step: RouteStep) -> Conditions:
    """Conditions with the precedents that chose them; class rules alone where none is near or no index is installed.

    Raises InvalidMolecule.
    """
    found = class_of(step)
    curated = step.template in reactions()
    rule = conditions_for(found.reaction_class)
    if not curated:
        rule = _fitted(rule, found, step)
    if rule.reaction_class == GENERIC:
        return rule  # reactions that share no more than the lack of a name are no precedents
    index = agent_index()
    if index is None:
        return rule.model_copy(update={"notes": (*rule.notes, NO_WEIGHTS)})
    ballot = vote(index, rule, step.product, step.reactants)
    if ballot is None or not ballot.supporters:
        return rule
    if curated and ballot.supporters[0].similarity < NEAR_ENOUGH:
        return rule
    return _merged(rule, ballot)


def _fitted(rule: Conditions, found: Match, step: RouteStep) -> Conditions:
    """The rule for this step's own reactants: excess by their positions, nothing charged twice."""
    distinct = list(Counter(step.reactants))
    used = {step.reactants[i] for i in found.order}
    beside = [r for r in distinct if r not in used] if found.order else []
    reagents, notes = [], list(rule.notes)
    supply = _supply(beside)
    need = _lacking(step, used)
    for use in rule.reagents:
        brings = set(formula.of_smiles(use.smiles)) & set(need)
        if canonical(use.smiles) in distinct or (brings and all(supply[e] >= n for e, n in need.items())):
            notes.append(f"{use.name} is left out: the reactants bring its part")
            continue
        reagents.append(use)
    table = rule.equivalents
    factors, spoken = [1.0] * len(distinct), bool(table)
    if len(distinct) > 1 and len(table) == len(found.order) and len(found.order) > 1:
        position = {step.reactants[i]: table[place] for place, i in enumerate(found.order)}
        factors = [position.get(r, EXCESS) for r in distinct]
    elif len(distinct) > 1:
        spoken = False
        main = max(used or distinct, key=lambda r: (parse(r).GetNumHeavyAtoms(), r))
        factors = [1.0 if r == main else EXCESS for r in distinct]
    default = rule.default if spoken or len(distinct) == 1 else tuple(dict.fromkeys((*rule.default, "equivalents")))
    return rule.model_copy(
        update={
            "reagents": tuple(reagents),
            "equivalents": tuple(factors),
            "default": default,
            "sites": max(found.sites, *Counter(step.reactants).values()),
            "notes": tuple(notes),
        }
    )


def _supply(smiles: list[str]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for text in smiles:
        counts.update(formula.of_smiles(text))
    return counts


def _lacking(step: RouteStep, used: set[str]) -> Counter[str]:
    """Heavy atoms of the product that the matched reactants do not bring: a reagent's, or a further reactant's."""
    need = formula.of_smiles(step.product)
    for reactant in step.reactants:
        if reactant in used:
            need.subtract(formula.of_smiles(reactant))
    return Counter({e: n for e, n in need.items() if n > 0 and e != "H"})


def _merged(rule: Conditions, ballot: Ballot) -> Conditions:
    kinds = kinds_of(rule)
    replaced = {a.kind for a in ballot.system} | ({"base"} if ballot.base else set())
    if ballot.system:
        replaced |= set(SYSTEM) | {"ligand"}
    kept = [use for use in rule.reagents if _kind(use) not in replaced]
    reagents = [use.model_copy(update={"basis": rule.basis("reagents")}) for use in kept]
    chosen = [*ballot.system, *((ballot.base,) if ballot.base else ())]
    for agent in chosen:
        reagents.append(_use(agent, agent.equivalents or kinds.get(agent.kind) or USUAL.get(agent.kind, 1.0)))
    reagents += _companions(chosen, rule, reagents)
    fields = [*(["reagents"] if chosen else []), *(["solvent"] if ballot.solvent else [])]
    update: dict[str, object] = {
        "reagents": tuple(reagents),
        "precedent": tuple(fields),
        "precedents": tuple(
            Precedent(id=n.patent, source=SOURCE, similarity=round(n.similarity, 3)) for n in _distinct(ballot)
        ),
    }
    if ballot.solvent is not None:
        update |= {"solvent": ballot.solvent.name, "solvent_smiles": ballot.solvent.smiles}
        update |= _heat(rule, ballot.solvent)
    return rule.model_copy(update=update)


def _companions(chosen: list[Agent], rule: Conditions, have: list[ReagentUse]) -> list[ReagentUse]:
    """What the chosen agents need beside them; a ligand is the rule's own where it has one."""
    kinds = {agent.kind for agent in chosen}
    found = []
    for agent in chosen:
        for name, equivalents in vocabulary().companions.get(agent.name, ()):
            companion = vocabulary().named(name)
            if companion.kind in kinds or companion.smiles in {canonical(use.smiles) for use in have}:
                continue
            usual = [u for u in rule.reagents if _kind(u) == companion.kind == "ligand"]
            needed = usual or [_use(companion, equivalents)]
            found += [use.model_copy(update={"basis": Basis.RULE}) for use in needed]
    return found


def _kind(use: ReagentUse) -> Kind | None:
    agent = vocabulary().of_smiles(use.smiles)
    return None if agent is None else agent.kind


def _use(agent: Agent, equivalents: float) -> ReagentUse:
    role = Role.CATALYST if agent.kind in ("catalyst", "ligand") else Role.REAGENT
    return ReagentUse(name=agent.name, smiles=agent.smiles, role=role, equivalents=equivalents, basis=Basis.PRECEDENT)


def _distinct(ballot: Ballot) -> list[Neighbour]:
    found: dict[str, Neighbour] = {}
    for neighbour in ballot.supporters:
        found.setdefault(neighbour.patent, neighbour)
    return list(found.values())[:NAMED]


def _heat(rule: Conditions, solvent: Agent) -> dict[str, object]:
    """Temperature and vessel in the precedents' solvent: the rule's, in an open vessel 5 K below the boiling point."""
    boiling = label(solvent.smiles).boiling_point
    wanted = rule.temperature.magnitude("K")
    if boiling is None or rule.vessel == "sealed":
        return {}
    limit = boiling - REFLUX_MARGIN
    if wanted <= limit:
        return {"vessel": "open"} if rule.vessel == "reflux" else {}
    text = f"the rule's {wanted:.0f} K is lowered to 5 K below the boiling point of {solvent.name}"
    return {
        "temperature": Quantity(value=float(int(limit)), unit="K"),
        "vessel": "open",
        "notes": (*rule.notes, text),
    }
