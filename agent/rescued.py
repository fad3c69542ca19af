"""What became of molecules whose synthesis failed: the attempts under other conditions, read from the log."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlmodel import Session, col, select

from agent.lifecycle import UNCHARGED, State
from agent.lineage import is_rescue, root_of
from knowledge.records.measurement import Measurement
from knowledge.store.tables import Event, Experiment


class Variation(NamedTuple):
    """`attempt`: 2 for the first rescue. `words`: what was varied; `why`: what had gone wrong in `parent`."""

    parent: str
    attempt: int
    words: str
    why: str

    def __str__(self) -> str:
        return f"attempt {self.attempt}: {self.words}, after {self.why}"


def variations(session: Session, campaign_id: str) -> dict[str, Variation]:
    """By experiment, in the order in which they were planned."""
    query = (
        select(Event.subject, Event.body)
        .where(Event.campaign_id == campaign_id, Event.kind == "experiment.varied")
        .order_by(col(Event.id))
    )
    found = {}
    for subject, text in session.exec(query):
        body = json.loads(text)
        found[subject] = Variation(body["parent"], int(body["attempt"]), body["words"], body["why"])
    return found


def tally(experiments: Sequence[Experiment], measured: Mapping[str, Mapping[str, Measurement]]) -> dict[str, int]:
    """{"experiments": spent on rescues, "molecules": that were tried again, "rescued": of which something was learned}.

    Learned: a property of the substance itself is trusted, which the first synthesis did not allow.
    """
    spent = [e for e in experiments if is_rescue(e.id) and e.state not in UNCHARGED]
    made = {
        root_of(e.id)
        for e in spent
        if e.state == State.CLOSED
        and any(m.qc_flag is None for n, m in measured.get(e.id, {}).items() if n not in _MAKING)
    }
    return {"experiments": len(spent), "molecules": len({root_of(e.id) for e in spent}), "rescued": len(made)}


_MAKING = ("purity", "reaction_yield", "isolated_mass")
