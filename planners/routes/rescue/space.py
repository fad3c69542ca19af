"""What may be varied when a synthesis has failed: a small grid around the procedure that was carried out.

Temperature within what the vessel, the solvent and the hazards allow, duration, the excess of what is not limiting, the
solvent among those of the same nature, and the purification.
"""

from __future__ import annotations

from collections.abc import Collection

from knowledge.hazards import incompatible
from knowledge.records.hazard import Severity
from knowledge.records.procedure import Charge, Procedure, Role
from knowledge.records.quantity import Quantity
from knowledge.records.space import Category, Forbidden, Number, NumberScale, Option, Setting, Space, SpaceRule, Where
from planners.routes.appraisal import is_energetic
from planners.routes.conditions.agents import Agent, vocabulary
from planners.routes.conditions.precedents import agent_index
from planners.routes.handbook import label
from planners.routes.procedure import BOILING_MARGIN
from planners.routes.purification import LARGEST_DISTILLED, method_of
from planners.routes.structure import parse

STEPS_K = (-40.0, -20.0, 20.0, 40.0)
DISTINCT_K = 3.0  # nearer to the own temperature is the same
DURATIONS = (0.25, 0.5, 2.0, 4.0)
EXCESSES = (1.0, 1.5, 2.0)
SHORTEST_H, LONGEST_H = 0.25, 96.0
COLDEST_K = 195.0  # a bath of dry ice
HOTTEST = Quantity(value=523.15, unit="K")
REFLUX_ROOM = 1.0  # K above the boiling point that a refluxing mixture may be said to be held at
SOLVENTS = 4  # options at most, the first attempt's own among them
LEAST_SHARE = 0.05  # of a class's published reactions; a rarer solvent is no usual choice
# Solvents that can stand in for one another in most reactions; of those not named here only precedents say more.
_ALIKE = (
    ("dimethyl sulfoxide", "acetonitrile", "N,N-dimethylformamide", "N,N-dimethylacetamide", "N-methylpyrrolidone"),
    ("tetrahydrofuran", "1,4-dioxane", "1,2-dimethoxyethane", "diethyl ether", "tert-butyl methyl ether"),
    ("toluene", "cyclohexane", "o-xylene"),
    ("dichloromethane", "1,2-dichloroethane", "chloroform"),
    ("ethyl acetate", "isopropyl acetate"),
    ("acetone", "butanone"),
)
# Never brought in: poisons that others of the same nature replace.
_AVOIDED = frozenset({"N-methylpyrrolidone", "chloroform", "benzene", "carbon tetrachloride", "1,2-dichloroethane"})


def rescue_space(procedure: Procedure, *, made: Collection[str] = (), hottest: Quantity = HOTTEST) -> Space:
    """Settings of one step, its own (`own_setting`) among them.

    `made`: SMILES of intermediates, of which there is no more than the earlier steps gave. `hottest`: a limit from
    outside, such as what may be approved. A space of one point has nothing left to vary. Raises InvalidMolecule.
    """
    own = own_setting(procedure, made=made)
    solvents = _solvents(procedure)
    temperatures = _temperatures(procedure, solvents, hottest)
    hours = float(own["duration"])
    durations = {hours, *(_rounded(hours * f) for f in DURATIONS if SHORTEST_H <= hours * f <= LONGEST_H)}
    parameters: list[Category | Number] = [
        Number(name="temperature", unit="K", levels=tuple(sorted(temperatures))),
        Number(name="duration", unit="hour", levels=tuple(sorted(durations)), scale=NumberScale.LOG),
    ]
    if "excess" in own:
        parameters.append(Number(name="excess", unit="dimensionless", levels=EXCESSES, scale=NumberScale.LOG))
    rules: list[SpaceRule] = []
    if solvents:
        options = tuple(Option(name=s.name, smiles=s.smiles) for s in solvents)
        parameters.append(Category(name="solvent", options=options))
        for solvent in solvents:
            rules += _limits(procedure, solvent, temperatures)
    methods = _methods(procedure)
    parameters.append(Category(name="purification", options=tuple(Option(name=m) for m in methods)))
    return Space(parameters=tuple(parameters), rules=tuple(rules))


def own_setting(procedure: Procedure, *, made: Collection[str] = ()) -> Setting:
    """The setting at which the procedure itself stands."""
    setting: Setting = {
        "temperature": procedure.temperature.quantity.magnitude("K"),
        "duration": procedure.duration.quantity.magnitude("hour"),
    }
    if excess_of(procedure, made=made) is not None:
        setting["excess"] = 1.0
    solvent = solvent_of(procedure)
    if solvent is not None:
        setting["solvent"] = solvent.name
    setting["purification"] = method_of(procedure)
    return setting


def solvent_of(procedure: Procedure) -> Charge | None:
    """The solvent, where there is exactly one of known volume."""
    found = [c for c in procedure.charges if c.role is Role.SOLVENT]
    return found[0] if len(found) == 1 and found[0].volume is not None else None


def excess_of(procedure: Procedure, *, made: Collection[str] = ()) -> Charge | None:
    """Of which more can be taken: a bought reactant that is not limiting, else the first stoichiometric reagent."""
    bought = [
        c
        for c in procedure.charges
        if c.role is Role.REACTANT and c.smiles != procedure.limiting and c.smiles not in made
    ]
    reagents = [c for c in procedure.charges if c.role is Role.REAGENT and (c.equivalents or 0.0) >= 0.5]
    return next(iter([*bought, *reagents]), None)


def ceiling(vessel: str, boiling: float | None) -> float | None:
    """The hottest that a vessel of this kind may be with that solvent, in K; None where nothing is known against it."""
    if boiling is None or vessel == "sealed":
        return None
    return boiling + REFLUX_ROOM if vessel == "reflux" else boiling - BOILING_MARGIN


def _temperatures(procedure: Procedure, solvents: list[Agent], hottest: Quantity) -> list[float]:
    """Levels in K: steps around the own temperature, and how hot each solvent may just be."""
    own = procedure.temperature.quantity.magnitude("K")
    highest = min(own + max(STEPS_K), max(hottest.magnitude("K"), own))
    if any(is_energetic(warning) for warning in procedure.hazards):
        highest = own
    boiling = [label(c.smiles).boiling_point for c in procedure.charges if c.role is Role.REACTANT]
    if not solvents and procedure.vessel != "sealed":
        lowest_boiling = min((b for b in boiling if b is not None), default=own)
        highest = min(highest, max(own, lowest_boiling - BOILING_MARGIN))
    levels = {own + step for step in STEPS_K} | {own}
    for solvent in solvents:
        limit = ceiling(procedure.vessel, label(solvent.smiles).boiling_point)
        if limit is not None and DISTINCT_K <= abs(limit - own) < max(STEPS_K):
            levels.add(float(int(limit)))
    return sorted({t for t in levels if COLDEST_K <= t <= highest or t == own})


def _limits(procedure: Procedure, solvent: Agent, temperatures: list[float]) -> list[SpaceRule]:
    """A solvent is held below its boiling point as the vessel allows, and above its melting point."""
    known = label(solvent.smiles)
    own = procedure.temperature.quantity.magnitude("K")
    charged = solvent_of(procedure)
    is_own = charged is not None and charged.name == solvent.name
    rules: list[SpaceRule] = []
    limit = ceiling(procedure.vessel, known.boiling_point)
    hot = [t for t in temperatures if limit is not None and t > limit + 0.01 and not (is_own and t == own)]
    if hot:
        where = (Where(parameter="solvent", options=(solvent.name,)), Where(parameter="temperature", minimum=hot[0]))
        rules.append(Forbidden(where=where, reason=f"{solvent.name} boils at {known.boiling_point:.0f} K"))
    melting = known.melting_point
    cold = [t for t in temperatures if melting is not None and t < melting and not (is_own and t == own)]
    if cold:
        where = (Where(parameter="solvent", options=(solvent.name,)), Where(parameter="temperature", maximum=cold[-1]))
        rules.append(Forbidden(where=where, reason=f"{solvent.name} melts at {melting:.0f} K"))
    return rules


def _solvents(procedure: Procedure) -> list[Agent]:
    """The own solvent first, then those of its nature, then what the class's published reactions use most."""
    own = solvent_of(procedure)
    if own is None:
        return []
    found = [Agent(own.name, "solvent", own.smiles, (own.smiles,), None)]
    names = [name for group in _ALIKE if own.name in group for name in group]
    index = agent_index()
    if index is not None:
        shares = index.shares(procedure.reaction_class)
        usual = [n for n, share in shares.items() if share >= LEAST_SHARE and vocabulary().named(n).kind == "solvent"]
        names += sorted(usual, key=lambda n: (-shares[n], n))
    for name in names:
        agent = vocabulary().named(name)
        new = name not in _AVOIDED and all(agent.smiles != other.smiles for other in found)
        if new and _fits(agent, own, procedure):
            found.append(agent)
    return found[:SOLVENTS]


def _fits(solvent: Agent, own: Charge, procedure: Procedure) -> bool:
    """Known to the handbook, at peace with what is charged, and liquid at a temperature near the procedure's own."""
    known = label(solvent.smiles)
    if known.density is None or known.boiling_point is None:
        return False
    limit = ceiling(procedure.vessel, known.boiling_point)
    if limit is not None and limit < procedure.temperature.quantity.magnitude("K") + min(STEPS_K):
        return False
    others = [procedure.product, *(c.smiles for c in procedure.charges if c is not own)]
    if solvent.smiles in others or (solvent.name == "water") != (own.name == "water"):
        return False
    return not any(
        alert.severity is Severity.ALERT for other in others for alert in incompatible((solvent.smiles, other))
    )


def _methods(procedure: Procedure) -> list[str]:
    """The own purification first; a column parts what a still does not, and a still small molecules."""
    own = method_of(procedure)
    other = "chromatography"
    if own == other:
        if parse(procedure.product).GetNumHeavyAtoms() > LARGEST_DISTILLED:
            return [own]
        other = "distillation"
    return [own, other]


def _rounded(hours: float) -> float:
    return float(f"{hours:.4g}")
