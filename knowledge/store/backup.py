"""A copy of a SQLite store that is consistent while an engine writes; a server's own tools back up a server."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from knowledge.store.database import Store, sqlite_path


def backup(store: Store) -> Path | None:
    """Write `<store>.backup` by SQLite's online backup; None for other databases."""
    path = sqlite_path(store.url)
    if path is None:
        return None
    target, part = path.with_suffix(path.suffix + ".backup"), path.with_suffix(path.suffix + ".backup-part")
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(part)) as copy:
        source.backup(copy)
    part.replace(target)
    return target
