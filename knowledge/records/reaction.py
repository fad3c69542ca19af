"""A reaction whose conditions are searched: what is always charged, and what each searched parameter means in it."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from pydantic import Field, field_validator, model_validator

from knowledge.records.base import Record
from knowledge.records.molecule import Molecule
from knowledge.records.quantity import Quantity, convert


class Part(StrEnum):
    """What a substance, or a searched parameter, does in the reaction."""

    REACTANT = "reactant"
    CATALYST = "catalyst"
    LIGAND = "ligand"
    BASE = "base"
    REAGENT = "reagent"
    ADDITIVE = "additive"
    SOLVENT = "solvent"
    TEMPERATURE = "temperature"
    TIME = "time"
    CONCENTRATION = "concentration"  # of the limiting reactant in the solvent
    LOADING = "loading"  # equivalents of a substance that the parameter names
    OTHER = "other"  # told to the lab, and of no consequence for what is weighed in


SUBSTANCES = (Part.REACTANT, Part.CATALYST, Part.LIGAND, Part.BASE, Part.REAGENT, Part.ADDITIVE, Part.SOLVENT)
UNITS = {Part.TEMPERATURE: "K", Part.TIME: "second", Part.CONCENTRATION: "mol/L", Part.LOADING: "dimensionless"}
"""Units that a number of this part converts to."""
NOTHING = "none"
"""The option of a substance that stands for leaving it out."""


class Substance(Record):
    """Something charged in every experiment. `equivalents` of the limiting reactant; None for the solvent."""

    smiles: str
    name: str = ""
    part: Part = Part.REACTANT
    equivalents: float | None = Field(default=None, gt=0.0)

    @field_validator("smiles")
    @classmethod
    def _canonical(cls, smiles: str) -> str:
        return Molecule.from_smiles(smiles).smiles

    @model_validator(mode="after")
    def _measured(self) -> Substance:
        if self.part not in SUBSTANCES:
            raise ValueError(f"a substance cannot be a '{self.part}'; it is one of: {', '.join(SUBSTANCES)}")
        if self.part is Part.SOLVENT and self.equivalents is not None:
            raise ValueError("a solvent has no 'equivalents': the concentration says how much of it")
        if self.part is not Part.SOLVENT and self.equivalents is None:
            raise ValueError(f"a {self.part} needs its 'equivalents'")
        return self


class Meaning(Record):
    """What a parameter of the space does. `equivalents`: how much of a chosen substance, where no `LOADING` parameter
    says it. `of`: the parameter or substance by name that a loading belongs to.
    """

    parameter: str
    part: Part
    equivalents: float | None = None
    of: str | None = None


class Reaction(Record):
    """`scale`: amount of the limiting reactant, in mol. `temperature`, `time`, `concentration` hold where no parameter
    of the space says them.
    """

    substances: tuple[Substance, ...] = Field(min_length=1)
    product: str
    scale: Quantity = Quantity(value=1.0, unit="mmol")
    temperature: Quantity = Quantity(value=298.15, unit="K")
    time: Quantity = Quantity(value=16.0, unit="hour")
    concentration: Quantity = Quantity(value=0.1, unit="mol/L")

    @field_validator("product")
    @classmethod
    def _canonical(cls, smiles: str) -> str:
        return Molecule.from_smiles(smiles).smiles

    @model_validator(mode="after")
    def _possible(self) -> Reaction:
        for name, quantity, unit in (
            ("scale", self.scale, "mol"),
            ("temperature", self.temperature, "K"),
            ("time", self.time, "second"),
            ("concentration", self.concentration, "mol/L"),
        ):
            if convert(quantity.value, quantity.unit, unit) <= 0.0:
                raise ValueError(f"'{name}' should be more than 0 {unit} (got {quantity})")
        if not any(s.part is Part.REACTANT for s in self.substances):
            raise ValueError("a reaction needs a reactant")
        return self

    def named(self, name: str) -> Substance | None:
        return next((s for s in self.substances if name in (s.name, s.smiles)), None)


def limiting(substances: Iterable[Substance]) -> Substance:
    """The reactant with the fewest equivalents, the first of equal ones."""
    reactants = [s for s in substances if s.part is Part.REACTANT]
    return min(reactants, key=lambda s: s.equivalents or 0.0)
