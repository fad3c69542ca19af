"""The Driver protocol that simulated robots and real devices share.

A command is one Operation sent to one instrument under an id that the caller chose. After a crash the caller asks
`lookup(command_id)`: an instrument with `durable_lookup` knows, for certain, whether it ever accepted that id.
Drivers never deduplicate silently: whoever sends an id twice makes the instrument act twice.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol, runtime_checkable

from knowledge.records.base import Record
from knowledge.records.measurement import Artifact
from knowledge.records.protocol import Operation


class Capabilities(Record):
    durable_lookup: bool
    abortable: bool
    pausable: bool = False


class Description(Record):
    """`name` is unique on a bench; `kind` is what `Operation.instrument` asks for."""

    name: str
    kind: str
    model: str
    serial: str
    simulated: bool
    actions: tuple[str, ...]
    capabilities: Capabilities


class Health(Record):
    """`idle` is the device's own word that nothing moves, heats or flows."""

    ok: bool
    idle: bool
    detail: str = ""


class OperationEstimate(Record):
    duration_s: float
    sample_ml: float = 0.0


class Phase(StrEnum):
    NOT_FOUND = "not_found"  # durably: this id was never accepted
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    ABORTED = "aborted"

    @property
    def terminal(self) -> bool:
        return self in (Phase.SUCCEEDED, Phase.FAILED, Phase.ABORTED)


class Fault(StrEnum):
    """Why a command failed, as the recovery policy sees it."""

    CHEMISTRY = "chemistry"  # no product, too little sample, solid where a liquid is needed: a result, not a breakdown
    HARDWARE = "hardware"  # the device broke down; the sample may be lost
    TRANSIENT = "transient"  # may be tried again when the operation's effect allows


class CommandStatus(Record):
    """`started_s`, `finishes_s`: seconds on the lab's clock; None when the device cannot say."""

    command_id: str
    phase: Phase
    fault: Fault | None = None
    detail: str = ""
    started_s: float | None = None
    finishes_s: float | None = None


class DeviceError(RuntimeError):
    """Base of everything a driver raises."""


class Unreachable(DeviceError):
    """No answer: the command may or may not have been received."""


class Rejected(DeviceError):
    """The device refused the operation and did nothing."""


class Busy(DeviceError):
    """The device is occupied and did nothing; ask again later."""


class Unsupported(DeviceError):
    """The device cannot do this at all (for example `abort`, or a durable `lookup`)."""


@runtime_checkable
class Driver(Protocol):
    """Every method may raise Unreachable. None of them is called inside a database transaction."""

    def describe(self) -> Description: ...

    def health(self) -> Health: ...

    def validate(self, operation: Operation) -> OperationEstimate:
        """Raises Rejected when the device could never do this."""
        ...

    def submit(self, command_id: str, operation: Operation) -> CommandStatus:
        """Accept and start. Raises Rejected or Busy (nothing happened) or Unreachable (unknown)."""
        ...

    def lookup(self, command_id: str) -> CommandStatus:
        """Raises Unsupported when the device has no durable memory of ids."""
        ...

    def abort(self, command_id: str) -> None:
        """Ask the device to stop that command. Proof is a terminal `lookup` and an idle `health`."""
        ...

    def safe_state(self) -> None: ...

    def fetch(self, command_id: str) -> tuple[Artifact, ...]:
        """Everything recorded for a terminal command; may be called again and answers the same bytes."""
        ...
