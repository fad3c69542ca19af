"""Plan: a route to the molecule, procedures for its steps, and the protocol that instruments can execute."""

from __future__ import annotations

from typing import Any

from agent.kinds import by_kind
from agent.lifecycle import State
from agent.lineage import is_rescue
from agent.specs import read_spec
from agent.stages.contract import Inputs
from agent.transaction import Transaction
from knowledge.store import log
from knowledge.store.tables import Work

NAME = "plan"


def on_proposed(tx: Transaction, event: log.Happened) -> None:
    """A child that an operator edited brings its own plan; a rescue is planned by the stage of that name."""
    experiment = tx.experiment(event.subject)
    if experiment.dossier is None and not is_rescue(experiment.id):
        tx.request(
            NAME,
            event.campaign_id,
            event.subject,
            smiles=experiment.smiles,
            sample=experiment.id,
            candidate=experiment.candidate,
        )


def compute(inputs: Inputs) -> dict[str, Any]:
    """{"route", "procedures", "protocol", "reason"}; without a route only the reason says more."""
    return by_kind(read_spec(inputs.spec)).plan(inputs)


def finish(tx: Transaction, work: Work, result: dict[str, Any], inputs: Inputs) -> None:
    experiment = tx.experiment(work.subject)
    if experiment.state != State.PROPOSED:
        return  # cancelled while the search ran
    if result["route"] is None:
        tx.move(experiment, State.ABANDONED, result["reason"])
        return
    parts = {part: tx.put(part, result[part]) for part in ("route", "procedures", "protocol")}
    tx.emit(work.campaign_id, "experiment.planned", experiment.id, **parts)


HANDLERS = {"experiment.proposed": on_proposed}
