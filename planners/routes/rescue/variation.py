"""The same reaction under another setting: new masses and volumes, warnings, and what was changed on purpose."""

from __future__ import annotations

from collections.abc import Collection
from typing import get_args

from knowledge.records.procedure import Basis, Charge, Condition, Procedure, Role
from knowledge.records.quantity import Quantity
from knowledge.records.space import Setting
from planners.routes.conditions.agents import vocabulary
from planners.routes.conditions.dangers import dangers
from planners.routes.conditions.table import Method
from planners.routes.handbook import label
from planners.routes.procedure import charged, molar_mass, pressure_warnings, vessel_for
from planners.routes.purification import written
from planners.routes.rescue.space import EXCESSES, ceiling, excess_of, own_setting, solvent_of

KELVIN = 273.15


def vary(procedure: Procedure, setting: Setting, *, made: Collection[str] = ()) -> Procedure:
    """The procedure at a setting of its `rescue_space`; what differs from its own is marked as varied.

    Solvents are exchanged by volume; more of what is in excess leaves everything else as it is. The yield expected
    stays the class's. Raises InvalidMolecule, and ValueError for what fits into no vessel.
    """
    own = own_setting(procedure, made=made)
    changed = {name for name, value in setting.items() if value != own[name]}
    if not changed:
        return procedure
    charges = list(procedure.charges)
    if "excess" in changed:
        more = excess_of(procedure, made=made)
        charges = [_multiplied(c, float(setting["excess"])) if c is more else c for c in charges]
    if "solvent" in changed:
        old = solvent_of(procedure)
        charges = [_exchanged(c, str(setting["solvent"])) if c is old else c for c in charges]
    temperature, duration = procedure.temperature, procedure.duration
    if "temperature" in changed:
        kelvin = Quantity(value=float(setting["temperature"]), unit="K")
        temperature = Condition(quantity=kelvin, basis=Basis.VARIED)
    if "duration" in changed:
        hours = Quantity(value=float(setting["duration"]), unit="hour")
        duration = Condition(quantity=hours, basis=Basis.VARIED)
    purification = procedure.purification
    if "purification" in changed:
        method = next(m for m in get_args(Method) if m == setting["purification"])
        purification = written(method, Basis.VARIED)
    vessel = _vessel_kind(procedure.vessel, temperature.quantity, charges)
    return procedure.model_copy(
        update={
            "charges": tuple(charges),
            "temperature": temperature,
            "duration": duration,
            "purification": purification,
            "vessel": vessel,
            "vessel_volume": Quantity(value=vessel_for(charges), unit="mL"),
            "hazards": _hazards(procedure, vessel, temperature.quantity, charges),
            "notes": (*procedure.notes, f"varied after a failure: {in_words(procedure, setting, made=made)}"),
        }
    )


def setting_of(first: Procedure, varied: Procedure, *, made: Collection[str] = ()) -> Setting:
    """At which setting of the first attempt's space a variation of it stands."""
    setting = own_setting(varied, made=made)
    if "excess" in setting:
        before, now = excess_of(first, made=made), excess_of(varied, made=made)
        if before is not None and now is not None and before.equivalents and now.equivalents:
            factor = now.equivalents / before.equivalents
            setting["excess"] = min(EXCESSES, key=lambda level: abs(level - factor))
    return setting


def in_words(procedure: Procedure, setting: Setting, *, made: Collection[str] = ()) -> str:
    """What the setting changes, e.g. "110 °C instead of 80 °C, 12 h instead of 6 h"; "nothing" when it does not."""
    own = own_setting(procedure, made=made)
    words = []
    for name, value in setting.items():
        if value == own[name]:
            continue
        if name == "temperature":
            words.append(f"{float(value) - KELVIN:.0f} °C instead of {float(own[name]) - KELVIN:.0f} °C")
        elif name == "duration":
            words.append(f"{float(value):g} h instead of {float(own[name]):g} h")
        elif name == "excess":
            more = excess_of(procedure, made=made)
            words.append(f"{float(value):g} times as much {'' if more is None else more.name}".rstrip())
        else:
            words.append(f"{value} instead of {own[name]}")
    return ", ".join(words) or "nothing"


def _multiplied(charge: Charge, factor: float) -> Charge:
    amount = charge.amount.magnitude("mol") * factor
    fresh = charged(charge.smiles, charge.name, charge.role, amount, Basis.VARIED)
    equivalents = None if charge.equivalents is None else round(charge.equivalents * factor, 4)
    return fresh.model_copy(update={"equivalents": equivalents})


def _exchanged(charge: Charge, name: str) -> Charge:
    """As many millilitres of another solvent."""
    smiles = vocabulary().named(name).smiles
    density = label(smiles).density
    assert density is not None
    assert charge.volume is not None
    amount = charge.volume.magnitude("mL") * density / molar_mass(smiles)
    return charged(smiles, name, Role.SOLVENT, amount, Basis.VARIED)


def _vessel_kind(kind: str, temperature: Quantity, charges: list[Charge]) -> str:
    """A condenser is needed only near the boiling point; a vessel that was sealed or open stays so."""
    solvents = [label(c.smiles).boiling_point for c in charges if c.role is Role.SOLVENT]
    limits = [limit for limit in (ceiling("open", b) for b in solvents) if limit is not None]
    if kind == "reflux" and limits and temperature.magnitude("K") <= min(limits):
        return "open"
    return kind


def _hazards(procedure: Procedure, vessel: str, temperature: Quantity, charges: list[Charge]) -> tuple[str, ...]:
    """The class's own warnings, and those that follow from what is charged now."""
    before = {
        *pressure_warnings(procedure.vessel, procedure.temperature.quantity, procedure.charges),
        *dangers(procedure.product, procedure.charges),
    }
    kept = [warning for warning in procedure.hazards if warning not in before]
    return (*kept, *pressure_warnings(vessel, temperature, charges), *dangers(procedure.product, charges))
