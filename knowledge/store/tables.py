"""The SQL tables. A row keeps the columns that queries need; whole records live once in `document`, by their SHA-256.

Times are ISO 8601 text in UTC. `body` columns hold canonical JSON. What each table is for stands in
docs/architecture.md.
"""

from __future__ import annotations

from sqlalchemy import Column, Index, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

SCHEMA = "0001"  # the Alembic revision that this code reads and writes


def _text() -> Column[str]:
    return Column(Text, nullable=False)


class Document(SQLModel, table=True):
    """A record, written once: campaign revisions, candidates, routes, procedures, protocols, dossiers, model states."""

    sha256: str = Field(primary_key=True)
    kind: str
    body: str = Field(sa_column=_text())


# --- science ---------------------------------------------------------------------------------------------------------


class Campaign(SQLModel, table=True):
    """`wants`: what the operator asked for; `state`: what the loop does; `spent`: experiments charged to the budget."""

    id: str = Field(primary_key=True)
    name: str
    revision: str = Field(foreign_key="document.sha256")
    seed: int
    dry_run: bool
    wants: str
    state: str
    spent: int = 0
    bought: int = 0  # of these, molecules that were bought
    iteration: int = 0
    outcome: str = ""
    created_at: str
    ended_at: str | None = None


class CampaignRevision(SQLModel, table=True):
    __tablename__ = "campaign_revision"
    campaign_id: str = Field(primary_key=True, foreign_key="campaign.id")
    number: int = Field(primary_key=True)
    sha256: str = Field(foreign_key="document.sha256")
    at: str


class Iteration(SQLModel, table=True):
    """One batch. The unique key makes proposing again after a crash idempotent."""

    __table_args__ = (UniqueConstraint("campaign_id", "number", "data_hash"),)
    campaign_id: str = Field(primary_key=True, foreign_key="campaign.id")
    number: int = Field(primary_key=True)
    data_hash: str
    state: str  # PROPOSING, OPEN, CLOSED
    open_experiments: int = 0
    proposal: str | None = Field(default=None, foreign_key="document.sha256")
    opened_at: str
    closed_at: str | None = None


class ModelVersion(SQLModel, table=True):
    __tablename__ = "model_version"
    campaign_id: str = Field(primary_key=True, foreign_key="campaign.id")
    number: int = Field(primary_key=True)
    data_hash: str
    seed: int
    sha256: str = Field(foreign_key="document.sha256")
    at: str


class Restriction(SQLModel, table=True):
    """What an operator's rejection taught: later proposals obey it. `until_iteration` ends a temporary mask."""

    id: int | None = Field(default=None, primary_key=True)
    campaign_id: str = Field(foreign_key="campaign.id", index=True)
    kind: str  # molecule, similar, substructure; of conditions: region, preference
    value: str
    reason: str
    experiment_id: str
    until_iteration: int | None = None
    event_id: int
    at: str


# --- execution -------------------------------------------------------------------------------------------------------


class Experiment(SQLModel, table=True):
    __table_args__ = (
        Index("ix_experiment_state", "state", "campaign_id"),
        Index("ix_experiment_batch", "campaign_id", "iteration"),
    )
    id: str = Field(primary_key=True)
    campaign_id: str = Field(foreign_key="campaign.id")
    iteration: int
    ordinal: int
    state: str
    smiles: str
    inchikey: str = Field(index=True)
    candidate: str = Field(foreign_key="document.sha256")
    dossier: str | None = Field(default=None, foreign_key="document.sha256")
    parent_id: str | None = Field(default=None, foreign_key="experiment.id")
    proposer: str
    reference: bool = False  # bought, not made
    next_operation: int = 0
    outcome: str = ""
    created_at: str
    updated_at: str


class Command(SQLModel, table=True):
    """One operation sent to one instrument under an id that we chose; `position` is its place in the protocol."""

    __table_args__ = (
        UniqueConstraint("experiment_id", "position", "attempt"),
        Index("ix_command_state", "state", "collected"),
    )
    id: str = Field(primary_key=True)
    campaign_id: str = Field(foreign_key="campaign.id")
    experiment_id: str = Field(foreign_key="experiment.id", index=True)
    position: int
    attempt: int
    instrument: str
    action: str
    effect: str
    state: str  # INTENT, RUNNING, SUCCEEDED, FAILED, ABORTED, UNKNOWN
    collected: bool = False
    fault: str | None = None
    detail: str = ""
    epoch: int
    intent_at: str
    deadline_s: float  # on the lab's clock
    ended_at: str | None = None
    started_s: float | None = None
    finished_s: float | None = None


class Instrument(SQLModel, table=True):
    name: str = Field(primary_key=True)
    lab: str
    kind: str
    body: str = Field(sa_column=_text())
    seen_at: str


class Lease(SQLModel, table=True):
    """Who holds a resource: `engine`, or `LAB/INSTRUMENT`. The epoch fences off an engine that was replaced."""

    resource: str = Field(primary_key=True)
    holder: str
    epoch: int
    since: str


class MaterialLot(SQLModel, table=True):
    """`grams` None: ordered as needed."""

    __tablename__ = "material_lot"
    inchikey: str = Field(primary_key=True)
    smiles: str
    supplier: str
    grams: float | None = None
    reserved_grams: float = 0.0


class Reservation(SQLModel, table=True):
    experiment_id: str = Field(primary_key=True, foreign_key="experiment.id")
    inchikey: str = Field(primary_key=True, foreign_key="material_lot.inchikey")
    grams: float


class Hold(SQLModel, table=True):
    """A stop sign on a `scope` (campaign, instrument, experiment) until somebody releases it."""

    __table_args__ = (Index("ix_hold_open", "released_at", "scope", "subject"),)
    id: int | None = Field(default=None, primary_key=True)
    campaign_id: str | None = None
    scope: str
    subject: str
    reason: str
    at: str
    released_at: str | None = None
    released_by: str | None = None


class OperatorTask(SQLModel, table=True):
    """A question that only a person can answer; `options` separated by commas."""

    __tablename__ = "operator_task"
    id: int | None = Field(default=None, primary_key=True)
    campaign_id: str
    experiment_id: str
    command_id: str
    question: str
    options: str
    answer: str | None = Field(default=None, index=True)
    answered_by: str | None = None
    at: str
    answered_at: str | None = None


class DeadLetter(SQLModel, table=True):
    """Work that failed for good, kept whole so that it can be looked into."""

    __tablename__ = "dead_letter"
    id: int | None = Field(default=None, primary_key=True)
    campaign_id: str
    work_id: int
    error: str = Field(sa_column=_text())
    at: str


# --- review ----------------------------------------------------------------------------------------------------------


class User(SQLModel, table=True):
    __tablename__ = "person"  # `user` is a reserved word in PostgreSQL
    name: str = Field(primary_key=True)
    role: str
    since: str


class ReviewRequest(SQLModel, table=True):
    __tablename__ = "review_request"
    id: int | None = Field(default=None, primary_key=True)
    campaign_id: str = Field(foreign_key="campaign.id")
    experiment_id: str = Field(foreign_key="experiment.id", index=True)
    dossier: str = Field(foreign_key="document.sha256")
    approvals_needed: int
    state: str = Field(index=True)  # OPEN, APPROVED, REJECTED, VOID, EXPIRED
    at: str
    expires_at: str


class Decision(SQLModel, table=True):
    """An approval or rejection of exactly the dossier with this hash."""

    id: int | None = Field(default=None, primary_key=True)
    experiment_id: str = Field(foreign_key="experiment.id", index=True)
    dossier: str
    verdict: str  # approve, reject
    reason: str = ""
    comment: str = ""
    person: str
    at: str
    expires_at: str | None = None


# --- data ------------------------------------------------------------------------------------------------------------


class SignalFile(SQLModel, table=True):
    """A raw signal; its bytes lie in the artifact folder under their SHA-256.

    Unique per command: a second fetch adds nothing.
    """

    __tablename__ = "artifact"
    __table_args__ = (UniqueConstraint("command_id", "sha256"),)
    id: int | None = Field(default=None, primary_key=True)
    command_id: str = Field(foreign_key="command.id")
    experiment_id: str = Field(foreign_key="experiment.id", index=True)
    sha256: str
    kind: str
    media_type: str
    size: int
    source: str
    at: str


class MeasurementRow(SQLModel, table=True):
    """A value derived from signals; a later one supersedes, none is deleted. `event_id` dates it in the log."""

    __tablename__ = "measurement"
    __table_args__ = (Index("ix_measurement_log", "campaign_id", "event_id"),)
    id: int | None = Field(default=None, primary_key=True)
    campaign_id: str = Field(foreign_key="campaign.id")
    experiment_id: str = Field(foreign_key="experiment.id", index=True)
    property: str
    value: float
    std: float
    simulated: bool
    source: str
    qc_flag: str | None = None
    supersedes_id: int | None = Field(default=None, foreign_key="measurement.id")
    body: str = Field(sa_column=_text())
    event_id: int


# --- log -------------------------------------------------------------------------------------------------------------


class Event(SQLModel, table=True):
    """Append-only; `hash` covers the row and its predecessor's hash, so that nothing can be changed unnoticed."""

    id: int = Field(primary_key=True)
    campaign_id: str = Field(index=True)
    kind: str
    subject: str
    body: str = Field(sa_column=_text())
    by: str
    at: str
    previous: str
    hash: str


class LogHead(SQLModel, table=True):
    """The newest event; locking this row serialises appends from several processes."""

    __tablename__ = "log_head"
    id: int = Field(primary_key=True)
    event_id: int
    hash: str


class Cursor(SQLModel, table=True):
    consumer: str = Field(primary_key=True)
    event_id: int


class Work(SQLModel, table=True):
    """A pure computation still to be done because of an event; it may run twice, its result is taken once."""

    __tablename__ = "effect"
    __table_args__ = (Index("ix_effect_state", "state", "id"),)
    id: int = Field(primary_key=True)
    campaign_id: str
    name: str  # learn, propose, plan, screen, analyse
    subject: str
    body: str = Field(sa_column=_text())
    state: str  # PENDING, DONE, DEAD
    attempts: int = 0
    at: str


class Notification(SQLModel, table=True):
    __tablename__ = "notification_outbox"
    id: int | None = Field(default=None, primary_key=True)
    campaign_id: str
    text: str
    at: str
    sent_at: str | None = Field(default=None, index=True)
