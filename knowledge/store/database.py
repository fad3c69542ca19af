"""Opening a store, and the one kind of transaction that writes to it.

Every write appends to the event log or belongs to a handler of one of its events, so writers are serialised: on SQLite
by `BEGIN IMMEDIATE`, on PostgreSQL by a row lock on the log's head.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlmodel import Session

from knowledge.store.errors import SchemaMismatch, StoreBusy, StoreError, StoreFull, StoreMissing, StoreReadOnly
from knowledge.store.tables import SCHEMA

BUSY_TIMEOUT_S = 20.0


def now_iso() -> str:
    """UTC, microseconds, sortable as text."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def store_url(text_or_path: str | Path) -> str:
    """A SQLAlchemy URL; a bare path means SQLite, `postgresql://` means the psycopg driver."""
    value = str(text_or_path)
    if value.startswith(("postgres://", "postgresql://")):
        return "postgresql+psycopg://" + value.split("://", 1)[1]
    if "://" in value:
        return value
    return "sqlite:///" + str(Path(value).resolve())


def sqlite_path(url: str) -> Path | None:
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return None
    return Path(parsed.database) if parsed.database else None


def plain_url(url: str) -> str:
    """The URL as it may be shown and logged: without its password."""
    return make_url(url).render_as_string(hide_password=True)


def connect(url: str) -> Engine:
    """A SQLAlchemy engine with the pragmas that durability needs. Does not look at the schema."""
    path = sqlite_path(url)
    if path is None:
        return create_engine(url, pool_pre_ping=True)
    engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_S, "check_same_thread": False})

    @event.listens_for(engine, "connect")
    def _pragmas(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # this module opens transactions itself
        cursor = connection.cursor()
        # WAL with FULL: a committed intent survives power loss, not only a killed process.
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "cache_size=-65536"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writing = connection.get_execution_options().get("athanor_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

    return engine


def translate(error: SQLAlchemyError, url: str) -> StoreError:
    """A driver's error as one line a person can act on."""
    words = str(error.orig if isinstance(error, DBAPIError) else error).splitlines()[0]
    shown = plain_url(url)
    low = words.lower()
    if "disk is full" in low or "no space left" in low or "disk i/o error" in low or "file too large" in low:
        return StoreFull(f"no room left to write the store {shown}: free some space, then `resume` ({words})")
    if "readonly" in low or "read-only" in low or "permission denied for" in low:
        return StoreReadOnly(
            f"the store {shown} cannot be written: make the file and its folder writable, or name another --store"
        )
    if "locked" in low or "busy" in low:
        return StoreBusy(f"the store {shown} is locked by another process; try again when that has finished")
    if "unable to open database file" in low or "file is not a database" in low:
        return StoreReadOnly(
            f"the store {shown} cannot be opened ({words}): check the path and its permissions, or name another --store"
        )
    if "connection" in low or "does not exist" in low or "could not" in low:
        return StoreMissing(f"the store {shown} cannot be reached: {words}")
    return StoreError(f"the store {shown} failed: {words}")


def schema_of(engine: Engine) -> str | None:
    """The Alembic revision in the store, or None for an empty database."""
    with engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        revision = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
        return None if revision is None else str(revision)


class Store:
    """One experiment store: a database and, beside it, a folder for signals and virtual labs."""

    def __init__(self, url: str, engine: Engine, folder: Path) -> None:
        self.url = url
        self.folder = folder
        self._engine = engine

    @staticmethod
    def open(url_or_path: str | Path, *, create: bool = False, folder: Path | None = None) -> Store:
        """Open a store whose schema is this code's.

        `folder` defaults to `<database file>.d`, or for a server to `runs/<database name>.d`.
        Raises StoreMissing, SchemaMismatch, StoreReadOnly, StoreFull or StoreBusy.
        """
        url = store_url(url_or_path)
        path = sqlite_path(url)
        if path is not None:
            if not path.exists() and not create:
                raise StoreMissing(f"there is no store at {path}; `run` makes one, or name another with --store")
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise StoreReadOnly(f"cannot make the folder {path.parent}: {error.strerror}") from None
        engine = connect(url)
        try:
            found = schema_of(engine)
            if found is None:
                if not create:
                    raise StoreMissing(f"{plain_url(url)} holds no Athanor store; `run` or `db upgrade` makes one")
                from knowledge.store.migrate import upgrade

                upgrade(url)
            elif found != SCHEMA:
                raise SchemaMismatch(
                    f"the store {plain_url(url)} has schema {found}, this version needs {SCHEMA}: "
                    f"run `python run_agent.py db upgrade --store {plain_url(url)}`"
                )
        except SQLAlchemyError as error:
            engine.dispose()
            raise translate(error, url) from None
        except StoreError:
            engine.dispose()
            raise
        if folder is None:
            name = make_url(url).database or "store"
            folder = path.with_suffix(path.suffix + ".d") if path is not None else Path("runs") / f"{name}.d"
        return Store(url, engine, folder)

    def close(self) -> None:
        self._engine.dispose()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def is_sqlite(self) -> bool:
        return self._engine.dialect.name == "sqlite"

    def dedicated_connection(self) -> Connection:
        """A connection outside the pool's care, for session-level locks."""
        return self._engine.connect()

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A consistent view. Raises StoreError."""
        try:
            with Session(self._engine, expire_on_commit=False) as session:
                yield session
        except SQLAlchemyError as error:
            raise translate(error, self.url) from error

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A write transaction: commits at the end, rolls back on any exception. Raises StoreError."""
        try:
            with self._engine.connect().execution_options(athanor_write=True) as connection, connection.begin():
                if not self.is_sqlite:
                    connection.execute(text("SELECT id FROM log_head WHERE id = 1 FOR UPDATE"))
                with Session(connection, expire_on_commit=False, autoflush=False) as session:
                    yield session
                    session.flush()
        except SQLAlchemyError as error:
            raise translate(error, self.url) from error


def is_full(error: BaseException) -> bool:
    """Whether an operating-system error means that the disk, or a quota on it, is used up."""
    import errno

    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
