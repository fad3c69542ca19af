"""The operators' desk: every wish is an event in the log, written by whichever process the person uses.

Nothing here changes an experiment; the engine does, when it comes to the event, under the same rules whoever asks.
"""

from __future__ import annotations

import json
from typing import Any

from pydantic import ValidationError
from sqlalchemy import func
from sqlmodel import Session, col, select

from agent.conditions.enrolment import prepare
from agent.conditions.spec import ConditionsSpec
from agent.kinds import by_kind
from agent.lifecycle import BEFORE_LAB, Phase, State, Wants
from agent.specs import AnySpec, read_spec
from agent.stages.review import POLICY, REASONS
from agent.transaction import ENGINE
from knowledge.records.dossier import Dossier
from knowledge.records.protocol import Protocol
from knowledge.store import log
from knowledge.store.database import Store, now_iso
from knowledge.store.tables import (
    Campaign,
    CampaignRevision,
    Event,
    Experiment,
    Hold,
    OperatorTask,
    Restriction,
    ReviewRequest,
    User,
)

NOBODY = (ENGINE, POLICY, "operator")
"""Names under which the loop itself writes: no person may sign with them."""
LONGEST_NAME = 80


class DeskError(ValueError):
    """A wish that cannot be; one line that says what to change."""


def enroll(store: Store, spec: AnySpec, *, dry_run: bool) -> str:
    """A new campaign, ready for an engine; its id is the name with a number.

    The table of a replay lab is kept with the store's signals. Raises CampaignError.
    """
    if isinstance(spec, ConditionsSpec):
        prepare(store, spec)
    with store.write() as session:
        earlier = session.exec(select(func.count(col(Campaign.id))).where(Campaign.name == spec.name)).one()
        campaign_id, at = f"{spec.name}-{earlier + 1}", now_iso()
        revision = log.put(session, "campaign", spec)
        session.add(
            Campaign(
                id=campaign_id,
                name=spec.name,
                revision=revision,
                seed=spec.seed,
                dry_run=dry_run,
                wants=Wants.RUN,
                state=Phase.ACTIVE,
                created_at=at,
            )
        )
        session.flush()
        session.add(CampaignRevision(campaign_id=campaign_id, number=1, sha256=revision, at=at))
        session.flush()
        log.append(session, campaign_id, "campaign.started", campaign_id, {"revision": revision}, by="operator", at=at)
    return campaign_id


def find_campaign(session: Session, campaign_id: str | None) -> Campaign:
    """That campaign, or the newest. Raises DeskError."""
    if campaign_id is None:
        newest = session.exec(select(Campaign).order_by(col(Campaign.created_at).desc())).first()
        if newest is None:
            raise DeskError("the store holds no campaign yet: `run CAMPAIGN` starts one")
        return newest
    found = session.exec(select(Campaign).where(Campaign.id == campaign_id)).first()
    if found is None:
        known = ", ".join(session.exec(select(Campaign.id).order_by(col(Campaign.id)))) or "none"
        raise DeskError(f"no campaign '{campaign_id}' in the store; there are: {known}")
    return found


def find_experiment(session: Session, experiment_id: str) -> Experiment:
    """Raises DeskError."""
    found = session.exec(select(Experiment).where(Experiment.id == experiment_id)).first()
    if found is None:
        raise DeskError(f"no experiment '{experiment_id}' in the store; `experiments` lists them")
    return found


def want(store: Store, campaign_id: str | None, wants: Wants, *, by: str) -> str:
    """Ask a campaign to run, pause, stop or abort; its id."""
    with store.write() as session:
        campaign = find_campaign(session, campaign_id)
        if Phase(campaign.state).ended:
            raise DeskError(f"campaign {campaign.id} has ended ({campaign.state}: {campaign.outcome})")
        by = _sign(session, by)
        log.append(session, campaign.id, "campaign.wanted", campaign.id, {"wants": wants.value}, by=by, at=now_iso())
        return campaign.id


def latest_wish(session: Session, campaign_id: str) -> Wants:
    """What was asked last, whether or not the engine has come to it."""
    query = (
        select(Event.body)
        .where(Event.campaign_id == campaign_id, Event.kind == "campaign.wanted")
        .order_by(col(Event.id).desc())
        .limit(1)
    )
    body = session.exec(query).first()
    return Wants.RUN if body is None else Wants(json.loads(body)["wants"])


def decide(
    store: Store,
    experiment_id: str,
    *,
    approve: bool,
    by: str,
    reason: str = "",
    comment: str = "",
    forbid: str | None = None,
    prefer: str | None = None,
    dossier: str | None = None,
) -> int:
    """Approve or reject the dossier that the experiment has now, or only the one whose hash begins with `dossier`.

    `forbid` and `prefer` say what later proposals must not be and should rather be, in the words of the campaign's
    kind. Returns how many approvals are missing after this decision. Raises DeskError.
    """
    if not approve and reason not in REASONS:
        raise DeskError(f"a rejection needs a reason: {', '.join(REASONS)}")
    if forbid is not None or prefer is not None:
        with store.read() as session:
            campaign = find_campaign(session, find_experiment(session, experiment_id).campaign_id)
            spec = read_spec(log.body_of(session, campaign.revision))
        try:
            if forbid is not None:
                by_kind(spec).check_forbidden(spec, reason, forbid)
            if prefer is not None:
                by_kind(spec).check_preferred(spec, prefer)
        except ValueError as error:
            raise DeskError(" ".join(str(error).split())) from None
    with store.write() as session:
        experiment = find_experiment(session, experiment_id)
        if experiment.state != State.AWAITING_REVIEW:
            raise DeskError(f"{experiment_id} is {experiment.state}: only {State.AWAITING_REVIEW} can be decided")
        by = _sign(session, by)
        if by == experiment.proposer:
            raise DeskError(f"{by} proposed {experiment_id}: who proposes cannot decide")
        if dossier is not None and not (experiment.dossier or "").startswith(dossier):
            raise DeskError(
                f"{experiment_id} has another dossier now ({(experiment.dossier or '')[:12]}): look again, then decide"
            )
        approved = approvers(session, experiment)
        if approve and by in approved:
            raise DeskError(f"{by} has approved {experiment_id} already; another person must, too, if it still waits")
        body = {
            "dossier": experiment.dossier,
            "verdict": "approve" if approve else "reject",
            "reason": reason,
            "comment": comment,
            "forbid": forbid,
            "prefer": prefer,
        }
        log.append(session, experiment.campaign_id, "review.decided", experiment_id, body, by=by, at=now_iso())
        needed = session.exec(
            select(ReviewRequest.approvals_needed).where(
                ReviewRequest.experiment_id == experiment_id, ReviewRequest.state == "OPEN"
            )
        ).first()
        return max(0, (needed or 1) - len(approved) - 1) if approve else 0


def approvers(session: Session, experiment: Experiment) -> set[str]:
    """Who approved the dossier that stands there now, whether or not the engine has come to it."""
    query = select(Event.by, Event.body).where(
        Event.campaign_id == experiment.campaign_id, Event.subject == experiment.id, Event.kind == "review.decided"
    )
    return {
        by
        for by, body in session.exec(query)
        if (said := json.loads(body))["dossier"] == experiment.dossier and said["verdict"] == "approve"
    }


def edit(store: Store, experiment_id: str, protocol_json: str, *, by: str) -> str:
    """Replace the protocol: the child experiment's id.

    The child needs an approval of its own, and not from the editor. Raises DeskError.
    """
    try:
        protocol = Protocol.model_validate_json(protocol_json)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(p) for p in first["loc"]) or "the protocol"
        raise DeskError(f"--protocol: {where}: {first['msg']}") from None
    with store.write() as session:
        parent = find_experiment(session, experiment_id)
        by = _sign(session, by)
        if parent.state not in BEFORE_LAB or parent.dossier is None:
            raise DeskError(
                f"{experiment_id} is {parent.state}: only what has a plan and is not in the lab can be edited"
            )
        earlier = session.exec(select(func.count(col(Experiment.id))).where(Experiment.parent_id == parent.id)).one()
        child = f"{parent.id}-edit{earlier + 1}"
        # The sample is labelled after its experiment, so that two attempts can never share a vessel.
        renamed = json.loads(protocol.canonical().replace(json.dumps(protocol.sample)[1:-1], child))
        protocol = Protocol.model_validate(renamed)
        before = Dossier.from_canonical(log.body_of(session, parent.dossier))
        after = before.model_copy(
            update={
                "experiment": child,
                "protocol": log.put(session, "protocol", protocol),
                "instruments": protocol.instruments,
            }
        )
        body = {"child": child, "dossier": log.put(session, "dossier", after)}
        log.append(session, parent.campaign_id, "experiment.edited", parent.id, body, by=by, at=now_iso())
    return child


def answer(store: Store, task_id: int, words: str, *, by: str) -> None:
    """Say what a command of unknown outcome did."""
    with store.write() as session:
        task = session.exec(select(OperatorTask).where(OperatorTask.id == task_id)).first()
        if task is None:
            raise DeskError(f"no task {task_id}; `tasks list` shows them")
        if task.answer is not None:
            raise DeskError(f"task {task_id} was answered by {task.answered_by}: {task.answer}")
        if words not in task.options.split(","):
            raise DeskError(f"'{words}' is no answer to task {task_id}; choose from {task.options}")
        by = _sign(session, by)
        log.append(
            session,
            task.campaign_id,
            "task.answered",
            task.experiment_id,
            {"task": task_id, "answer": words},
            by=by,
            at=now_iso(),
        )


def release(store: Store, subject: str, *, by: str) -> None:
    """Take the stop sign off a campaign, an instrument or an experiment."""
    with store.write() as session:
        hold = session.exec(select(Hold).where(Hold.released_at == None, Hold.subject == subject)).first()  # noqa: E711
        if hold is None:
            held = ", ".join(session.exec(select(Hold.subject).where(Hold.released_at == None).distinct())) or "nothing"  # noqa: E711
            raise DeskError(f"'{subject}' is not on hold; on hold: {held}")
        by = _sign(session, by)
        log.append(session, hold.campaign_id or "", "hold.released", subject, {}, by=by, at=now_iso())


def open_reviews(session: Session, campaign_id: str | None = None) -> list[tuple[ReviewRequest, Experiment]]:
    query = (
        select(ReviewRequest, Experiment)
        .join(Experiment, col(Experiment.id) == col(ReviewRequest.experiment_id))
        .where(ReviewRequest.state == "OPEN")
        .order_by(col(ReviewRequest.id))
    )
    if campaign_id is not None:
        query = query.where(ReviewRequest.campaign_id == campaign_id)
    return list(session.exec(query))


def _sign(session: Session, by: str) -> str:
    """The name as it stands in the record; a new one is added. Raises DeskError.

    "Ada", "ada" and " ada " are one person: else one could be the two people that a dangerous experiment needs.
    """
    name = " ".join(by.split())
    if not name or not name.isprintable() or len(name) > LONGEST_NAME:
        raise DeskError(f"a decision needs a name of 1 to {LONGEST_NAME} printable characters: --as NAME")
    if name.casefold() in NOBODY:
        raise DeskError(f"'{name}' is a name of the loop itself, which cannot decide: sign with your own, --as NAME")
    for known in session.exec(select(User.name)):
        if known.casefold() == name.casefold():
            return known
    session.add(User(name=name, role="operator", since=now_iso()))
    session.flush()
    return name


def restrictions_of(session: Session, campaign_id: str) -> list[str]:
    """What operators' rejections taught a campaign of conditions, a line each."""
    from agent.conditions.wishes import words_of

    rows = session.exec(select(Restriction).where(Restriction.campaign_id == campaign_id).order_by(col(Restriction.id)))
    return [
        f"{words_of(r.kind, r.value)} ({r.reason}, since {r.experiment_id}"
        + (f", until batch {r.until_iteration})" if r.until_iteration is not None else ")")
        for r in rows
    ]


def plan_of(session: Session, experiment: Experiment) -> dict[str, Any]:
    """The dossier with its parts, as plain data, for people to read."""
    if experiment.dossier is None:
        return {}
    dossier = log.load(session, experiment.dossier)
    return {
        "sha256": experiment.dossier,
        "dossier": dossier,
        "candidate": log.load(session, dossier["candidate"]),
        "route": log.load(session, dossier["route"]),
        "procedures": log.load(session, dossier["procedures"]),
        "protocol": log.load(session, dossier["protocol"]),
    }
