"""What is particular to campaigns that look for conditions of a reaction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agent.conditions.spec import ConditionsSpec
from agent.lifecycle import PENDING
from agent.specs import AnySpec
from agent.stages.contract import Inputs
from agent.transaction import Transaction
from knowledge.records.candidate import ConditionsCandidate
from knowledge.records.molecule import Molecule
from knowledge.records.properties import get_property
from knowledge.records.quantity import Estimate, convert
from knowledge.records.space import Forbidden
from knowledge.records.trial import Choice
from knowledge.store import log
from knowledge.store.tables import Campaign, Experiment


def learn(inputs: Inputs) -> dict[str, Any]:
    """What is known is counted, and the last batch's predictions are held against it; models are fitted when the next
    batch is proposed, and stored with it.
    """
    from agent.conditions.trials import data_hash, take
    from planners.optimize.evaluate import prospective_errors

    spec = ConditionsSpec.from_canonical(inputs.spec)
    iteration = int(inputs.body["iteration"])
    with inputs.store() as store, store.read() as session:
        known = take(session, spec, inputs.campaign_id, as_of=int(inputs.body["as_of"]), before_iteration=iteration + 1)
        predicted = {
            e.id: ConditionsCandidate.model_validate(log.load(session, e.candidate)).predicted
            for e in inputs.experiments(session, iteration)
        }
    batch = [one for one in known.tried if one.experiment_id in predicted and one.trial.values]
    errors = prospective_errors(
        [{n: _own(n, e) for n, e in predicted[one.experiment_id].items()} for one in batch],
        [{n: convert(v, spec.units[n], get_property(n).unit) for n, v in one.trial.values.items()} for one in batch],
        measured_std=[
            {n: _slope(spec.units[n], get_property(n).unit) * s for n, s in one.trial.stds.items()} for one in batch
        ],
    )
    return {
        "models": {"data_hash": data_hash(known)},
        "prospective_error": {name: error.model_dump(mode="json") for name, error in errors.items()},
        "observed": sum(not t.failed for t in known.trials),
        "failed": sum(t.failed for t in known.trials),
    }


def _own(name: str, estimate: Estimate) -> Estimate:
    """In the property's own unit."""
    unit = get_property(name).unit
    return Estimate(
        mean=convert(estimate.mean, estimate.unit, unit), std=_slope(estimate.unit, unit) * estimate.std, unit=unit
    )


def _slope(source: str, target: str) -> float:
    return convert(1.0, source, target) - convert(0.0, source, target)


def propose(inputs: Inputs) -> dict[str, Any]:
    from agent.conditions.choosing import propose_batch

    return propose_batch(inputs)


def plan(inputs: Inputs) -> dict[str, Any]:
    """The setting as a procedure, and as one operation of the station that carries it out."""
    from planners.routes.setting import route_of, station_protocol, write_setting

    spec = ConditionsSpec.from_canonical(inputs.spec)
    with inputs.store() as store, store.read() as session:
        candidate = ConditionsCandidate.model_validate(log.load(session, inputs.body["candidate"]))
    reaction, setting = spec.reaction.build(), candidate.choice.setting
    foreseen = candidate.predicted.get("reaction_yield")
    expected = None if foreseen is None else _own("reaction_yield", foreseen).mean
    procedure = write_setting(reaction, spec.searched, spec.meanings, setting, expected=expected)
    protocol = station_protocol(procedure, setting, spec.properties, sample=str(inputs.body["sample"]))
    return {
        "route": route_of(reaction, procedure).model_dump(mode="json"),
        "procedures": [procedure.model_dump(mode="json")],
        "protocol": protocol.model_dump(mode="json"),
        "reason": "",
    }


def size(spec: AnySpec, campaign: Campaign) -> int:
    assert isinstance(spec, ConditionsSpec)
    return spec.start if campaign.iteration == 0 else spec.budget.batch


def question(tx: Transaction, spec: AnySpec, campaign: Campaign) -> dict[str, Any]:
    from agent.conditions.trials import setting_of

    under_way = [e for e in tx.experiments_in(*PENDING) if e.campaign_id == campaign.id]
    return {"pending": [setting_of(tx.session, e) for e in under_way]}


def lessons(tx: Transaction, experiment: Experiment, said: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What must not be, and what is liked more or less (`agent.conditions.wishes`)."""
    from agent.conditions.trials import setting_of
    from agent.conditions.wishes import taught

    spec = tx.spec(experiment.campaign_id)
    assert isinstance(spec, ConditionsSpec)
    setting = setting_of(tx.session, experiment)
    return taught(spec.searched, setting, said["reason"], forbid=said["forbid"], prefer=said.get("prefer"))


def check_forbidden(spec: AnySpec, reason: str, forbid: str) -> None:
    """`forbid` is a region of the space."""
    from agent.conditions.regions import read_region

    assert isinstance(spec, ConditionsSpec)
    spec.searched.with_rules(Forbidden(where=read_region(spec.searched, forbid)))


def check_preferred(spec: AnySpec, prefer: str) -> None:
    """So is `prefer`."""
    check_forbidden(spec, "", prefer)


def candidate_of(spec: ConditionsSpec, choice: Choice) -> ConditionsCandidate:
    return ConditionsCandidate(molecule=Molecule.from_smiles(spec.reaction.product), choice=choice)
