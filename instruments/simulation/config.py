"""What a virtual lab is made of. Light to import: validating a campaign must not load the chemistry."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator

from knowledge.records.base import Record

KINDS = (
    "synthesiser",
    "gas_chromatograph",
    "viscometer",
    "boiling_point_tester",
    "flash_point_tester",
    "solvency_panel",
)


class LabConfigError(ValueError):
    """A lab file that cannot be used; the message names file, key and what is allowed."""


class FaultKind(StrEnum):
    LOST_ACK = "lost_ack"  # accepted and carried out, but `submit` raises Unreachable
    REFUSE = "refuse"  # `submit` raises Unreachable and nothing happened
    HANG = "hang"  # accepted, never finishes until aborted
    CRASH_AFTER_EFFECT = "crash_after_effect"  # carried out, then the controller restarts: no data, status FAILED
    DISCONNECT = "disconnect"  # the next `lookups` look-ups of the command raise Unreachable
    HARDWARE_FAILURE = "hardware_failure"  # breaks down halfway; the sample is lost
    TRANSIENT = "transient"  # stops before anything reaches the sample; may be tried again
    CORRUPT_FILE = "corrupt_file"  # the data file is damaged
    DRIFT = "drift"  # readings go off by `rate_per_day`, relative, as the lab's clock advances


class FaultRule(Record):
    """One fault to switch on. It strikes commands of `actions` (all when empty), or exactly those in `command_ids`.

    `probability` is decided per command id from the lab's seed, so the same ids are struck whatever the order.
    `at_most` limits how often one instrument is struck (None: no limit); the count is kept in its journal.
    """

    kind: FaultKind
    actions: tuple[str, ...] = ()
    command_ids: tuple[str, ...] = ()
    probability: float = Field(default=1.0, ge=0.0, le=1.0)
    at_most: int | None = Field(default=None, ge=1)
    lookups: int = Field(default=3, ge=1)
    rate_per_day: float = 0.0

    @model_validator(mode="after")
    def _consistent(self) -> FaultRule:
        if (self.kind is FaultKind.DRIFT) != (self.rate_per_day != 0.0):
            raise ValueError("'rate_per_day' belongs to kind 'drift', and 'drift' needs it")
        return self


class Noise(Record):
    """Standard deviations of the instruments' raw readings."""

    balance_g: float = Field(default=0.0005, ge=0.0)
    weighing_relative: float = Field(default=0.001, ge=0.0)  # internal standard and aliquots of the gas chromatograph
    detector: float = Field(default=0.02, ge=0.0)  # pA
    torque_relative: float = Field(default=0.006, ge=0.0)
    thermometer_k: float = Field(default=0.06, ge=0.0)
    thermometer_bias_k: float = Field(default=0.15, ge=0.0)  # differs from run to run
    flash_k: float = Field(default=0.5, ge=0.0)  # repeatability of the ignition
    absorbance: float = Field(default=0.008, ge=0.0)


class Aliquots(Record):
    """Grams of sample that each tester takes."""

    gas_chromatograph: float = Field(default=0.005, gt=0.0)
    viscometer: float = Field(default=0.20, gt=0.0)
    boiling_point_tester: float = Field(default=0.25, gt=0.0)
    flash_point_tester: float = Field(default=0.30, gt=0.0)
    solvency_panel: float = Field(default=0.45, gt=0.0)


class LabConfig(Record):
    """`failure_rate` is the share of reactions that hardly work at all, whatever a planner thinks of them.

    `handbook_fraction` is the share of the handbook's compounds that the world answers from the handbook;
    the others are answered by the physical model, as are all that no handbook has.
    """

    kind: Literal["virtual"] = "virtual"
    seed: int = Field(default=0, ge=0)
    synthesisers: int = Field(default=2, ge=1)
    gas_chromatographs: int = Field(default=1, ge=1)
    viscometers: int = Field(default=1, ge=1)
    boiling_point_testers: int = Field(default=1, ge=1)
    flash_point_testers: int = Field(default=1, ge=1)
    solvency_panels: int = Field(default=1, ge=1)
    handbook_fraction: float = Field(default=1.0, ge=0.0, le=1.0)
    failure_rate: float = Field(default=0.12, ge=0.0, le=1.0)
    noise: Noise = Noise()
    aliquots_g: Aliquots = Aliquots()
    faults: tuple[FaultRule, ...] = ()

    def count(self, kind: str) -> int:
        return int(getattr(self, kind + "s"))

    @classmethod
    def load(cls, path: Path) -> LabConfig:
        """Read a YAML file. Raises LabConfigError, one line naming the file and the key."""
        import yaml

        try:
            data = yaml.safe_load(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise LabConfigError(f"{path}: cannot be read: {error.strerror}") from None
        except yaml.YAMLError as error:
            raise LabConfigError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from None
        if data is None:
            data = {}
        if not isinstance(data, dict):
            raise LabConfigError(f"{path}: expected keys and values, e.g. 'kind: virtual'")
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(str(part) for part in first["loc"]) or "(file)"
            known = f"; known keys: {', '.join(cls.model_fields)}" if first["type"] == "extra_forbidden" else ""
            raise LabConfigError(f"{path}: {key}: {first['msg']}{known}") from None


class ParameterColumn(Record):
    """Where a table has a parameter's values: options by name or by SMILES; numbers in `unit` (the parameter's)."""

    column: str = Field(min_length=1)
    unit: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, data: Any) -> Any:
        return {"column": data} if isinstance(data, str) else data


class OutcomeColumn(Record):
    """Where a table has an outcome, in `unit` (the property's own). `std`: its standard uncertainty in that unit."""

    column: str = Field(min_length=1)
    unit: str | None = None
    std: float | None = Field(default=None, ge=0.0)

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, data: Any) -> Any:
        return {"column": data} if isinstance(data, str) else data


class ReplayConfig(Record):
    """A lab that answers from a table of results measured before; nothing is carried out.

    `table`: path of the CSV, gzipped or not. `parameters`: by the campaign's parameter, its column (that of its own
    name when left out); `outcomes`: by property. `content`: SHA-256 of the table's text, so that the answers belong to
    the campaign's revision; `found`: where the table was found on this machine, which does not.
    """

    kind: Literal["replay"]
    table: str = Field(min_length=1)
    parameters: dict[str, ParameterColumn] = {}
    outcomes: dict[str, OutcomeColumn] = Field(min_length=1)
    seed: int = Field(default=0, ge=0)
    stations: int = Field(default=4, ge=1, le=96)
    faults: tuple[FaultRule, ...] = ()
    content: str = Field(default="", pattern=r"^([0-9a-f]{64})?$")
    found: Path | None = Field(default=None, exclude=True)
