"""One setting of a searched reaction as a chemist writes it down: what is weighed in, at what temperature, how long."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from knowledge.records.molecule import Molecule
from knowledge.records.procedure import Basis, Charge, Condition, Procedure, Remark, Role
from knowledge.records.protocol import Protocol, RunReaction
from knowledge.records.quantity import Quantity, convert
from knowledge.records.reaction import SUBSTANCES, Meaning, Part, Reaction, Substance, limiting
from knowledge.records.route import Leaf, Route, RouteStep, StockItem
from knowledge.records.space import Category, Setting, Space, Value
from planners.routes.conditions.dangers import dangers
from planners.routes.handbook import label
from planners.routes.procedure import charged, molar_mass, pressure_warnings, vessel_for

REACTION_CLASS = "searched_conditions"
SOLVENT_DENSITY = 0.9  # g/mL, of a solvent that the handbook does not know
_ROLES = {Part.REACTANT: Role.REACTANT, Part.SOLVENT: Role.SOLVENT, Part.CATALYST: Role.CATALYST,
          Part.LIGAND: Role.CATALYST}  # fmt: skip
_BOILING_MARGIN = 5.0  # K


def write_setting(
    reaction: Reaction,
    space: Space,
    meanings: Sequence[Meaning],
    setting: Setting,
    *,
    expected: float | None = None,
) -> Procedure:
    """The procedure of this setting, scaled to the reaction's `scale`; amounts follow from equivalents, the solvent's
    volume from the concentration.

    `meanings`: what each parameter of the space does; `expected`: the yield (0 .. 1) that a model predicts. Raises
    BadSetting for a setting that is not of the space, InvalidMolecule and UnitMismatch.
    """
    for name in space.names:
        space.check_value(name, setting[name])
    used = _substances(reaction, space, meanings, setting)
    scarce = limiting(used)
    extent = reaction.scale.magnitude("mol") / (scarce.equivalents or 1.0)
    charges = [_weighed(one, extent) for one in used if one.part is not Part.SOLVENT]
    temperature = _number(reaction.temperature, Part.TEMPERATURE, "K", space, meanings, setting)
    duration = _number(reaction.time, Part.TIME, "hour", space, meanings, setting)
    concentration = _number(reaction.concentration, Part.CONCENTRATION, "mol/L", space, meanings, setting)
    notes = [_note(space, m.parameter, setting[m.parameter]) for m in meanings if m.part is Part.OTHER]
    solvent = next((one for one in used if one.part is Part.SOLVENT), None)
    if solvent is not None:
        millilitres = 1000.0 * reaction.scale.magnitude("mol") / concentration.value
        poured, guess = _poured(solvent, millilitres)
        charges.append(poured)
        notes += guess
    boiling = None if solvent is None else label(solvent.smiles).boiling_point
    sealed = boiling is not None and temperature.value > boiling - _BOILING_MARGIN
    if sealed and solvent is not None:
        notes.append(f"{_called(solvent)} boils at {boiling:.0f} K: a closed pressure vessel")
    kept_in = "sealed" if sealed else "reflux"
    share = 1.0 if expected is None else min(max(expected, 0.0), 1.0)
    if expected is None:
        notes.append("nobody has predicted the yield: the mass is that of full conversion")
    product_mass = share * reaction.scale.magnitude("mol") * molar_mass(reaction.product)
    return Procedure(
        product=reaction.product,
        reactants=tuple(one.smiles for one in used if one.part is Part.REACTANT),
        reaction_class=REACTION_CLASS,
        charges=tuple(charges),
        temperature=Condition(quantity=temperature, basis=Basis.RULE),
        duration=Condition(quantity=duration, basis=Basis.RULE),
        workup=Remark(text="quench a sample and dilute it for the assay", basis=Basis.DEFAULT),
        purification=Remark(text="none; the crude mixture is assayed", basis=Basis.RULE),
        expected_yield=Condition(quantity=Quantity(value=share, unit="dimensionless"), basis=Basis.DEFAULT),
        product_mass=Quantity(value=_rounded(product_mass), unit="g"),
        vessel_volume=Quantity(value=vessel_for(charges), unit="mL"),
        hazards=(*pressure_warnings(kept_in, temperature, charges), *dangers(reaction.product, charges)),
        limiting=scarce.smiles,
        vessel=kept_in,
        notes=tuple(notes),
    )


def route_of(reaction: Reaction, procedure: Procedure) -> Route:
    """The single step as a route, so that reviewers and reports read it like any other."""
    source = StockItem(inchikey="", source="named by the campaign", tier=3, price_per_g=0.0)
    reactants = dict.fromkeys(procedure.reactants)
    step = RouteStep(
        product=reaction.product,
        reactants=procedure.reactants,
        reaction_class=REACTION_CLASS,
        template="campaign",
        score=1.0,
        model="campaign",
    )
    return Route(
        target=reaction.product,
        steps=(step,),
        leaves=tuple(
            Leaf(smiles=s, stock=source.model_copy(update={"inchikey": Molecule.from_smiles(s).inchikey}))
            for s in reactants
        ),
        score=1.0,
    )


def station_protocol(procedure: Procedure, setting: Setting, outcomes: Sequence[str], *, sample: str) -> Protocol:
    """One operation of a station that charges, holds and assays."""
    operation = RunReaction(
        sample=sample,
        product=procedure.product,
        setting=setting,
        charges=procedure.charges,
        temperature=procedure.temperature.quantity,
        duration=procedure.duration.quantity,
        vessel_volume=procedure.vessel_volume,
        outcomes=tuple(outcomes),
    )
    return Protocol(target=procedure.product, sample=sample, operations=(operation,))


def _substances(
    reaction: Reaction, space: Space, meanings: Sequence[Meaning], setting: Mapping[str, Value]
) -> list[Substance]:
    """What is charged: reactants first, then the rest in the order of the file."""
    loadings = {
        m.of: _magnitude(space, m.parameter, setting, "dimensionless") for m in meanings if m.part is Part.LOADING
    }
    used = [_loaded(s, loadings.get(s.name or s.smiles)) for s in reaction.substances]
    for meaning in meanings:
        parameter = space.parameter(meaning.parameter)
        if meaning.part not in SUBSTANCES or not isinstance(parameter, Category):
            continue
        option = parameter.options[parameter.index(setting[meaning.parameter])]
        equivalents = loadings.get(meaning.parameter, meaning.equivalents)
        if option.smiles is None or equivalents == 0.0:
            continue
        used.append(Substance(smiles=option.smiles, name=option.name, part=meaning.part, equivalents=equivalents))
    kept = [s for s in used if s is not None]
    return sorted(kept, key=lambda s: s.part is not Part.REACTANT)


def _loaded(substance: Substance, equivalents: float | None) -> Substance | None:
    """The same substance in another amount; None where none of it is taken."""
    if equivalents is None:
        return substance
    return None if equivalents == 0.0 else substance.model_copy(update={"equivalents": equivalents})


def _magnitude(space: Space, name: str, setting: Mapping[str, Value], unit: str) -> float:
    parameter, value = space.parameter(name), setting[name]
    assert not isinstance(parameter, Category)
    assert not isinstance(value, str)
    return convert(value, parameter.unit, unit)


def _number(
    fixed: Quantity, part: Part, unit: str, space: Space, meanings: Sequence[Meaning], setting: Mapping[str, Value]
) -> Quantity:
    name = next((m.parameter for m in meanings if m.part is part), None)
    value = fixed.magnitude(unit) if name is None else _magnitude(space, name, setting, unit)
    return Quantity(value=_rounded(value), unit=unit)


def _weighed(one: Substance, extent: float) -> Charge:
    amount = extent * (one.equivalents or 0.0)
    role = _ROLES.get(one.part, Role.REAGENT)
    made = charged(one.smiles, _called(one), role, amount, Basis.RULE)
    return made.model_copy(update={"equivalents": one.equivalents})


def _poured(one: Substance, millilitres: float) -> tuple[Charge, list[str]]:
    """The solvent, and what had to be assumed of it."""
    known = label(one.smiles).density
    density = SOLVENT_DENSITY if known is None else known
    amount = millilitres * density / molar_mass(one.smiles)
    made = charged(one.smiles, _called(one), Role.SOLVENT, amount, Basis.RULE if known else Basis.DEFAULT)
    volume = Quantity(value=_rounded(millilitres), unit="mL")
    words = [] if known else [f"no density of {_called(one)} is known; its mass assumes {SOLVENT_DENSITY:g} g/mL"]
    return made.model_copy(update={"equivalents": None, "volume": volume}), words


def _rounded(value: float) -> float:
    """Six significant digits, as in every procedure."""
    return float(f"{value:.6g}")


def _called(one: Substance) -> str:
    return one.name or label(one.smiles).name


def _note(space: Space, name: str, value: Value) -> str:
    parameter = space.parameter(name)
    unit = "" if isinstance(parameter, Category) or parameter.unit == "dimensionless" else f" {parameter.unit}"
    return f"{name}: {value if isinstance(value, str) else f'{value:g}'}{unit}"
