"""What a conditions campaign needs to have in its store before it starts."""

from __future__ import annotations

from sqlmodel import col, select

from agent.campaign import CampaignError
from agent.conditions.spec import ConditionsSpec
from knowledge.sources.recorded_results import address_of, content_of
from knowledge.store import log
from knowledge.store.artifacts import ArtifactFolder
from knowledge.store.database import Store
from knowledge.store.tables import Campaign


def prepare(store: Store, spec: ConditionsSpec) -> None:
    """Keep the lab's table beside the signals, by its content, so that `resume` needs no file of the user's.

    Raises CampaignError when the table changed after it was read, or an earlier campaign is not there; StoreError.
    """
    with store.read() as session:
        for name in spec.earlier:
            found = session.exec(select(Campaign).where(Campaign.id == name)).first()
            if found is None:
                known = ", ".join(session.exec(select(Campaign.id).order_by(col(Campaign.id)))) or "none"
                raise CampaignError(
                    f"{spec.name}: earlier: there is no campaign '{name}' in the store; there are: {known}"
                )
            if '"kind":"conditions"' not in log.body_of(session, found.revision):
                raise CampaignError(f"{spec.name}: earlier: '{name}' did not search for conditions")
    if spec.lab.found is None:
        raise CampaignError(f"{spec.name}: lab.table: nobody looked for {spec.lab.table}")
    content = content_of(spec.lab.found)
    if address_of(content) != spec.lab.content:
        raise CampaignError(f"{spec.name}: lab.table: {spec.lab.found} changed after it was checked: start again")
    ArtifactFolder(store.folder).put(content)
