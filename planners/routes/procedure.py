"""From a route to what a chemist does: amounts scaled back from the wanted mass through the expected yields."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from rdkit.Chem import rdMolDescriptors

from knowledge.records.procedure import Basis, Charge, Condition, Procedure, Remark, Role
from knowledge.records.quantity import Quantity
from knowledge.records.route import Route, RouteStep
from planners.routes.balance import check_balance, sites, with_copies
from planners.routes.conditions import Conditions, conditions_for_step
from planners.routes.conditions.dangers import dangers
from planners.routes.conditions.sites import other_products
from planners.routes.handbook import label
from planners.routes.purification import choose
from planners.routes.single_step.curated import reactions
from planners.routes.structure import parse

TARGET_MASS = Quantity(value=20.0, unit="g")
CONCENTRATION = 1.0  # mol/L of the limiting reactant in the solvent; a default, good for most batch chemistry
DILUTE = 0.3  # mol/L for large molecules in steps of learned models, which seldom dissolve better
LARGE = 12  # heavy atoms of the product
EXCESS = 1.1  # of every non-limiting precursor where the class does not say
SOLID_DENSITY = 1.3  # g/mL, for the room that solids and unlabelled liquids take
FILL = 2.0 / 3.0
VESSELS = (10, 25, 50, 100, 250, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000)  # mL
BOILING_MARGIN = 5.0  # K


def molar_mass(smiles: str) -> float:
    """g/mol. Raises InvalidMolecule."""
    return float(rdMolDescriptors._CalcMolWt(parse(smiles)))


def write_procedures(
    route: Route,
    target_mass: Quantity = TARGET_MASS,
    *,
    properties: Mapping[str, Mapping[str, float]] | None = None,
) -> tuple[Procedure, ...]:
    """One procedure per step, in the route's order; () for a purchased route.

    `properties`: product SMILES -> {property name: value in the property table's unit}, predicted or known; boiling and
    melting point decide how the product is purified. Raises Unbalanced, UnitMismatch, and ValueError for a mass <= 0.
    """
    grams = target_mass.magnitude("g")
    if grams <= 0.0:
        raise ValueError(f"the target mass must be positive, not {target_mass}")
    wanted: defaultdict[str, float] = defaultdict(float)
    wanted[route.target] = grams
    known = properties or {}
    done = []
    for step in reversed(route.steps):
        procedure = _procedure(step, wanted[step.product], known.get(step.product, {}))
        for charge in procedure.charges:
            if charge.role is Role.REACTANT:
                wanted[charge.smiles] += charge.mass.magnitude("g")
        done.append(procedure)
    return tuple(reversed(done))


def _procedure(step: RouteStep, grams: float, known: Mapping[str, float]) -> Procedure:
    check_balance(step)
    step = with_copies(step)
    conditions = conditions_for_step(step)
    extent = grams / molar_mass(step.product) / conditions.typical_yield  # mol of reaction
    charges = [*_reactants(step, conditions, extent), *_reagents(step, conditions, extent)]
    counts = Counter(step.reactants)
    scarce = min((c for c in charges if c.role is Role.REACTANT), key=lambda c: c.amount.value / counts[c.smiles])
    limiting = scarce.amount.value
    charges = [_relative(c, limiting) for c in charges]
    solvent = _solvent(conditions, limiting / _concentration(step))
    if solvent is not None:
        charges.append(solvent)
    purification = choose(conditions, step.product, known)
    return Procedure(
        product=step.product,
        reactants=step.reactants,
        reaction_class=conditions.reaction_class if step.template not in reactions() else step.reaction_class,
        charges=tuple(charges),
        temperature=Condition(quantity=conditions.temperature, basis=conditions.basis("temperature")),
        duration=Condition(quantity=conditions.duration, basis=conditions.basis("duration")),
        workup=Remark(text=conditions.workup, basis=conditions.basis("workup")),
        purification=purification,
        expected_yield=Condition(
            quantity=Quantity(value=conditions.typical_yield, unit="dimensionless"), basis=conditions.basis("yield")
        ),
        product_mass=Quantity(value=_rounded(grams), unit="g"),
        vessel_volume=Quantity(value=vessel_for(charges), unit="mL"),
        side_products=conditions.side_products,
        hazards=(
            *conditions.hazards,
            *pressure_warnings(conditions.vessel, conditions.temperature, charges),
            *dangers(step.product, charges),
        ),
        limiting=scarce.smiles,
        quench=None if conditions.quench is None else Remark(text=conditions.quench, basis=conditions.basis("workup")),
        vessel=conditions.vessel,
        competing=other_products(step),
        precedents=conditions.precedents,
        notes=conditions.notes,
    )


def _reactants(step: RouteStep, conditions: Conditions, extent: float) -> list[Charge]:
    counts = Counter(step.reactants)
    factors, basis = _excess(counts, conditions)
    return [
        charged(smiles, label(smiles).name, Role.REACTANT, extent * n * factor, basis)
        for (smiles, n), factor in zip(counts.items(), factors, strict=True)
    ]


def _excess(counts: Counter[str], conditions: Conditions) -> tuple[list[float], Basis]:
    """How much of each distinct precursor, over what the stoichiometry asks; the limiting one has 1."""
    table = conditions.equivalents
    if len(counts) == 1:
        return [1.0], Basis.RULE
    several = [n > 1 for n in counts.values()]
    if any(several):
        # Several like sites: the molecule that carries them is limiting, or part of it would stay half reacted.
        excess = max(table, default=EXCESS)
        return [excess if many else 1.0 for many in several], conditions.basis("equivalents")
    if len(table) >= len(counts):
        return list(table[: len(counts)]), conditions.basis("equivalents")
    return [1.0 if position == 0 else EXCESS for position in range(len(counts))], Basis.DEFAULT


def _reagents(step: RouteStep, conditions: Conditions, extent: float) -> list[Charge]:
    # Stoichiometric reagents serve every site, a catalyst serves the batch.
    n = sites(step)
    return [
        charged(
            use.smiles,
            use.name,
            use.role,
            extent * use.equivalents * (1 if use.role is Role.CATALYST else n),
            use.basis or conditions.basis("reagents"),
        )
        for use in conditions.reagents
    ]


def _concentration(step: RouteStep) -> float:
    small = parse(step.product).GetNumHeavyAtoms() <= LARGE
    return CONCENTRATION if small or step.template in reactions() else DILUTE


def _solvent(conditions: Conditions, litres: float) -> Charge | None:
    if conditions.solvent is None or conditions.solvent_smiles is None:
        return None
    density = label(conditions.solvent_smiles).density
    if density is None:
        raise ValueError(f"the handbook has no density for the solvent {conditions.solvent}")
    mass = litres * 1000.0 * density
    amount = mass / molar_mass(conditions.solvent_smiles)
    charge = charged(conditions.solvent_smiles, conditions.solvent, Role.SOLVENT, amount, conditions.basis("solvent"))
    return charge.model_copy(update={"equivalents": None})


def charged(smiles: str, name: str, role: Role, amount: float, basis: Basis) -> Charge:
    """`amount` in mol; the equivalents are left open."""
    mass = amount * molar_mass(smiles)
    density = label(smiles).density
    return Charge(
        smiles=smiles,
        name=name,
        role=role,
        equivalents=None,
        amount=Quantity(value=_rounded(amount), unit="mol"),
        mass=Quantity(value=_rounded(mass), unit="g"),
        volume=None if density is None else Quantity(value=_rounded(mass / density), unit="mL"),
        basis=basis,
    )


def _relative(charge: Charge, limiting: float) -> Charge:
    return charge.model_copy(update={"equivalents": round(charge.amount.value / limiting, 4)})


def _rounded(value: float) -> float:
    """Six significant digits: more than any balance shows, few enough to read."""
    return float(f"{value:.6g}")


def vessel_for(charges: Sequence[Charge]) -> float:
    """mL of the smallest common vessel that stays at most two thirds full. Raises ValueError beyond the largest."""
    filled = sum(c.volume.value if c.volume is not None else c.mass.value / SOLID_DENSITY for c in charges)
    for size in VESSELS:
        if filled <= FILL * size:
            return float(size)
    raise ValueError(
        f"{filled / 1000.0:.0f} L do not fit into the largest vessel ({VESSELS[-1] // 1000} L, two thirds full)"
    )


def pressure_warnings(vessel: str, temperature: Quantity, charges: Sequence[Charge]) -> tuple[str, ...]:
    """A warning per reactant that would boil off: the table knows the solvent's boiling point, not the reactants'."""
    if vessel == "sealed":
        return ()
    limit = temperature.magnitude("K") + BOILING_MARGIN
    warnings = []
    for charge in charges:
        boiling = label(charge.smiles).boiling_point
        if charge.role is Role.REACTANT and boiling is not None and boiling < limit:
            better = "a condenser with a trap" if vessel == "reflux" else "a closed pressure vessel"
            warnings.append(f"{charge.name} boils at {boiling:.0f} K: use {better}")
    return tuple(warnings)
