"""Opens the SQLite files that a lab's memory consists of: what is committed survives a kill and a power cut."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path


def open_durable(path: Path, schema: str, version: int) -> sqlite3.Connection:
    """A connection in autocommit mode (WAL, synchronous=FULL, foreign keys), usable from any thread under a lock.

    The schema is created in one transaction when the file is new. Raises sqlite3.Error, and ValueError for a file of
    another schema version.
    """
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    db.execute("PRAGMA busy_timeout=5000")
    found = int(db.execute("PRAGMA user_version").fetchone()[0])
    if found == 0:
        # One synchronisation at the end of the creation instead of five on the way: nothing depends on it before.
        db.execute("PRAGMA synchronous=OFF")
        db.execute("PRAGMA journal_mode=WAL")
        db.executescript(f"BEGIN IMMEDIATE;{schema};PRAGMA user_version={version};COMMIT;")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    elif found != version:
        db.close()
        raise ValueError(f"{path.name} has schema {found}, this program writes {version}: use another lab folder")
    db.execute("PRAGMA synchronous=FULL")
    db.execute("PRAGMA foreign_keys=ON")
    return db
