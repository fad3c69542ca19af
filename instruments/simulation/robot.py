"""What all simulated robots share: the Driver protocol over a durable journal, and the faults to switch on."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import ClassVar, Generic, TypeVar

from instruments.driver import (
    Busy,
    Capabilities,
    CommandStatus,
    Description,
    Fault,
    Health,
    OperationEstimate,
    Phase,
    Rejected,
    Unreachable,
)
from instruments.simulation import faults
from instruments.simulation.chance import Generator, stream
from instruments.simulation.config import FaultKind
from instruments.simulation.journal import Execution, Journal
from instruments.simulation.sample import Contents, Stage
from instruments.simulation.world import Room, Vessel
from knowledge.records.base import Record, sha256_text
from knowledge.records.measurement import Artifact
from knowledge.records.molecule import InvalidMolecule
from knowledge.records.protocol import Operation

R = TypeVar("R", bound=Room)


class Outcome(Record):
    """What an operation will have done when it ends. `draws`: grams taken from vessels by label; `after`: None:
    unchanged.
    """

    duration_s: float
    phase: Phase = Phase.SUCCEEDED
    fault: Fault | None = None
    detail: str = ""
    after: Contents | None = None
    draws: tuple[tuple[str, float], ...] = ()
    artifacts: tuple[Artifact, ...] = ()


def chemical_failure(
    duration_s: float, detail: str, *, draws: tuple[tuple[str, float], ...] = (), after: Contents | None = None
) -> Outcome:
    """The operation ends without a result because of what the sample is; that is knowledge, not a breakdown."""
    return Outcome(
        duration_s=duration_s, phase=Phase.FAILED, fault=Fault.CHEMISTRY, detail=detail, draws=draws, after=after
    )


class Robot(ABC, Generic[R]):
    """One simulated instrument. Calls may come from any thread; the lab's lock makes each acceptance one step.

    The outcome of a command is computed when it is accepted, from (lab seed, command id, operation, contents of the
    vessels) only, and becomes visible when the lab's clock reaches its end.
    """

    kind: ClassVar[str]
    model: ClassVar[str]
    actions: ClassVar[tuple[str, ...]]

    def __init__(self, name: str, world: R, journal: Journal) -> None:
        self.name = name
        self._world = world
        self._journal = journal
        self._refused_lookups: dict[str, int] = {}

    # --- what a kind of robot must say ---

    @abstractmethod
    def _estimate(self, operation: Operation) -> OperationEstimate:
        """Raises Rejected when the robot could never do this."""

    @abstractmethod
    def _perform(self, operation: Operation, vessel: Vessel, chance: Generator, drift: float) -> Outcome:
        """The outcome; must not write anything. `drift` multiplies the readings."""

    def _interrupted(self, execution: Execution, vessel_before: Contents, elapsed_s: float) -> Contents | None:
        """What the vessel holds when the operation is stopped after `elapsed_s`; None: the operation does not change
        it.
        """
        return None

    # --- the Driver protocol ---

    def describe(self) -> Description:
        return Description(
            name=self.name,
            kind=self.kind,
            model=self.model,
            serial=f"SIM-{sha256_text(self.name)[:8]}",
            simulated=True,
            actions=self.actions,
            capabilities=Capabilities(durable_lookup=True, abortable=True),
        )

    def health(self) -> Health:
        running = self._running()
        return Health(
            ok=True, idle=running is None, detail="" if running is None else f"busy with {running.command_id}"
        )

    def validate(self, operation: Operation) -> OperationEstimate:
        if operation.action not in self.actions:
            raise Rejected(f"{self.name} cannot '{operation.action}'; it can: {', '.join(self.actions)}")
        try:
            return self._estimate(operation)
        except InvalidMolecule as error:
            raise Rejected(f"{self.name}: {error}") from None

    def submit(self, command_id: str, operation: Operation) -> CommandStatus:
        """Sent twice, done twice: the same id is carried out again, after the first has ended."""
        self.validate(operation)
        with self._world.lock:
            return self._accept(command_id, operation)

    def lookup(self, command_id: str) -> CommandStatus:
        execution = self._journal.of_command(command_id)
        self._maybe_disconnected(command_id, execution)
        if execution is None:
            return CommandStatus(command_id=command_id, phase=Phase.NOT_FOUND)
        return execution.status(self._world.clock.now())

    def abort(self, command_id: str) -> None:
        """Stops it if it runs; one that has ended or was never accepted is left alone."""
        with self._world.lock:
            execution = self._journal.of_command(command_id)
            now = self._world.clock.now()
            if execution is None or not execution.running(now):
                return
            after: Contents | None = None
            if execution.version is not None:
                elapsed = max(now - execution.started_s, 0.0)
                after = self._interrupted(execution, self._before(execution), elapsed)
            self._journal.interrupt(execution.seq, now, f"aborted at {now:.0f} s", after)

    def safe_state(self) -> None:
        running = self._running()
        if running is not None:
            self.abort(running.command_id)

    def fetch(self, command_id: str) -> tuple[Artifact, ...]:
        """Raises Rejected while the command runs, or when it was never accepted."""
        execution = self._journal.of_command(command_id)
        if execution is None:
            raise Rejected(f"{self.name} never accepted command {command_id}")
        if execution.running(self._world.clock.now()):
            raise Rejected(f"command {command_id} is still running on {self.name}")
        if execution.stopped_s is not None:
            return ()
        return self._journal.artifacts(execution.seq)

    # --- how ---

    def _running(self) -> Execution | None:
        last = self._journal.last()
        return last if last is not None and last.running(self._world.clock.now()) else None

    def _accept(self, command_id: str, operation: Operation) -> CommandStatus:
        room, now = self._world, self._world.clock.now()
        running = self._running()
        if running is not None and running.command_id != command_id:
            raise Busy(f"{self.name} is busy with {running.command_id}")
        vessel = self._world.vessel(operation.sample)
        if vessel.last is not None and vessel.last.running(now) and vessel.last.command_id != command_id:
            raise Busy(f"sample {operation.sample} is in use by {vessel.last.instrument}")
        started = now
        if running is not None:
            if running.finishes_s is None:
                raise Busy(f"{self.name} hangs in {running.command_id}")
            started = running.finishes_s
        due = faults.due(room.faults, room.seed, self._journal, command_id, operation.action)
        struck, kind = (None, None) if due is None else (due[0], due[1].kind)
        if struck is not None:
            self._journal.strike(struck, command_id, now)
        if kind is FaultKind.REFUSE:
            raise Unreachable(f"{self.name} does not answer")
        chance = stream(room.seed, "command", command_id, self._journal.count(command_id), operation.sha256)
        drift = faults.drift_factor(room.faults, room.seed, operation.action, now)
        outcome = self._afflicted(self._perform(operation, vessel, chance, drift), vessel, kind)
        changes = outcome.after is not None
        own_draws = sum(grams for sample, grams in outcome.draws if sample == operation.sample)
        execution = self._journal.append(
            Execution(
                instrument=self.name, seq=0, command_id=command_id, action=operation.action, sample=operation.sample,
                effect=operation.effect.value, operation=operation.canonical(), accepted_s=now, started_s=started,
                finishes_s=None if math.isinf(outcome.duration_s) else started + outcome.duration_s,
                phase=outcome.phase, fault=outcome.fault, detail=outcome.detail, struck_by=struck,
                after=outcome.after, version=vessel.version + 1 if changes else None,
                settled_g=vessel.settled_g + own_draws if changes else 0.0,
            ),
            outcome.draws,
            outcome.artifacts,
        )  # fmt: skip
        if kind in (FaultKind.LOST_ACK, FaultKind.CRASH_AFTER_EFFECT):
            raise Unreachable(f"{self.name} does not answer")
        return execution.status(now)

    def _afflicted(self, outcome: Outcome, vessel: Vessel, kind: FaultKind | None) -> Outcome:
        """The same outcome under a fault."""
        if kind is FaultKind.HANG:
            return outcome.model_copy(update={"duration_s": math.inf})
        if kind is FaultKind.CORRUPT_FILE:
            return outcome.model_copy(update={"artifacts": faults.damaged(outcome.artifacts)})
        broken = {"phase": Phase.FAILED, "artifacts": ()}
        if kind is FaultKind.CRASH_AFTER_EFFECT:
            detail = "the controller restarted: the operation was carried out, its data are lost"
            return outcome.model_copy(update=broken | {"fault": Fault.HARDWARE, "detail": detail})
        if kind is FaultKind.TRANSIENT:
            detail = "stopped before anything reached the sample; may be tried again"
            return outcome.model_copy(
                update=broken
                | {"fault": Fault.TRANSIENT, "detail": detail, "after": None, "draws": (), "duration_s": 60.0}
            )
        if kind is FaultKind.HARDWARE_FAILURE:
            lost = (
                None if outcome.after is None else vessel.contents.scaled(0.0).model_copy(update={"stage": Stage.LOST})
            )
            changed = {"fault": Fault.HARDWARE, "detail": "the device broke down; the sample is lost", "after": lost}
            return outcome.model_copy(update=broken | changed | {"duration_s": outcome.duration_s * 0.5})
        return outcome

    def _before(self, execution: Execution) -> Contents:
        """What the vessel held when this execution began: the change before it, less what was drawn until then."""
        earlier = [
            e
            for journal in self._world.journals
            for e in journal.changes(execution.sample)
            if (e.version or 0) < (execution.version or 0)
        ]
        if not earlier:
            return Contents()
        latest = max(earlier, key=lambda e: e.version or 0)
        if latest.after is None or latest.after.grams <= 0.0:
            return Contents()
        drawn = execution.settled_g - latest.settled_g
        return latest.after.scaled(max(latest.after.grams - drawn, 0.0) / latest.after.grams)

    def _maybe_disconnected(self, command_id: str, execution: Execution | None) -> None:
        action = "" if execution is None else execution.action
        for position, rule in enumerate(self._world.faults):
            if rule.kind is not FaultKind.DISCONNECT or execution is None:
                continue
            if not faults.aims_at(position, rule, self._world.seed, command_id, action):
                continue
            name = f"{faults.rule_name(position, rule)}:{command_id}"
            with self._world.lock:
                if self._journal.strikes(name) < rule.lookups:
                    self._journal.strike(name, command_id, self._world.clock.now())
                    raise Unreachable(f"{self.name} does not answer")
