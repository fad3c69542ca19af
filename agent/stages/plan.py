"""Plan: a route to the molecule, procedures for its steps, and the protocol that instruments can execute."""

from __future__ import annotations

from typing import Any

from agent.campaign import CampaignSpec
from agent.lifecycle import State
from agent.stages.contract import Inputs
from agent.transaction import Transaction
from knowledge.store import log
from knowledge.store.tables import Work

NAME = "plan"


def on_proposed(tx: Transaction, event: log.Happened) -> None:
    """A child that an operator edited brings its own plan."""
    experiment = tx.experiment(event.subject)
    if experiment.dossier is None:
        tx.request(NAME, event.campaign_id, event.subject, smiles=experiment.smiles, sample=experiment.id)


def compute(inputs: Inputs) -> dict[str, Any]:
    """{"route", "procedures", "protocol", "reason"}; without a route only the reason says more."""
    from agent.prior import route_planner
    from planners.routes.procedure import write_procedures
    from planners.routes.protocol import to_protocol

    spec = CampaignSpec.from_canonical(inputs.spec)
    smiles = str(inputs.body["smiles"])
    planner = route_planner(spec.making)
    routes = planner.plan(smiles)
    if not routes:
        return {"route": None, "reason": planner.explain(smiles)}
    route = routes[0]
    procedures = write_procedures(route, spec.making.target_mass)
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
