"""What is particular to campaigns that look for molecules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agent.campaign import CampaignSpec
from agent.lifecycle import PENDING
from agent.specs import AnySpec
from agent.stages.contract import Inputs
from agent.transaction import Transaction
from knowledge.records.candidate import Candidate
from knowledge.records.molecule import Molecule
from knowledge.records.procedure import Procedure
from knowledge.records.quantity import Estimate
from knowledge.records.route import Route
from knowledge.store import log
from knowledge.store.tables import Campaign, Experiment


def learn(inputs: Inputs) -> dict[str, Any]:
    """The fitted models' state, what they were fitted on, and the prospective error of the batch that just closed."""
    from agent.prior import known_facts
    from agent.snapshot import take
    from planners.optimize.evaluate import prospective_errors
    from planners.optimize.surrogates import fit_surrogates

    spec = CampaignSpec.from_canonical(inputs.spec)
    iteration = int(inputs.body["iteration"])
    with inputs.store() as store, store.read() as session:
        snapshot = take(session, inputs.campaign_id, as_of=int(inputs.body["as_of"]), before_iteration=iteration + 1)
        previous = inputs.body["previous"]
        warm = None if previous is None else log.load(session, previous)["models"]
        proposal = inputs.body["proposal"]
        focus = () if proposal is None else log.load(session, proposal)["pool"]
        predicted = {
            e.id: Candidate.model_validate(log.load(session, e.candidate)).predicted
            for e in inputs.experiments(session, iteration)
        }
    batch = [o for o in snapshot.observed if o.experiment_id in predicted]
    errors = prospective_errors(
        [predicted[o.experiment_id] for o in batch], [o.values for o in batch], measured_std=[o.stds for o in batch]
    )
    surrogates = fit_surrogates(known_facts(spec, snapshot), seed=inputs.seed, warm=warm, focus=focus)
    return {
        "models": surrogates.state(),
        "prospective_error": {name: error.model_dump(mode="json") for name, error in errors.items()},
        "observed": len(snapshot.observed),
    }


def propose(inputs: Inputs) -> dict[str, Any]:
    from agent.batch import propose_batch

    return propose_batch(inputs)


def plan(inputs: Inputs) -> dict[str, Any]:
    """A route to the molecule, procedures for its steps, and the protocol that instruments can execute."""
    from agent.prior import find_routes
    from agent.routing import complete

    spec = CampaignSpec.from_canonical(inputs.spec)
    smiles = str(inputs.body["smiles"])
    found = find_routes(spec.making, smiles)
    if not found.routes:
        return {"route": None, "reason": f"no route: {found.reason}"}
    with inputs.store() as store, store.read() as session:
        predicted = Candidate.model_validate(log.load(session, inputs.body["candidate"])).predicted
    route = found.routes[0]
    route, procedures = complete(route, spec.making.target_mass, _properties(spec, route, predicted))
    return planned(spec, route, procedures, str(inputs.body["sample"]))


def planned(spec: CampaignSpec, route: Route, procedures: Sequence[Procedure], sample: str) -> dict[str, Any]:
    """What `plan` gives where there is a route: its parts, with the protocol that carries them out."""
    from planners.routes.protocol import to_protocol

    protocol = to_protocol(
        route,
        procedures,
        sample=sample,
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


def size(spec: AnySpec, campaign: Campaign) -> int:
    return spec.budget.batch


def question(tx: Transaction, spec: AnySpec, campaign: Campaign) -> dict[str, Any]:
    assert isinstance(spec, CampaignSpec)
    return {
        "pending": sorted({e.smiles for e in tx.experiments_in(*PENDING) if e.campaign_id == campaign.id}),
        "references_left": int(spec.references.share * spec.budget.experiments) - campaign.bought,
    }


def lessons(tx: Transaction, experiment: Experiment, said: Mapping[str, Any]) -> list[tuple[str, str]]:
    """unsafe -> a pattern, or all that is alike; else never that molecule again."""
    if said["reason"] == "unsafe":
        return [("substructure", said["forbid"]) if said["forbid"] else ("similar", experiment.smiles)]
    return [("molecule", experiment.smiles)]


def check_forbidden(spec: AnySpec, reason: str, forbid: str) -> None:
    """`forbid` is a SMARTS pattern."""
    from planners.design.space import compile_smarts

    if reason != "unsafe":
        raise ValueError("--forbid belongs to reason 'unsafe'")
    compile_smarts(forbid)


def check_preferred(spec: AnySpec, prefer: str) -> None:
    raise ValueError("--prefer names part of a reaction's conditions, and this campaign looks for molecules")
