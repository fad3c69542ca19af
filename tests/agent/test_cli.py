"""The commands as a person and as a script use them, on a small real campaign that is run once."""

from __future__ import annotations

import json
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from agent import desk
from agent.compute import Inline
from agent.engine import Engine
from agent.session import read_with_overrides
from knowledge.store.database import Store
from tests.agent.command_line import CommandLine, write_campaign

ROOT = Path(__file__).parents[2]
HEAVY = ("torch", "botorch", "gpytorch", "sklearn", "thermo", "chemicals", "pandas", "matplotlib")


def command(*words: object, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "run_agent.py"), *(str(w) for w in words)],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> CommandLine:
    return CommandLine(capsys, monkeypatch, tmp_path)


@dataclass(frozen=True)
class Ran:
    store: Path
    process: subprocess.CompletedProcess[str]

    @property
    def result(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.process.stdout.splitlines()[-1])
        return found


@pytest.fixture(scope="session")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """The small campaign, run to its end by a process of its own."""
    folder = tmp_path_factory.mktemp("ran")
    write_campaign(folder)
    words = ("run", "tiny.yaml", "--dry-run", "--workers", 0, "--store", "s.sqlite", "--json")
    return Ran(folder / "s.sqlite", command(*words, cwd=folder))


@pytest.fixture(scope="session")
def waiting(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a store in which the same campaign waits for a person, and no engine runs."""
    folder = tmp_path_factory.mktemp("waiting")
    spec = read_with_overrides(write_campaign(folder), seed=None, review="manual", acquisition=None, dry_run=True)
    with Store.open(folder / "s.sqlite", create=True) as store:
        desk.enroll(store, spec, dry_run=True)
        Engine(store, compute=Inline(), devices=Inline(), wait_for_people=False).run()
    return folder


@pytest.fixture
def review(waiting: Path, tmp_path: Path) -> Path:
    """A copy of that store, to decide in."""
    shutil.copytree(waiting, tmp_path / "copy")
    return tmp_path / "copy" / "s.sqlite"


# --- without work ----------------------------------------------------------------------------------------------------


def test_help_is_quick_and_names_every_command() -> None:
    shown = command("--help")
    assert shown.returncode == 0
    for name in ("run", "resume", "status", "pause", "stop", "abort", "validate", "experiments", "review", "report"):
        assert f" {name} " in shown.stdout
    assert imported("--help") & {"pint", "rdkit", "sqlalchemy", "numpy", *HEAVY} == set()


def imported(*words: object) -> set[str]:
    """The packages that a command has loaded when it ends."""
    program = (
        "import json, sys\n"
        "from agent.cli import main\n"
        "sys.argv = ['run_agent.py', *json.loads(sys.argv[1])]\n"
        "try:\n    main()\n"
        "finally:\n    sys.stderr.write(json.dumps(sorted({m.partition('.')[0] for m in sys.modules})))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, json.dumps([str(w) for w in words])],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return set(json.loads(done.stderr))


@pytest.mark.parametrize(
    "words",
    [("validate", "config/campaigns/green_solvent.yaml"), ("status",), ("review", "list"), ("experiments",)],
    ids=" ".join,
)
def test_a_look_loads_no_model(words: tuple[str, ...], waiting: Path) -> None:
    store = () if words[0] == "validate" else ("--store", waiting / "s.sqlite")
    assert imported(*words, *store) & set(HEAVY) == set()


def test_validate(cli: CommandLine) -> None:
    green = ROOT / "config" / "campaigns" / "green_solvent.yaml"
    assert "24 experiments in batches of 4" in cli("validate", green).out
    document = cli("validate", green, "--json").document
    assert document["valid"] is True
    assert len(document["sha256"]) == 64


@pytest.mark.parametrize("words", [(), ("review",)])
def test_no_command_shows_the_help(cli: CommandLine, words: tuple[str, ...]) -> None:
    answer = cli(*words)
    assert answer.code == 2
    assert "Usage:" in answer.out
    assert answer.err == "name a command (see `--help`)\n"


# --- a campaign that has ended ---------------------------------------------------------------------------------------


def test_run_ends_with_one_object(ran: Ran) -> None:
    assert (ran.process.returncode, ran.process.stderr) == (0, "")
    assert ran.process.stdout.count("\n") == 1
    result = ran.result
    assert result["campaign"] == "tiny-1"
    assert result["state"] == "finished"
    assert result["outcome"] == "budget spent"
    assert result["store"].endswith("s.sqlite")
    assert result["experiments"] == {"CLOSED": 2}
    assert result["iterations"] == 1
    assert result["model_versions"] == 2
    assert 0.0 < result["best"]["values"]["viscosity"] < 20.0
    assert set(result["best"]["simulated"].values()) <= {"simulated:handbook", "simulated:model"}
    assert result["best"]["smiles"]
    assert len(result["hypervolume"]) == 1
    assert 0.0 < result["hypervolume"][0] < 1.0
    (error,) = result["prospective_error"]
    assert error["iteration"] == 1
    assert error["errors"]["viscosity"]["n"] >= 1
    assert 0.0 < result["wall_s"] < 180.0
    assert "<html" in Path(result["report"]).read_text(encoding="utf-8")


def test_status_of_what_has_ended(cli: CommandLine, ran: Ran) -> None:
    (row,) = cli("status", "--store", ran.store, "--json").document
    assert {k: row[k] for k in ("campaign", "state", "best", "hypervolume", "budget")} == {
        k: ran.result[k] for k in ("campaign", "state", "best", "hypervolume", "budget")
    }
    shown = cli("status", "--store", ran.store).out
    assert shown.startswith("tiny-1: finished; budget spent\n")
    assert "2 of 2 experiments, in 1 batch\n" in shown
    assert row["best"]["smiles"] in shown
    assert "simulated" in shown


def test_experiments(cli: CommandLine, ran: Ran, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = cli("experiments", "--store", ran.store, "--json").document
    assert [r["state"] for r in rows] == ["CLOSED", "CLOSED"]
    assert [r["reference"] for r in rows] == [False, True]
    assert all(v["source"].startswith("simulated:") for r in rows for v in r["values"].values())
    monkeypatch.setenv("COLUMNS", "80")
    shown = cli("experiments", "--store", ran.store).out
    assert max(len(line) for line in shown.splitlines()) <= 80
    for row in rows:
        assert row["experiment"] in shown
        assert row["smiles"] in shown
    assert "* simulated" in shown
    assert "viscosity mPa*s" in shown


def test_report(cli: CommandLine, ran: Ran, tmp_path: Path) -> None:
    document = cli("report", "--store", ran.store, "--html", tmp_path / "new" / "r.html", "--json").document
    assert document["campaign"] == "tiny-1"
    assert Path(document["report"]).stat().st_size > 10_000
    assert cli("report", "--store", ran.store).out == f"report: {ran.store}.d/tiny-1.html\n"


def test_the_store_is_whole(cli: CommandLine, ran: Ran) -> None:
    counts = cli("db", "verify", "--store", ran.store, "--json").document
    assert counts["events"] > 20
    assert counts["signals"] >= 2
    assert "all as they were written" in cli("db", "verify", "--store", ran.store).out
    assert cli("db", "upgrade", "--store", ran.store, "--json").document == {"before": "0001", "after": "0001"}


def test_doctor(cli: CommandLine, ran: Ran) -> None:
    checks = {c["what"]: c for c in cli("doctor", "--store", ran.store, "--json").document}
    assert checks["store"]["result"] == "good"
    assert "chain unbroken" in checks["store"]["detail"]
    shown = cli("doctor", "--store", ran.store)
    assert shown.code == 0
    assert "everything that a run needs is here" in shown.out


def test_doctor_says_what_is_bad(cli: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "s.sqlite").write_text("no database " * 100)
    shown = cli("doctor", "--store", "s.sqlite")
    assert shown.code == 2
    assert "bad" in shown.out
    assert shown.err.startswith("to mend: store: ")
    assert shown.err.count("\n") == 1


def test_nothing_is_left_to_do(cli: CommandLine, ran: Ran) -> None:
    assert cli("review", "list", "--store", ran.store).out == "nothing waits for a decision\n"
    assert cli("review", "list", "--store", ran.store, "--json").document == []
    assert cli("tasks", "list", "--store", ran.store).out == "nothing waits for a person\n"
    assert cli("tasks", "list", "--store", ran.store, "--json").document == {"tasks": [], "holds": []}
    for words in (("pause",), ("stop",), ("abort",)):
        assert "has ended (finished: budget spent)" in cli(*words, "--store", ran.store).complaint
    assert "unfinished" in cli("resume", "--store", ran.store).complaint
    assert "is CLOSED" in cli("review", "approve", "tiny-1-01a", "--as", "ada", "--store", ran.store).complaint


# --- a campaign that waits for a person ------------------------------------------------------------------------------


def test_what_waits_for_review(cli: CommandLine, review: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = cli("review", "list", "--store", review, "--json").document
    assert [r["experiment"] for r in rows] == ["tiny-1-01a", "tiny-1-01b"]
    assert rows[0]["approvals"] == 0
    monkeypatch.setenv("COLUMNS", "80")
    shown = cli("review", "list", "--store", review).out
    assert max(len(line) for line in shown.splitlines()[:-1]) <= 80
    assert rows[0]["dossier"][:12] in shown
    assert "0 of 1" in shown
    status = cli("status", "--store", review).out
    assert "tiny-1-01a, tiny-1-01b: `review show EXPERIMENT`" in status


def test_the_dossier_says_what_would_be_done(cli: CommandLine, review: Path) -> None:
    plan = cli("review", "show", "tiny-1-01a", "--store", review, "--json").document
    assert plan["route"]["steps"]
    shown = cli("review", "show", "tiny-1-01a", "--store", review).out
    for words in ("Step 1: ", "predicted", "viscosity", "hazard", "takes", "viscometer", plan["sha256"]):
        assert words in shown
    assert plan["candidate"]["molecule"]["smiles"] in shown
    assert f"--dossier {plan['sha256'][:12]}" in shown
    assert "made          bought" in cli("review", "show", "tiny-1-01b", "--store", review).out


def test_approval(cli: CommandLine, review: Path) -> None:
    words = ("review", "approve", "tiny-1-01a", "--store", review)
    assert "has another dossier now" in cli(*words, "--as", "ada", "--dossier", "ffff").complaint
    for name in ("athanor", " Athanor", "policy:auto", "operator"):
        assert "name of the loop itself" in cli(*words, "--as", name).complaint
    answer = cli(*words, "--as", "ada", "--json").document
    assert answer["verdict"] == "approved"
    assert answer["approvals_missing"] == 0
    assert "no engine runs" in answer["note"]
    assert "ada has approved tiny-1-01a already" in cli(*words, "--as", " ADA ").complaint
    assert cli("review", "list", "--store", review, "--json").document[0]["approvals"] == 1


def test_rejection(cli: CommandLine, review: Path) -> None:
    words = ("review", "reject", "tiny-1-01b", "--store", review, "--as", "ada")
    assert "'C(' is not a SMARTS pattern" in cli(*words, "--reason", "unsafe", "--forbid", "C(").complaint
    answer = cli(*words, "--reason", "unsafe", "--forbid", "[CX4]O[CX4]")
    assert answer.out.startswith("tiny-1-01b: rejected by ada; ")


def test_an_editor_does_not_approve_the_edit(cli: CommandLine, review: Path, tmp_path: Path) -> None:
    protocol = cli("review", "show", "tiny-1-01a", "--store", review, "--json").document["protocol"]
    file = tmp_path / "protocol.json"
    file.write_text(json.dumps({**protocol, "operations": protocol["operations"][:-1]}))
    words = ("review", "edit", "tiny-1-01a", "--store", review, "--protocol", file)
    assert "name of the loop itself" in cli(*words, "--as", "athanor").complaint
    assert cli(*words, "--as", "Ada", "--json").document["child"] == "tiny-1-01a-edit1"
    with Store.open(review) as store:
        Engine(store, compute=Inline(), devices=Inline(), wait_for_people=False).run()
    approve = ("review", "approve", "tiny-1-01a-edit1", "--store", review, "--as")
    assert "who proposes cannot decide" in cli(*approve, "ada").complaint
    assert "SUPERSEDED" in cli("review", "approve", "tiny-1-01a", "--store", review, "--as", "bo").complaint
    assert cli(*approve, "bo").code == 0


def test_a_stopped_campaign_ends(cli: CommandLine, review: Path) -> None:
    assert "`resume` acts on it" in cli("stop", "--store", review, "--as", "ada").out
    assert "stop asked for; no engine runs" in cli("status", "--store", review).out
    answer = cli("resume", "--store", review, "--workers", 0, "--as", "ada", "--json").document
    assert answer["state"] == "stopped"
    assert answer["experiments"] == {"CANCELLED": 2}
    assert answer["best"] is None


def test_an_interrupted_run_says_how_to_go_on(waiting: Path, tmp_path: Path) -> None:
    shutil.copytree(waiting, tmp_path / "copy")
    words = ("resume", "--workers", "0", "--store", "s.sqlite", "--as", "ada")
    engine = subprocess.Popen(
        [sys.executable, str(ROOT / "run_agent.py"), *words],
        cwd=tmp_path / "copy",
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell that starts the tests in the background has them ignore Ctrl-C, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    with engine:
        assert engine.stderr is not None
        first = engine.stderr.readline()
        assert "2 to review" in first, first
        assert "an engine runs" in command("status", "--store", tmp_path / "copy" / "s.sqlite").stdout
        engine.send_signal(signal.SIGINT)
        out, err = engine.communicate(timeout=30)
    assert engine.returncode == 130
    assert out == ""
    assert err.strip() == "interrupted; `resume` goes on with unfinished campaigns"


def test_two_people_are_two_names(cli: CommandLine, review: Path) -> None:
    with closing(sqlite3.connect(review)) as raw:
        raw.execute("UPDATE review_request SET approvals_needed = 2")
        raw.commit()
    words = ("review", "approve", "tiny-1-01a", "--store", review, "--as")
    assert "1 more approval needed, from other people" in cli(*words, "Ada Lovelace").out
    assert "ada" in cli(*words, "ada  LOVELACE").complaint.lower()
    assert "1 of 2" in cli("review", "list", "--store", review).out
    assert cli(*words, "bo", "--json").document["approvals_missing"] == 0
