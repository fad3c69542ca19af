"""Engine time per experiment, and how it grows with what the store already holds.

    python -m benchmarks.engine --json

One real campaign is carried out first. Then, in a store that already holds N copies of its experiments, the engine
carries further ones through, with real plans, screenings, signals and analyses; only proposals and models are those of
the recorded campaign. Time spent in computations and in device calls is subtracted. What is left is the engine:
handlers, transactions, events, queries, and the writing of signals to disk.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from sqlalchemy import text

from agent import desk
from agent.campaign import CampaignSpec
from agent.compute import Inline, run_stage
from agent.engine import Engine
from agent.labs import Labs
from instruments.bench import Bench
from knowledge.store.database import Store

BATCH = 4
SPEC = {
    "name": "engine",
    "title": "Thin liquids",
    "seed": 3,
    "objectives": [{"property": "viscosity", "direction": "minimise", "unit": "mPa*s", "worst": 10.0}],
    "constraints": [{"property": "boiling_point", "minimum": "380 K", "maximum": "480 K"}],
    "references": {"share": 0.0},
    "space": {"max_heavy_atoms": 8},
    "search": {"generators": ["genetic"], "generations": 2, "population": 30, "checked": 8},
    "lab": {"failure_rate": 0.0},
}


class Stopwatch:
    """Seconds spent outside the engine."""

    def __init__(self) -> None:
        self.outside = 0.0

    def around(self, fn: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any, **kwargs: Any) -> Any:
            start = time.perf_counter()
            try:
                return fn(*args, **kwargs)
            finally:
                self.outside += time.perf_counter() - start

        return timed


class Recorded(Inline):
    """Real planning, screening and analysis; learning and proposing from a recording. All of it is timed as outside."""

    def __init__(
        self, watch: Stopwatch, proposals: list[dict[str, Any]], model: dict[str, Any], laps: list[float]
    ) -> None:
        self._watch, self._proposals, self._model, self._laps = watch, proposals, model, laps
        self._count = 0
        self._started = time.perf_counter()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        if fn is run_stage and args[0] == "propose":
            self._laps.append(time.perf_counter() - self._started - self._watch.outside)
            self._count += 1
            return super().submit(lambda: self._proposals[self._count % len(self._proposals)])
        if fn is run_stage and args[0] == "learn":
            return super().submit(lambda: self._model)
        return super().submit(self._watch.around(fn), *args, **kwargs)


class _TimedDriver:
    def __init__(self, driver: Any, watch: Stopwatch) -> None:
        for name in ("describe", "health", "validate", "submit", "lookup", "abort", "safe_state", "fetch"):
            setattr(self, name, watch.around(getattr(driver, name)))


def _time_devices(labs: Labs, watch: Stopwatch) -> None:
    """Put a stopwatch around every driver and the lab's clock."""
    original = labs.bench

    def bench(spec: CampaignSpec) -> tuple[str, Bench]:
        key, found = original(spec)
        if not getattr(found, "timed", False):
            found._drivers = {n: _TimedDriver(d, watch) for n, d in found._drivers.items()}  # type: ignore[misc]
            found.clock.elapse = watch.around(found.clock.elapse)  # type: ignore[method-assign]
            found.clock.now = watch.around(found.clock.now)  # type: ignore[method-assign]
            found.timed = True  # type: ignore[attr-defined]
        return key, found

    labs.bench = bench  # type: ignore[method-assign]


def record(folder: Path) -> tuple[list[dict[str, Any]], dict[str, Any], Path]:
    """A real campaign of two batches: its proposals, its last model, its store."""
    spec = CampaignSpec.model_validate({**SPEC, "budget": {"experiments": 2 * BATCH, "batch": BATCH}})
    path = folder / "recorded.sqlite"
    with Store.open(path, create=True) as store:
        desk.enroll(store, spec, dry_run=True)
        Engine(store, compute=Inline(), devices=Inline(), wait_for_people=False).run()
        with store.read() as session:
            connection = session.connection()
            bodies = connection.execute(text("SELECT body FROM document WHERE kind = 'proposal'")).scalars()
            proposals = [json.loads(b) for b in bodies]
            model = json.loads(
                connection.execute(text("SELECT body FROM document WHERE kind = 'model'")).scalars().first() or "{}"
            )
    return [p for p in proposals if len(p["chosen"]) == BATCH], model, path


def fill(store: Store, campaign_id: str, recorded: Path, experiments: int) -> None:
    """Copies of the recorded campaign's finished experiments, under new names, until the store holds that many."""
    with Store.open(recorded) as source, source.read() as session:
        rows = {
            name: [dict(r) for r in session.connection().execute(text(f"SELECT * FROM {name}")).mappings()]  # noqa: S608
            for name in (
                "document",
                "experiment",
                "command",
                "artifact",
                "measurement",
                "review_request",
                "decision",
                "event",
                "effect",
            )
        }
    with store.write() as session:
        connection = session.connection()

        def put(table: str, values: list[dict[str, Any]]) -> None:
            columns = list(values[0])
            names, marks = ", ".join(columns), ", ".join(f":{c}" for c in columns)
            statement = text(f"INSERT INTO {table} ({names}) VALUES ({marks}) ON CONFLICT DO NOTHING")  # noqa: S608
            connection.execute(statement, values)

        put("document", rows["document"])
        event_id, digest = connection.execute(text("SELECT event_id, hash FROM log_head")).one()
        effect_id = int(connection.execute(text("SELECT coalesce(max(id), 0) FROM effect")).scalar_one())
        copies = -(-experiments // len(rows["experiment"]))
        for copy in range(copies):

            def renamed(row: dict[str, Any], copy: int = copy) -> dict[str, Any]:
                return {
                    k: v.replace("engine-1-", f"engine-1-old{copy}-") if isinstance(v, str) and k != "body" else v
                    for k, v in row.items()
                }

            put("experiment", [{**renamed(r), "iteration": -1 - copy, "parent_id": None} for r in rows["experiment"]])
            for table in ("command", "artifact", "measurement", "review_request", "decision"):
                keep = [renamed(r) for r in rows[table]]
                put(table, [{k: v for k, v in r.items() if not (k == "id" and isinstance(v, int))} for r in keep])
            events = []
            for row in rows["event"]:
                event_id += 1
                events.append({**renamed(row), "id": event_id})
            put("event", events)
            effects = []
            for row in rows["effect"]:
                effect_id += 1
                effects.append({**renamed(row), "id": effect_id})
            put("effect", effects)
        connection.execute(text("UPDATE log_head SET event_id = :e, hash = :h"), {"e": event_id, "h": digest})
        connection.execute(
            text(
                "INSERT INTO cursor (consumer, event_id) VALUES ('engine', :e) "
                "ON CONFLICT (consumer) DO UPDATE SET event_id = :e"
            ),
            {"e": event_id},
        )
        connection.execute(text("UPDATE campaign SET spent = spent + :n"), {"n": copies * len(rows["experiment"])})


def measure(
    folder: Path, recording: tuple[list[dict[str, Any]], dict[str, Any], Path], stored: int, batches: int
) -> list[float]:
    """Engine milliseconds per experiment, one figure per batch, the first batch left out (it warms caches)."""
    proposals, model, path = recording
    spec = CampaignSpec.model_validate(
        {**SPEC, "budget": {"experiments": stored + 2 * BATCH + BATCH * batches, "batch": BATCH}}
    )
    watch, laps = Stopwatch(), []
    with Store.open(folder / f"stored-{stored}.sqlite", create=True) as store:
        campaign = desk.enroll(store, spec, dry_run=True)
        compute = Recorded(watch, proposals, model, laps)
        engine = Engine(store, compute=compute, devices=Inline(), wait_for_people=False)
        _time_devices(engine.labs, watch)
        fill(store, campaign, path, stored)
        if store.is_sqlite:  # what the filling left in the journal is not the engine's to clear up
            with store.read() as session:
                session.connection().execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
        with store.write() as session:  # the start event was passed over by the cursor: ask for the first model again
            session.connection().execute(text("UPDATE cursor SET event_id = event_id - 1"))
            session.connection().execute(
                text(
                    "UPDATE event SET kind = 'campaign.started', subject = :c "
                    "WHERE id = (SELECT event_id FROM log_head)"
                ),
                {"c": campaign},
            )
        engine.run()
    return [1000.0 * (b - a) / BATCH for a, b in itertools.pairwise(laps[1:])]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stored", type=int, nargs=2, default=[100, 10_000])
    parser.add_argument("--batches", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3, help="the two stores are measured in turn, this often")
    parser.add_argument("--json", action="store_true", help="only the JSON line")
    arguments = parser.parse_args()
    few, many = arguments.stored
    figures: dict[int, list[float]] = {few: [], many: []}
    with tempfile.TemporaryDirectory() as temporary:
        recording = record(Path(temporary))
        for number in range(arguments.rounds):
            for stored in (few, many):
                folder = Path(temporary) / f"round-{number}"
                folder.mkdir(exist_ok=True)
                figures[stored] += measure(folder, recording, stored, arguments.batches)
    medians = {n: statistics.median(values) for n, values in figures.items()}
    result = {
        "experiments_measured": {str(n): BATCH * len(v) for n, v in figures.items()},
        "engine_ms_per_experiment": {str(n): round(m, 2) for n, m in medians.items()},
        "quartiles_ms": {str(n): [round(q, 2) for q in statistics.quantiles(v, n=4)] for n, v in figures.items()},
        "ratio": round(medians[many] / medians[few], 3),
    }
    if not arguments.json:
        for name, value in result.items():
            print(f"{name:28} {value}")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
