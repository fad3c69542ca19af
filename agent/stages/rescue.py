"""Rescue: when a molecule's synthesis failed, try the failed step under other conditions before giving up.

The further attempt is an experiment of its own in the same batch, with a plan, a dossier and a review like any other.
Its place in the budget is taken in the very transaction that closes the failed one, so the batch never closes in
between; what is tried, if anything, is computed afterwards. What a robot spoilt is repeated by `dispatch`, not here.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlmodel import Session, col, select

from agent.campaign import CampaignSpec
from agent.evidence import failed_making, refused_tests, steps_seen
from agent.lifecycle import TERMINAL, UNCHARGED, State, Wants
from agent.lineage import attempt_of, is_edited, is_rescue, root_of
from agent.stages.contract import Inputs
from agent.transaction import Transaction
from knowledge.records.measurement import Measurement
from knowledge.store import log
from knowledge.store.tables import Event, Experiment, Work

if TYPE_CHECKING:
    from planners.routes.rescue import Decision

NAME = "rescue"


def consider(tx: Transaction, experiment: Experiment, measured: Sequence[Measurement]) -> None:
    """Called before the experiment closes: where its chemistry failed and something may still be spent, a child."""
    spec = tx.spec(experiment.campaign_id)
    if not isinstance(spec, CampaignSpec) or experiment.reference or is_edited(experiment.id):
        return  # what is bought or was changed by a person is not ours to vary
    failed = _failed(tx, experiment, measured, spec)
    if is_rescue(experiment.id):
        tx.emit(experiment.campaign_id, "rescue.ended", experiment.id, helped=not failed)
    campaign = tx.campaign(experiment.campaign_id)
    if campaign.wants not in (Wants.RUN, Wants.PAUSE) or campaign.spent >= spec.budget.experiments:
        return
    if not failed or attempt_of(experiment.id) > spec.making.rescue.attempts:
        return
    under_way, spent = rescues(tx, experiment)
    yields = [m.value for m in measured if m.property == "reaction_yield"]
    converted = bool(yields) and min(yields) >= spec.making.rescue.below
    # A reaction that does not go is the least likely to be helped: the first of them teach whether to try the rest.
    at_a_time = allowance(spec) if converted else max(1, allowance(spec) // 2)
    if spent >= allowance(spec) or under_way >= at_a_time:
        return
    tx.born_of(experiment, f"{root_of(experiment.id)}-try{attempt_of(experiment.id) + 1}", reference=False)


def allowance(spec: CampaignSpec) -> int:
    """Experiments that may go into rescues; a share that is a whole number but for rounding counts as one."""
    return int(spec.making.rescue.share * spec.budget.experiments + 1e-9)


def rescues(tx: Transaction, closing: Experiment) -> tuple[int, int]:
    """Rescues (under way beside the one that closes, holding a place in the budget)."""
    tx.flush()
    query = select(Experiment.id, Experiment.state).where(
        Experiment.campaign_id == closing.campaign_id, col(Experiment.parent_id).is_not(None)
    )
    found = [(name, state) for name, state in tx.session.exec(query) if is_rescue(name)]
    under_way = sum(state not in TERMINAL and name != closing.id for name, state in found)
    return under_way, sum(state not in UNCHARGED for _, state in found)


def _failed(tx: Transaction, experiment: Experiment, measured: Sequence[Measurement], spec: CampaignSpec) -> bool:
    """Whether the synthesis is to blame.

    A tester that refuses a sample of which there is enough judges the substance: it is no liquid, nor would it be pure.
    """
    making = failed_making(tx.session, experiment.id)
    yields = [m.value for m in measured if m.property == "reaction_yield"]
    purities = [m.value for m in measured if m.property == "purity" and m.qc_flag is None]
    if making or any(y < spec.making.rescue.below for y in yields):
        return True
    impure = any(p < spec.making.minimum_purity for p in purities[-1:])
    return impure and not refused_tests(tx.session, experiment.id)


def on_proposed(tx: Transaction, event: log.Happened) -> None:
    """A rescue is planned here; so is the repetition of one that a robot spoilt."""
    experiment = tx.experiment(event.subject)
    if is_rescue(experiment.id) and experiment.dossier is None:
        tx.request(
            NAME, event.campaign_id, event.subject, parent=experiment.parent_id, sample=experiment.id, as_of=event.id
        )


def compute(inputs: Inputs) -> dict[str, Any]:
    """{"route", "procedures", "protocol", "words", "why", "reason"}; without a route only the reason says more."""
    from agent.molecules import planned
    from knowledge.records.procedure import Procedure
    from knowledge.records.route import Route

    spec = CampaignSpec.from_canonical(inputs.spec)
    with inputs.store() as store, store.read() as session:
        parent = session.exec(select(Experiment).where(Experiment.id == inputs.body["parent"])).one()
        plan = log.load(session, parent.dossier or "")
        route = Route.from_canonical(log.body_of(session, plan["route"]))
        procedures = tuple(Procedure.model_validate(p) for p in log.load(session, plan["procedures"]))
        if parent.state == State.FAILED:
            words, why, fault = "the same conditions again", "a robot had failed", ""
        else:
            tried = _syntheses(session, parent)
            record = _record(session, inputs.campaign_id, int(inputs.body["as_of"]))
            decided = _decide(spec, session, store.folder, tried, inputs.seed, record)
            if isinstance(decided, str):
                return {"route": None, "reason": decided}
            procedures, words, why, fault = decided.procedures, decided.words, decided.why, decided.fault.value
    parts = planned(spec, route, procedures, str(inputs.body["sample"]))
    return {**parts, "words": words, "why": why, "fault": fault}


def _syntheses(session: Session, last: Experiment) -> list[Experiment]:
    """What the lab made of this molecule up to `last`, attempt by attempt."""
    query = select(Experiment).where(
        Experiment.campaign_id == last.campaign_id,
        Experiment.iteration == last.iteration,
        Experiment.ordinal == last.ordinal,
        Experiment.state == State.CLOSED,
    )
    found = [e for e in session.exec(query) if root_of(e.id) == root_of(last.id) and not is_edited(e.id)]
    return sorted((e for e in found if attempt_of(e.id) <= attempt_of(last.id)), key=lambda e: attempt_of(e.id))


def _decide(
    spec: CampaignSpec,
    session: Session,
    folder: Path,
    tried: Sequence[Experiment],
    seed: int,
    record: dict[str, tuple[int, int]],
) -> Decision | str:
    from agent.stages.dispatch import as_operation, read_plan
    from knowledge.records.procedure import Procedure
    from knowledge.store.artifacts import ArtifactFolder
    from planners.routes.rescue import Fault, Synthesis, decide

    signals = ArtifactFolder(folder)
    syntheses = []
    for experiment in tried:
        plan = log.load(session, experiment.dossier or "")
        operations = tuple(as_operation(body) for body in read_plan(session, experiment))
        syntheses.append(
            Synthesis(
                procedures=tuple(Procedure.model_validate(p) for p in log.load(session, plan["procedures"])),
                seen=steps_seen(session, signals, experiment.id, operations),
            )
        )
    return decide(
        syntheses,
        below=spec.making.rescue.below,
        minimum_purity=spec.making.minimum_purity,
        hottest=spec.review.envelope.max_temperature,
        largest=spec.review.envelope.max_vessel,
        seed=seed,
        record={Fault(name): counts for name, counts in record.items()},
    )


def _record(session: Session, campaign_id: str, as_of: int) -> dict[str, tuple[int, int]]:
    """By fault, how many of the campaign's rescues (helped, ended) before event `as_of`."""
    query = (
        select(Event.kind, Event.subject, Event.body)
        .where(
            Event.campaign_id == campaign_id,
            Event.id < as_of,
            col(Event.kind).in_(("experiment.varied", "rescue.ended")),
        )
        .order_by(col(Event.id))
    )
    fault_of: dict[str, str] = {}
    found: dict[str, tuple[int, int]] = {}
    for kind, subject, text in session.exec(query):
        body = json.loads(text)
        if kind == "experiment.varied":
            # A repetition after a robot failed stands for the attempt that it repeats.
            fault_of[subject] = body["fault"] or fault_of.get(body["parent"], "")
        elif fault_of.get(subject):
            helped, ended = found.get(fault_of[subject], (0, 0))
            found[fault_of[subject]] = (helped + bool(body["helped"]), ended + 1)
    return found


def finish(tx: Transaction, work: Work, result: dict[str, Any], inputs: Inputs) -> None:
    experiment = tx.experiment(work.subject)
    if experiment.state != State.PROPOSED:
        return  # cancelled meanwhile
    if result["route"] is None:
        tx.move(experiment, State.ABANDONED, f"given up: {result['reason']}")
        return
    tx.emit(
        work.campaign_id,
        "experiment.varied",
        experiment.id,
        parent=experiment.parent_id,
        attempt=attempt_of(experiment.id),
        words=result["words"],
        why=result["why"],
        fault=result["fault"],
    )
    parts = {part: tx.put(part, result[part]) for part in ("route", "procedures", "protocol")}
    tx.emit(work.campaign_id, "experiment.planned", experiment.id, **parts)


HANDLERS = {"experiment.proposed": on_proposed}
