"""Rescue: when a molecule's synthesis failed, try the failed step under other conditions before giving up.

The further attempt is an experiment of its own in the same batch, with a plan, a dossier and a review like any other.
Its place in the budget is taken in the very transaction that closes the failed one, so the batch never closes in
between; what is tried, if anything, is computed afterwards. What a robot spoilt is repeated by `dispatch`, not here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlmodel import Session, col, select

from agent.campaign import CampaignSpec
from agent.evidence import failed_making, steps_seen
from agent.lifecycle import UNCHARGED, State, Wants
from agent.lineage import attempt_of, is_edited, is_rescue, root_of
from agent.stages.contract import Inputs
from agent.transaction import Transaction
from knowledge.records.measurement import Measurement
from knowledge.store import log
from knowledge.store.tables import Experiment, Work

NAME = "rescue"


def consider(tx: Transaction, experiment: Experiment, measured: Sequence[Measurement]) -> None:
    """Called before the experiment closes: where its chemistry failed and something may still be spent, a child."""
    spec = tx.spec(experiment.campaign_id)
    if not isinstance(spec, CampaignSpec) or experiment.reference or is_edited(experiment.id):
        return  # what is bought or was changed by a person is not ours to vary
    campaign, limits = tx.campaign(experiment.campaign_id), spec.making.rescue
    if campaign.wants not in (Wants.RUN, Wants.PAUSE) or campaign.spent >= spec.budget.experiments:
        return
    if attempt_of(experiment.id) > limits.attempts or not _failed(tx, experiment, measured, spec):
        return
    if spent_on_rescues(tx, experiment.campaign_id) >= allowance(spec):
        return
    child = Experiment(
        id=f"{root_of(experiment.id)}-try{attempt_of(experiment.id) + 1}",
        campaign_id=experiment.campaign_id,
        iteration=experiment.iteration,
        ordinal=experiment.ordinal,
        state=State.PROPOSED,
        smiles=experiment.smiles,
        inchikey=experiment.inchikey,
        candidate=experiment.candidate,
        parent_id=experiment.id,
        proposer=experiment.proposer,
        reference=False,
        created_at=tx.at,
        updated_at=tx.at,
    )
    tx.born(child)


def allowance(spec: CampaignSpec) -> int:
    """Experiments that may go into rescues; a share that is a whole number but for rounding counts as one."""
    return int(spec.making.rescue.share * spec.budget.experiments + 1e-9)


def spent_on_rescues(tx: Transaction, campaign_id: str) -> int:
    """Rescues that hold a place in the budget."""
    tx.flush()
    query = select(Experiment.id, Experiment.state).where(
        Experiment.campaign_id == campaign_id, col(Experiment.parent_id).is_not(None)
    )
    return sum(is_rescue(name) and state not in UNCHARGED for name, state in tx.session.exec(query))


def _failed(tx: Transaction, experiment: Experiment, measured: Sequence[Measurement], spec: CampaignSpec) -> bool:
    yields = [m.value for m in measured if m.property == "reaction_yield"]
    purities = [m.value for m in measured if m.property == "purity" and m.qc_flag is None]
    return (
        any(y < spec.making.rescue.below for y in yields)
        or any(p < spec.making.minimum_purity for p in purities[-1:])
        or bool(failed_making(tx.session, experiment.id))
    )


def on_proposed(tx: Transaction, event: log.Happened) -> None:
    """A rescue is planned here; so is the repetition of one that a robot spoilt."""
    experiment = tx.experiment(event.subject)
    if is_rescue(experiment.id) and experiment.dossier is None:
        tx.request(NAME, event.campaign_id, event.subject, parent=experiment.parent_id, sample=experiment.id)


def compute(inputs: Inputs) -> dict[str, Any]:
    """{"route", "procedures", "protocol", "words", "why", "reason"}; without a route only the reason says more."""
    from knowledge.records.procedure import Procedure
    from knowledge.records.route import Route
    from planners.routes.protocol import to_protocol

    spec = CampaignSpec.from_canonical(inputs.spec)
    with inputs.store() as store, store.read() as session:
        parent = session.exec(select(Experiment).where(Experiment.id == inputs.body["parent"])).one()
        plan = log.load(session, parent.dossier or "")
        route = Route.from_canonical(log.body_of(session, plan["route"]))
        procedures = tuple(Procedure.model_validate(p) for p in log.load(session, plan["procedures"]))
        if parent.state == State.FAILED:
            words, why = "the same conditions again", "a robot failed"
        else:
            tried = _syntheses(session, parent)
            decided = _decide(spec, session, store.folder, tried, inputs.seed)
            if isinstance(decided, str):
                return {"route": None, "reason": decided}
            procedures, words, why = decided
    protocol = to_protocol(
        route,
        procedures,
        sample=str(inputs.body["sample"]),
        characterise=spec.characterised,
        target_mass=spec.making.target_mass,
    )
    return {
        "route": route.model_dump(mode="json"),
        "procedures": [p.model_dump(mode="json") for p in procedures],
        "protocol": protocol.model_dump(mode="json"),
        "words": words,
        "why": why,
        "reason": "",
    }


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
    spec: CampaignSpec, session: Session, folder: Any, tried: Sequence[Experiment], seed: int
) -> tuple[tuple[Any, ...], str, str] | str:
    """(procedures, what is varied, why), or why nothing is."""
    from agent.stages.dispatch import as_operation, read_plan
    from knowledge.records.procedure import Procedure
    from knowledge.store.artifacts import ArtifactFolder
    from planners.routes.rescue import Synthesis, decide

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
    decided = decide(
        syntheses,
        below=spec.making.rescue.below,
        minimum_purity=spec.making.minimum_purity,
        hottest=spec.review.envelope.max_temperature,
        largest=spec.review.envelope.max_vessel,
        seed=seed,
    )
    return decided if isinstance(decided, str) else (decided.procedures, decided.words, decided.why)


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
    )
    parts = {part: tx.put(part, result[part]) for part in ("route", "procedures", "protocol")}
    tx.emit(work.campaign_id, "experiment.planned", experiment.id, **parts)


HANDLERS = {"experiment.proposed": on_proposed}
