"""What is under way, held in memory, so that a step asks the database for nothing that it wrote itself.

Only the engine changes these rows, and only inside its transactions; other processes append events. A transaction that
fails throws its board away, and the next one reads it anew: the store stays the truth.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection, bindparam, delete, func, insert, update
from sqlmodel import Session, SQLModel, col, select

from agent.lifecycle import TERMINAL, Phase, State
from knowledge.store.tables import (
    Campaign,
    Command,
    Event,
    Experiment,
    Hold,
    Iteration,
    Lease,
    MeasurementRow,
    SignalFile,
    Work,
)

OPEN = ("INTENT", "RUNNING", "UNKNOWN")
"""States of a command that a device may still be busy with."""

T = TypeVar("T", bound=SQLModel)

# In the order in which foreign keys allow them to be inserted.
HOT: tuple[type[SQLModel], ...] = (
    Campaign,
    Iteration,
    Experiment,
    Command,
    Lease,
    Hold,
    Work,
    SignalFile,
    MeasurementRow,
)
_DATABASE_NUMBERS = (SignalFile, MeasurementRow)  # their id is the database's


class _Statements:
    """One INSERT and one UPDATE per table, built once."""

    def __init__(self, table: type[SQLModel]) -> None:
        columns = table.__table__.columns  # type: ignore[attr-defined]
        self.key = tuple(c.name for c in columns if c.primary_key)
        self.names = tuple(c.name for c in columns if not (table in _DATABASE_NUMBERS and c.name == "id"))
        self.insert = insert(table.__table__)  # type: ignore[attr-defined]
        matches = [columns[k] == bindparam(f"key_{k}") for k in self.key]
        rest: dict[str, Any] = {n: bindparam(n) for n in self.names if n not in self.key}
        self.update = update(table.__table__).where(*matches).values(rest)  # type: ignore[attr-defined]

    def values(self, row: SQLModel) -> dict[str, Any]:
        return {n: getattr(row, n) for n in self.names}

    def changes(self, row: SQLModel) -> dict[str, Any]:
        values = {n: getattr(row, n) for n in self.names if n not in self.key}
        return values | {f"key_{k}": getattr(row, k) for k in self.key}


_FREE = delete(Lease).where(col(Lease.resource) == bindparam("key_resource"))
_STATEMENTS = {table: _Statements(table) for table in HOT}


class Board:
    """Rows that are not over: active campaigns, living experiments, open or uncollected commands, ..."""

    def __init__(self, session: Session) -> None:
        def rows(table: type[T], *where: Any) -> Sequence[T]:
            found = session.exec(select(table).where(*where)).all()
            for row in found:
                session.expunge(row)
            return found

        self.campaigns = {c.id: c for c in rows(Campaign, Campaign.state == Phase.ACTIVE)}
        ended = [s.value for s in TERMINAL]
        self.experiments = {e.id: e for e in rows(Experiment, col(Experiment.state).not_in(ended))}
        self.iterations = {(i.campaign_id, i.number): i for i in rows(Iteration, Iteration.state != "CLOSED")}
        waiting = col(Command.collected).is_(False) & col(Command.state).in_(("SUCCEEDED", "FAILED"))
        self.commands = {c.id: c for c in rows(Command, col(Command.state).in_(OPEN) | waiting)}
        self.leases = {x.resource: x for x in rows(Lease, Lease.resource != "engine")}
        self.holds = {int(h.id or 0): h for h in rows(Hold, col(Hold.released_at).is_(None))}
        self.work = {w.id: w for w in rows(Work, Work.state == "PENDING")}
        self.last_hold = int(session.exec(select(func.max(col(Hold.id)))).one() or 0)
        self.last_work = int(session.exec(select(func.max(col(Work.id)))).one() or 0)
        self.tries: dict[str, dict[int, int]] = {}  # experiment -> commands so far by position in its protocol
        self.plans: dict[str, tuple[dict[str, Any], ...]] = {}  # experiment -> operations of its approved protocol

    # -- asking -------------------------------------------------------------------------------------------------------

    def in_states(self, states: Iterable[State]) -> list[Experiment]:
        """Experiments in these (non-terminal) states, oldest batch first."""
        wanted = frozenset(states)
        found = [e for e in self.experiments.values() if e.state in wanted]
        return sorted(found, key=lambda e: (e.campaign_id, e.iteration, e.ordinal, e.id))

    def open_commands(self) -> list[Command]:
        """What a device may have, in the order of sending."""
        found = [c for c in self.commands.values() if c.state in ("INTENT", "RUNNING")]
        return sorted(found, key=lambda c: (c.intent_at, c.id))

    def uncollected(self) -> list[Command]:
        """Ended commands whose signals are still on the device."""
        return sorted((c for c in self.commands.values() if c.state in ("SUCCEEDED", "FAILED")), key=lambda c: c.id)

    def busy(self) -> set[str]:
        """Experiments with a command that is not over."""
        return {c.experiment_id for c in self.commands.values() if c.state in OPEN}

    def on_hold(self, command: Command) -> bool:
        """Whether its device is to be left alone; never when the command is being aborted."""
        finishing = self.experiments[command.experiment_id].state == State.FINISHING
        return not finishing and self.held("campaign", command.campaign_id)

    def held(self, scope: str, subject: str) -> bool:
        return any(h.scope == scope and h.subject == subject for h in self.holds.values())

    # -- writing ------------------------------------------------------------------------------------------------------

    def take(self, row: SQLModel) -> bool:
        """Put a row on the board; whether it is new."""
        if isinstance(row, Hold) and row.id is None:
            self.last_hold += 1
            row.id = self.last_hold
        shelf: Any
        key: Any
        match row:
            case Campaign():
                shelf, key = self.campaigns, row.id
            case Experiment():
                shelf, key = self.experiments, row.id
            case Command():
                shelf, key = self.commands, row.id
            case Work():
                shelf, key = self.work, row.id
            case Iteration():
                shelf, key = self.iterations, (row.campaign_id, row.number)
            case Lease():
                shelf, key = self.leases, row.resource
            case Hold():
                shelf, key = self.holds, row.id
            case _:
                return True
        new: bool = key not in shelf
        shelf[key] = row
        return new

    def tidy(self) -> None:
        """Take off what is over."""
        self.campaigns = {k: c for k, c in self.campaigns.items() if c.state == Phase.ACTIVE}
        gone = [k for k, e in self.experiments.items() if State(e.state) in TERMINAL]
        for key in gone:
            del self.experiments[key]
            self.plans.pop(key, None)
            self.tries.pop(key, None)
        self.iterations = {k: i for k, i in self.iterations.items() if i.state != "CLOSED"}
        self.commands = {
            k: c
            for k, c in self.commands.items()
            if c.state in OPEN or (not c.collected and c.state in ("SUCCEEDED", "FAILED"))
        }
        self.holds = {k: h for k, h in self.holds.items() if h.released_at is None}
        self.work = {k: w for k, w in self.work.items() if w.state == "PENDING"}


class Writes:
    """Rows to be written at the next flush: each once, in its last state."""

    def __init__(self) -> None:
        self._new: dict[int, SQLModel] = {}
        self._changed: dict[int, SQLModel] = {}
        self._events: list[dict[str, Any]] = []
        self._freed: list[dict[str, Any]] = []

    def add(self, row: SQLModel, *, new: bool) -> None:
        if new:
            self._new[id(row)] = row
        elif id(row) not in self._new:
            self._changed[id(row)] = row

    def free(self, resource: str) -> None:
        self._freed.append({"key_resource": resource})

    def log(self, event: dict[str, Any]) -> None:
        self._events.append(event)

    def flush(self, connection: Connection) -> None:
        if self._freed:  # first, because the same instrument may be leased again in this transaction
            connection.execute(_FREE, self._freed)
            self._freed = []
        for table in HOT:
            statements = _STATEMENTS[table]
            new = [statements.values(r) for r in self._new.values() if type(r) is table]
            if new:
                connection.execute(statements.insert, new)
            changed = [statements.changes(r) for r in self._changed.values() if type(r) is table]
            if changed:
                connection.execute(statements.update, changed)
        if self._events:
            connection.execute(insert(Event.__table__), self._events)  # type: ignore[attr-defined]
        self._new, self._changed, self._events = {}, {}, []
