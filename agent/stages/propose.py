"""Propose: choose the batch that promises most, of molecules that can be made or of conditions not yet tried."""

from __future__ import annotations

from typing import Any

from agent.kinds import by_kind
from agent.lifecycle import Phase, State, Wants
from agent.specs import read_spec
from agent.stages.contract import Inputs
from agent.transaction import ENGINE, Transaction
from knowledge.records.base import canonical_json, sha256_text
from knowledge.records.candidate import Candidate, read_candidate
from knowledge.store import log
from knowledge.store.tables import Experiment, Iteration, Work

NAME = "propose"
NOTHING_LEFT = "no molecule is left that the campaign allows"


def on_model_fitted(tx: Transaction, event: log.Happened) -> None:
    """A model that knows all there is asks for the next batch while there is budget."""
    campaign = tx.campaign(event.campaign_id)
    spec = tx.spec(campaign.id)
    if campaign.wants in (Wants.STOP, Wants.ABORT):
        return
    kind = by_kind(spec)
    size = min(kind.size(spec, campaign), spec.budget.experiments - campaign.spent)
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
        **kind.question(tx, spec, campaign),
    }
    data_hash = sha256_text(canonical_json(body))
    tx.add(
        campaign,
        Iteration(campaign_id=campaign.id, number=number, data_hash=data_hash, state="PROPOSING", opened_at=tx.at),
    )
    tx.request(NAME, campaign.id, f"{campaign.id}/{number}", **body)


def compute(inputs: Inputs) -> dict[str, Any]:
    """{"chosen": candidates, "filtered": {reason: count}, ...}."""
    return by_kind(read_spec(inputs.spec)).propose(inputs)


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
        tx.finish_campaign(work.campaign_id, Phase.FINISHED, result.get("why") or NOTHING_LEFT)
        return
    for ordinal, body in enumerate(result["chosen"], start=1):
        candidate = read_candidate(body)
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
            reference=isinstance(candidate, Candidate) and candidate.purchasable,
            created_at=tx.at,
            updated_at=tx.at,
        )
        tx.born(experiment)


HANDLERS = {"model.fitted": on_model_fitted, "model.kept": on_model_fitted}
