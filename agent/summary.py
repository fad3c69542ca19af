"""A campaign in numbers, read from the store: for `status`, `run --json` and the report alike."""

from __future__ import annotations

import math
from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, select

from agent.conditions.spec import ConditionsSpec
from agent.conditions.trials import setting_of
from agent.lifecycle import State
from agent.rescued import tally
from agent.specs import AnySpec, read_spec
from knowledge.records.measurement import Measurement
from knowledge.store import log
from knowledge.store.tables import (
    Campaign,
    Command,
    Experiment,
    Hold,
    Iteration,
    MeasurementRow,
    ModelVersion,
    OperatorTask,
)
from planners.optimize.goals import Observation, utilities
from planners.optimize.hypervolume import hypervolume, pareto_front

LAB_CANNOT_MEASURE = ("melting_point",)
"""Constraints on these are judged by prediction; a solid shows itself when the viscometer refuses it."""


def spec_of(session: Session, campaign: Campaign) -> AnySpec:
    return read_spec(log.body_of(session, campaign.revision))


def measurements_of(session: Session, campaign_id: str) -> dict[str, dict[str, Measurement]]:
    """Current measurements by experiment and property; a later one supersedes."""
    found: dict[str, dict[str, Measurement]] = {}
    query = select(MeasurementRow).where(MeasurementRow.campaign_id == campaign_id).order_by(col(MeasurementRow.id))
    for row in session.exec(query):
        found.setdefault(row.experiment_id, {})[row.property] = Measurement.from_canonical(row.body)
    return found


def experiments_of(session: Session, campaign_id: str) -> list[Experiment]:
    query = (
        select(Experiment)
        .where(Experiment.campaign_id == campaign_id)
        .order_by(col(Experiment.iteration), col(Experiment.ordinal), col(Experiment.id))
    )
    return list(session.exec(query))


def observation(experiment: Experiment, measured: dict[str, Measurement]) -> Observation:
    """What may be trusted of one experiment."""
    return Observation(smiles=experiment.smiles, values={n: m.value for n, m in measured.items() if m.qc_flag is None})


def observed_by_iteration(
    experiments: list[Experiment], measured: dict[str, dict[str, Measurement]]
) -> dict[int, list[tuple[Experiment, Observation]]]:
    """Closed experiments with what was measured, by iteration."""
    found: dict[int, list[tuple[Experiment, Observation]]] = {}
    for experiment in experiments:
        rows = found.setdefault(experiment.iteration, [])
        if experiment.state == State.CLOSED:
            rows.append((experiment, observation(experiment, measured.get(experiment.id, {}))))
    return found


def hypervolumes(spec: AnySpec, batches: dict[int, list[tuple[Experiment, Observation]]]) -> list[float]:
    """After each iteration, over everything made and measured so far; what was bought only serves to compare."""
    values, so_far = [], []
    for number in sorted(batches):
        so_far += [o for e, o in batches[number] if not e.reference]
        values.append(hypervolume(so_far, spec.objectives, spec.constraints, assume_met=LAB_CANNOT_MEASURE))
    return values


def front(spec: AnySpec, pairs: list[tuple[Experiment, Observation]]) -> list[tuple[Experiment, Observation]]:
    """The best compromises, best first: by the product of what each objective gained over its `worst`."""
    observations = [o for _, o in pairs]
    members = [
        pairs[i] for i in pareto_front(observations, spec.objectives, spec.constraints, assume_met=LAB_CANNOT_MEASURE)
    ]

    def gain(pair: tuple[Experiment, Observation]) -> float:
        scores = utilities(pair[1].values, spec.objectives)
        return math.prod(max(u, 0.0) for u in scores) if scores else 0.0

    return sorted(members, key=lambda pair: (-gain(pair), pair[0].id))


def objective_values(spec: AnySpec, one: Observation) -> dict[str, float | None]:
    return {o.property: o.value(one.values) for o in spec.objectives}


def simulated_sources(measured: dict[str, Measurement]) -> dict[str, str]:
    """Property -> where its value came from ("instrument", "simulated:handbook", ...)."""
    return {name: m.source.value for name, m in sorted(measured.items())}


def best(
    spec: AnySpec,
    batches: dict[int, list[tuple[Experiment, Observation]]],
    measured: dict[str, dict[str, Measurement]],
    *,
    reference: bool = False,
) -> Any:
    """The best compromise among what was made (or bought), as plain data; None while nothing feasible was measured."""
    ranked = front(spec, [(e, o) for rows in batches.values() for e, o in rows if e.reference is reference])
    if not ranked:
        return None
    experiment, one = ranked[0]
    values = {**objective_values(spec, one), **{c.property: one.values.get(c.property) for c in spec.constraints}}
    return {
        "experiment": experiment.id,
        "smiles": experiment.smiles,
        "values": {name: None if v is None else round(v, 4) for name, v in values.items()},
        "simulated": simulated_sources(measured.get(experiment.id, {})),
    }


def counts(session: Session, campaign_id: str) -> dict[str, int]:
    """Experiments by state."""
    query = (
        select(Experiment.state, func.count(col(Experiment.id)))
        .where(Experiment.campaign_id == campaign_id)
        .group_by(Experiment.state)
    )
    return {state: int(n) for state, n in sorted(session.exec(query))}


def prospective(session: Session, campaign_id: str) -> list[dict[str, Any]]:
    """By iteration, the error of the predictions that its batch was chosen by."""
    query = select(ModelVersion).where(ModelVersion.campaign_id == campaign_id, ModelVersion.number > 0)
    versions = session.exec(query.order_by(col(ModelVersion.number))).all()
    return [{"iteration": v.number, "errors": log.load(session, v.sha256)["prospective_error"]} for v in versions]


def summarise(session: Session, campaign: Campaign) -> dict[str, Any]:
    """Everything that `run --json` says about a campaign, but for wall time and report."""
    spec = spec_of(session, campaign)
    measured = measurements_of(session, campaign.id)
    experiments = experiments_of(session, campaign.id)
    batches = observed_by_iteration(experiments, measured)
    found, bought = best(spec, batches, measured), best(spec, batches, measured, reference=True)
    if found is not None and isinstance(spec, ConditionsSpec):
        chosen = session.exec(select(Experiment).where(Experiment.id == found["experiment"])).one()
        found["setting"] = setting_of(session, chosen)
    versions = session.exec(
        select(func.count()).select_from(ModelVersion).where(ModelVersion.campaign_id == campaign.id)
    ).one()
    return {
        "campaign": campaign.id,
        "state": campaign.state,
        "wants": campaign.wants,
        "outcome": campaign.outcome,
        "experiments": counts(session, campaign.id),
        "rescues": tally(experiments, measured),
        "iterations": campaign.iteration,
        "model_versions": int(versions),
        "best": found,
        "best_reference": bought,
        "hypervolume": [round(v, 6) for v in hypervolumes(spec, batches)],
        "prospective_error": prospective(session, campaign.id),
        "holds": [
            {"scope": h.scope, "subject": h.subject, "reason": h.reason}
            for h in session.exec(select(Hold).where(Hold.released_at == None).order_by(col(Hold.id)))  # noqa: E711
            if h.campaign_id in (campaign.id, None)
        ],
        "tasks": [
            {"id": t.id, "question": t.question, "options": t.options.split(",")}
            for t in session.exec(
                select(OperatorTask).where(OperatorTask.campaign_id == campaign.id, OperatorTask.answer == None)  # noqa: E711
            )
        ],
    }


def progress(session: Session, campaign: Campaign) -> dict[str, Any]:
    """The little that a live display needs; cheap enough for twice a second."""
    busy = session.exec(
        select(Command.instrument, Command.action, Command.experiment_id)
        .where(Command.campaign_id == campaign.id, col(Command.state).in_(("INTENT", "RUNNING")))
        .order_by(col(Command.instrument))
    )
    open_batch = session.exec(
        select(Iteration.state).where(Iteration.campaign_id == campaign.id, Iteration.number == campaign.iteration)
    ).first()
    return {
        "state": campaign.state,
        "wants": campaign.wants,
        "iteration": campaign.iteration,
        "batch": open_batch,
        "experiments": counts(session, campaign.id),
        "busy": [tuple(row) for row in busy],
    }
