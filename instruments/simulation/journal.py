"""A robot's own memory: one append-only SQLite file per instrument, one row per physical execution.

There is no unique constraint on the command id: an instrument that is sent an id twice acts twice, and two rows say so.
Everything that an execution did (new state of the vessel, aliquots taken, data) is written in its row's transaction,
so a process killed at any line leaves either all of it or nothing.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path

from instruments.driver import CommandStatus, Fault, Phase, Rejected
from instruments.simulation.durable import open_durable
from instruments.simulation.sample import Contents
from knowledge.records.base import Record
from knowledge.records.measurement import Artifact, Source

SUFFIX = ".journal.sqlite"
_VERSION = 1
_SCHEMA = """
CREATE TABLE execution (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, command_id TEXT NOT NULL, action TEXT NOT NULL, sample TEXT NOT NULL,
    effect TEXT NOT NULL, operation TEXT NOT NULL, accepted_s REAL NOT NULL, started_s REAL NOT NULL, finishes_s REAL,
    phase TEXT NOT NULL, fault TEXT, detail TEXT NOT NULL, struck_by TEXT, after TEXT, version INTEGER, settled_g REAL);
CREATE INDEX execution_command ON execution (command_id, seq);
CREATE INDEX execution_sample ON execution (sample, version);
CREATE INDEX execution_finish ON execution (finishes_s);
CREATE TABLE draw (execution INTEGER NOT NULL REFERENCES execution, sample TEXT NOT NULL, grams REAL NOT NULL);
CREATE INDEX draw_sample ON draw (sample);
CREATE TABLE artifact (
    execution INTEGER NOT NULL REFERENCES execution, ordinal INTEGER NOT NULL, kind TEXT NOT NULL,
    media_type TEXT NOT NULL, source TEXT NOT NULL, data BLOB NOT NULL, PRIMARY KEY (execution, ordinal));
CREATE TABLE interruption (
    execution INTEGER PRIMARY KEY REFERENCES execution, at_s REAL NOT NULL, reason TEXT NOT NULL, after TEXT);
CREATE TABLE incident (rule TEXT NOT NULL, command_id TEXT NOT NULL, at_s REAL NOT NULL);
CREATE INDEX incident_rule ON incident (rule);
"""
_COLUMNS = (
    "e.seq, e.command_id, e.action, e.sample, e.effect, e.operation, e.accepted_s, e.started_s, e.finishes_s, e.phase, "
    "e.fault, e.detail, e.struck_by, e.after, e.version, e.settled_g, i.at_s, i.reason, i.after"
)
_FROM = "FROM execution e LEFT JOIN interruption i ON i.execution = e.seq"


class Execution(Record):
    """One thing that an instrument physically did.

    `after` is what the vessel held at the end (None: unchanged), `version` counts the vessel's changes across all
    instruments, `settled_g` the grams drawn from it by then. `finishes_s` is None while it hangs. `phase`, `fault` and
    `detail` say how it ends; whether it has ended by now is for `status`. `stopped_s` is set when it was aborted.
    """

    instrument: str
    seq: int
    command_id: str
    action: str
    sample: str
    effect: str
    operation: str
    accepted_s: float
    started_s: float
    finishes_s: float | None
    phase: Phase
    fault: Fault | None = None
    detail: str = ""
    struck_by: str | None = None
    after: Contents | None = None
    version: int | None = None
    settled_g: float = 0.0
    stopped_s: float | None = None

    def running(self, now: float) -> bool:
        return self.stopped_s is None and (self.finishes_s is None or now < self.finishes_s)

    def status(self, now: float) -> CommandStatus:
        """What the instrument says of this execution at lab time `now`."""
        if self.running(now):
            return CommandStatus(
                command_id=self.command_id, phase=Phase.RUNNING, started_s=self.started_s, finishes_s=self.finishes_s
            )
        ended = self.stopped_s if self.stopped_s is not None else self.finishes_s
        return CommandStatus(
            command_id=self.command_id,
            phase=self.phase,
            fault=self.fault,
            detail=self.detail,
            started_s=self.started_s,
            finishes_s=ended,
        )


class Journal:
    """Thread-safe. Every write is one transaction on the disk before the call returns."""

    def __init__(self, folder: Path, instrument: str) -> None:
        self.instrument = instrument
        self._lock = threading.RLock()
        self._db = open_durable(folder / (instrument + SUFFIX), _SCHEMA, _VERSION)

    def append(
        self, execution: Execution, draws: Iterable[tuple[str, float]], artifacts: Sequence[Artifact]
    ) -> Execution:
        """Write down that this happens; returns the row with its `seq`. Raises Rejected when the disk refuses."""
        e = execution
        after = None if e.after is None else e.after.canonical()
        with self._lock:
            try:
                self._db.execute("BEGIN IMMEDIATE")
                cursor = self._db.execute(
                    "INSERT INTO execution (command_id, action, sample, effect, operation, accepted_s, started_s,"
                    " finishes_s, phase, fault, detail, struck_by, after, version, settled_g)"
                    " VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
                    (e.command_id, e.action, e.sample, e.effect, e.operation, e.accepted_s, e.started_s, e.finishes_s,
                     e.phase.value, e.fault, e.detail, e.struck_by, after, e.version, e.settled_g),
                )  # fmt: skip
                seq = int(cursor.lastrowid or 0)
                self._db.executemany("INSERT INTO draw VALUES (?,?,?)", [(seq, s, g) for s, g in draws])
                self._db.executemany(
                    "INSERT INTO artifact VALUES (?,?,?,?,?,?)",
                    [(seq, n, a.kind, a.media_type, a.source.value, a.data) for n, a in enumerate(artifacts)],
                )
                self._db.execute("COMMIT")
            except sqlite3.Error as error:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise Rejected(f"{self.instrument} cannot write its journal ({error}); nothing was done") from error
        return e.model_copy(update={"seq": seq})

    def interrupt(self, seq: int, at_s: float, reason: str, after: Contents | None) -> None:
        """Write down that an execution was stopped, once; `after` is what the vessel holds then."""
        with self._lock:
            self._db.execute(
                "INSERT OR IGNORE INTO interruption VALUES (?,?,?,?)",
                (seq, at_s, reason, None if after is None else after.canonical()),
            )

    def strike(self, rule: str, command_id: str, at_s: float) -> None:
        """Write down that a fault rule struck."""
        with self._lock:
            self._db.execute("INSERT INTO incident VALUES (?,?,?)", (rule, command_id, at_s))

    def strikes(self, rule: str) -> int:
        with self._lock:
            return int(self._db.execute("SELECT count(*) FROM incident WHERE rule = ?", (rule,)).fetchone()[0])

    def of_command(self, command_id: str) -> Execution | None:
        """The latest execution under this id."""
        return self._one(f"SELECT {_COLUMNS} {_FROM} WHERE e.command_id = ? ORDER BY e.seq DESC LIMIT 1", command_id)

    def count(self, command_id: str) -> int:
        """How often this id was executed."""
        with self._lock:
            query = "SELECT count(*) FROM execution WHERE command_id = ?"
            return int(self._db.execute(query, (command_id,)).fetchone()[0])

    def last(self) -> Execution | None:
        return self._one(f"SELECT {_COLUMNS} {_FROM} ORDER BY e.seq DESC LIMIT 1")

    def of_sample(self, sample: str) -> Execution | None:
        """The latest execution that changed this vessel."""
        where = "WHERE e.sample = ? AND e.version IS NOT NULL ORDER BY e.version DESC LIMIT 1"
        return self._one(f"SELECT {_COLUMNS} {_FROM} {where}", sample)

    def drawn_g(self, sample: str) -> float:
        """Grams that this instrument ever took out of that vessel."""
        with self._lock:
            query = "SELECT coalesce(sum(grams), 0.0) FROM draw WHERE sample = ?"
            return float(self._db.execute(query, (sample,)).fetchone()[0])

    def artifacts(self, seq: int) -> tuple[Artifact, ...]:
        with self._lock:
            query = "SELECT kind, media_type, data, source FROM artifact WHERE execution = ? ORDER BY ordinal"
            rows = self._db.execute(query, (seq,)).fetchall()
        return tuple(Artifact(kind=k, media_type=m, data=d, source=Source(s)) for k, m, d, s in rows)

    def next_finish(self, now: float) -> float | None:
        """When the next running execution ends by itself."""
        query = f"SELECT min(e.finishes_s) {_FROM} WHERE e.finishes_s > ? AND i.at_s IS NULL"
        with self._lock:
            value = self._db.execute(query, (now,)).fetchone()[0]
        return None if value is None else float(value)

    def changes(self, sample: str) -> list[Execution]:
        """Everything that ever changed this vessel, in order."""
        query = f"SELECT {_COLUMNS} {_FROM} WHERE e.sample = ? AND e.version IS NOT NULL ORDER BY e.version"
        with self._lock:
            rows = self._db.execute(query, (sample,)).fetchall()
        return [_read(self.instrument, row) for row in rows]

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def _one(self, query: str, *arguments: str) -> Execution | None:
        with self._lock:
            row = self._db.execute(query, arguments).fetchone()
        return None if row is None else _read(self.instrument, row)


def _read(instrument: str, row: tuple[object, ...]) -> Execution:
    (seq, command_id, action, sample, effect, operation, accepted_s, started_s, finishes_s, phase, fault, detail,
     struck_by, after, version, settled_g, stopped_s, reason, after_stop) = row  # fmt: skip
    if stopped_s is not None:
        phase, fault, detail, after = Phase.ABORTED, None, reason, after_stop
    return Execution.model_validate(
        {
            "instrument": instrument, "seq": seq, "command_id": command_id, "action": action, "sample": sample,
            "effect": effect, "operation": operation, "accepted_s": accepted_s, "started_s": started_s,
            "finishes_s": finishes_s, "phase": phase, "fault": fault, "detail": detail, "struck_by": struck_by,
            "after": None if after is None else Contents.from_canonical(str(after)), "version": version,
            "settled_g": settled_g or 0.0, "stopped_s": stopped_s,
        }
    )  # fmt: skip


def executions(folder: Path) -> list[Execution]:
    """Everything that the robots of a lab folder ever did, by start time; for audits, read-only.

    Raises FileNotFoundError when the folder holds no journal.
    """
    paths = sorted(folder.glob("*" + SUFFIX))
    if not paths:
        raise FileNotFoundError(f"{folder} holds no instrument journals")
    found: list[Execution] = []
    for path in paths:
        db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        try:
            rows = db.execute(f"SELECT {_COLUMNS} {_FROM} ORDER BY e.seq").fetchall()
        finally:
            db.close()
        found.extend(_read(path.name.removesuffix(SUFFIX), row) for row in rows)
    return sorted(found, key=lambda e: (e.started_s, e.instrument, e.seq))
