"""Review: nothing reaches a device before its exact dossier was approved, by a person or by a person's policy."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlmodel import select

from agent.campaign import CommonSpec, Mode
from agent.kinds import by_kind
from agent.lifecycle import State
from agent.transaction import Transaction
from knowledge.records.dossier import Dossier
from knowledge.records.procedure import Procedure
from knowledge.records.route import Route
from knowledge.store import log
from knowledge.store.tables import Decision, Experiment, Restriction, ReviewRequest

POLICY = "policy:auto"
REASONS = ("unsafe", "unavailable", "uninteresting", "other")
MASKED_BATCHES = 3  # how long something unavailable stays out of proposals


def later(at: str, seconds: float) -> str:
    """ISO time `seconds` after `at`."""
    moment = datetime.fromisoformat(at) + timedelta(seconds=seconds)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def on_screened(tx: Transaction, event: log.Happened) -> None:
    request_review(tx, tx.experiment(event.subject))


def request_review(tx: Transaction, experiment: Experiment) -> None:
    """Ask for a decision on the experiment's dossier as it is now."""
    spec = tx.spec(experiment.campaign_id)
    dossier = Dossier.from_canonical(log.body_of(tx.session, _dossier_of(experiment)))
    two = _needs_two(spec, dossier)
    expires = later(tx.at, spec.review.expires_after.magnitude("second"))
    tx.move(experiment, State.AWAITING_REVIEW)
    tx.add(
        ReviewRequest(
            campaign_id=experiment.campaign_id,
            experiment_id=experiment.id,
            dossier=dossier.sha256,
            approvals_needed=max(spec.review.approvals, 2 if two else 1),
            state="OPEN",
            at=tx.at,
            expires_at=expires,
        )
    )
    tx.flush()
    if spec.review.mode is Mode.AUTO:
        outside = outside_envelope(tx, spec, dossier)
        if not outside:
            decide = {
                "dossier": dossier.sha256,
                "verdict": "approve",
                "reason": "",
                "comment": "inside the envelope",
                "forbid": None,
            }
            tx.emit(experiment.campaign_id, "review.decided", experiment.id, by=POLICY, **decide)
            return
        if spec.review.outside == "reject":
            close_request(tx, experiment.id, "REJECTED")
            tx.move(experiment, State.REJECTED, f"outside the auto-approval envelope: {outside}")
            return
        tx.notify(experiment.campaign_id, f"{experiment.id} needs a person: {outside}")
    else:
        tx.notify(experiment.campaign_id, f"{experiment.id} awaits review: `review show {experiment.id}`")


def _dossier_of(experiment: Experiment) -> str:
    if experiment.dossier is None:
        raise ValueError(f"{experiment.id} has no dossier to review")
    return experiment.dossier


def _needs_two(spec: CommonSpec, dossier: Dossier) -> bool:
    """Of the target and intermediates, which nobody ever shipped; "material:energetic" adds what is bought."""
    codes = [a.code.removeprefix("intermediate:") for a in dossier.hazards.alerts]
    return any(code.startswith(prefix) for code in codes for prefix in spec.review.two_people_for)


def outside_envelope(tx: Transaction, spec: CommonSpec, dossier: Dossier) -> str:
    """Why the policy may not approve this by itself; empty when it may."""
    limits = spec.review.envelope
    route = Route.from_canonical(log.body_of(tx.session, dossier.route))
    if len(route.steps) > limits.max_steps:
        return f"{len(route.steps)} steps, at most {limits.max_steps}"
    hottest, largest = limits.max_temperature.magnitude("K"), limits.max_vessel.magnitude("mL")
    for body in log.load(tx.session, dossier.procedures):
        procedure = Procedure.model_validate(body)
        temperature = procedure.temperature.quantity.magnitude("K")
        if temperature > hottest:
            return f"step to {procedure.product} at {temperature:.0f} K, at most {hottest:.0f} K"
        volume = procedure.vessel_volume.magnitude("mL")
        if volume > largest:
            return f"step to {procedure.product} in a vessel of {volume:.0f} mL, at most {largest:.0f} mL"
    if _needs_two(spec, dossier):
        return "a hazard class that two people must approve"
    return ""


def on_decided(tx: Transaction, event: log.Happened) -> None:
    """A decision counts only for the dossier it names, and never from who proposed the experiment."""
    experiment = tx.experiment(event.subject)
    body = event.body
    refusal = _refusal(experiment, body, event.by)
    if refusal:
        tx.emit(event.campaign_id, "review.refused", experiment.id, person=event.by, reason=refusal)
        tx.notify(event.campaign_id, f"the decision of {event.by} on {experiment.id} does not count: {refusal}")
        return
    spec = tx.spec(event.campaign_id)
    request = open_request(tx, experiment.id)
    if request is None:
        return
    expires = later(event.at, spec.review.expires_after.magnitude("second"))
    tx.add(
        Decision(
            experiment_id=experiment.id,
            dossier=body["dossier"],
            verdict=body["verdict"],
            reason=body["reason"],
            comment=body["comment"],
            person=event.by,
            at=event.at,
            expires_at=expires if body["verdict"] == "approve" else None,
        )
    )
    tx.flush()
    if body["verdict"] == "reject":
        request.state = "REJECTED"
        tx.add(request)
        _remember(tx, experiment, event)
        tx.move(experiment, State.REJECTED, f"{event.by}: {body['reason']} {body['comment']}".strip())
    elif len(approvers(tx, experiment)) >= request.approvals_needed:
        request.state = "APPROVED"
        tx.add(request)
        tx.move(experiment, State.APPROVED)
        tx.move(experiment, State.SCHEDULED)


def _refusal(experiment: Experiment, body: dict[str, Any], person: str) -> str:
    if experiment.state != State.AWAITING_REVIEW:
        return f"it is {experiment.state}, not {State.AWAITING_REVIEW}"
    if body["dossier"] != experiment.dossier:
        return "the dossier changed after it was looked at"
    if person == experiment.proposer:
        return "who proposes cannot decide"
    return ""


def open_request(tx: Transaction, experiment_id: str) -> ReviewRequest | None:
    query = select(ReviewRequest).where(ReviewRequest.experiment_id == experiment_id, ReviewRequest.state == "OPEN")
    return tx.session.exec(query).first()


def close_request(tx: Transaction, experiment_id: str, state: str) -> None:
    """Nobody need decide any more."""
    request = open_request(tx, experiment_id)
    if request is not None:
        request.state = state
        tx.add(request)


def approvers(tx: Transaction, experiment: Experiment) -> set[str]:
    """Who approved exactly the current dossier, and has not run out."""
    query = select(Decision).where(
        Decision.experiment_id == experiment.id, Decision.verdict == "approve", Decision.dossier == experiment.dossier
    )
    return {d.person for d in tx.session.exec(query) if d.expires_at is None or d.expires_at > tx.at}


_STANDING = text(
    "SELECT r.state, r.approvals_needed, (SELECT count(DISTINCT d.person) FROM decision d WHERE d.experiment_id = :e "
    "AND d.dossier = :d AND d.verdict = 'approve' AND (d.expires_at IS NULL OR d.expires_at > :now)) "
    "FROM review_request r WHERE r.experiment_id = :e AND r.dossier = :d ORDER BY r.id DESC LIMIT 1"
)


def approval_stands(tx: Transaction, experiment: Experiment) -> bool:
    """Whether enough people approve what would be done now."""
    tx.session.flush()  # a decision of this very transaction counts
    parameters = {"e": experiment.id, "d": experiment.dossier, "now": tx.at}
    row = tx.connection.execute(_STANDING, parameters).first()
    return row is not None and row[0] == "APPROVED" and int(row[2]) >= int(row[1])


def _remember(tx: Transaction, experiment: Experiment, event: log.Happened) -> None:
    """unsafe -> a lasting constraint; unavailable -> a mask for some batches; else never the same again."""
    reason = event.body["reason"]
    masked = experiment.iteration + MASKED_BATCHES if reason == "unavailable" else None
    for kind, value in by_kind(tx.spec(event.campaign_id)).lessons(tx, experiment, event.body):
        tx.add(
            Restriction(
                campaign_id=experiment.campaign_id,
                kind=kind,
                value=value,
                reason=reason,
                experiment_id=experiment.id,
                until_iteration=masked,
                event_id=event.id,
                at=tx.at,
            )
        )
    tx.flush()


def expire(tx: Transaction) -> int:
    """End requests and approvals that ran out; how many."""
    ended = 0
    query = select(ReviewRequest).where(ReviewRequest.state == "OPEN", ReviewRequest.expires_at <= tx.at)
    for request in tx.session.exec(query).all():
        experiment = tx.experiment(request.experiment_id)
        request.state = "EXPIRED"
        tx.add(request)
        if experiment.state == State.AWAITING_REVIEW:
            tx.move(experiment, State.EXPIRED, "nobody decided in time")
            ended += 1
    for experiment in tx.experiments_in(State.APPROVED, State.SCHEDULED):
        if not approval_stands(tx, experiment):
            withdraw(tx, experiment)
            ended += 1
    return ended


def withdraw(tx: Transaction, experiment: Experiment) -> None:
    """An approval that no longer stands: expired ones end, changed dossiers are asked about again."""
    query = select(Decision).where(Decision.experiment_id == experiment.id, Decision.dossier == experiment.dossier)
    if any(d.expires_at is not None and d.expires_at <= tx.at for d in tx.session.exec(query)):
        tx.move(experiment, State.EXPIRED, "the approval ran out before the experiment could start")
        return
    for request in tx.session.exec(select(ReviewRequest).where(ReviewRequest.experiment_id == experiment.id)).all():
        request.state = "VOID"
        tx.add(request)
    tx.emit(experiment.campaign_id, "review.voided", experiment.id, reason="the dossier changed after its approval")
    request_review(tx, experiment)


HANDLERS = {"experiment.screened": on_screened, "review.decided": on_decided}
