"""The store, on SQLite and on PostgreSQL."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text
from sqlmodel import SQLModel

from knowledge.records.base import sha256_text
from knowledge.records.quantity import Quantity
from knowledge.store import log
from knowledge.store.artifacts import ArtifactFolder
from knowledge.store.backup import backup
from knowledge.store.database import Store, connect, plain_url
from knowledge.store.errors import (
    BrokenLog,
    FencedOff,
    SchemaMismatch,
    StoreInUse,
    StoreMissing,
    StoreReadOnly,
)
from knowledge.store.exclusive import EngineLock, engine_alive
from knowledge.store.migrate import upgrade

AT = "2026-01-01T00:00:00.000000Z"


@pytest.fixture
def store(store_url: str, tmp_path: Path) -> Store:
    opened = Store.open(store_url, create=True, folder=tmp_path / "folder")
    yield opened
    opened.close()


def append(store: Store, n: int = 1) -> None:
    with store.write() as session:
        for i in range(n):
            log.append(session, "c-1", "experiment.moved", f"c-1-0{i}", {"to": "CLOSED"}, by="athanor", at=AT)


def test_migrations_give_exactly_the_tables_of_the_code(store_url: str) -> None:
    upgrade(store_url)
    engine = connect(store_url)
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), SQLModel.metadata)
    engine.dispose()
    assert differences == []


def test_upgrade_twice_changes_nothing(store_url: str) -> None:
    upgrade(store_url)
    upgrade(store_url)
    with Store.open(store_url) as store, store.read() as session:
        assert log.head(session) == (0, "")


def test_log_is_gapless_and_chained(store: Store) -> None:
    append(store, 3)
    append(store, 2)
    with store.read() as session:
        assert log.verify(session) == 5
        assert [e.id for e in log.after(session, 2)] == [3, 4, 5]


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE event SET body = '{}' WHERE id = 2",
        "UPDATE event SET at = '2020-01-01T00:00:00Z' WHERE id = 1",
        "DELETE FROM event WHERE id = 3",
        "DELETE FROM event WHERE id = 2",
    ],
)
def test_a_changed_or_missing_event_is_noticed(store: Store, tampering: str) -> None:
    append(store, 3)
    with store.write() as session:
        session.connection().execute(text(tampering))
    with store.read() as session, pytest.raises(BrokenLog):
        log.verify(session)


def test_a_failed_transaction_leaves_nothing(store: Store) -> None:
    append(store)

    def write_and_fail() -> None:
        with store.write() as session:
            log.append(session, "c-1", "experiment.moved", "c-1-01", {}, by="athanor", at=AT)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_and_fail()
    with store.read() as session:
        assert log.head(session)[0] == 1


def test_documents_are_stored_once_under_their_hash(store: Store) -> None:
    quantity = Quantity(value=20.0, unit="g")
    with store.write() as session:
        first, second = log.put(session, "quantity", quantity), log.put(session, "quantity", quantity)
    assert first == second == quantity.sha256 == sha256_text(quantity.canonical())
    with store.read() as session:
        assert Quantity.from_canonical(log.body_of(session, first)) == quantity
        assert session.connection().execute(text("SELECT count(*) FROM document")).scalar() == 1


def test_a_changed_document_is_refused(store: Store) -> None:
    with store.write() as session:
        digest = log.put(session, "quantity", Quantity(value=20.0, unit="g"))
        session.connection().execute(text("UPDATE document SET body = replace(body, '20.0', '2000.0')"))
    with store.read() as session, pytest.raises(BrokenLog, match="changed after it was written"):
        log.body_of(session, digest)


def test_cursor_moves_with_its_transaction(store: Store) -> None:
    append(store, 2)
    cursor = log.Cursor("engine")

    def move_and_fail() -> None:
        with store.write() as session:
            cursor.move(session, 2)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        move_and_fail()
    with store.write() as session:
        assert cursor.position(session) == 0
        cursor.move(session, 1).move(session, 2)
    with store.read() as session:
        assert cursor.position(session) == 2


def test_a_second_engine_is_refused_and_the_first_is_fenced_off_once_replaced(store: Store, tmp_path: Path) -> None:
    other = Store.open(store.url, folder=tmp_path / "folder")
    first, second = EngineLock(store), EngineLock(other)
    first.acquire()
    assert engine_alive(other)
    with pytest.raises(StoreInUse, match="another engine"):
        second.acquire()
    first.release()
    assert not engine_alive(other)
    second.acquire()
    assert second.epoch > first.epoch
    with store.read() as session, pytest.raises(FencedOff):
        first.check(session)
    with other.read() as session:
        second.check(session)
    second.release()
    other.close()


def test_another_schema_version_is_refused_with_the_command_that_migrates(store: Store) -> None:
    with store.write() as session:
        session.connection().execute(text("UPDATE alembic_version SET version_num = '0000'"))
    with pytest.raises(SchemaMismatch, match=r"schema 0000.*db upgrade"):
        Store.open(store.url)


def test_a_missing_store_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(StoreMissing, match="no store at"):
        Store.open(tmp_path / "none.sqlite")


def test_a_file_that_is_no_database_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "molecules.sqlite"
    path.write_text("CCO ethanol\n" * 100)
    with pytest.raises(StoreReadOnly) as caught:
        Store.open(path)
    assert "\n" not in str(caught.value)


def test_a_read_only_store_is_refused_when_written(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    Store.open(path, create=True).close()
    url = f"sqlite:///file:{path}?mode=ro&uri=true"  # what a file without write permission is to anybody but root
    with (
        Store(url, connect(url), tmp_path) as read_only,
        pytest.raises(StoreReadOnly, match="cannot be written"),
        read_only.write() as session,
    ):
        log.append(session, "c-1", "x", "y", {}, by="athanor", at=AT)


def test_passwords_never_show() -> None:
    assert "secret" not in plain_url("postgresql+psycopg://chemist:secret@localhost/athanor")


def test_backup_is_a_whole_store(tmp_path: Path) -> None:
    with Store.open(tmp_path / "a.sqlite", create=True) as store:
        append(store, 3)
        path = backup(store)
    assert path is not None
    with Store.open(path) as copy, copy.read() as session:
        assert log.verify(session) == 3


def test_artifacts_are_addressed_by_content_and_checked(tmp_path: Path) -> None:
    folder = ArtifactFolder(tmp_path)
    digest = folder.put(b"chromatogram")
    assert folder.put(b"chromatogram") == digest
    assert folder.get(digest) == b"chromatogram"
    folder.path(digest).write_bytes(b"chromatogrom")
    with pytest.raises(BrokenLog, match="changed"):
        folder.get(digest)
    with pytest.raises(BrokenLog, match="missing"):
        folder.get("0" * 64)


def test_a_full_disk_leaves_no_half_signal(tmp_path: Path) -> None:
    """A file-size limit stands for a full disk: the kernel refuses the write in the same way."""
    import subprocess
    import sys

    program = (
        "import resource, signal, sys, pathlib\n"
        "from knowledge.store.artifacts import ArtifactFolder\n"
        "from knowledge.store.errors import StoreFull\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try:\n"
        "    ArtifactFolder(pathlib.Path(sys.argv[1])).put(b'x' * 5000)\n"
        "except StoreFull as error:\n"
        "    sys.exit(f'full: {error}')\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=False)
    assert "full: no room left for a signal of 5000 bytes" in done.stderr
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []
