"""Dispatch: at most once, then reconcile.

1. One transaction re-checks approval, holds and reservations and writes the command as INTENT.
2. The driver is called outside any transaction.
3. What it answered is recorded. After a crash every command that is not terminal may have been sent, so the device is
   asked first; the same id is sent again only when the device knows for certain that it never saw it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import func
from sqlmodel import Session, col, select

from agent.lifecycle import State, Wants
from agent.stages import analyse
from agent.stages.review import approval_stands, withdraw
from agent.transaction import Transaction
from instruments.bench import Bench
from instruments.driver import CommandStatus, Fault, Phase
from knowledge.records.dossier import Dossier
from knowledge.records.measurement import Artifact
from knowledge.records.protocol import MAKING, Effect, Operation
from knowledge.store import log
from knowledge.store.tables import Command, Experiment, Lease, MaterialLot, OperatorTask, Reservation, SignalFile

MAX_ATTEMPTS = 3
MAX_RETRIES = 2
_OPERATION: TypeAdapter[Operation] = TypeAdapter(Operation)


def command_id(experiment_id: str, position: int, attempt: int) -> str:
    """Chosen by us, the same after any restart."""
    return f"{experiment_id}:{position:02d}:{attempt}"


def read_plan(session: Session, experiment: Experiment) -> tuple[dict[str, Any], ...]:
    """The approved protocol's operations. Raises BrokenLog when stored text no longer has the approved hash."""
    if experiment.dossier is None:
        raise ValueError(f"{experiment.id} has no plan")
    dossier = json.loads(log.body_of(session, experiment.dossier))
    return tuple(json.loads(log.body_of(session, dossier["protocol"]))["operations"])


def operations(tx: Transaction, experiment: Experiment) -> tuple[dict[str, Any], ...]:
    """Read, and held against their hash, before an experiment's first command; remembered while it runs."""
    if experiment.id not in tx.board.plans:
        tx.board.plans[experiment.id] = read_plan(tx.session, experiment)
    return tx.board.plans[experiment.id]


def as_operation(body: dict[str, Any]) -> Operation:
    return _OPERATION.validate_python(body)


def lease_name(lab: str, instrument: str) -> str:
    return f"{lab}/{instrument}"


class Desk:
    """What the dispatcher must know of the world outside the store: each campaign's lab, and the engine's epoch."""

    def __init__(self, lab_of: Callable[[str], tuple[str, Bench]], epoch: int) -> None:
        self.lab_of = lab_of  # campaign id -> (lab key, bench)
        self.epoch = epoch


def intend(tx: Transaction, desk: Desk) -> list[str]:
    """Write the next INTENT for every experiment that can go on; the new commands' ids, in order."""
    waiting = tx.experiments_in(State.SCHEDULED, State.RUNNING)
    if not waiting:
        return []
    busy, leased = tx.board.busy(), tx.board.leases
    new = []
    for experiment in waiting:
        if experiment.id in busy:
            continue
        campaign = tx.campaign(experiment.campaign_id)
        if campaign.wants != Wants.RUN and not (campaign.wants == Wants.STOP and experiment.state == State.RUNNING):
            continue
        if tx.held("campaign", campaign.id) or tx.held("experiment", experiment.id):
            continue
        if not approval_stands(tx, experiment):
            if experiment.state == State.SCHEDULED:
                withdraw(tx, experiment)
            else:
                tx.hold(
                    campaign.id,
                    "experiment",
                    experiment.id,
                    "its approval no longer stands; operations under way were finished",
                )
            continue
        lab, bench = desk.lab_of(campaign.id)
        operation = as_operation(operations(tx, experiment)[experiment.next_operation])
        name = next(
            (
                n
                for n in bench.of_kind(operation.instrument)
                if lease_name(lab, n) not in leased and not tx.held("instrument", lease_name(lab, n))
            ),
            None,
        )
        if name is None:
            continue
        first = experiment.state == State.SCHEDULED
        if first:
            if not _reserve(tx, experiment):
                continue
            tx.move(experiment, State.RUNNING)
        attempt = _attempt(tx, experiment, first=first)
        new.append(_write_intent(tx, desk, experiment, operation, lab, bench, name, attempt))
    return new


def _write_intent(
    tx: Transaction,
    desk: Desk,
    experiment: Experiment,
    operation: Operation,
    lab: str,
    bench: Bench,
    name: str,
    attempt: int,
) -> str:
    number = command_id(experiment.id, experiment.next_operation, attempt)
    tx.add(
        Command(
            id=number,
            campaign_id=experiment.campaign_id,
            experiment_id=experiment.id,
            position=experiment.next_operation,
            attempt=attempt,
            instrument=name,
            action=operation.action,
            effect=operation.effect,
            state="INTENT",
            epoch=desk.epoch,
            intent_at=tx.at,
            deadline_s=bench.clock.now() + 3600.0,
        ),
        Lease(resource=lease_name(lab, name), holder=number, epoch=desk.epoch, since=tx.at),
    )
    tx.emit(experiment.campaign_id, "command.intended", number, action=operation.action, instrument=name)
    return number


def _attempt(tx: Transaction, experiment: Experiment, *, first: bool) -> int:
    """The number of the next command at the experiment's position; `first`: it never had a command."""
    if experiment.id not in tx.board.tries:
        tx.board.tries[experiment.id] = {}
        if not first:
            query = select(Command.position, func.count(col(Command.id))).where(Command.experiment_id == experiment.id)
            tx.board.tries[experiment.id] = dict(tx.session.exec(query.group_by(col(Command.position))).all())
    tries = tx.board.tries[experiment.id]
    tries[experiment.next_operation] = tries.get(experiment.next_operation, 0) + 1
    return tries[experiment.next_operation]


def _reserve(tx: Transaction, experiment: Experiment) -> bool:
    """Set materials aside; False (and a hold) where a limited lot does not suffice."""
    assert experiment.dossier is not None
    dossier = Dossier.from_canonical(log.body_of(tx.session, experiment.dossier))
    keys = [m.inchikey for m in dossier.materials]
    lots = {
        lot.inchikey: lot for lot in tx.session.exec(select(MaterialLot).where(col(MaterialLot.inchikey).in_(keys)))
    }
    for material in dossier.materials:
        lot = lots.get(material.inchikey)
        if lot is not None and lot.grams is not None and lot.reserved_grams + material.grams > lot.grams:
            left = max(lot.grams - lot.reserved_grams, 0.0)
            reason = (
                f"needs {material.grams:.3g} g of {material.smiles}, {left:.3g} g left: restock and release the hold"
            )
            tx.hold(experiment.campaign_id, "experiment", experiment.id, reason)
            return False
    for material in dossier.materials:
        lot = lots.get(material.inchikey)
        if lot is None:
            lot = MaterialLot(inchikey=material.inchikey, smiles=material.smiles, supplier=material.supplier)
            lots[material.inchikey] = lot
        lot.reserved_grams += material.grams
        tx.add(lot)
    tx.flush()
    tx.add(*(Reservation(experiment_id=experiment.id, inchikey=m.inchikey, grams=m.grams) for m in dossier.materials))
    return True


# -- what devices answered ---------------------------------------------------------------------------------------


def accepted(tx: Transaction, command: Command, status: CommandStatus, deadline_s: float) -> None:
    """The device has the command (submitted now, or adopted after a crash)."""
    command.state = "RUNNING"
    command.started_s, command.deadline_s = status.started_s, deadline_s
    tx.add(command)
    tx.emit(command.campaign_id, "command.accepted", command.id, starts=status.started_s, finishes=status.finishes_s)


def rejected(tx: Transaction, command: Command, reason: str) -> None:
    """The device refused and did nothing: a fault in our plan, so a person should see it."""
    _end(tx, command, "FAILED", Fault.HARDWARE, f"refused: {reason}", collected=True)
    _release(tx, command)
    experiment = tx.experiment(command.experiment_id)
    if experiment.state == State.FINISHING:
        tx.move(experiment, State.CANCELLED)
        return
    tx.notify(command.campaign_id, f"{command.instrument} refused {command.action} of {experiment.id}: {reason}")
    tx.move(experiment, State.FAILED, f"{command.instrument} refused {command.action}: {reason}")


def never_sent(tx: Transaction, command: Command) -> None:
    """An intent of an aborted experiment that the device certainly never saw."""
    _end(tx, command, "ABORTED", None, "never sent", collected=True)
    _release(tx, command)
    _finish_abort(tx, tx.experiment(command.experiment_id))


def unknown(tx: Transaction, command: Command, lab: str, reason: str) -> None:
    """Nobody can say what the command did: hold the instrument, quarantine the sample, ask a person."""
    command.state, command.detail = "UNKNOWN", reason
    tx.add(command)
    tx.emit(command.campaign_id, "command.unknown", command.id, reason=reason)
    tx.hold(
        command.campaign_id,
        "instrument",
        lease_name(lab, command.instrument),
        f"outcome of {command.id} unknown: {reason}",
    )
    experiment = tx.experiment(command.experiment_id)
    if experiment.state in (State.RUNNING, State.AWAITING_DATA):
        tx.move(experiment, State.QUARANTINED, f"outcome of {command.action} unknown")
    tx.add(
        OperatorTask(
            campaign_id=command.campaign_id,
            experiment_id=experiment.id,
            command_id=command.id,
            question=f"Did {command.action} of {experiment.id} on {command.instrument} run? ({reason})",
            options="ran,did-not-run,partly",
            at=tx.at,
        )
    )


def ended(
    tx: Transaction,
    command: Command,
    status: CommandStatus,
    files: list[tuple[str, Artifact]] | None,
    *,
    idle: bool,
    lab: str,
) -> None:
    """A terminal status. `files` is None while the data cannot be fetched; only an idle device ends its lease."""
    if command.state not in ("INTENT", "RUNNING"):
        return
    command.finished_s = status.finishes_s
    if files is not None:
        store_files(tx, command, files)
    _end(tx, command, str(status.phase).upper(), status.fault, status.detail, collected=files is not None)
    if idle:
        _release(tx, command)
    experiment = tx.experiment(command.experiment_id)
    if experiment.state == State.FINISHING:
        _finish_abort(tx, experiment)
    elif status.phase is Phase.SUCCEEDED or (status.phase is Phase.FAILED and status.fault is Fault.CHEMISTRY):
        # Chemistry that failed is a result. Without a sample nothing is measured; a tester's refusal costs one value.
        failed_making = (
            status.phase is Phase.FAILED and command.effect == Effect.IRREVERSIBLE and command.action in MAKING
        )
        _go_on(tx, experiment, to_the_end=failed_making)
    elif status.phase is Phase.FAILED and status.fault is Fault.TRANSIENT and command.effect != Effect.IRREVERSIBLE:
        if command.attempt >= MAX_ATTEMPTS:
            _robot_failed(tx, experiment, command, lab)
    else:
        _robot_failed(tx, experiment, command, lab)


def _end(tx: Transaction, command: Command, state: str, fault: Fault | None, detail: str, *, collected: bool) -> None:
    command.state, command.fault, command.detail = state, None if fault is None else fault.value, detail
    command.collected, command.ended_at = collected, tx.at
    tx.add(command)
    tx.emit(command.campaign_id, "command.ended", command.id, state=state, fault=command.fault, detail=detail)


def _release(tx: Transaction, command: Command) -> None:
    release_idle(tx, command.id)


def release_idle(tx: Transaction, holder: str) -> None:
    """The device that was leased to this command is idle."""
    for resource in [x.resource for x in tx.board.leases.values() if x.holder == holder]:
        tx.free(resource)


def store_files(tx: Transaction, command: Command, files: list[tuple[str, Artifact]]) -> None:
    """Record signals whose bytes are already safe on disk. Called once per command, when it becomes `collected`."""
    for sha256, artifact in dict(files).items():
        tx.add(
            SignalFile(
                command_id=command.id,
                experiment_id=command.experiment_id,
                sha256=sha256,
                kind=artifact.kind,
                media_type=artifact.media_type,
                size=len(artifact.data),
                source=artifact.source.value,
                at=tx.at,
            )
        )


def _go_on(tx: Transaction, experiment: Experiment, *, to_the_end: bool) -> None:
    total = len(operations(tx, experiment))
    experiment.next_operation = total if to_the_end else experiment.next_operation + 1
    tx.add(experiment)
    if experiment.next_operation >= total:
        tx.move(experiment, State.AWAITING_DATA)
        analyse_when_complete(tx, experiment)


def analyse_when_complete(tx: Transaction, experiment: Experiment) -> None:
    """Ask for the analysis once every signal of the experiment is here."""
    waiting = any(not c.collected and c.experiment_id == experiment.id for c in tx.board.uncollected())
    if experiment.state == State.AWAITING_DATA and not waiting:
        analyse.request(tx, experiment.campaign_id, experiment.id)


def _robot_failed(tx: Transaction, experiment: Experiment, command: Command, lab: str) -> None:
    """Not the molecule's fault: hold what broke, try again with a fresh sample under a new name and review."""
    why = f"{command.instrument}: {command.detail or command.state.lower()}"
    if command.fault == Fault.HARDWARE:
        tx.hold(
            experiment.campaign_id,
            "instrument",
            lease_name(lab, command.instrument),
            f"failed during {command.id}: {command.detail}",
        )
    retry_as_child(tx, experiment)
    tx.move(experiment, State.FAILED, why)


def retry_as_child(tx: Transaction, experiment: Experiment) -> None:
    """A new attempt is a new experiment with its own id, plan and approval; at most MAX_RETRIES of them."""
    base, _, count = experiment.id.partition("-retry")
    tries = int(count or 0)
    if tries >= MAX_RETRIES or tx.campaign(experiment.campaign_id).wants != Wants.RUN:
        return
    tx.born_of(experiment, f"{base}-retry{tries + 1}")


# -- abort and operators' answers --------------------------------------------------------------------------------


def _finish_abort(tx: Transaction, experiment: Experiment) -> None:
    """The last command of an aborted experiment is over."""
    if experiment.id not in tx.board.busy():
        tx.move(experiment, State.CANCELLED, "aborted by an operator")


def on_task_answered(tx: Transaction, event: log.Happened) -> None:
    """A person said what an unknown command did."""
    query = select(OperatorTask).where(OperatorTask.id == int(event.body["task"]))
    task = tx.session.exec(query).one()
    if task.answer is not None:
        return
    answer = str(event.body["answer"])
    task.answer, task.answered_by, task.answered_at = answer, event.by, event.at
    tx.add(task)
    command = tx.board.commands[task.command_id]
    experiment = tx.experiment(task.experiment_id)
    _release(tx, command)
    if answer == "ran":
        _end(tx, command, "SUCCEEDED", None, f"ran, says {event.by}", collected=False)
    else:
        _end(tx, command, "ABORTED", None, f"{answer}, says {event.by}", collected=True)
    if experiment.state == State.FINISHING:
        _finish_abort(tx, experiment)
    elif experiment.state == State.QUARANTINED and answer == "partly":
        retry_as_child(tx, experiment)
        tx.move(experiment, State.FAILED, f"{command.action} ran only partly, says {event.by}")
    elif experiment.state == State.QUARANTINED:
        tx.move(experiment, State.RUNNING, f"{command.action} {answer}, says {event.by}")
        if answer == "ran":
            _go_on(tx, experiment, to_the_end=False)


HANDLERS = {"task.answered": on_task_answered}
