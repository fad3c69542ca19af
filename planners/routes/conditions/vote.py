"""What the nearest precedents would take: a similarity-weighted vote for the reagent system, the base and the solvent.

The system (coupling reagent, catalyst with ligand, reductant, oxidant, acid) is voted for as a whole, since its parts
only work together; base and solvent follow, neighbours that chose the same system counting more.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from knowledge.hazards import incompatible
from knowledge.records.hazard import Severity
from planners.routes.conditions.agents import Agent, Kind, vocabulary
from planners.routes.conditions.precedents import AgentIndex, Neighbour
from planners.routes.conditions.table import REFLUX_MARGIN, Conditions
from planners.routes.handbook import label

NEIGHBOURS = 300
PRIOR = 0.3  # what a solvent's share in the class weighs beside the neighbours' vote, which sums to 1
LEAST_NEIGHBOURS = 3  # fewer published reactions of a class say little
LEAST_SIMILARITY = 0.2  # of the nearest one; below it the class's rule knows as much
DISSENT = 0.3  # weight left to a neighbour that chose another system
LEAST_SHARE = 0.02  # of a class's reactions; a rarer solvent is a slip or a work-up
COOLER = 45.0  # K below the class's temperature that a solvent's boiling point may force
SYSTEM: tuple[Kind, ...] = ("coupling", "catalyst", "reductant", "oxidant", "acid", "metal")
# Solvents that records name as often for extraction and chromatography as for the reaction itself.
_ALSO_WORKUP = {
    "ethyl acetate": 0.25, "diethyl ether": 0.3, "chloroform": 0.5, "dichloromethane": 0.7, "methanol": 0.7,
    "ethanol": 0.9,
}  # fmt: skip
_WITHDRAWN = frozenset({"carbon tetrachloride", "benzene"})  # ozone layer; carcinogen: common in old patents only
_AQUEOUS_BASES = frozenset({"sodium hydroxide", "potassium hydroxide", "lithium hydroxide"})

T = TypeVar("T", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Ballot:
    """None: the precedents name nothing of that sort. `supporters`: neighbours that agree with every choice made."""

    solvent: Agent | None
    system: tuple[Agent, ...]
    base: Agent | None
    supporters: tuple[Neighbour, ...]


def kinds_of(conditions: Conditions) -> dict[Kind, float]:
    """The kinds that the class's rule uses, with the equivalents of each; what brings atoms is never voted on."""
    found: dict[Kind, float] = {}
    for use in conditions.reagents:
        agent = vocabulary().of_smiles(use.smiles)
        if agent is not None and (agent.kind in SYSTEM or agent.kind in ("base", "ligand")):
            found.setdefault(agent.kind, use.equivalents)
    return found


def vote(
    index: AgentIndex,
    conditions: Conditions,
    product: str,
    reactants: tuple[str, ...],
    *,
    without: str = "",
) -> Ballot | None:
    """None when too few or too distant precedents are known. `without`: a patent that may not vote (validation)."""
    key = conditions.reaction_class
    neighbours = index.nearest(key, product, reactants, NEIGHBOURS, without=without)
    if len(neighbours) < LEAST_NEIGHBOURS or neighbours[0].similarity < LEAST_SIMILARITY:
        return None
    present = frozenset(reactants)
    kinds = kinds_of(conditions)
    weights = [n.weight for n in neighbours]

    systems = [_system(n, kinds, present) for n in neighbours]
    system = _commonest_with_its_leader(systems, weights)

    bases = [_base(n, conditions, present) if "base" in kinds else None for n in neighbours]
    base = _winner(bases, weights)

    shares = index.shares(key)
    chosen = [_agent(a) for a in (*system, *((base,) if base else ()))]
    fits = _suitable(conditions, chosen, reactants)
    solvents = [
        tuple(a for a in n.agents if _agent(a).kind == "solvent" and shares[a] >= LEAST_SHARE and fits(_agent(a)))
        for n in neighbours
    ]
    agree = [
        i
        for i, (s, b) in enumerate(zip(systems, bases, strict=True))
        if s == system and b == base and (chosen or solvents[i])
    ]
    agreeing = frozenset(agree)
    possible = {name for i in agree for name in solvents[i]}
    total = sum(w for w, several in zip(weights, solvents, strict=True) if several) or 1.0
    tally = {name: PRIOR * shares[name] * _ALSO_WORKUP.get(name, 1.0) for name in sorted(possible)}
    for i, (several, weight) in enumerate(zip(solvents, weights, strict=True)):
        say = weight / total * (1.0 if i in agreeing else DISSENT)
        for name in several:
            if name in possible:
                tally[name] += say * _ALSO_WORKUP.get(name, 1.0) / len(several)
    medium = max(tally, key=tally.__getitem__, default="")
    supporters = [neighbours[i] for i in agree if not medium or medium in solvents[i]]
    if not medium and not chosen:
        return None
    return Ballot(
        solvent=_agent(medium) if medium else None,
        system=tuple(_agent(a) for a in system),
        base=None if base is None else _agent(base),
        supporters=tuple(sorted(supporters, key=lambda n: (-n.similarity, n.patent))),
    )


def _agent(name: str) -> Agent:
    return vocabulary().named(name)


def _system(neighbour: Neighbour, kinds: dict[Kind, float], present: frozenset[str]) -> tuple[str, ...]:
    """The neighbour's reagent system; () when it names none of what the class needs."""
    wanted = {k for k in kinds if k in SYSTEM}
    if "catalyst" in wanted:
        wanted.add("ligand")
    found = [a for a in neighbour.agents if _agent(a).kind in wanted and _agent(a).smiles not in present]
    if not any(_agent(a).kind != "ligand" for a in found):
        return ()
    return tuple(found)


def _base(neighbour: Neighbour, conditions: Conditions, present: frozenset[str]) -> str | None:
    usual = {vocabulary().of_smiles(u.smiles) for u in conditions.reagents}
    hydroxide = any(a is not None and a.name in _AQUEOUS_BASES for a in usual)
    for name in neighbour.agents:
        agent = _agent(name)
        if agent.kind != "base" or agent.smiles in present:
            continue
        if hydroxide or name not in _AQUEOUS_BASES:
            return name
    return None


def _commonest_with_its_leader(systems: Sequence[tuple[str, ...]], weights: Sequence[float]) -> tuple[str, ...]:
    """The heaviest system that holds the heaviest single agent: additives must not split the vote for a reagent."""
    tally: dict[str, float] = {}
    for system, weight in zip(systems, weights, strict=True):
        for name in system:
            if _agent(name).kind != "ligand":
                tally[name] = tally.get(name, 0.0) + weight
    leader = max(sorted(tally), key=tally.__getitem__, default="")
    return _winner([s if leader in s else () for s in systems], weights) if leader else ()


def _winner(choices: Sequence[T], weights: Sequence[float]) -> T:
    """The heaviest choice. Records that name nothing abstain; when all do, what they say: nothing."""
    tally: dict[T, float] = {}
    for choice, weight in zip(choices, weights, strict=True):
        if choice:
            tally[choice] = tally.get(choice, 0.0) + weight
    return max(tally, key=lambda c: (tally[c], str(c)), default=choices[0])


def _suitable(conditions: Conditions, chosen: Sequence[Agent], reactants: tuple[str, ...]) -> Callable[[Agent], bool]:
    """Whether a solvent can be used: known to the handbook, hot enough, and at peace with the reagents."""
    kept = [u.smiles for u in conditions.reagents if vocabulary().of_smiles(u.smiles) is None]
    others = [*(a.smiles for a in chosen), *kept, *reactants]
    watery = conditions.solvent == "water"
    asked: dict[str, bool] = {}

    def fits(solvent: Agent) -> bool:
        if solvent.smiles not in asked:
            asked[solvent.smiles] = judge(solvent)
        return asked[solvent.smiles]

    def judge(solvent: Agent) -> bool:
        if solvent.name in _WITHDRAWN or (solvent.name == "water" and not watery):
            return False
        known = label(solvent.smiles)
        if known.density is None or known.boiling_point is None or solvent.smiles in reactants:
            return False
        if known.melting_point is not None and known.melting_point > conditions.temperature.magnitude("K"):
            return False
        if known.boiling_point - REFLUX_MARGIN < conditions.temperature.magnitude("K") - COOLER:
            return False
        return not any(
            alert.severity is Severity.ALERT for other in others for alert in incompatible((solvent.smiles, other))
        )

    return fits
