"""What every compute stage is given, and what its module must offer.

A stage module has NAME, `compute(inputs) -> JSON-able dict` (pure: the same inputs give the same result; it runs in a
worker process), `finish(tx, work, result, inputs)` (takes the result into the store) and HANDLERS by event kind.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from sqlmodel import Session, col, select

from knowledge.records.base import sha256_text
from knowledge.store.database import Store
from knowledge.store.tables import Experiment


def seed_of(campaign_seed: int, name: str, subject: str) -> int:
    """A seed for one piece of work, the same whenever it is done: 31 bits of SHA-256."""
    return int(sha256_text(f"{campaign_seed}:{name}:{subject}")[:8], 16) & 0x7FFFFFFF


class Inputs(NamedTuple):
    """Everything a computation may depend on. `store_url` is opened for reading only."""

    campaign_id: str
    subject: str
    spec: str  # canonical JSON of the CampaignSpec
    seed: int
    body: dict[str, Any]
    store_url: str
    folder: str

    def store(self) -> Store:
        return Store.open(self.store_url, folder=Path(self.folder))

    def experiments(self, session: Session, iteration: int) -> list[Experiment]:
        query = (
            select(Experiment)
            .where(Experiment.campaign_id == self.campaign_id, Experiment.iteration == iteration)
            .order_by(col(Experiment.ordinal), col(Experiment.id))
        )
        return list(session.exec(query))
