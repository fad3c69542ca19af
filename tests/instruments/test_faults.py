"""Every fault that can be switched on does what its name says, and the journal tells the truth about it."""

from __future__ import annotations

from pathlib import Path

import pytest

from instruments.analysis import CorruptSignal, analyse
from instruments.driver import Fault, Phase, Unreachable
from instruments.simulation.config import FaultKind
from instruments.simulation.journal import executions
from knowledge.records.protocol import MeasureViscosity
from tests.instruments.bench_tools import fault, finish, lab, run
from tests.instruments.chemicals import ESTER, SOLID, characterise, dispense, esterification

VISCOSITY = MeasureViscosity(sample="s")


def count(folder: Path, command_id: str) -> int:
    return sum(1 for e in executions(folder) if e.command_id == command_id)


def test_lost_ack_happened_all_the_same(tmp_path: Path) -> None:
    bench = lab(tmp_path, fault(FaultKind.LOST_ACK, "react"))
    driver = bench.driver("synthesiser-1")
    with pytest.raises(Unreachable):
        driver.submit("c", esterification("s"))
    assert count(tmp_path, "c") == 1
    assert driver.lookup("c").phase is Phase.RUNNING
    assert finish(bench, "synthesiser-1", "c").phase is Phase.SUCCEEDED


def test_refusal_did_not_happen(tmp_path: Path) -> None:
    bench = lab(tmp_path, fault(FaultKind.REFUSE, "react", at_most=1))
    driver = bench.driver("synthesiser-1")
    with pytest.raises(Unreachable):
        driver.submit("c", esterification("s"))
    assert count(tmp_path, "c") == 0
    assert (
        lab(tmp_path, fault(FaultKind.REFUSE, "react", at_most=1)).driver("synthesiser-1").lookup("c").phase
        is Phase.NOT_FOUND
    )
    driver.submit("c", esterification("s"))
    assert count(tmp_path, "c") == 1


def test_hanging_command_ends_only_by_abort(tmp_path: Path) -> None:
    bench = lab(tmp_path, fault(FaultKind.HANG, "react"))
    driver = bench.driver("synthesiser-1")
    driver.submit("c", esterification("s"))
    for _ in range(5):
        bench.clock.elapse(1e6)
    assert bench.clock.now() == 5e6
    assert driver.lookup("c").phase is Phase.RUNNING
    assert lab(tmp_path).driver("synthesiser-1").lookup("c").phase is Phase.RUNNING
    driver.abort("c")
    assert driver.lookup("c").phase is Phase.ABORTED
    assert driver.health().idle


def test_crash_after_effect_used_the_sample_and_lost_the_data(tmp_path: Path) -> None:
    bench = lab(tmp_path, fault(FaultKind.CRASH_AFTER_EFFECT, "measure_viscosity", at_most=1))
    run(bench, "fill", dispense("s", grams=0.3))
    with pytest.raises(Unreachable):
        bench.driver("viscometer-1").submit("c", VISCOSITY)
    status = finish(bench, "viscometer-1", "c")
    assert (status.phase, status.fault) == (Phase.FAILED, Fault.HARDWARE)
    assert bench.driver("viscometer-1").fetch("c") == ()
    assert "too little" in run(bench, "again", VISCOSITY)[0].detail


def test_disconnected_device_answers_after_a_while_even_across_a_restart(tmp_path: Path) -> None:
    rule = fault(FaultKind.DISCONNECT, "react", lookups=3)
    driver = lab(tmp_path, rule).driver("synthesiser-1")
    driver.submit("c", esterification("s"))
    for _ in range(2):
        with pytest.raises(Unreachable):
            driver.lookup("c")
    driver = lab(tmp_path, rule).driver("synthesiser-1")
    with pytest.raises(Unreachable):
        driver.lookup("c")
    assert driver.lookup("c").phase is Phase.RUNNING


def test_hardware_failure_loses_the_sample(tmp_path: Path) -> None:
    bench = lab(tmp_path, fault(FaultKind.HARDWARE_FAILURE, "react"))
    status, artifacts = run(bench, "c", esterification("s"))
    assert (status.phase, status.fault, artifacts) == (Phase.FAILED, Fault.HARDWARE, ())
    assert "too little" in run(bench, "v", VISCOSITY)[0].detail


def test_transient_failure_leaves_the_sample_alone(tmp_path: Path) -> None:
    bench = lab(tmp_path, fault(FaultKind.TRANSIENT, "measure_viscosity", at_most=1))
    run(bench, "fill", dispense("s", grams=0.3))
    assert run(bench, "c", VISCOSITY)[0].fault is Fault.TRANSIENT
    assert run(bench, "again", VISCOSITY)[0].phase is Phase.SUCCEEDED


def test_corrupt_file_is_named_not_swallowed(tmp_path: Path) -> None:
    bench = lab(tmp_path, fault(FaultKind.CORRUPT_FILE))
    run(bench, "fill", dispense("s"))
    for n, operation in enumerate(characterise("s", ESTER)):
        status, artifacts = run(bench, f"c{n}", operation)
        assert status.phase is Phase.SUCCEEDED
        with pytest.raises(CorruptSignal, match=artifacts[0].kind):
            analyse(artifacts)


def test_drift_grows_with_time(tmp_path: Path) -> None:
    values = []
    for days in (0.0, 10.0):
        bench = lab(tmp_path / str(days), fault(FaultKind.DRIFT, "measure_viscosity", rate_per_day=0.01))
        run(bench, "fill", dispense("s"))
        bench.clock.elapse(days * 86400.0)
        values.append(analyse(run(bench, "c", VISCOSITY)[1])[0].value)
    assert values[1] / values[0] == pytest.approx(1.1, abs=0.005)


def test_a_fault_strikes_the_same_commands_in_every_run(tmp_path: Path) -> None:
    rule = fault(FaultKind.TRANSIENT, "measure_viscosity", probability=0.5)
    struck = []
    for attempt in ("a", "b"):
        bench = lab(tmp_path / attempt, rule)
        run(bench, "fill", dispense("s"))
        names = [f"c{n}" for n in range(12)]
        order = names if attempt == "a" else names[::-1]
        struck.append({name for name in order if run(bench, name, VISCOSITY)[0].fault is Fault.TRANSIENT})
    assert struck[0] == struck[1]
    assert 0 < len(struck[0]) < 12


def test_viscometer_refuses_a_solid(tmp_path: Path) -> None:
    bench = lab(tmp_path)
    run(bench, "fill", dispense("s", SOLID))
    status, artifacts = run(bench, "c", VISCOSITY)
    assert (status.phase, status.fault, artifacts) == (Phase.FAILED, Fault.CHEMISTRY, ())
    assert "not a liquid" in status.detail


def test_missing_intermediate_is_a_chemical_failure(tmp_path: Path) -> None:
    bench = lab(tmp_path)
    operation = esterification("s").model_copy(update={"intermediates": {"CCCCCCO": "nothing/s1"}})
    status, _ = run(bench, "c", operation)
    assert (status.phase, status.fault) == (Phase.FAILED, Fault.CHEMISTRY)
    assert "nothing/s1" in status.detail
