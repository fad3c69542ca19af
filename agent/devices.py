"""Talking to devices, outside every transaction: each call ends as an answer that the engine records."""

from __future__ import annotations

from dataclasses import dataclass

from instruments.bench import Bench
from instruments.driver import (
    Busy,
    CommandStatus,
    DeviceError,
    Driver,
    OperationEstimate,
    Phase,
    Rejected,
    Unreachable,
    Unsupported,
)
from knowledge.records.measurement import Artifact
from knowledge.records.protocol import Operation
from knowledge.store.artifacts import ArtifactFolder
from knowledge.store.errors import StoreError

DEADLINE_MARGIN_S = 3600.0


@dataclass(frozen=True)
class Running:
    status: CommandStatus
    deadline_s: float


@dataclass(frozen=True)
class Ended:
    """`files` are on disk already; None when the device would not hand them over yet."""

    status: CommandStatus
    files: list[tuple[str, Artifact]] | None
    idle: bool


@dataclass(frozen=True)
class Refused:
    reason: str


@dataclass(frozen=True)
class Occupied:
    reason: str


@dataclass(frozen=True)
class NotThere:
    """The device knows for certain that it never accepted the id."""


@dataclass(frozen=True)
class Silent:
    """No answer; the command may or may not run."""

    reason: str


@dataclass(frozen=True)
class Lost:
    """The device answers, but cannot say what became of the command."""

    reason: str


@dataclass(frozen=True)
class Unwritable:
    """The command ended, but its signal cannot be stored; the device still has it."""

    error: StoreError
    status: CommandStatus
    idle: bool


Answer = Running | Ended | Refused | Occupied | NotThere | Silent | Lost | Unwritable


def submit(bench: Bench, name: str, command_id: str, operation: Operation) -> Answer:
    """Send a command that was certainly never sent before."""
    driver = bench.driver(name)
    try:
        estimate = driver.validate(operation)
        status = driver.submit(command_id, operation)
    except Rejected as error:
        return Refused(str(error))
    except Busy as error:
        return Occupied(str(error))
    except Unreachable as error:
        return Silent(str(error))
    return Running(status, _deadline(bench, estimate))


def _deadline(bench: Bench, estimate: OperationEstimate) -> float:
    """Generous: past it something is wrong. Seconds on the lab's clock."""
    return bench.clock.now() + 2.0 * estimate.duration_s + DEADLINE_MARGIN_S


def adopt(bench: Bench, name: str, command_id: str, operation: Operation, folder: ArtifactFolder) -> Answer:
    """Ask about a command that may or may not have been sent; one that runs gets its whole time from now."""
    driver = bench.driver(name)
    try:
        deadline = _deadline(bench, driver.validate(operation))
    except Rejected as error:
        return Refused(str(error))
    except Unreachable as error:
        return Silent(str(error))
    return look(bench, name, command_id, folder, deadline)


def look(bench: Bench, name: str, command_id: str, folder: ArtifactFolder, deadline_s: float) -> Answer:
    """Ask what became of a command, and bring its signals to disk when it ended."""
    driver = bench.driver(name)
    try:
        status = driver.lookup(command_id)
    except Unreachable as error:
        return Silent(str(error))
    except Unsupported as error:
        return Lost(str(error))
    if status.phase is Phase.NOT_FOUND:
        return NotThere()
    if not status.phase.terminal:
        return Running(status, deadline_s)
    return fetch(driver, status, folder)


def fetch(driver: Driver, status: CommandStatus, folder: ArtifactFolder) -> Answer:
    try:
        idle = driver.health().idle
    except DeviceError:
        idle = False
    files: list[tuple[str, Artifact]] | None = None
    try:
        files = [(folder.put(a.data), a) for a in driver.fetch(status.command_id)]
    except StoreError as error:
        return Unwritable(error, status, idle)
    except DeviceError:
        files = None
    return Ended(status, files, idle)


def abort(bench: Bench, name: str, command_id: str, folder: ArtifactFolder, deadline_s: float) -> Answer:
    """Stop a command, leave the device safe, and prove it: the answer is what the device says afterwards."""
    try:
        bench.driver(name).abort(command_id)
        bench.driver(name).safe_state()
    except Unreachable as error:
        return Silent(str(error))
    except (Unsupported, Rejected) as error:
        return Lost(f"cannot be aborted: {error}")
    return look(bench, name, command_id, folder, deadline_s)


def is_idle(bench: Bench, name: str) -> bool:
    try:
        return bench.driver(name).health().idle
    except DeviceError:
        return False
