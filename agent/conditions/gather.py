"""Everything that a conditions campaign's report shows, gathered from the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
from sqlmodel import Session, col, select

from agent import summary
from agent.conditions.spec import ConditionsSpec
from agent.conditions.trials import Known, setting_of, take
from agent.gather import decision_of, iteration_report, provenance_of
from agent.lifecycle import TERMINAL, State
from agent.report.conditions_data import Batch, ConditionsData, ConditionsExperiment, Insight, Lesson
from agent.report.data import Goal
from knowledge.records.candidate import ConditionsCandidate
from knowledge.records.measurement import Measurement
from knowledge.records.objective import Direction, Objective
from knowledge.records.space import BadSetting
from knowledge.records.trial import Trial
from knowledge.store import log
from knowledge.store import tables as t
from knowledge.store.database import Store
from planners.optimize.insight.feasibility import fit_feasibility
from planners.optimize.insight.influence import influences
from planners.optimize.insight.reasons import incumbent
from planners.optimize.insight.slices import surface
from planners.optimize.insight.stopping import Advice
from planners.optimize.process.fit import fit
from planners.optimize.space.encoding import Encoding
from planners.optimize.space.grid import Grid

PACKAGES = ("rdkit", "numpy", "scipy")
_LEAST = 3  # different results that a picture is drawn from
_LATEST = 2**31 - 1


class BadPicture(ValueError):
    """Two parameters that no picture can be drawn over; one line that names those there are."""


def gather_conditions(
    store: Store, campaign_id: str, *, generated_at: str, over: tuple[str, str] | None = None
) -> ConditionsData:
    """`over`: the parameters of the picture, across and up; without it, the two that matter most. Raises StoreError."""
    with store.read() as session:
        campaign = session.exec(select(t.Campaign).where(t.Campaign.id == campaign_id)).one()
        spec = summary.spec_of(session, campaign)
        assert isinstance(spec, ConditionsSpec)
        rows = summary.experiments_of(session, campaign_id)
        measured = summary.measurements_of(session, campaign_id)
        events, head = log.head(session)
        known = take(session, spec, campaign_id, as_of=_LATEST, before_iteration=_LATEST)
        experiments = _experiments(session, spec, rows, measured, known)
        batches = _batches(session, campaign_id)
        lessons = _lessons(session, campaign_id, {e.id: e.label for e in experiments})
    grid = Grid(Encoding(spec.searched))
    insights, note = _insights(spec, grid, known.trials, over)
    return ConditionsData(
        goal=_goal(spec),
        status=campaign.state if campaign.wants == "run" else f"{campaign.state} (asked to {campaign.wants})",
        status_note=campaign.outcome,
        lab=f"{spec.lab.kind} lab, {spec.lab.table}",
        reaction=spec.reaction.build(),
        space=spec.searched,
        settings=grid.size,
        rules=tuple(str(rule) for rule in spec.rules),
        units=spec.units,
        experiments=experiments,
        batches=batches,
        lessons=lessons,
        insights=insights,
        note=note,
        provenance=provenance_of(store, campaign, PACKAGES, events, head, f" --over {','.join(over)}" if over else ""),
        generated_at=datetime.fromisoformat(generated_at),
    )


def pair_of(spec: ConditionsSpec, over: str) -> tuple[str, str]:
    """Two parameters with a comma between them. Raises BadPicture."""
    names = [name.strip() for name in over.split(",")]
    if len(names) != 2 or names[0] == names[1]:
        known = ", ".join(spec.searched.names)
        raise BadPicture(f"--over: name two parameters with a comma between them, out of {known}")
    try:
        for name in names:
            spec.searched.parameter(name)
    except BadSetting as error:
        raise BadPicture(f"--over: {error}") from None
    return names[0], names[1]


def _goal(spec: ConditionsSpec) -> Goal:
    return Goal(
        name=spec.name,
        title=spec.title,
        description=spec.background,
        objectives=spec.objectives,
        constraints=spec.constraints,
        budget=spec.budget.experiments,
        batch_size=spec.budget.batch,
    )


def _experiments(
    session: Session,
    spec: ConditionsSpec,
    rows: Sequence[t.Experiment],
    measured: Mapping[str, Mapping[str, Measurement]],
    known: Known,
) -> tuple[ConditionsExperiment, ...]:
    trials = {one.experiment_id: one.trial for one in known.tried}
    first = spec.objectives[0]
    found = []
    for i, row in enumerate(rows, start=1):
        trial = trials.get(row.id)
        before = [
            one.trial.values[first.property]
            for one in known.tried
            if one.iteration < row.iteration and first.property in one.trial.values
        ]
        ended = State(row.state) in TERMINAL and row.outcome not in ("", "measured")
        found.append(
            ConditionsExperiment(
                label=f"E{i:02d}",
                id=row.id,
                iteration=row.iteration,
                state=row.state,
                choice=ConditionsCandidate.model_validate(log.load(session, row.candidate)).choice,
                setting=setting_of(session, row),
                values={} if trial is None else trial.values,
                measurements={n: m for n, m in measured.get(row.id, {}).items() if m.qc_flag is None},
                failed=trial is not None and trial.failed,
                failure=row.outcome if ended else "",
                known_best=best_of(first, before),
                decision=decision_of(session, row),
            )
        )
    return tuple(found)


def best_of(objective: Objective, values: Sequence[float]) -> float | None:
    if not values:
        return None
    return max(values) if objective.direction is Direction.MAXIMISE else min(values)


def _batches(session: Session, campaign_id: str) -> tuple[Batch, ...]:
    query = select(t.Iteration).where(t.Iteration.campaign_id == campaign_id).order_by(col(t.Iteration.number))
    models: dict[int, dict[str, Any]] = {
        v.number: log.load(session, v.sha256)
        for v in session.exec(select(t.ModelVersion).where(t.ModelVersion.campaign_id == campaign_id))
    }
    found = []
    for row in session.exec(query):
        proposal = log.load(session, row.proposal) if row.proposal else {}
        told = iteration_report(row, proposal, models.get(row.number))
        advice = tuple(Advice.model_validate(one) for one in proposal.get("advice", ()))
        words = str(proposal.get("words") or proposal.get("why", ""))
        found.append(Batch(row.number, words, len(proposal.get("chosen", ())), advice, told.errors))
    return tuple(found)


def _lessons(session: Session, campaign_id: str, labels: Mapping[str, str]) -> tuple[Lesson, ...]:
    from agent.conditions.wishes import words_of

    query = select(t.Restriction).where(t.Restriction.campaign_id == campaign_id).order_by(col(t.Restriction.id))
    return tuple(
        Lesson(
            kind=row.kind,
            words=words_of(row.kind, row.value),
            reason=row.reason,
            experiment=labels.get(row.experiment_id, row.experiment_id),
            until=row.until_iteration,
        )
        for row in session.exec(query)
    )


def _insights(
    spec: ConditionsSpec, grid: Grid, trials: Sequence[Trial], over: tuple[str, str] | None
) -> tuple[tuple[Insight, ...], str]:
    """For each objective that was measured often enough, and why one was not."""
    found: list[Insight] = []
    notes: list[str] = []
    encoding = grid.encoding
    codes = encoding.encode([one.setting for one in trials])
    failed = np.array([one.failed for one in trials], dtype=bool)
    for objective in spec.objectives:
        name = objective.property
        told = [one for one in trials if name in one.values]
        values = np.array([one.values[name] for one in told])
        if len(np.unique(values)) < _LEAST:
            notes.append(f"{name.replace('_', ' ')} has fewer than {_LEAST} different results")
            continue
        tried = encoding.encode([one.setting for one in told])
        stds = [one.stds.get(name) for one in told]
        errors = None if any(s is None for s in stds) else np.array([s or 0.0 for s in stds])
        model = fit(encoding, tried, values, stds=errors, seed=spec.seed)
        shares = influences(model, grid, told, seed=spec.seed)
        pair = over or _leading([(one.axis.parameter, one.total) for one in shares])
        maximise = objective.direction is Direction.MAXIMISE
        picture = None
        if pair is not None:
            best, _ = incumbent(model, tried, maximise=maximise)
            picture = surface(
                model,
                grid,
                *pair,
                outcome=name,
                trials=trials,
                at=told[best].setting,
                maximise=maximise,
                feasibility=fit_feasibility(encoding, codes, failed, spec.seed),
            )
        found.append(Insight(name, objective.unit, shares, picture))
    return tuple(found), "; ".join(notes)


def _leading(totals: Sequence[tuple[str, float]]) -> tuple[str, str] | None:
    """The two parameters that matter most, the one that matters more going up."""
    if len(totals) < 2:
        return None
    order = sorted(range(len(totals)), key=lambda i: (-totals[i][1], i))
    return totals[order[1]][0], totals[order[0]][0]
