"""The process dies at any line; the lab does not forget."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from instruments.driver import Phase
from instruments.simulation.journal import executions
from tests.instruments.bench_tools import lab, run
from tests.instruments.chemicals import experiment

_SCRIPT = """
import sys
from pathlib import Path
from tests.instruments.bench_tools import lab, run
from tests.instruments.chemicals import experiment
bench = lab(Path(sys.argv[1]))
for n in range(100):
    for i, operation in enumerate(experiment(f"x{n}")):
        print(f"intent x{n}-{i}", flush=True)
        run(bench, f"x{n}-{i}", operation)
        print(f"done x{n}-{i}", flush=True)
"""


@pytest.mark.parametrize("lines", [1, 6, 17])
def test_kill_9_leaves_a_consistent_lab(tmp_path: Path, lines: int) -> None:
    folder = tmp_path / "lab"
    with subprocess.Popen(
        [sys.executable, "-c", _SCRIPT, str(folder)],
        stdout=subprocess.PIPE,
        text=True,
        env=dict(os.environ, PYTHONPATH="."),
    ) as process:
        assert process.stdout is not None
        said = [process.stdout.readline().split() for _ in range(lines)]
        time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        said += [line.split() for line in process.stdout.read().splitlines()]
    done = [words[1] for words in said if len(words) == 2 and words[0] == "done"]
    sent = [words[1] for words in said if len(words) == 2 and words[0] == "intent"]
    bench = lab(folder)
    rows = executions(folder) if any(folder.glob("*.journal.sqlite")) else []
    ids = [row.command_id for row in rows]
    assert len(ids) == len(set(ids)), "nobody sent an id twice"
    assert set(done) <= set(ids) <= set(sent)
    # Whatever was going on can be finished by the book: ask first, then send what never arrived.
    calm = lab(tmp_path / "calm")
    labels = sorted({command_id.partition("-")[0] for command_id in sent})
    for label in labels:
        for i, operation in enumerate(experiment(label)):
            command_id = f"{label}-{i}"
            expected = run(calm, command_id, operation)
            name = bench.of_kind(operation.instrument)[0]
            if bench.driver(name).lookup(command_id).phase is Phase.NOT_FOUND:
                bench.driver(name).submit(command_id, operation)
            while not bench.driver(name).lookup(command_id).phase.terminal:
                bench.clock.elapse(3600.0)
            assert bench.driver(name).lookup(command_id).phase is expected[0].phase
            assert bench.driver(name).fetch(command_id) == expected[1]
    counted = [row.command_id for row in executions(folder)]
    assert len(counted) == len(set(counted)) == 8 * len(labels)


def test_clock_survives_and_never_runs_back(tmp_path: Path) -> None:
    bench = lab(tmp_path)
    bench.clock.elapse(100.0)
    assert bench.clock.now() == 100.0
    assert lab(tmp_path).clock.now() == 100.0
    with pytest.raises(ValueError, match="backwards"):
        bench.clock.elapse(-1.0)
