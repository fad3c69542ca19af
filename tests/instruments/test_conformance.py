"""What every driver must do, whatever it drives."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from instruments.bench import Bench
from instruments.driver import Busy, Driver, Phase, Rejected
from instruments.simulation.journal import executions
from knowledge.records.protocol import Operation, Purify, WorkUp
from tests.instruments.bench_tools import finish, lab, run
from tests.instruments.chemicals import ESTER, characterise, dispense, esterification
from tests.instruments.replay_bench import coupling, replay

CASES = [
    pytest.param("synthesiser-1", esterification("s"), id="synthesiser-react"),
    pytest.param("synthesiser-2", dispense("s"), id="synthesiser-dispense"),
    pytest.param("synthesiser-2", WorkUp(sample="s", text="wash"), id="synthesiser-work-up"),
    pytest.param("synthesiser-1", Purify(sample="s", product=ESTER, method="distillation"), id="synthesiser-purify"),
    *(
        pytest.param(operation.instrument.replace("_", "-") + "-1", operation, id=operation.instrument)
        for operation in characterise("s", ESTER)
    ),
    pytest.param("reaction-station-2", coupling("s"), id="reaction-station"),
]


def opened(folder: Path, name: str) -> Bench:
    """The lab in which there is such an instrument."""
    return replay(folder) if name.startswith("reaction-station") else lab(folder)


def filled(folder: Path, name: str) -> Bench:
    """The same with something in the vessel, where that is what the instrument works on."""
    bench = opened(folder, name)
    if "synthesiser" in bench.kinds():
        run(bench, "fill", dispense("s"))
    return bench


def journals(folder: Path) -> Path:
    return folder / "lab" if (folder / "lab").is_dir() else folder


@pytest.mark.parametrize("name, operation", CASES)
class TestEveryDriver:
    def test_speaks_the_protocol(self, tmp_path: Path, name: str, operation: Operation) -> None:
        driver = opened(tmp_path, name).driver(name)
        assert isinstance(driver, Driver)
        about = driver.describe()
        assert (about.name, about.kind, about.simulated) == (name, operation.instrument, True)
        assert operation.action in about.actions
        assert about.capabilities.durable_lookup
        assert driver.health().idle
        assert driver.validate(operation).duration_s > 0.0

    def test_unknown_id_is_durably_not_found(self, tmp_path: Path, name: str, operation: Operation) -> None:
        driver = opened(tmp_path, name).driver(name)
        assert driver.lookup("never").phase is Phase.NOT_FOUND
        assert opened(tmp_path, name).driver(name).lookup("never").phase is Phase.NOT_FOUND
        with pytest.raises(Rejected):
            driver.fetch("never")

    def test_runs_to_its_end_and_answers_the_same_bytes_after_reopening(
        self, tmp_path: Path, name: str, operation: Operation
    ) -> None:
        bench = filled(tmp_path, name)
        driver = bench.driver(name)
        status = driver.submit("c", operation)
        assert status.phase is Phase.RUNNING
        assert status.finishes_s is not None
        assert status.finishes_s > bench.clock.now()
        assert not driver.health().idle
        with pytest.raises(Rejected):
            driver.fetch("c")
        with pytest.raises(Busy):
            driver.submit("other", operation)
        assert opened(tmp_path, name).driver(name).lookup("c") == status
        ended = finish(bench, name, "c")
        assert ended.phase is Phase.SUCCEEDED, ended.detail
        assert driver.health().idle
        again = opened(tmp_path, name)
        assert again.driver(name).lookup("c") == ended
        assert again.driver(name).fetch("c") == driver.fetch("c") == driver.fetch("c")
        assert again.clock.now() == bench.clock.now()

    def test_sent_twice_is_done_twice(self, tmp_path: Path, name: str, operation: Operation) -> None:
        bench = filled(tmp_path, name)
        bench.driver(name).submit("c", operation)
        bench.driver(name).submit("c", operation)
        finish(bench, name, "c")
        bench.driver(name).submit("c", operation)
        finish(bench, name, "c")
        rows = [e for e in executions(journals(tmp_path)) if e.command_id == "c"]
        assert len(rows) == 3
        assert {e.action for e in rows} == {operation.action}
        assert rows[1].started_s == rows[0].finishes_s

    def test_abort_is_final(self, tmp_path: Path, name: str, operation: Operation) -> None:
        bench = filled(tmp_path, name)
        driver = bench.driver(name)
        driver.submit("c", operation)
        driver.abort("c")
        assert driver.lookup("c").phase is Phase.ABORTED
        assert driver.health().idle
        assert driver.fetch("c") == ()
        driver.abort("c")
        driver.abort("never")
        assert opened(tmp_path, name).driver(name).lookup("c").phase is Phase.ABORTED

    def test_safe_state_stops_what_runs(self, tmp_path: Path, name: str, operation: Operation) -> None:
        bench = filled(tmp_path, name)
        bench.driver(name).submit("c", operation)
        bench.driver(name).safe_state()
        assert bench.driver(name).health().idle
        assert bench.driver(name).lookup("c").phase is Phase.ABORTED

    def test_refuses_what_it_cannot_do(self, tmp_path: Path, name: str, operation: Operation) -> None:
        foreign: Operation = dispense("s") if not name.startswith("synthesiser") else coupling("s")
        driver = opened(tmp_path, name).driver(name)
        with pytest.raises(Rejected):
            driver.submit("c", foreign)
        assert driver.lookup("c").phase is Phase.NOT_FOUND


def test_same_command_same_bytes_in_another_lab(tmp_path: Path) -> None:
    """Neither the order of calls nor the clock's reading changes a result."""
    first, second = lab(tmp_path / "a"), lab(tmp_path / "b")
    second.clock.elapse(12345.0)
    run(first, "fill", dispense("s"))
    run(second, "fill", dispense("s"))
    tests = characterise("s", ESTER)
    results_first = {op.action: run(first, op.action, op)[1] for op in tests}
    results_second = {op.action: run(second, op.action, op)[1] for op in reversed(tests)}
    assert results_first == results_second


def test_threads_cannot_share_one_instrument(tmp_path: Path) -> None:
    bench = lab(tmp_path)
    run(bench, "fill", dispense("s"))
    driver = bench.driver("viscometer-1")
    operation = characterise("s", ESTER)[1]
    outcomes: list[str] = []

    def send(number: int) -> None:
        try:
            driver.submit(f"c{number}", operation)
            outcomes.append("accepted")
        except Busy:
            outcomes.append("busy")

    threads = [threading.Thread(target=send, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["accepted"] + ["busy"] * 7
    assert len([e for e in executions(tmp_path) if e.action == "measure_viscosity"]) == 1


def test_two_testers_draw_from_one_sample_until_it_is_empty(tmp_path: Path) -> None:
    bench = lab(tmp_path, aliquots_g={"viscometer": 0.4, "boiling_point_tester": 0.4})
    run(bench, "fill", dispense("s", grams=1.0))
    visc, boil = characterise("s", ESTER)[1:3]
    assert run(bench, "v1", visc)[0].phase is Phase.SUCCEEDED
    assert run(bench, "b1", boil)[0].phase is Phase.SUCCEEDED
    status, artifacts = run(bench, "v2", visc)
    assert (status.phase, status.fault, artifacts) == (Phase.FAILED, "chemistry", ())
    assert "too little" in status.detail
    # Refilled on top of what is left.
    run(bench, "fill2", dispense("s", grams=1.0))
    assert run(bench, "v3", visc)[0].phase is Phase.SUCCEEDED
