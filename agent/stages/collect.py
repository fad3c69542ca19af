"""Collect: bring in signals that could not be fetched when their command ended."""

from __future__ import annotations

from agent.stages import dispatch
from agent.transaction import Transaction
from knowledge.records.measurement import Artifact
from knowledge.store.tables import Command


def collected(tx: Transaction, command: Command, files: list[tuple[str, Artifact]]) -> None:
    """Signals are safe on disk: record them, and analyse when they were the last."""
    dispatch.store_files(tx, command, files)
    command.collected = True
    tx.add(command)
    tx.emit(command.campaign_id, "command.collected", command.id, files=len(files))
    dispatch.analyse_when_complete(tx, tx.experiment(command.experiment_id))
