"""Analyse: raw signals to measurements with uncertainty, flagged where they should not be trusted."""

from __future__ import annotations

from typing import Any

from sqlmodel import col, select

from agent.lifecycle import State
from agent.specs import read_spec
from agent.stages import rescue
from agent.stages.contract import Inputs
from agent.transaction import Transaction
from knowledge.records.measurement import Measurement
from knowledge.store.tables import Command, MeasurementRow, SignalFile, Work

NAME = "analyse"


def compute(inputs: Inputs) -> dict[str, Any]:
    """{"measurements": [...], "corrupt": [reasons]}; artifacts are checked against their hash."""
    from instruments.analysis import CorruptSignal, analyse
    from knowledge.records.measurement import Artifact, Source
    from knowledge.store.artifacts import ArtifactFolder

    spec = read_spec(inputs.spec)
    measurements: list[Measurement] = []
    failed: set[str] = set()
    corrupt: list[str] = []
    with inputs.store() as store:
        folder = ArtifactFolder(store.folder)
        with store.read() as session:
            failed = set(
                session.exec(
                    select(Command.id).where(Command.experiment_id == inputs.subject, Command.state == "FAILED")
                )
            )
            query = select(SignalFile).where(SignalFile.experiment_id == inputs.subject).order_by(col(SignalFile.id))
            files = list(session.exec(query))
        by_command: dict[str, list[Artifact]] = {}
        for file in files:
            data = folder.get(file.sha256)
            by_command.setdefault(file.command_id, []).append(
                Artifact(kind=file.kind, media_type=file.media_type, data=data, source=Source(file.source))
            )
    for command, artifacts in by_command.items():
        try:
            found = analyse(artifacts)
        except CorruptSignal as error:
            corrupt.append(str(error))
            continue
        if command in failed:
            found = [
                m if m.qc_flag is not None else m.model_copy(update={"qc_flag": "operation failed"}) for m in found
            ]
        measurements += found
    # An impure sample says little about the pure compound: its properties are kept, flagged, and not learned from.
    purity = next((m.value for m in reversed(measurements) if m.property == "purity" and m.qc_flag is None), None)
    if purity is not None and purity < spec.minimum_purity:
        about_making = ("purity", "reaction_yield", "isolated_mass")
        measurements = [
            m
            if m.property in about_making or m.qc_flag is not None
            else m.model_copy(update={"qc_flag": "impure sample"})
            for m in measurements
        ]
    return {"measurements": [m.model_dump(mode="json") for m in measurements], "corrupt": corrupt}


def request(tx: Transaction, campaign_id: str, experiment_id: str) -> None:
    tx.request(NAME, campaign_id, experiment_id)


def finish(tx: Transaction, work: Work, result: dict[str, Any], inputs: Inputs) -> None:
    experiment = tx.experiment(work.subject)
    if experiment.state != State.AWAITING_DATA:
        return
    tx.move(experiment, State.ANALYSED)
    measured = [Measurement.model_validate(m) for m in result["measurements"]]
    done = tx.emit(
        work.campaign_id, "experiment.analysed", experiment.id, measured=len(measured), corrupt=result["corrupt"]
    )
    for one in measured:
        tx.add(
            MeasurementRow(
                campaign_id=work.campaign_id,
                experiment_id=experiment.id,
                property=one.property,
                value=one.value,
                std=one.std,
                simulated=one.source.simulated,
                source=one.source.value,
                qc_flag=one.qc_flag,
                body=one.canonical(),
                event_id=done.id,
            )
        )
    rescue.consider(tx, experiment, measured)
    tx.move(experiment, State.CLOSED, _outcome(tx, experiment.id, measured, result["corrupt"]))


def _outcome(tx: Transaction, experiment_id: str, measured: list[Measurement], corrupt: list[str]) -> str:
    query = (
        select(Command)
        .where(Command.experiment_id == experiment_id, Command.state == "FAILED")
        .order_by(col(Command.position))
    )
    words = [f"{c.action}: {c.detail}" for c in tx.session.exec(query)]
    words += [f"unreadable signal: {reason}" for reason in corrupt]
    words += sorted({f"{m.property}: {m.qc_flag}" for m in measured if m.qc_flag is not None})
    return "; ".join(words) or "measured"


HANDLERS: dict[str, Any] = {}
