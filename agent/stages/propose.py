"""Propose: breed molecules, keep those that can be made, and choose the batch that promises most."""

from __future__ import annotations

from typing import Any

from agent.lifecycle import PENDING, Phase, State, Wants
from agent.stages.contract import Inputs
from agent.transaction import ENGINE, Transaction
from knowledge.records.base import canonical_json, sha256_text
from knowledge.records.candidate import Candidate
from knowledge.store import log
from knowledge.store.tables import Experiment, Iteration, Work

NAME = "propose"


def on_model_fitted(tx: Transaction, event: log.Happened) -> None:
    """A model that knows all there is asks for the next batch while there is budget."""
    campaign = tx.campaign(event.campaign_id)
    spec = tx.spec(campaign.id)
    if campaign.wants in (Wants.STOP, Wants.ABORT):
        return
    size = min(spec.budget.batch, spec.budget.experiments - campaign.spent)
    if size <= 0:
        tx.finish_campaign(campaign.id, Phase.FINISHED, "budget spent")
        return
    number = campaign.iteration + 1
    # A campaign whose proposals keep failing before they reach the lab must end, not spin.
    if number > 4 * -(-spec.budget.experiments // spec.budget.batch) + 4:
        tx.finish_campaign(campaign.id, Phase.FINISHED, "too many batches ended before the lab")
        return
    campaign.iteration = number
    body = {
        "iteration": number,
        "size": size,
        "model": event.body["model"],
        "previous": tx.proposal_of(campaign.id, number - 1),
        "as_of": event.id,
        "pending": sorted({e.smiles for e in tx.experiments_in(*PENDING) if e.campaign_id == campaign.id}),
        "references_left": int(spec.references.share * spec.budget.experiments) - campaign.bought,
    }
    data_hash = sha256_text(canonical_json(body))
    tx.add(
        campaign,
        Iteration(campaign_id=campaign.id, number=number, data_hash=data_hash, state="PROPOSING", opened_at=tx.at),
    )
    tx.request(NAME, campaign.id, f"{campaign.id}/{number}", **body)


def compute(inputs: Inputs) -> dict[str, Any]:
    """{"chosen": [Candidate], "pool": [...], "filtered": {reason: count}, "generators": {name: state}}."""
    from agent.batch import propose_batch

    return propose_batch(inputs)


def finish(tx: Transaction, work: Work, result: dict[str, Any], inputs: Inputs) -> None:
    number = int(inputs.body["iteration"])
    batch = tx.iteration(work.campaign_id, number)
    batch.proposal = tx.put("proposal", result)
    batch.state = "OPEN"
    tx.add(batch)
    tx.emit(
        work.campaign_id,
        "batch.proposed",
        work.subject,
        iteration=number,
        chosen=len(result["chosen"]),
        proposal=batch.proposal,
    )
    if not result["chosen"]:
        tx.finish_campaign(work.campaign_id, Phase.FINISHED, "no molecule is left that the campaign allows")
        return
    for ordinal, body in enumerate(result["chosen"], start=1):
        candidate = Candidate.model_validate(body)
        experiment = Experiment(
            id=f"{work.campaign_id}-{number:02d}{chr(96 + ordinal) if ordinal <= 26 else f'x{ordinal}'}",
            campaign_id=work.campaign_id,
            iteration=number,
            ordinal=ordinal,
            state=State.PROPOSED,
            smiles=candidate.molecule.smiles,
            inchikey=candidate.molecule.inchikey,
            candidate=tx.put("candidate", candidate),
            proposer=ENGINE,
            reference=candidate.purchasable,
            created_at=tx.at,
            updated_at=tx.at,
        )
        tx.born(experiment)


HANDLERS = {"model.fitted": on_model_fitted, "model.kept": on_model_fitted}
