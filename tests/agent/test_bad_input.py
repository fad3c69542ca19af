"""Whatever a person gives the command line: one line on stderr that says what to change, exit 2, nothing lost."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlmodel import func, select

from agent import desk
from agent.campaign_file import read_campaign
from agent.kinds import by_kind
from knowledge.store.database import Store
from knowledge.store.exclusive import EngineLock
from knowledge.store.tables import Campaign, Event
from tests.agent.command_line import CommandLine, write_campaign

NOBODY = 65534

READING = [
    ("status",),
    ("experiments",),
    ("report",),
    ("review", "list"),
    ("review", "show", "tiny-1-01a"),
    ("tasks", "list"),
    ("db", "verify"),
]
WRITING = [
    ("pause",),
    ("stop",),
    ("abort",),
    ("resume",),
    ("review", "approve", "tiny-1-01a", "--as", "ada"),
    ("review", "reject", "tiny-1-01a", "--as", "ada", "--reason", "unsafe"),
    ("tasks", "answer", "1", "ran", "--as", "ada"),
    ("tasks", "release", "tiny-1", "--as", "ada"),
]


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> CommandLine:
    return CommandLine(capsys, monkeypatch, tmp_path)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store with one campaign that no engine has touched."""
    path = tmp_path / "athanor.sqlite"
    with Store.open(path, create=True) as opened:
        desk.enroll(opened, read_campaign(write_campaign(tmp_path)), dry_run=True)
    return path


def events(store: Path) -> int:
    with Store.open(store) as opened, opened.read() as session:
        return int(session.exec(select(func.count()).select_from(Event)).one())


def campaigns(store: Path) -> int:
    with Store.open(store) as opened, opened.read() as session:
        return int(session.exec(select(func.count()).select_from(Campaign)).one())


# --- campaign files --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [("validate",), ("run",)])
@pytest.mark.parametrize("text", ["objectives: [", "name: tiny\nbudgett: 3\n", "", "\0"])
def test_bad_campaign_files(cli: CommandLine, tmp_path: Path, command: tuple[str], text: str) -> None:
    path = write_campaign(tmp_path, text)
    assert cli(*command, path).complaint.startswith(f"{path}:")
    assert not (tmp_path / "runs" / "athanor.sqlite").exists(), "no store is made for a campaign that cannot run"


def test_no_campaign_file(cli: CommandLine, tmp_path: Path) -> None:
    assert cli("run", "nowhere.yaml").complaint == "nowhere.yaml: no such file"
    assert "is a folder" in cli("validate", tmp_path).complaint


@pytest.mark.parametrize(
    "words, said",
    [
        (("--seed", "-1"), "--seed"),
        (("--seed", "99999999999"), "2147483647"),
        (("--seed", "x"), "--seed"),
        (("--review", "maybe"), "choose auto or manual"),
        (("--acquisition", "clever"), "choose auto or random"),
        (("--workers", "-1"), "--workers"),
        (("--frobnicate",), "--frobnicate"),
        (("--html", "."), "is a folder"),
        (("--html", "/proc/x.html"), "cannot be written"),
        (("tiny.yaml", "--html", "x.html"), "there are 2 campaigns"),
        (("--dask", "tcp://127.0.0.1:1"), "--dask"),
    ],
)
def test_bad_options_of_run(cli: CommandLine, tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    write_campaign(tmp_path)
    assert said in cli("run", "tiny.yaml", *words, "--store", "s.sqlite").complaint
    if (tmp_path / "s.sqlite").exists():
        assert campaigns(tmp_path / "s.sqlite") == 0


@pytest.mark.parametrize("words", [("frobnicate",), ("run",), ("review", "show"), ("tasks", "answer", "one", "ran")])
def test_bad_usage(cli: CommandLine, words: tuple[str, ...]) -> None:
    assert "--help" in cli(*words).complaint


# --- stores ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [*READING, *WRITING], ids=" ".join)
def test_no_store(cli: CommandLine, tmp_path: Path, command: tuple[str, ...]) -> None:
    assert "there is no store at" in cli(*command, "--store", "nowhere.sqlite").complaint
    assert not (tmp_path / "nowhere.sqlite").exists()


@pytest.mark.parametrize("command", [("status",), ("pause",), ("db", "upgrade"), ("run", "tiny.yaml")], ids=" ".join)
@pytest.mark.parametrize("where", ["folder", "words.txt", "noise.bin", "words.txt/s.sqlite", "/proc/s.sqlite"])
def test_what_is_no_store(cli: CommandLine, tmp_path: Path, command: tuple[str, ...], where: str) -> None:
    write_campaign(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "words.txt").write_text("hello " * 500)
    (tmp_path / "noise.bin").write_bytes(bytes(range(256)) * 20)
    assert where.rpartition("/")[2] in cli(*command, "--store", where).complaint or where.startswith("words.txt/")
    assert (tmp_path / "words.txt").read_text() == "hello " * 500
    assert (tmp_path / "noise.bin").read_bytes() == bytes(range(256)) * 20


@pytest.mark.parametrize(
    "url",
    [
        "",
        "sqlite://",
        "mysql://ada:secret@host/x",
        "nonsense://ada:secret@host:port/x",
        "postgresql://ada:secret@host:port/x",
        "postgresql://ada:secret@127.0.0.1:1/x",
        "postgresql://ada:secret@nowhere.invalid/x",
    ],
)
@pytest.mark.parametrize("command", [("status",), ("run", "tiny.yaml")], ids=" ".join)
def test_bad_urls_never_show_a_password(cli: CommandLine, tmp_path: Path, command: tuple[str, ...], url: str) -> None:
    if "127" in url or "invalid" in url:
        pytest.importorskip("psycopg", reason="needs the extra 'postgres'")
    write_campaign(tmp_path)
    assert "secret" not in cli(*command, "--store", url).complaint
    assert not list(tmp_path.rglob("athanor.log"))


def test_the_store_of_the_environment_is_checked_as_well(cli: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATHANOR_STORE", "mysql://x/y")
    assert "postgresql://USER@HOST/DATABASE" in cli("status").complaint


@pytest.mark.parametrize("command", [("status",), ("pause",), ("resume",), ("run", "tiny.yaml")], ids=" ".join)
def test_another_schema_version(cli: CommandLine, store: Path, command: tuple[str, ...]) -> None:
    with closing(sqlite3.connect(store)) as raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
        raw.commit()
    words = cli(*command, "--store", store).complaint
    assert "has schema 9999" in words
    assert "db upgrade" in words
    assert "a newer Athanor wrote it" in cli("db", "upgrade", "--store", store).complaint


def test_an_empty_database_is_no_store(cli: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "s.sqlite").touch()
    assert "holds no Athanor store" in cli("status", "--store", "s.sqlite").complaint


def test_a_changed_log_is_noticed(cli: CommandLine, store: Path) -> None:
    with closing(sqlite3.connect(store)) as raw:
        raw.execute("UPDATE event SET by = 'mallory' WHERE id = 1")
        raw.commit()
    assert "event 1" in cli("db", "verify", "--store", store).complaint


@contextmanager
def somebody_else() -> Iterator[None]:
    """Root may write everywhere, so a read-only store is looked at as nobody."""
    if os.geteuid() != 0:
        yield
        return
    os.setegid(NOBODY)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


@pytest.fixture
def read_only(cli: CommandLine, store: Path) -> Iterator[Path]:
    """A copy that can be read and not written, in a folder that anybody may enter."""
    cli("pause", "--store", store, "--as", "ada")  # whatever is imported late is imported before the rights are gone
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "athanor.sqlite"
        shutil.copy(store, copy)
        copy.chmod(0o444)
        Path(folder).chmod(0o555)
        try:
            yield copy
        finally:
            Path(folder).chmod(0o755)


@pytest.mark.parametrize("command", [("pause",), ("resume",), ("run", "tiny.yaml")], ids=" ".join)
def test_a_read_only_store(cli: CommandLine, read_only: Path, command: tuple[str, ...]) -> None:
    before = read_only.read_bytes()
    os.chmod(".", 0o755)
    with somebody_else():
        words = cli(*command, "--store", read_only).complaint
    assert "writable" in words or "permissions" in words
    assert str(read_only) in words
    assert read_only.read_bytes() == before


@pytest.mark.parametrize("command", [("run", "tiny.yaml"), ("resume",)], ids=" ".join)
def test_a_second_engine(cli: CommandLine, store: Path, command: tuple[str, ...]) -> None:
    with Store.open(store) as opened:
        lock = EngineLock(opened).acquire()
        try:
            before = events(store)
            words = cli(*command, "--store", store).complaint
            assert f"another engine (process {os.getpid()}) runs on the store" in words
            assert events(store) == before, "nothing was asked for that nobody would do"
            assert "the engine will act on it" in cli("pause", "--store", store).out
            resumed = cli("resume", "--store", store, "--json")
            assert resumed.code == 0, "a paused campaign of a running engine goes on"
            assert cli("status", "--store", store, "--json").document[0]["wants"] == "run"
        finally:
            lock.release()


# --- wishes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words, said",
    [
        (("status", "--campaign", "nope"), "there are: tiny-1"),
        (("experiments", "--campaign", "nope"), "there are: tiny-1"),
        (("report", "--campaign", "nope"), "there are: tiny-1"),
        (("report", "--html", "."), "is a folder"),
        (("review", "list", "--campaign", "nope"), "there are: tiny-1"),
        (("pause", "--campaign", "nope"), "there are: tiny-1"),
        (("review", "show", "nope"), "no experiment 'nope'"),
        (("review", "approve", "nope", "--as", "ada"), "no experiment 'nope'"),
        (("review", "reject", "nope", "--as", "ada", "--reason", "unsafe"), "no experiment 'nope'"),
        (("review", "reject", "nope", "--as", "ada"), "--reason"),
        (("review", "reject", "nope", "--as", "ada", "--reason", "ugly"), "unsafe, unavailable, uninteresting, other"),
        (("review", "edit", "nope", "--protocol", "nowhere.json"), "nowhere.json: cannot be read"),
        (("review", "edit", "nope", "--protocol", "tiny.yaml"), "Invalid JSON"),
        (("tasks", "answer", "7", "ran"), "no task 7"),
        (("tasks", "answer", "99999999999999999999", "ran"), "2147483647"),
        (("tasks", "release", "nope"), "on hold: nothing"),
        (("pause", "--as", ""), "--as NAME"),
        (("pause", "--as", "  "), "--as NAME"),
        (("pause", "--as", "a\x07b"), "--as NAME"),
        (("pause", "--as", "x" * 200), "--as NAME"),
        (("abort", "--as", "athanor"), "name of the loop itself"),
        (("stop", "--as", "Policy:AUTO"), "name of the loop itself"),
    ],
)
def test_wishes_that_cannot_be(cli: CommandLine, store: Path, words: tuple[str, ...], said: str) -> None:
    before = events(store)
    assert said in cli(*words, "--store", store).complaint
    assert events(store) == before


@pytest.mark.parametrize(
    "reason, forbid, said",
    [
        ("unsafe", "[SX2H", "'[SX2H' is not a SMARTS pattern"),
        ("unsafe", "", "is not a SMARTS pattern"),
        ("other", "CO", "belongs to reason 'unsafe'"),
    ],
)
def test_what_a_rejection_of_a_molecule_cannot_forbid(reason: str, forbid: str, said: str) -> None:
    spec = read_campaign(Path(__file__).parents[2] / "config" / "campaigns" / "green_solvent.yaml")
    with pytest.raises(ValueError, match=re.escape(said)) as caught:
        by_kind(spec).check_forbidden(spec, reason, forbid)
    assert "\n" not in str(caught.value)


def test_a_campaign_without_experiments(cli: CommandLine, store: Path, tmp_path: Path) -> None:
    assert "no experiment yet" in cli("experiments", "--store", store).out
    assert cli("experiments", "--store", store, "--json").document == []
    assert "nothing waits" in cli("review", "list", "--store", store).out
    answer = cli("report", "--store", store, "--json").document
    assert "tiny-1" in Path(answer["report"]).read_text(encoding="utf-8")
    assert not list(tmp_path.rglob("*.part"))


def test_a_store_without_campaigns(cli: CommandLine, tmp_path: Path) -> None:
    assert cli("db", "upgrade", "--store", "s.sqlite", "--json").document["before"] is None
    assert "`run CAMPAIGN` starts one" in cli("status", "--store", "s.sqlite").out
    assert "no campaign of this store is unfinished" in cli("resume", "--store", "s.sqlite").complaint
    for command in ("pause", "experiments", "report"):
        assert "holds no campaign yet" in cli(command, "--store", "s.sqlite").complaint
