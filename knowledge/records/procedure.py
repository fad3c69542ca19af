"""One reaction as a chemist writes it, every number with its basis."""

from __future__ import annotations

from enum import StrEnum

from knowledge.records.base import Record
from knowledge.records.quantity import Quantity
from knowledge.records.route import Precedent


class Basis(StrEnum):
    """Where a value comes from."""

    PRECEDENT = "precedent"
    RULE = "rule"
    DEFAULT = "default"
    VARIED = "varied"  # changed on purpose after the reaction had failed


class Role(StrEnum):
    REACTANT = "reactant"
    REAGENT = "reagent"
    CATALYST = "catalyst"
    SOLVENT = "solvent"


class Charge(Record):
    """One thing put into the vessel. `equivalents` relative to the limiting reactant (None for the solvent)."""

    smiles: str
    name: str
    role: Role
    equivalents: float | None
    amount: Quantity  # mol
    mass: Quantity  # g
    volume: Quantity | None  # mL; None for solids or unknown density
    basis: Basis


class Condition(Record):
    quantity: Quantity
    basis: Basis


class Remark(Record):
    text: str
    basis: Basis


class Procedure(Record):
    """`limiting`: SMILES of the reactant with one equivalent. `vessel`: open, reflux or sealed; "" before it was kept.

    `side_products` in words, `competing` as SMILES: what the same reaction makes at other sites. `precedents`: the
    published reactions that chose what is marked so. `notes`: what somebody should know who checks the choices.
    """

    product: str
    reactants: tuple[str, ...]
    reaction_class: str
    charges: tuple[Charge, ...]
    temperature: Condition
    duration: Condition
    workup: Remark
    purification: Remark
    expected_yield: Condition
    product_mass: Quantity  # g, after the expected yield
    vessel_volume: Quantity  # mL, at most two thirds full
    side_products: tuple[str, ...] = ()
    hazards: tuple[str, ...] = ()
    limiting: str = ""
    quench: Remark | None = None
    vessel: str = ""
    competing: tuple[str, ...] = ()
    precedents: tuple[Precedent, ...] = ()
    notes: tuple[str, ...] = ()
