"""Dispatch: at most once, then reconcile.

1. One transaction re-checks approval, holds and reservations and writes the command as INTENT.
2. The driver is called outside any transaction.
3. What it answered is recorded. After a crash every command that is not terminal may have been sent, so the device is
   asked first; the same id is sent again only when the device knows for certain that it never saw it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from pydantic import TypeAdapter
from sqlmodel import col, select

from agent.lifecycle import State, Wants
from agent.stages import analyse
from agent.stages.review import approval_stands, withdraw
from agent.transaction import Transaction
from instruments.bench import Bench
from instruments.driver import CommandStatus, Fault, Phase
from knowledge.records.dossier import Dossier
from knowledge.records.measurement import Artifact
from knowledge.records.protocol import Effect, Operation
from knowledge.store import log
from knowledge.store.tables import Command, Experiment, Lease, MaterialLot, OperatorTask, Reservation, SignalFile

OPEN = ("INTENT", "RUNNING", "UNKNOWN")
MAX_ATTEMPTS = 3
MAX_RETRIES = 2
_OPERATION: TypeAdapter[Operation] = TypeAdapter(Operation)


def command_id(experiment_id: str, position: int, attempt: int) -> str:
    """Chosen by us, the same after any restart."""
    return f"{experiment_id}:{position:02d}:{attempt}"


@lru_cache(maxsize=256)
def _operations(body: str) -> tuple[dict[str, Any], ...]:
    return tuple(json.loads(body)["operations"])


def operations(tx: Transaction, experiment: Experiment) -> tuple[dict[str, Any], ...]:
    """The approved protocol's operations. Raises BrokenLog when stored text no longer has the approved hash."""
    assert experiment.dossier is not None
    dossier = json.loads(log.body_of(tx.session, experiment.dossier))
    return _operations(log.body_of(tx.session, dossier["protocol"]))


def operation_of(tx: Transaction, command: Command) -> Operation:
    return _OPERATION.validate_python(operations(tx, tx.experiment(command.experiment_id))[command.position])


def lease_name(lab: str, instrument: str) -> str:
    return f"{lab}/{instrument}"


class Desk:
    """What the dispatcher must know of the world outside the store: each campaign's lab, and the engine's epoch."""

    def __init__(self, labs: Mapping[str, tuple[str, Bench]], epoch: int) -> None:
        self.labs = labs  # campaign id -> (lab key, bench)
        self.epoch = epoch


def intend(tx: Transaction, desk: Desk) -> list[str]:
    """Write the next INTENT for every experiment that can go on; the new commands' ids, in order."""
    waiting = tx.experiments_in(State.SCHEDULED, State.RUNNING)
    if not waiting:
        return []
    busy = set(tx.session.exec(select(Command.experiment_id).where(col(Command.state).in_(OPEN))))
    leased = set(tx.session.exec(select(Lease.resource)))
    new = []
    for experiment in waiting:
        if experiment.id in busy or experiment.campaign_id not in desk.labs:
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
        lab, bench = desk.labs[campaign.id]
        operation = _OPERATION.validate_python(operations(tx, experiment)[experiment.next_operation])
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
        if experiment.state == State.SCHEDULED:
            if not _reserve(tx, experiment):
                continue
            tx.move(experiment, State.RUNNING)
        new.append(_write_intent(tx, desk, experiment, operation, lab, bench, name))
        leased.add(lease_name(lab, name))
    return new


def _write_intent(
    tx: Transaction, desk: Desk, experiment: Experiment, operation: Operation, lab: str, bench: Bench, name: str
) -> str:
    earlier = select(Command.id).where(
        Command.experiment_id == experiment.id, Command.position == experiment.next_operation
    )
    attempt = len(tx.session.exec(earlier).all()) + 1
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


def _reserve(tx: Transaction, experiment: Experiment) -> bool:
    """Set materials aside; False (and a hold) where a limited lot does not suffice."""
    assert experiment.dossier is not None
    dossier = Dossier.from_canonical(log.body_of(tx.session, experiment.dossier))
    for material in dossier.materials:
        lot = tx.session.exec(select(MaterialLot).where(MaterialLot.inchikey == material.inchikey)).first()
        if lot is None:
            lot = MaterialLot(inchikey=material.inchikey, smiles=material.smiles, supplier=material.supplier)
        if lot.grams is not None and lot.reserved_grams + material.grams > lot.grams:
            left = max(lot.grams - lot.reserved_grams, 0.0)
            reason = (
                f"needs {material.grams:.3g} g of {material.smiles}, {left:.3g} g left: restock, then release the hold"
            )
            tx.hold(experiment.campaign_id, "experiment", experiment.id, reason)
            return False
    for material in dossier.materials:
        lot = tx.session.exec(select(MaterialLot).where(MaterialLot.inchikey == material.inchikey)).first()
        if lot is None:
            lot = MaterialLot(inchikey=material.inchikey, smiles=material.smiles, supplier=material.supplier)
        lot.reserved_grams += material.grams
        tx.add(lot)
        tx.session.flush()
        tx.add(Reservation(experiment_id=experiment.id, inchikey=material.inchikey, grams=material.grams))
    tx.session.flush()
    return True


# -- what devices answered -----------------------------------------------------------------------------------------------


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
    tx.session.flush()


def ended(
    tx: Transaction,
    command: Command,
    status: CommandStatus,
    files: list[tuple[str, Artifact]] | None,
    *,
    idle: bool,
    lab: str,
) -> None:
    """A terminal status. `files` is None when the data could not be fetched yet; the lease ends only with an idle device."""
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
        # Chemistry that failed is a result. Without a sample nothing can be measured; a tester's refusal costs only its own value.
        failed_making = (
            status.phase is Phase.FAILED and command.effect == Effect.IRREVERSIBLE and command.action in MAKING
        )
        _go_on(tx, experiment, to_the_end=failed_making)
    elif status.phase is Phase.FAILED and status.fault is Fault.TRANSIENT and command.effect != Effect.IRREVERSIBLE:
        if command.attempt >= MAX_ATTEMPTS:
            _robot_failed(tx, experiment, command, lab)
    else:
        _robot_failed(tx, experiment, command, lab)


MAKING = ("dispense", "react", "work_up", "purify")


def _end(tx: Transaction, command: Command, state: str, fault: Fault | None, detail: str, *, collected: bool) -> None:
    command.state, command.fault, command.detail = state, None if fault is None else fault.value, detail
    command.collected, command.ended_at = collected, tx.at
    tx.add(command)
    tx.emit(command.campaign_id, "command.ended", command.id, state=state, fault=command.fault, detail=detail)


def _release(tx: Transaction, command: Command) -> None:
    for lease in tx.session.exec(select(Lease).where(Lease.holder == command.id)).all():
        tx.session.delete(lease)
    tx.session.flush()


def release_idle(tx: Transaction, command_holding: str) -> None:
    """The device that kept its lease after a command now says it is idle."""
    for lease in tx.session.exec(select(Lease).where(Lease.holder == command_holding)).all():
        tx.session.delete(lease)
    tx.session.flush()


def store_files(tx: Transaction, command: Command, files: list[tuple[str, Artifact]]) -> None:
    """Record signals whose bytes are already safe on disk."""
    have = set(tx.session.exec(select(SignalFile.sha256).where(SignalFile.command_id == command.id)))
    for sha256, artifact in files:
        if sha256 in have:
            continue
        have.add(sha256)
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
    tx.session.flush()


def _go_on(tx: Transaction, experiment: Experiment, *, to_the_end: bool) -> None:
    total = len(operations(tx, experiment))
    experiment.next_operation = total if to_the_end else experiment.next_operation + 1
    tx.add(experiment)
    tx.session.flush()
    if experiment.next_operation >= total:
        tx.move(experiment, State.AWAITING_DATA)
        analyse_when_complete(tx, experiment)


def analyse_when_complete(tx: Transaction, experiment: Experiment) -> None:
    """Ask for the analysis once every signal of the experiment is here."""
    query = select(Command.id).where(
        Command.experiment_id == experiment.id,
        Command.collected == False,  # noqa: E712
        col(Command.state).in_(("SUCCEEDED", "FAILED")),
    )
    if experiment.state == State.AWAITING_DATA and tx.session.exec(query).first() is None:
        analyse.request(tx, experiment.campaign_id, experiment.id)


def _robot_failed(tx: Transaction, experiment: Experiment, command: Command, lab: str) -> None:
    """Not the molecule's fault: hold what broke, and try again with a fresh sample under a new name and a new review."""
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
    child = Experiment(
        id=f"{base}-retry{tries + 1}",
        campaign_id=experiment.campaign_id,
        iteration=experiment.iteration,
        ordinal=experiment.ordinal,
        state=State.PROPOSED,
        smiles=experiment.smiles,
        inchikey=experiment.inchikey,
        candidate=experiment.candidate,
        parent_id=experiment.id,
        proposer=experiment.proposer,
        reference=experiment.reference,
        created_at=tx.at,
        updated_at=tx.at,
    )
    tx.born(child)


# -- abort and operators' answers ---------------------------------------------------------------------------------------


def _finish_abort(tx: Transaction, experiment: Experiment) -> None:
    """The last command of an aborted experiment is over."""
    query = select(Command.id).where(Command.experiment_id == experiment.id, col(Command.state).in_(OPEN))
    tx.session.flush()
    if tx.session.exec(query).first() is None:
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
    command = tx.session.exec(select(Command).where(Command.id == task.command_id)).one()
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
