"""Kill -9 at random moments of a campaign, each followed by `resume`; then compare the store with the robots' journals.

    python -m benchmarks.crash --kills 25 --json

The same campaign is first run undisturbed. Kills are spread over the run by the number of events in the log, with a
random delay of up to 60 ms, so that they fall into every phase and not only into the long computations.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from sqlmodel import select

from agent import summary
from agent.lifecycle import TERMINAL, State
from instruments.simulation.journal import executions
from knowledge.records.protocol import Effect
from knowledge.store import log
from knowledge.store.artifacts import ArtifactFolder
from knowledge.store.database import Store
from knowledge.store.tables import Campaign, Command, Experiment, SignalFile

ROOT = Path(__file__).resolve().parent.parent
DELAY_S = 0.06


def _start(arguments: list[str], log_file: Path) -> subprocess.Popen[bytes]:
    with log_file.open("ab") as out:
        return subprocess.Popen([sys.executable, "run_agent.py", *arguments], cwd=ROOT, stdout=out, stderr=out)


def events(store: Path) -> int:
    """How many events the log holds now; 0 while there is no store."""
    if not store.exists():
        return 0
    try:
        with sqlite3.connect(f"file:{store}?mode=ro", uri=True, timeout=5.0) as connection:
            row = connection.execute("SELECT event_id FROM log_head").fetchone()
    except sqlite3.OperationalError:
        return 0  # being made
    finally:
        if "connection" in locals():
            connection.close()
    return int(row[0]) if row else 0


def undisturbed(campaign: Path, folder: Path) -> Path:
    """Run to the end; the store."""
    store = folder / "undisturbed.sqlite"
    process = _start(["run", str(campaign), "--store", str(store), "--json"], folder / "undisturbed.log")
    if process.wait() != 0:
        raise SystemExit((folder / "undisturbed.log").read_text())
    return store


def disturbed(campaign: Path, folder: Path, *, kills: int, seed: int, total: int) -> tuple[Path, list[int]]:
    """Run with `kills` kills; the store, and the event counts at which the engine was killed."""
    store, out = folder / "killed.sqlite", folder / "killed.log"
    rng = random.Random(seed)
    moments = sorted(rng.randrange(0, total) for _ in range(kills))
    killed: list[int] = []
    while True:
        arguments = ["resume"] if store.exists() and events(store) > 0 else ["run", str(campaign)]
        process = _start([*arguments, "--store", str(store), "--json"], out)
        target = moments[len(killed)] if len(killed) < kills else None
        while process.poll() is None:
            if target is not None and events(store) >= target:
                time.sleep(rng.uniform(0.0, DELAY_S))
                process.send_signal(signal.SIGKILL)
                process.wait()
                killed.append(events(store))
                break
            time.sleep(0.002)
        else:
            if process.returncode != 0:
                raise SystemExit(out.read_text()[-3000:])
            return store, killed


def audit(path: Path) -> dict[str, Any]:
    """What the store says, held against what the robots did."""
    with Store.open(path) as store:
        journals = [e for lab in sorted((store.folder / "labs").iterdir()) for e in executions(lab)]
        folder = ArtifactFolder(store.folder)
        with store.read() as session:
            log.verify(session)
            campaign = session.exec(select(Campaign)).one()
            measured = summary.measurements_of(session, campaign.id)
            experiments = summary.experiments_of(session, campaign.id)
            commands = {c.id: c for c in session.exec(select(Command))}
            files = list(session.exec(select(SignalFile)))
            states = Counter(session.exec(select(Experiment.state)))
        ran = Counter(e.command_id for e in journals)
        irreversible = {e.command_id for e in journals if commands[e.command_id].effect == Effect.IRREVERSIBLE}
        ended = [c for c in commands.values() if c.state == "SUCCEEDED"]
        with_files = {f.command_id for f in files}
        for file in files:
            folder.get(file.sha256)  # raises when a signal is gone or damaged
        return {
            "campaign_state": campaign.state,
            "experiments": dict(states),
            "not_terminal": sum(n for state, n in states.items() if State(state) not in TERMINAL),
            "executions": len(journals),
            "irreversible_twice": sum(ran[c] > 1 for c in irreversible),
            "any_twice": sum(n > 1 for n in ran.values()),
            "commands_without_execution": sum(c.id not in ran for c in ended),
            "executions_without_command": sum(c not in commands for c in ran),
            "signals": len(files),
            "uncollected": sum(not c.collected for c in commands.values() if c.state in ("SUCCEEDED", "FAILED")),
            "measuring_commands_without_signal": sum(
                c.id not in with_files for c in ended if c.action.startswith(("measure", "inject", "purify"))
            ),
            "set": [
                [e.id, e.smiles, e.state, {n: m.value for n, m in sorted(measured.get(e.id, {}).items())}]
                for e in experiments
            ],
        }


def compare(campaign: Path, folder: Path, *, kills: int, seed: int) -> dict[str, Any]:
    started = time.monotonic()
    calm = undisturbed(campaign, folder)
    wild, killed = disturbed(campaign, folder, kills=kills, seed=seed, total=events(calm))
    expected, found = audit(calm), audit(wild)
    same = expected.pop("set") == found.pop("set")
    return {
        "kills": len(killed),
        "killed_at_events": killed,
        "events": events(wild),
        "equal_to_undisturbed": same,
        **found,
        "undisturbed": expected,
        "wall_s": round(time.monotonic() - started, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--campaign", type=Path, default=ROOT / "config" / "campaigns" / "green_solvent.yaml")
    parser.add_argument("--kills", type=int, default=25)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="only the JSON line")
    parser.add_argument("--keep", type=Path, help="folder to keep the stores in")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        result = compare(arguments.campaign.resolve(), folder, kills=arguments.kills, seed=arguments.seed)
    if not arguments.json:
        for name, value in result.items():
            print(f"{name:36} {value}")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
