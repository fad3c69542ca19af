"""Learn: refit the property models on handbook and measurements, and say how wrong the last predictions were."""

from __future__ import annotations

from typing import Any

from agent.kinds import by_kind
from agent.specs import read_spec
from agent.stages.contract import Inputs
from agent.transaction import Transaction
from knowledge.store import log
from knowledge.store.tables import ModelVersion, Work

NAME = "learn"


def on_start(tx: Transaction, event: log.Happened) -> None:
    """A campaign begins by fitting what is already known."""
    tx.request(NAME, event.campaign_id, event.campaign_id, iteration=0, previous=None, proposal=None, as_of=event.id)


def on_batch_closed(tx: Transaction, event: log.Happened) -> None:
    number = int(event.body["iteration"])
    previous = tx.latest_model(event.campaign_id)
    if previous is not None and not tx.any_closed(event.campaign_id, number):
        # Nothing was measured, so nothing can be learnt: the next batch is chosen by the same model.
        tx.emit(event.campaign_id, "model.kept", event.subject, iteration=number, model=previous.sha256)
        return
    tx.request(
        NAME,
        event.campaign_id,
        event.subject,
        iteration=number,
        previous=None if previous is None else previous.sha256,
        proposal=tx.proposal_of(event.campaign_id, number),  # its pool is where predictions matter
        as_of=event.id,
    )


def compute(inputs: Inputs) -> dict[str, Any]:
    """The models' state, and the prospective error of the batch that just closed."""
    return by_kind(read_spec(inputs.spec)).learn(inputs)


def finish(tx: Transaction, work: Work, result: dict[str, Any], inputs: Inputs) -> None:
    iteration = int(inputs.body["iteration"])
    sha256 = tx.put("model", result)
    tx.add(
        ModelVersion(
            campaign_id=work.campaign_id,
            number=iteration,
            data_hash=str(result["models"]["data_hash"]),
            seed=inputs.seed,
            sha256=sha256,
            at=tx.at,
        )
    )
    tx.emit(
        work.campaign_id, "model.fitted", f"{work.campaign_id}/{iteration}", iteration=iteration, model=sha256,
        prospective_error=result["prospective_error"],
    )  # fmt: skip


HANDLERS = {"campaign.started": on_start, "batch.closed": on_batch_closed}
