"""What operators ask for, as events in the log: written by any process, carried out by the engine."""

from __future__ import annotations

from agent.lifecycle import BEFORE_LAB, TERMINAL, Phase, State, Wants
from agent.stages.review import close_request, request_review
from agent.transaction import Transaction
from knowledge.store import log
from knowledge.store.tables import Experiment


def on_wanted(tx: Transaction, event: log.Happened) -> None:
    campaign = tx.campaign(event.campaign_id)
    if Phase(campaign.state).ended:
        return
    campaign.wants = Wants(event.body["wants"])
    tx.add(campaign)
    if campaign.wants in (Wants.STOP, Wants.ABORT):
        for experiment in _of(tx, campaign.id, *BEFORE_LAB):
            close_request(tx, experiment.id, "VOID")
            tx.move(experiment, State.CANCELLED, f"{campaign.wants} by {event.by}")
    if campaign.wants is Wants.ABORT:
        for experiment in _of(tx, campaign.id, State.RUNNING, State.AWAITING_DATA, State.QUARANTINED):
            tx.move(experiment, State.FINISHING, f"abort by {event.by}")
            settle_abort(tx, experiment)
    end_if_done(tx, campaign.id)


def settle_abort(tx: Transaction, experiment: Experiment) -> None:
    """An aborted experiment without a command on a device is over at once."""
    if experiment.id not in tx.board.busy():
        tx.move(experiment, State.CANCELLED, "aborted by an operator")


def on_batch_closed(tx: Transaction, event: log.Happened) -> None:
    end_if_done(tx, event.campaign_id)


def end_if_done(tx: Transaction, campaign_id: str) -> None:
    """A stopped or aborted campaign ends when its last experiment did."""
    campaign = tx.campaign(campaign_id)
    if campaign.wants not in (Wants.STOP, Wants.ABORT) or Phase(campaign.state).ended:
        return
    alive = [s for s in State if s not in TERMINAL]
    if not _of(tx, campaign_id, *alive):
        stopped = campaign.wants == Wants.STOP
        tx.finish_campaign(campaign_id, Phase.STOPPED if stopped else Phase.ABORTED, "by an operator")


def _of(tx: Transaction, campaign_id: str, *states: State) -> list[Experiment]:
    return [e for e in tx.experiments_in(*states) if e.campaign_id == campaign_id]


def on_hold_released(tx: Transaction, event: log.Happened) -> None:
    for hold in [h for h in tx.board.holds.values() if h.subject == event.subject]:
        hold.released_at, hold.released_by = event.at, event.by
        tx.add(hold)
    for work in [w for w in tx.board.work.values() if w.campaign_id == event.campaign_id]:
        work.attempts = 0  # a person looked: what failed gets its tries back
        tx.add(work)


def on_edited(tx: Transaction, event: log.Happened) -> None:
    """An edit makes a child with its own dossier; the parent is superseded, the editor may not approve the child."""
    parent = tx.experiment(event.subject)
    if parent.state not in BEFORE_LAB:
        tx.notify(event.campaign_id, f"the edit of {parent.id} came too late: it is {parent.state}")
        return
    child = tx.born_of(parent, event.body["child"], dossier=event.body["dossier"], proposer=event.by)
    close_request(tx, parent.id, "VOID")
    tx.move(parent, State.SUPERSEDED, f"edited by {event.by}: {child.id}")
    tx.move(child, State.SCREENED)
    request_review(tx, child)


HANDLERS = {
    "campaign.wanted": on_wanted,
    "batch.closed": on_batch_closed,
    "hold.released": on_hold_released,
    "experiment.edited": on_edited,
}
