"""The event log: append-only, hash-chained, one for the whole store; and the documents that events point to."""

from __future__ import annotations

import json
from typing import Any, NamedTuple, Self

from sqlalchemy import Connection, insert, select, text, update
from sqlmodel import Session

from knowledge.records.base import Record, canonical_json, sha256_text
from knowledge.store.errors import BrokenLog
from knowledge.store.tables import Document, Event, LogHead

_event = Event.__table__  # type: ignore[attr-defined]
_head = LogHead.__table__  # type: ignore[attr-defined]
_document = Document.__table__  # type: ignore[attr-defined]


class Happened(NamedTuple):
    """An event as handlers see it; `body` is parsed JSON."""

    id: int
    campaign_id: str
    kind: str
    subject: str
    body: dict[str, Any]
    by: str
    at: str


def _hash(previous: str, event_id: int, campaign_id: str, kind: str, subject: str, body: str, by: str, at: str) -> str:
    return sha256_text(previous + canonical_json([event_id, campaign_id, kind, subject, body, by, at]))


class Chain:
    """The newest end of the log inside one write transaction: links events without asking the database for each."""

    def __init__(self, event_id: int, digest: str) -> None:
        self.event_id, self._hash = event_id, digest
        self._start = event_id

    def link(
        self, campaign_id: str, kind: str, subject: str, body: dict[str, Any], *, by: str, at: str
    ) -> tuple[Happened, dict[str, Any]]:
        """The next event, and its row."""
        self.event_id += 1
        text_body = canonical_json(body)
        previous = self._hash
        self._hash = _hash(previous, self.event_id, campaign_id, kind, subject, text_body, by, at)
        row = {
            "id": self.event_id, "campaign_id": campaign_id, "kind": kind, "subject": subject, "body": text_body,
            "by": by, "at": at, "previous": previous, "hash": self._hash,
        }  # fmt: skip
        return Happened(self.event_id, campaign_id, kind, subject, body, by, at), row

    def write_head(self, connection: Connection) -> None:
        if self.event_id != self._start:
            connection.execute(update(_head).values(event_id=self.event_id, hash=self._hash))


def append(
    session: Session, campaign_id: str, kind: str, subject: str, body: dict[str, Any], *, by: str, at: str
) -> Happened:
    """Add one event inside the caller's write transaction."""
    chain = Chain(*head(session))
    happened, row = chain.link(campaign_id, kind, subject, body, by=by, at=at)
    connection = session.connection()
    connection.execute(insert(_event), row)
    chain.write_head(connection)
    return happened


def after(session: Session, event_id: int, limit: int = 1000) -> list[Happened]:
    """Events with a greater id, oldest first."""
    rows = session.connection().execute(select(_event).where(_event.c.id > event_id).order_by(_event.c.id).limit(limit))
    return [Happened(r.id, r.campaign_id, r.kind, r.subject, json.loads(r.body), r.by, r.at) for r in rows]


def head(session: Session) -> tuple[int, str]:
    """(id, hash) of the newest event; (0, "") in an empty log."""
    row = session.connection().execute(select(_head.c.event_id, _head.c.hash)).one()
    return int(row[0]), str(row[1])


def verify(session: Session) -> int:
    """Recompute the whole chain; the number of events. Raises BrokenLog naming the first event that does not fit."""
    previous, count = "", 0
    for row in session.connection().execute(select(_event).order_by(_event.c.id)):
        count += 1
        fits = row.id == count and row.previous == previous
        if not fits or row.hash != _hash(
            previous, row.id, row.campaign_id, row.kind, row.subject, row.body, row.by, row.at
        ):
            raise BrokenLog(f"the event log was changed at event {row.id} ({row.kind} {row.subject})")
        previous = row.hash
    if head(session) != (count, previous):
        raise BrokenLog(
            f"the event log ends at event {count}, but its head says {head(session)[0]}: events are missing"
        )
    return count


def put(session: Session, kind: str, record: Record | dict[str, Any] | list[Any]) -> str:
    """Store a record once; its SHA-256."""
    body = record.canonical() if isinstance(record, Record) else canonical_json(record)
    digest = sha256_text(body)
    # Written by hand because "insert unless present" has one spelling that SQLite and PostgreSQL share.
    session.connection().execute(
        text("INSERT INTO document (sha256, kind, body) VALUES (:s, :k, :b) ON CONFLICT (sha256) DO NOTHING"),
        {"s": digest, "k": kind, "b": body},
    )
    return digest


def body_of(session: Session, sha256: str) -> str:
    """The canonical JSON stored under that address. Raises BrokenLog when it is absent or was changed."""
    body = session.connection().execute(select(_document.c.body).where(_document.c.sha256 == sha256)).scalar()
    if body is None:
        raise BrokenLog(f"document {sha256[:12]} is missing from the store")
    if sha256_text(body) != sha256:
        raise BrokenLog(f"document {sha256[:12]} was changed after it was written")
    return str(body)


def load(session: Session, sha256: str) -> Any:
    return json.loads(body_of(session, sha256))


class Cursor:
    """How far a consumer has read; moves inside the consumer's own transactions."""

    def __init__(self, consumer: str) -> None:
        self.consumer = consumer

    def position(self, session: Session) -> int:
        value = (
            session.connection()
            .execute(text("SELECT event_id FROM cursor WHERE consumer = :c"), {"c": self.consumer})
            .scalar()
        )
        return int(value or 0)

    def move(self, session: Session, event_id: int) -> Self:
        session.connection().execute(
            text(
                "INSERT INTO cursor (consumer, event_id) VALUES (:c, :e) "
                "ON CONFLICT (consumer) DO UPDATE SET event_id = excluded.event_id"
            ),
            {"c": self.consumer, "e": event_id},
        )
        return self
