"""The conditions table as typed, validated records."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Literal

import yaml
from pydantic import Field, model_validator

from knowledge.records.base import Record
from knowledge.records.procedure import Basis, Role
from knowledge.records.quantity import Quantity
from knowledge.records.route import Precedent

GENERIC = "generic"
FILES = ("classes.yaml", "classes_patents.yaml")
REFLUX_MARGIN = 5.0  # K between the reaction temperature and the solvent's boiling point in an open vessel

Field_ = Literal["solvent", "temperature", "duration", "yield", "workup", "purification", "equivalents", "reagents"]
Method = Literal["distillation", "recrystallisation", "chromatography"]


class Substance(Record):
    smiles: str
    role: Role


class ReagentUse(Record):
    name: str
    smiles: str
    role: Role
    equivalents: float
    basis: Basis | None = None  # of the choice; None: that of the class's reagents


class Conditions(Record):
    """Conditions of one class, or of one step. `solvent` None: neat.

    `equivalents` by precursor position, () when it does not say; of a step: by its distinct reactants in their order.
    `default` names the fields whose values are guesses (Basis.DEFAULT), `precedent` those that `precedents` chose; all
    others are rules of the class (Basis.RULE). `sites`: how often the reaction happens per molecule of product.
    """

    reaction_class: str
    solvent: str | None
    solvent_smiles: str | None
    temperature: Quantity
    vessel: Literal["open", "reflux", "sealed"]
    duration: Quantity
    reagents: tuple[ReagentUse, ...]
    equivalents: tuple[float, ...]
    typical_yield: float
    workup: str
    quench: str | None
    purification: Method
    side_products: tuple[str, ...]
    hazards: tuple[str, ...]
    default: tuple[Field_, ...]
    precedent: tuple[Field_, ...] = ()
    precedents: tuple[Precedent, ...] = ()
    sites: int = 1
    notes: tuple[str, ...] = ()

    def basis(self, field: Field_) -> Basis:
        if field in self.precedent:
            return Basis.PRECEDENT
        return Basis.DEFAULT if field in self.default else Basis.RULE


class _Row(Record):
    solvent: str | None = None
    temperature: Quantity
    vessel: Literal["open", "reflux", "sealed"]
    duration: Quantity
    reagents: tuple[tuple[str, float], ...] = ()
    equivalents: tuple[float, ...] = ()
    typical_yield: float = Field(alias="yield", gt=0.0, lt=1.0)
    workup: str
    purification: Method
    side_products: tuple[str, ...] = ()
    hazards: tuple[str, ...] = ()
    default: tuple[Field_, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> _Row:
        self.temperature.magnitude("K")
        self.duration.magnitude("h")
        if self.equivalents and 1.0 not in self.equivalents:
            raise ValueError("one precursor must have 1.0 equivalents: the limiting one")
        if any(e < 1.0 for e in self.equivalents):
            raise ValueError("precursor equivalents are relative to the limiting one, so at least 1.0")
        return self


class ConditionsTable(Record):
    substances: dict[str, Substance]
    workups: dict[str, str]
    quenches: dict[str, str]  # by work-up
    classes: dict[str, _Row]
    aliases: dict[str, str]

    @model_validator(mode="after")
    def _closed(self) -> ConditionsTable:
        if GENERIC not in self.classes:
            raise ValueError(f"class '{GENERIC}' is missing")
        for name, row in self.classes.items():
            used = [reagent for reagent, _ in row.reagents] + ([row.solvent] if row.solvent else [])
            for substance in used:
                if substance not in self.substances:
                    raise ValueError(f"class '{name}' uses unknown substance '{substance}'")
            if row.workup not in self.workups:
                raise ValueError(f"class '{name}' uses unknown work-up '{row.workup}'")
        for workup in self.quenches:
            if workup not in self.workups:
                raise ValueError(f"a quench names unknown work-up '{workup}'")
        for alias, name in self.aliases.items():
            if name not in self.classes:
                raise ValueError(f"alias '{alias}' points to unknown class '{name}'")
        return self

    def get(self, reaction_class: str) -> Conditions:
        """Conditions of a class, of the class it is an alias of, or of `generic`, whose values are all defaults."""
        aliased = self.aliases.get(reaction_class, reaction_class)
        name = aliased if aliased in self.classes else GENERIC
        row = self.classes[name]
        reagents = tuple(
            ReagentUse(name=n, smiles=self.substances[n].smiles, role=self.substances[n].role, equivalents=equivalents)
            for n, equivalents in row.reagents
        )
        # An alias stands for synspace's reaction, whose precursors come in another order.
        own_order = name == reaction_class
        return Conditions(
            reaction_class=name,
            solvent=row.solvent,
            solvent_smiles=self.substances[row.solvent].smiles if row.solvent else None,
            temperature=row.temperature,
            vessel=row.vessel,
            duration=row.duration,
            reagents=reagents,
            equivalents=row.equivalents if own_order else (),
            typical_yield=row.typical_yield,
            workup=self.workups[row.workup],
            quench=self.quenches.get(row.workup),
            purification=row.purification,
            side_products=row.side_products,
            hazards=row.hazards,
            default=row.default,
        )


@cache
def conditions_table() -> ConditionsTable:
    """The table that comes with the package, read and validated once."""
    home = resources.files("planners.routes.conditions")
    table: dict[str, dict[str, object]] = {}
    for name in FILES:
        for part, rows in yaml.safe_load(home.joinpath(name).read_text(encoding="utf-8")).items():
            twice = sorted(set(rows) & set(table.setdefault(part, {})))
            if twice:
                raise ValueError(f"{name} says a second time what {part} '{twice[0]}' is")
            table[part].update(rows)
    return ConditionsTable.model_validate(table)


@cache
def conditions_for(reaction_class: str) -> Conditions:
    return conditions_table().get(reaction_class)
