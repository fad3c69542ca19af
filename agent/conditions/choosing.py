"""From what a conditions campaign has learned to its next batch, or to the reason to end it. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sqlmodel import Session

from agent.conditions.kind import candidate_of
from agent.conditions.spec import ConditionsSpec
from agent.conditions.trials import Known, take
from agent.conditions.wishes import told
from agent.stages.contract import Inputs
from knowledge.records.objective import Direction, Objective
from knowledge.records.properties import get_property, possible
from knowledge.records.quantity import convert
from knowledge.records.trial import Trial
from planners.optimize.choosing.goals import Aim, Limit
from planners.optimize.insight.stopping import Advice, stagnant, within_regret
from planners.optimize.process.contract import Earlier
from planners.optimize.process.fit import restore
from planners.optimize.propose import Proposal
from planners.optimize.propose import propose as choose
from planners.optimize.space.encoding import Encoding
from planners.optimize.space.feasibility import EmptySpace
from planners.optimize.space.grid import Grid


def propose_batch(inputs: Inputs) -> dict[str, Any]:
    """{"chosen": ConditionsCandidates, "models": states by outcome, "words", "advice": what the stopping rules say,
    "settings": how many the space has (None: endless), "why": why nothing is chosen, "pool", "sample", "filtered"}.
    """
    spec = ConditionsSpec.from_canonical(inputs.spec)
    body = inputs.body
    as_of, number = int(body["as_of"]), int(body["iteration"])
    with inputs.store() as store, store.read() as session:
        known = take(session, spec, inputs.campaign_id, as_of=as_of, before_iteration=number)
        past = _earlier(session, spec, as_of)
    found: dict[str, Any] = {"chosen": [], "pool": [], "sample": [], "filtered": {}, "models": {}, "words": ""}
    try:
        space = spec.searched.with_rules(*known.rules) if known.rules else spec.searched
        grid = Grid(Encoding(space))
        proposal = choose(
            space,
            known.trials,
            pending=body["pending"],
            aims=aims(spec),
            limits=limits(spec),
            batch=int(body["size"]),
            seed=inputs.seed,
            earlier=past,
            rule=spec.acquisition,
            preferences=known.preferences,
        )
    except EmptySpace as error:
        return {**found, "settings": 0, "advice": [], "why": " ".join(str(error).split())}
    advice = _advice(spec, grid, known, proposal, past, number, inputs.seed)
    stop = next((a for a in advice if a.stop), None)
    return {
        **found,
        "chosen": [] if stop else [candidate_of(spec, c).model_dump(mode="json") for c in proposal.choices],
        "models": proposal.models,
        "words": "; ".join([proposal.words, *(told(p) for p in known.preferences)]),
        "settings": grid.size,
        "advice": [a.model_dump(mode="json") for a in advice],
        "why": f"{stop.rule}: {stop.words}" if stop else proposal.words,
    }


def aims(spec: ConditionsSpec) -> list[Aim]:
    """In the objectives' own units."""
    return [
        Aim(outcome=o.property, direction=o.direction, unit=o.unit, worst=o.worst, best=best_possible(o))
        for o in spec.objectives
    ]


def best_possible(objective: Objective) -> float | None:
    """In the objective's unit; None where there is no end."""
    low, high = possible(objective.property)
    end = high if objective.direction is Direction.MAXIMISE else low
    return convert(end, get_property(objective.property).unit, objective.unit) if math.isfinite(end) else None


def limits(spec: ConditionsSpec) -> list[Limit]:
    """In the units in which trials are kept."""
    found: list[Limit] = []
    for constraint in spec.constraints:
        name, unit = constraint.property, spec.units[constraint.property]
        low, high = (None if v is None else convert(v, get_property(name).unit, unit) for v in constraint.bounds)
        found.append(Limit(outcome=name, minimum=low, maximum=high, unit=unit))
    return found


def _earlier(session: Session, spec: ConditionsSpec, as_of: int) -> dict[str, list[Earlier]]:
    """Trials of other campaigns, as far as their settings are of this space."""
    encoding = Encoding(spec.searched)
    found: dict[str, list[Earlier]] = {}
    for name in spec.earlier:
        trials = take(session, spec, name, as_of=as_of, before_iteration=2**31 - 1).trials
        for outcome in spec.units:
            told = [t for t in trials if outcome in t.values]
            if told:
                codes = encoding.encode([t.setting for t in told])
                values = np.array([t.values[outcome] for t in told])
                found.setdefault(outcome, []).append(Earlier(name=name, codes=codes, values=values))
    return found


def _advice(
    spec: ConditionsSpec,
    grid: Grid,
    known: Known,
    proposal: Proposal,
    past: Mapping[str, Sequence[Earlier]],
    number: int,
    seed: int,
) -> list[Advice]:
    """What the campaign's stopping rules say before this batch."""
    objective = spec.objectives[0]
    told = [t for t in known.trials if objective.property in t.values]
    state = proposal.models.get(objective.property)
    if state is None or (spec.stop.regret is None and spec.stop.stagnation is None):
        return []
    codes = grid.encoding.encode([t.setting for t in told])
    values = np.array([t.values[objective.property] for t in told])
    stds = _stds(told, objective.property)
    model = restore(state, grid.encoding, codes, values, stds, earlier=past.get(objective.property, ()))
    maximise = objective.direction is Direction.MAXIMISE
    given: list[Advice] = []
    if spec.stop.regret is not None:
        given.append(
            within_regret(
                model,
                grid,
                codes,
                maximise=maximise,
                threshold=spec.stop.regret,
                unit=objective.unit,
                seed=seed,
                probability=spec.stop.probability,
                bound=best_possible(objective),
            )
        )
    if spec.stop.stagnation is not None and len(spec.objectives) == 1:
        noise = float(np.sqrt(model.weights @ model.noise))
        best = _best_by_batch(known, objective.property, number, maximise=maximise)
        given.append(stagnant(best, maximise=maximise, noise=noise, batches=spec.stop.stagnation, unit=objective.unit))
    return given


def _stds(trials: Sequence[Trial], outcome: str) -> np.ndarray[Any, np.dtype[np.float64]] | None:
    stds = [t.stds.get(outcome) for t in trials]
    return None if any(s is None for s in stds) else np.array([s or 0.0 for s in stds])


def _best_by_batch(known: Known, outcome: str, number: int, *, maximise: bool) -> list[float]:
    """The best value after each batch that has one."""
    best: list[float] = []
    pick = max if maximise else min
    for batch in range(1, number):
        so_far = [t.trial.values[outcome] for t in known.tried if t.iteration <= batch and outcome in t.trial.values]
        if so_far:
            best.append(pick(so_far))
    return best
