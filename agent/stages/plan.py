"""Plan: a route to the molecule, procedures for its steps, and the protocol that instruments can execute."""

from __future__ import annotations

from typing import Any

from agent.campaign import CampaignSpec
from agent.lifecycle import State
from agent.stages.contract import Inputs
from agent.transaction import Transaction
from knowledge.records.candidate import Candidate
from knowledge.records.molecule import Molecule
from knowledge.records.quantity import Estimate
from knowledge.records.route import Route
from knowledge.store import log
from knowledge.store.tables import Work

NAME = "plan"


def on_proposed(tx: Transaction, event: log.Happened) -> None:
    """A child that an operator edited brings its own plan."""
    experiment = tx.experiment(event.subject)
    if experiment.dossier is None:
        tx.request(
            NAME,
            event.campaign_id,
            event.subject,
            smiles=experiment.smiles,
            sample=experiment.id,
            candidate=experiment.candidate,
        )


def compute(inputs: Inputs) -> dict[str, Any]:
    """{"route", "procedures", "protocol", "reason"}; without a route only the reason says more."""
    from agent.prior import find_routes
    from agent.routing import complete
    from planners.routes.protocol import to_protocol

    spec = CampaignSpec.from_canonical(inputs.spec)
    smiles = str(inputs.body["smiles"])
    found = find_routes(spec.making, smiles)
    if not found.routes:
        return {"route": None, "reason": found.reason}
    with inputs.store() as store, store.read() as session:
        predicted = Candidate.model_validate(log.load(session, inputs.body["candidate"])).predicted
    route = found.routes[0]
    route, procedures = complete(route, spec.making.target_mass, _properties(spec, route, predicted))
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
        "reason": "",
    }


def _properties(spec: CampaignSpec, route: Route, predicted: dict[str, Estimate]) -> dict[str, dict[str, float]]:
    """What decides how products are purified: handbook values of intermediates, predictions for the target."""
    from agent.prior import handbook

    book = handbook(spec.knowledge)
    known: dict[str, dict[str, float]] = {}
    for step in route.steps:
        key = Molecule.from_smiles(step.product).inchikey
        facts = {name: book.fact(key, name) for name in ("boiling_point", "melting_point")}
        known[step.product] = {name: fact.value for name, fact in facts.items() if fact is not None}
    for name in ("boiling_point", "melting_point"):
        if route.steps and name in predicted:
            known[route.target].setdefault(name, predicted[name].mean)
    return known


def finish(tx: Transaction, work: Work, result: dict[str, Any], inputs: Inputs) -> None:
    experiment = tx.experiment(work.subject)
    if experiment.state != State.PROPOSED:
        return  # cancelled while the search ran
    if result["route"] is None:
        tx.move(experiment, State.ABANDONED, f"no route: {result['reason']}")
        return
    parts = {part: tx.put(part, result[part]) for part in ("route", "procedures", "protocol")}
    tx.emit(work.campaign_id, "experiment.planned", experiment.id, **parts)


HANDLERS = {"experiment.proposed": on_proposed}
