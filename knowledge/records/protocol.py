"""The procedure as instruments execute it: ordered operations with unit-bearing quantities, content-addressed."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from knowledge.records.base import Record
from knowledge.records.procedure import Charge
from knowledge.records.quantity import Quantity
from knowledge.records.space import Setting


class Effect(StrEnum):
    """What repeating an operation would do. Only the first two may be retried by themselves."""

    READ = "read"
    IDEMPOTENT = "idempotent"
    IRREVERSIBLE = "irreversible"


class _Operation(Record):
    """`sample` labels the vessel that the operation acts on: an intermediate's ("…/s1") or the final sample's."""

    sample: str


class Dispense(_Operation):
    """Weigh a purchased substance into the sample vessel."""

    action: Literal["dispense"] = "dispense"
    instrument: Literal["synthesiser"] = "synthesiser"
    effect: Literal[Effect.IRREVERSIBLE] = Effect.IRREVERSIBLE
    smiles: str
    mass: Quantity


class React(_Operation):
    """Charge, hold at temperature, quench. What earlier steps made is taken from the samples in `intermediates`."""

    action: Literal["react"] = "react"
    instrument: Literal["synthesiser"] = "synthesiser"
    effect: Literal[Effect.IRREVERSIBLE] = Effect.IRREVERSIBLE
    product: str
    reaction_class: str
    charges: tuple[Charge, ...]
    intermediates: dict[str, str] = {}  # SMILES -> sample label it stands in
    temperature: Quantity
    duration: Quantity
    vessel_volume: Quantity


class WorkUp(_Operation):
    action: Literal["work_up"] = "work_up"
    instrument: Literal["synthesiser"] = "synthesiser"
    effect: Literal[Effect.IRREVERSIBLE] = Effect.IRREVERSIBLE
    text: str


class Purify(_Operation):
    """Isolate `product`; the synthesiser's balance reading is the signal."""

    action: Literal["purify"] = "purify"
    instrument: Literal["synthesiser"] = "synthesiser"
    effect: Literal[Effect.IRREVERSIBLE] = Effect.IRREVERSIBLE
    product: str
    method: Literal["distillation", "recrystallisation", "chromatography"]


class RunReaction(_Operation):
    """Charge, hold and assay one reaction of a conditions campaign on a station that does all of it.

    `setting`: the campaign's own words for what the charges, the temperature and the duration come from.
    """

    action: Literal["run_reaction"] = "run_reaction"
    instrument: Literal["reaction_station"] = "reaction_station"
    effect: Literal[Effect.IRREVERSIBLE] = Effect.IRREVERSIBLE
    product: str
    setting: Setting
    charges: tuple[Charge, ...]
    temperature: Quantity
    duration: Quantity
    vessel_volume: Quantity
    outcomes: tuple[str, ...]


class InjectGC(_Operation):
    action: Literal["inject_gc"] = "inject_gc"
    instrument: Literal["gas_chromatograph"] = "gas_chromatograph"
    effect: Literal[Effect.IDEMPOTENT] = Effect.IDEMPOTENT
    target: str
    volume: Quantity = Quantity(value=1.0, unit="uL")


class MeasureViscosity(_Operation):
    action: Literal["measure_viscosity"] = "measure_viscosity"
    instrument: Literal["viscometer"] = "viscometer"
    effect: Literal[Effect.IDEMPOTENT] = Effect.IDEMPOTENT
    temperature: Quantity = Quantity(value=298.15, unit="K")


class MeasureBoilingPoint(_Operation):
    action: Literal["measure_boiling_point"] = "measure_boiling_point"
    instrument: Literal["boiling_point_tester"] = "boiling_point_tester"
    effect: Literal[Effect.IDEMPOTENT] = Effect.IDEMPOTENT
    pressure: Quantity = Quantity(value=101.325, unit="kPa")


class MeasureFlashPoint(_Operation):
    """Closed cup; the aliquot burns."""

    action: Literal["measure_flash_point"] = "measure_flash_point"
    instrument: Literal["flash_point_tester"] = "flash_point_tester"
    effect: Literal[Effect.IRREVERSIBLE] = Effect.IRREVERSIBLE


class MeasureSolvency(_Operation):
    """Offer the sample to a panel of probe solutes with known Hansen spheres; the aliquots are spent."""

    action: Literal["measure_solvency"] = "measure_solvency"
    instrument: Literal["solvency_panel"] = "solvency_panel"
    effect: Literal[Effect.IRREVERSIBLE] = Effect.IRREVERSIBLE


Operation = Annotated[
    Dispense
    | React
    | WorkUp
    | Purify
    | RunReaction
    | InjectGC
    | MeasureViscosity
    | MeasureBoilingPoint
    | MeasureFlashPoint
    | MeasureSolvency,
    Field(discriminator="action"),
]


MAKING = ("dispense", "react", "work_up", "purify", "run_reaction")
"""Actions that make the sample; the others test it."""


class Protocol(Record):
    """Operations are carried out in order. `target` is what the final sample should be."""

    target: str
    sample: str
    operations: tuple[Operation, ...]

    @property
    def instruments(self) -> tuple[str, ...]:
        return tuple(sorted({op.instrument for op in self.operations}))
