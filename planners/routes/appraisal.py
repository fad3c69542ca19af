"""What can be said of a procedure without doing it: whether it holds together, what it wastes, how dangerous it is."""

from __future__ import annotations

from collections.abc import Sequence

from knowledge.records.procedure import Charge, Procedure, Role
from knowledge.records.route import RouteStep
from planners.routes import formula
from planners.routes.conditions import class_of, conditions_for
from planners.routes.handbook import label
from planners.routes.procedure import BOILING_MARGIN, FILL, SOLID_DENSITY, molar_mass

ROUNDING = 1e-3  # relative; amounts are written with six digits
# Judged by us: how much of the remaining safety each kind of warning takes, by how `conditions.dangers` words it.
_RISKS = (("incompatible:", 0.25), ("exothermic", 0.08))
_ENERGETIC, _OTHER = 0.3, 0.03
_ENERGETIC_WORDS = ("shock", "energetic", "explo", "violent", "burns in air", "pyrophoric", "oxygen balance", "ignites")


def check_procedure(procedure: Procedure) -> list[str]:
    """Problems in words, each beginning with balance, mass, volume or boiling; [] when there are none.

    Balance: every heavy element of the product is charged, counted in moles of reactants and reagents; oxygen may
    come from the water of the work-up. Volume: two thirds of the vessel. Boiling: an open vessel stays 5 K below the
    solvent's boiling point, a refluxing one does not exceed it by more than 1 K. Raises InvalidMolecule.
    """
    return [*_balance(procedure), *_masses(procedure), *_volume(procedure), *_boiling(procedure)]


def _balance(procedure: Procedure) -> list[str]:
    grams = procedure.product_mass.magnitude("g")
    extent = grams / molar_mass(procedure.product) / procedure.expected_yield.quantity.value
    have: dict[str, float] = {}
    for charge in procedure.charges:
        if charge.role in (Role.REACTANT, Role.REAGENT):
            for element, n in formula.of_smiles(charge.smiles).items():
                have[element] = have.get(element, 0.0) + n * charge.amount.magnitude("mol")
    problems = []
    for element, n in sorted(formula.of_smiles(procedure.product).items()):
        if element not in ("H", "O") and have.get(element, 0.0) < n * extent * (1.0 - ROUNDING):
            problems.append(
                f"balance: {n * extent:.4g} mol of {element} in the product, {have.get(element, 0.0):.4g} mol charged"
            )
    return problems


def _masses(procedure: Procedure) -> list[str]:
    problems = []
    for charge in procedure.charges:
        expected = charge.amount.magnitude("mol") * molar_mass(charge.smiles)
        if abs(charge.mass.magnitude("g") - expected) > ROUNDING * expected:
            problems.append(f"mass: {charge.name} weighs {charge.mass}, its amount says {expected:.4g} g")
    return problems


def filled(charges: Sequence[Charge]) -> float:
    """mL that the charges take; solids and liquids of unknown density with 1.3 g/mL."""
    return sum(
        c.volume.magnitude("mL") if c.volume is not None else c.mass.magnitude("g") / SOLID_DENSITY for c in charges
    )


def _volume(procedure: Procedure) -> list[str]:
    room = FILL * procedure.vessel_volume.magnitude("mL")
    full = filled(procedure.charges)
    return [] if full <= room * (1.0 + ROUNDING) else [f"volume: {full:.0f} mL in a vessel that takes {room:.0f} mL"]


def _boiling(procedure: Procedure) -> list[str]:
    vessel = procedure.vessel or conditions_for(procedure.reaction_class).vessel
    temperature = procedure.temperature.quantity.magnitude("K")
    problems = []
    for charge in procedure.charges:
        boiling = label(charge.smiles).boiling_point if charge.role is Role.SOLVENT else None
        if boiling is None or vessel == "sealed":
            continue
        limit = boiling - BOILING_MARGIN if vessel == "open" else boiling + 1.0
        if temperature > limit + 0.01:
            problems.append(f"boiling: {temperature:.1f} K in {charge.name}, {vessel} vessel, boils at {boiling:.1f} K")
    return problems


def process_mass_intensity(procedures: Sequence[Procedure]) -> float:
    """kg charged per kg of the last product (PMI); what one step hands to the next is counted once, work-up is not.

    C. Jimenez-Gonzalez et al., Org. Process Res. Dev. 2011, 15, 912. 1.0 for a purchased target: no procedures.
    """
    if not procedures:
        return 1.0
    made = {p.product for p in procedures}
    charged = sum(
        c.mass.magnitude("g")
        for p in procedures
        for c in p.charges
        if c.role is not Role.REACTANT or c.smiles not in made
    )
    return charged / procedures[-1].product_mass.magnitude("g")


def hazard_score(procedures: Sequence[Procedure]) -> float:
    """0 (no warning) .. 1: one less the product of what each warning leaves, over all steps. No probability."""
    safe = 1.0
    for procedure in procedures:
        for text in procedure.hazards:
            safe *= 1.0 - _risk(text)
    return round(1.0 - safe, 4)


def _risk(text: str) -> float:
    for start, risk in _RISKS:
        if text.startswith(start):
            return risk
    return _ENERGETIC if is_energetic(text) else _OTHER


def is_energetic(warning: str) -> bool:
    """Whether a procedure's warning is of something that may go off or catch fire by itself."""
    return any(word in warning for word in _ENERGETIC_WORDS)


def expected_yield(step: RouteStep) -> float:
    """Fraction that the step's class usually gives, 0 .. 1. Raises InvalidMolecule."""
    return conditions_for(class_of(step).reaction_class).typical_yield
