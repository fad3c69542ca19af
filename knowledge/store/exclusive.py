"""One engine per store: a lock that the system or the server releases when the engine dies, and a fencing epoch."""

from __future__ import annotations

import fcntl
import os
from typing import IO

from sqlalchemy import Connection, text
from sqlmodel import Session

from knowledge.store.database import Store, now_iso, plain_url, sqlite_path
from knowledge.store.errors import FencedOff, StoreInUse, StoreReadOnly

_ADVISORY_KEY = 0x41544841  # "ATHA"; advisory locks are per database, so one constant serves every store


class EngineLock:
    """Held for the life of an engine.

    `epoch` grows with each holder; writes check it, so a replaced engine cannot write.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._file: IO[str] | None = None
        self._connection: Connection | None = None
        self.epoch = 0

    def acquire(self) -> EngineLock:
        """Raises StoreInUse when another engine holds it."""
        path = sqlite_path(self._store.url)
        if path is not None:
            try:
                self._file = open(f"{path}.engine", "a+")  # noqa: SIM115 (held for the engine's life)
            except OSError as error:
                raise StoreReadOnly(f"cannot write beside the store {path}: {error.strerror}") from None
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self._file.seek(0)
                holder = self._file.read().strip() or "unknown"
                self._file.close()
                self._file = None
                raise StoreInUse(self._message(f"process {holder}")) from None
            self._file.truncate(0)
            self._file.write(str(os.getpid()))
            self._file.flush()
        else:
            self._connection = self._store.dedicated_connection()
            if not self._connection.execute(text("SELECT pg_try_advisory_lock(:k)"), {"k": _ADVISORY_KEY}).scalar():
                self._connection.close()
                self._connection = None
                raise StoreInUse(self._message("another session"))
            self._connection.commit()
        with self._store.write() as session:
            session.connection().execute(
                text(
                    "INSERT INTO lease (resource, holder, epoch, since) VALUES ('engine', :h, 1, :t) "
                    "ON CONFLICT (resource) DO UPDATE "
                    "SET holder = excluded.holder, epoch = lease.epoch + 1, since = excluded.since"
                ),
                {"h": f"pid {os.getpid()}", "t": now_iso()},
            )
            self.epoch = int(
                session.connection().execute(text("SELECT epoch FROM lease WHERE resource = 'engine'")).scalar_one()
            )
        return self

    def _message(self, holder: str) -> str:
        shown = plain_url(self._store.url)
        return f"another engine ({holder}) runs on the store {shown}: stop that one, or name another --store"

    def check(self, session: Session) -> None:
        """Raises FencedOff when another engine took the store over."""
        epoch = session.connection().execute(text("SELECT epoch FROM lease WHERE resource = 'engine'")).scalar()
        if epoch != self.epoch:
            raise FencedOff(f"another engine took over the store {plain_url(self._store.url)}; this one stops")

    def release(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
        if self._connection is not None:
            self._connection.execute(text("SELECT pg_advisory_unlock(:k)"), {"k": _ADVISORY_KEY})
            self._connection.close()
            self._connection = None


def engine_alive(store: Store) -> bool:
    """Whether an engine holds the store now."""
    path = sqlite_path(store.url)
    if path is None:
        with store.read() as session:
            locks = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = :k")
            return bool(session.connection().execute(locks, {"k": _ADVISORY_KEY}).scalar())
    try:
        with open(f"{path}.engine") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return False
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
