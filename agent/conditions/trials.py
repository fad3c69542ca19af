"""What a conditions campaign had learned at a moment of its log: trials, and where it must not go again."""

from __future__ import annotations

import json

from sqlmodel import Session, col, select

from agent.conditions.spec import ConditionsSpec
from agent.lifecycle import State
from instruments.driver import Fault
from knowledge.records.base import Record, sha256_text
from knowledge.records.candidate import ConditionsCandidate
from knowledge.records.measurement import Measurement
from knowledge.records.properties import get_property
from knowledge.records.quantity import convert
from knowledge.records.space import BadSetting, Forbidden, Setting, Space, Where
from knowledge.records.trial import Trial
from knowledge.store import log
from knowledge.store.tables import Command, Experiment, MeasurementRow, Restriction
from planners.optimize.choosing.goals import Preference

REGION = "region"
"""Kind of a restriction whose value is a JSON list of `Where`: not all of them at once."""
PREFERENCE = "preference"
"""Kind of a restriction whose value is a `Preference`; of two about the same region the later one counts."""
_UNDONE = (State.REJECTED, State.ABANDONED, State.SUPERSEDED)
"""Ends before the lab that the same setting would meet again."""


class Tried(Record):
    """One experiment's outcome, in the units of the campaign's objectives."""

    experiment_id: str
    iteration: int
    trial: Trial


class Known(Record):
    """`tried`: what was carried out. `rules`: where not to go, beside those of the file. `preferences`: what operators
    would rather see.
    """

    tried: tuple[Tried, ...]
    rules: tuple[Forbidden, ...]
    preferences: tuple[Preference, ...] = ()

    @property
    def trials(self) -> tuple[Trial, ...]:
        return tuple(t.trial for t in self.tried)


def take(session: Session, spec: ConditionsSpec, campaign_id: str, *, as_of: int, before_iteration: int) -> Known:
    """Results up to event `as_of` of the batches before `before_iteration`."""
    experiments = list(
        session.exec(
            select(Experiment)
            .where(Experiment.campaign_id == campaign_id, Experiment.iteration < before_iteration)
            .order_by(col(Experiment.iteration), col(Experiment.ordinal), col(Experiment.id))
        )
    )
    measured = _measured(session, campaign_id, as_of)
    faulty = set(
        session.exec(
            select(Command.experiment_id).where(
                Command.campaign_id == campaign_id, Command.fault == Fault.CHEMISTRY.value
            )
        )
    )
    tried: list[Tried] = []
    restrictions = list(
        session.exec(
            select(Restriction)
            .where(Restriction.campaign_id == campaign_id, Restriction.event_id <= as_of)
            .order_by(col(Restriction.id))
        )
    )
    remembered = {r.experiment_id for r in restrictions}
    rules: list[Forbidden] = []
    for experiment in experiments:
        setting = setting_of(session, experiment)
        if experiment.state == State.CLOSED:
            trial = _trial(spec, setting, measured.get(experiment.id, {}), failed=experiment.id in faulty)
            if trial is not None and _inside(spec.searched, setting):
                tried.append(Tried(experiment_id=experiment.id, iteration=experiment.iteration, trial=trial))
        elif experiment.state in _UNDONE and experiment.id not in remembered and _inside(spec.searched, setting):
            rules.append(Forbidden(where=exactly(spec.searched, setting), reason=f"{experiment.id} was not allowed"))
    rules += [
        Forbidden(where=region_of(r.value), reason=f"{r.reason}: {r.experiment_id}")
        for r in restrictions
        if r.kind == REGION and (r.until_iteration is None or r.until_iteration >= before_iteration)
    ]
    liked = [Preference.from_canonical(r.value) for r in restrictions if r.kind == PREFERENCE]
    return Known(
        tried=tuple(tried), rules=tuple(dict.fromkeys(rules)), preferences=tuple({p.where: p for p in liked}.values())
    )


def _measured(session: Session, campaign_id: str, as_of: int) -> dict[str, dict[str, Measurement]]:
    found: dict[str, dict[str, Measurement]] = {}
    rows = session.exec(
        select(MeasurementRow)
        .where(MeasurementRow.campaign_id == campaign_id, MeasurementRow.event_id <= as_of)
        .order_by(col(MeasurementRow.id))
    )
    for row in rows:  # in log order, so a later measurement supersedes
        found.setdefault(row.experiment_id, {})[row.property] = Measurement.from_canonical(row.body)
    return found


def _trial(spec: ConditionsSpec, setting: Setting, measured: dict[str, Measurement], *, failed: bool) -> Trial | None:
    """None where nothing can be said: a signal was unreadable, or cannot be trusted."""
    values: dict[str, float] = {}
    stds: dict[str, float] = {}
    for name, unit in spec.units.items():
        one = measured.get(name)
        if one is None or one.qc_flag is not None:
            continue
        own = get_property(name).unit
        values[name] = convert(one.value, own, unit)
        if one.std > 0.0:  # 0: nobody knows it
            stds[name] = abs(convert(one.value + one.std, own, unit) - values[name])
    if values:
        return Trial(setting=setting, values=values, stds=stds)
    return Trial(setting=setting, failed=True) if failed else None


def setting_of(session: Session, experiment: Experiment) -> Setting:
    """As it was, or is to be, carried out: a person may have changed what was proposed."""
    if experiment.parent_id is not None and experiment.dossier is not None:
        dossier = json.loads(log.body_of(session, experiment.dossier))
        for operation in json.loads(log.body_of(session, dossier["protocol"]))["operations"]:
            if "setting" in operation:
                changed: Setting = operation["setting"]
                return changed
    return ConditionsCandidate.model_validate(log.load(session, experiment.candidate)).choice.setting


def _inside(space: Space, setting: Setting) -> bool:
    try:
        for name in space.names:
            space.check_value(name, setting[name])
    except (BadSetting, KeyError):
        return False
    return True


def exactly(space: Space, setting: Setting) -> tuple[Where, ...]:
    """That setting alone."""
    return tuple(
        Where(parameter=name, options=(value,))
        if isinstance(value := setting[name], str)
        else Where(parameter=name, minimum=value, maximum=value)
        for name in space.names
    )


def region_of(text: str) -> tuple[Where, ...]:
    """From a restriction's value."""
    return tuple(Where.model_validate(one) for one in json.loads(text))


def data_hash(known: Known) -> str:
    return sha256_text(known.canonical())
