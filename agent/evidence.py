"""What the lab saw of a synthesis, step by step: from an experiment's commands, measurements and chromatogram."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlmodel import Session, col, select

from instruments.driver import Fault as Cause
from knowledge.records.measurement import Artifact, Measurement, Source
from knowledge.records.protocol import MAKING, Operation
from knowledge.store.artifacts import ArtifactFolder
from knowledge.store.tables import Command, MeasurementRow, SignalFile

if TYPE_CHECKING:
    from planners.routes.rescue import Seen


def failed_making(session: Session, experiment_id: str) -> list[Command]:
    """Commands of the synthesis whose chemistry failed, in the order of the protocol."""
    query = select(Command).where(
        Command.experiment_id == experiment_id,
        Command.state == "FAILED",
        Command.fault == Cause.CHEMISTRY.value,
        col(Command.action).in_(MAKING),
    )
    return list(session.exec(query.order_by(col(Command.position))))


def refused_tests(session: Session, experiment_id: str) -> list[Command]:
    """Commands of the tests that could not be done on this sample."""
    query = select(Command).where(
        Command.experiment_id == experiment_id,
        Command.state == "FAILED",
        Command.fault == Cause.CHEMISTRY.value,
        col(Command.action).not_in(MAKING),
    )
    return list(session.exec(query.order_by(col(Command.position))))


def steps_seen(
    session: Session, signals: ArtifactFolder, experiment_id: str, operations: tuple[Operation, ...]
) -> tuple[Seen, ...]:
    """One for each reaction of the protocol, in order.

    Every isolation is weighed, so every step has its own yield by mass; purity and chromatogram are the last one's.
    """
    from planners.routes.rescue import Seen

    step_at = _steps(operations)
    seen: list[dict[str, object]] = [{} for _ in range(max(step_at, default=-1) + 1)]
    files = {
        f.sha256: f for f in session.exec(select(SignalFile).where(SignalFile.experiment_id == experiment_id)).all()
    }
    position = {c.id: c.position for c in session.exec(select(Command).where(Command.experiment_id == experiment_id))}
    rows = select(MeasurementRow).where(MeasurementRow.experiment_id == experiment_id).order_by(col(MeasurementRow.id))
    for row in session.exec(rows):
        measured = Measurement.from_canonical(row.body)
        if row.property == "reaction_yield":
            for sha256 in measured.signals:
                if sha256 in files:
                    seen[step_at[position[files[sha256].command_id]]]["mass_yield"] = measured.value
        elif row.property == "purity" and measured.qc_flag is None and seen:
            seen[-1]["purity"] = min(measured.value, 1.0)
    for command in failed_making(session, experiment_id):
        step = step_at[command.position]
        # A reaction that could not be charged lacks what the step before should have made.
        seen[max(step - 1, 0) if command.action == "react" else step]["no_product"] = True
    for file in files.values():
        if file.kind == "chromatogram" and seen:
            share = _early(signals, file)
            if share is not None:
                seen[-1]["early"] = share
    return tuple(Seen.model_validate(s) for s in seen)


def _steps(operations: tuple[Operation, ...]) -> list[int]:
    """Of each operation's position, the number of its reaction, from 0; tests belong to the last."""
    step, found = -1, []
    for operation in operations:
        step += operation.action == "react"
        found.append(step)
    return found


def _early(signals: ArtifactFolder, file: SignalFile) -> float | None:
    from instruments.analysis.chromatogram import foreign_before
    from instruments.analysis.signal import CorruptSignal, decode

    artifact = Artifact(
        kind=file.kind, media_type=file.media_type, data=signals.get(file.sha256), source=Source(file.source)
    )
    try:
        return foreign_before(decode(artifact))
    except CorruptSignal:
        return None
