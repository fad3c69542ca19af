"""Screen: hazards of the target and of everything handled on the way, before a person or a policy is asked."""

from __future__ import annotations

from typing import Any

from agent.lifecycle import State
from agent.specs import read_spec
from agent.stages.contract import Inputs
from agent.transaction import Transaction
from knowledge.records.dossier import Dossier
from knowledge.store import log
from knowledge.store.tables import Work

NAME = "screen"


def on_planned(tx: Transaction, event: log.Happened) -> None:
    candidate = tx.experiment(event.subject).candidate
    tx.request(NAME, event.campaign_id, event.subject, candidate=candidate, **event.body)


def compute(inputs: Inputs) -> dict[str, Any]:
    """{"dossier": Dossier, "refused": reason or ""}."""
    from knowledge.hazards import assess, incompatible
    from knowledge.records.dossier import Material
    from knowledge.records.hazard import Alert, HazardReport, Severity
    from knowledge.records.molecule import Molecule
    from knowledge.records.procedure import Procedure, Role
    from knowledge.records.protocol import Dispense, Protocol
    from knowledge.records.route import Route

    spec = read_spec(inputs.spec)
    with inputs.store() as store, store.read() as session:
        route = Route.from_canonical(log.body_of(session, inputs.body["route"]))
        procedures = [Procedure.model_validate(p) for p in log.load(session, inputs.body["procedures"])]
        protocol = Protocol.from_canonical(log.body_of(session, inputs.body["protocol"]))

    suppliers = {leaf.smiles: leaf.stock.source for leaf in route.leaves}
    grams: dict[str, float] = {}
    made = {step.product for step in route.steps}
    for procedure in procedures:
        for charge in procedure.charges:
            if charge.smiles not in made:
                grams[charge.smiles] = grams.get(charge.smiles, 0.0) + charge.mass.magnitude("g")
    for operation in protocol.operations:
        if isinstance(operation, Dispense):
            grams[operation.smiles] = grams.get(operation.smiles, 0.0) + operation.mass.magnitude("g")
    materials = tuple(
        Material(
            smiles=smiles,
            inchikey=Molecule.from_smiles(smiles).inchikey,
            grams=round(mass, 6),
            supplier=suppliers.get(smiles, "common reagents"),
        )
        for smiles, mass in sorted(grams.items())
    )
    target = assess(route.target)
    alerts: list[Alert] = list(target.alerts)
    unknown = [f"target: {question}" for question in target.unknown]
    handled = [("intermediate", step.product) for step in route.steps[:-1]] + [
        ("material", m.smiles) for m in materials
    ]
    for what, smiles in handled:
        # What is handled on the way is shown to the reviewer; only the target's own alerts exclude a candidate.
        alerts += [
            Alert(code=f"{what}:{a.code}", severity=Severity.NOTE, text=f"{smiles}: {a.text}", source=a.source)
            for a in assess(smiles).alerts
            if a.severity is Severity.ALERT
        ]
    for procedure in procedures:
        together = [c.smiles for c in procedure.charges if c.role is not Role.SOLVENT] + [
            c.smiles for c in procedure.charges if c.role is Role.SOLVENT
        ]
        for alert in incompatible(together):
            alerts.append(
                Alert(
                    code=alert.code,
                    severity=Severity.NOTE,
                    text=f"step to {procedure.product}: {alert.text}",
                    source=alert.source,
                )
            )
    hazards = HazardReport(alerts=tuple(alerts), unknown=tuple(unknown))
    dossier = Dossier(
        experiment=inputs.subject,
        candidate=inputs.body["candidate"],
        route=inputs.body["route"],
        procedures=inputs.body["procedures"],
        protocol=inputs.body["protocol"],
        materials=materials,
        hazards=hazards,
        instruments=protocol.instruments,
    )
    refused = ""
    if spec.no_hazard_alert and target.blocking:
        refused = "; ".join(f"{a.code}: {a.text}" for a in target.blocking)
    return {"dossier": dossier.model_dump(mode="json"), "refused": refused}


def finish(tx: Transaction, work: Work, result: dict[str, Any], inputs: Inputs) -> None:
    experiment = tx.experiment(work.subject)
    if experiment.state != State.PROPOSED:
        return
    experiment.dossier = tx.put("dossier", Dossier.model_validate(result["dossier"]))
    tx.add(experiment)
    if result["refused"]:
        tx.move(experiment, State.REJECTED, f"hazard: {result['refused']}")
        return
    tx.move(experiment, State.SCREENED)
    tx.emit(work.campaign_id, "experiment.screened", experiment.id, dossier=experiment.dossier)


HANDLERS = {"experiment.planned": on_planned}
