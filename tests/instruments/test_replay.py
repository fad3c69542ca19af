"""A replay lab: recorded results come back as what they are, and what was never measured is not made up."""

from __future__ import annotations

from pathlib import Path

import pytest

from instruments.analysis import analyse
from instruments.analysis.registry import CorruptSignal
from instruments.driver import Fault, Phase, Rejected
from instruments.simulation.config import FaultKind, FaultRule, LabConfigError
from instruments.simulation.replay import open_replay_lab
from knowledge.records.measurement import Source
from knowledge.records.space import Category, Number, Option, Space
from knowledge.sources.recorded_results import NoSuchValues, Recorded, address_of, content_of, read_recorded
from tests.instruments.bench_tools import finish, run
from tests.instruments.replay_bench import LIGANDS, SPACE, coupling, replay, replay_config, simulated_yield, write_table


def test_the_recorded_result_comes_back_and_says_that_it_is_one(tmp_path: Path) -> None:
    bench = replay(tmp_path)
    status, files = run(bench, "c", coupling(ligand="PtBu3", base="Cs2CO3", celsius=80.0))
    assert status.phase is Phase.SUCCEEDED
    (measured,) = analyse(files)
    assert (measured.property, measured.source) == ("reaction_yield", Source.REPLAY)
    assert not measured.source.simulated, "it was measured once"
    assert measured.source is not Source.INSTRUMENT, "but not in this campaign"
    assert measured.value == pytest.approx(simulated_yield("PtBu3", "Cs2CO3", 80.0) / 100.0)
    assert measured.std == pytest.approx(0.02), "2 percent, as the lab's file says"
    assert measured.detail.startswith("table.csv (SHA-256 ")
    assert measured.qc_flag is None


def test_it_takes_as_long_as_the_reaction(tmp_path: Path) -> None:
    bench = replay(tmp_path)
    status = bench.driver("reaction-station-1").submit("c", coupling())
    assert status.finishes_s == pytest.approx(4 * 3600 + 1800)


def test_options_are_found_by_structure_where_the_table_has_no_names(tmp_path: Path) -> None:
    table = write_table(tmp_path / "table.csv", structures=True)
    assert "PCy3" not in table.read_text(encoding="utf-8")
    bench = open_replay_lab(replay_config(table), tmp_path / "lab", table, SPACE)
    _, files = run(bench, "c", coupling(ligand="PMePh2", celsius=100.0))
    assert analyse(files)[0].value == pytest.approx(simulated_yield("PMePh2", "K2CO3", 100.0) / 100.0)


def test_two_spellings_of_a_structure_are_one_option(tmp_path: Path) -> None:
    table = write_table(tmp_path / "table.csv", structures=True)
    lines = table.read_text(encoding="utf-8").splitlines()
    odd = [
        line.replace(line.split(",")[0], LIGANDS["PCy3"][0]) if i % 2 else line for i, line in enumerate(lines[13:25])
    ]
    assert len({line.split(",")[0] for line in odd}) == 2
    table.write_text("\n".join([*lines[:13], *odd, *lines[25:]]), encoding="utf-8")
    found = reading(table, SPACE, temperature="T/K")
    assert len(found.settings()) == 48


@pytest.mark.parametrize(
    "change", [{"ligand": "PCy3", "celsius": 120.0}, {"ligand": "PMePh2"}], ids=["row-missing", "value-missing"]
)
def test_what_was_never_measured_is_chemistry_that_cannot_be_answered(tmp_path: Path, change: dict) -> None:
    table = write_table(tmp_path / "table.csv", without=(("PCy3", "K2CO3", 120.0),))
    lines = table.read_text(encoding="utf-8").splitlines()
    blank = [",".join([*line.split(",")[:3], "nan", "simulated"]) if "PMePh2" in line else line for line in lines]
    table.write_text("\n".join(blank), encoding="utf-8")
    bench = replay(tmp_path)
    status, files = run(bench, "c", coupling(**change))
    assert (status.phase, status.fault, files) == (Phase.FAILED, Fault.CHEMISTRY, ())
    assert "no result for these conditions" in status.detail


def test_a_setting_or_an_outcome_that_it_does_not_know_is_refused(tmp_path: Path) -> None:
    driver = replay(tmp_path).driver("reaction-station-1")
    with pytest.raises(Rejected, match="'temperature'"):
        driver.validate(coupling(setting={"ligand": "PCy3", "base": "K2CO3"}))
    with pytest.raises(Rejected, match="no results for 'conversion'"):
        driver.validate(coupling(outcomes=("conversion",)))


def test_it_answers_the_same_in_any_order_and_after_reopening(tmp_path: Path) -> None:
    asked = [coupling(f"s{i}", ligand=ligand) for i, ligand in enumerate(LIGANDS)]
    first, second = replay(tmp_path / "a"), replay(tmp_path / "b")
    one = {op.sample: run(first, op.sample, op)[1] for op in asked}
    other = {op.sample: run(second, op.sample, op)[1] for op in reversed(asked)}
    assert one == other
    again = replay(tmp_path / "a")
    assert again.driver("reaction-station-1").fetch("s2") == one["s2"]


def test_faults_strike_stations_as_they_strike_other_robots(tmp_path: Path) -> None:
    broken = FaultRule(kind=FaultKind.HARDWARE_FAILURE, command_ids=("a",))
    torn = FaultRule(kind=FaultKind.CORRUPT_FILE, command_ids=("b",))
    bench = replay(tmp_path, broken, torn)
    bench.driver("reaction-station-1").submit("a", coupling("s1"))
    assert finish(bench, "reaction-station-1", "a").fault is Fault.HARDWARE
    _, files = run(bench, "b", coupling("s2"))
    with pytest.raises(CorruptSignal):
        analyse(files)


def test_the_same_results_have_one_address_whether_or_not_they_are_compressed(tmp_path: Path) -> None:
    import gzip

    table = write_table(tmp_path / "table.csv")
    packed = tmp_path / "table.csv.gz"
    packed.write_bytes(gzip.compress(table.read_bytes()))
    assert address_of(content_of(table)) == address_of(content_of(packed))
    assert open_replay_lab(replay_config(packed), tmp_path / "lab", packed, SPACE).kinds() == ("reaction_station",)


def reading(path: Path, space: Space, **columns: str) -> Recorded:
    return read_recorded(
        path, space, columns={"ligand": "Ligand", "base": "Base", **columns}, units={"temperature": "K"},
        outcomes={"reaction_yield": "yield"},
    )  # fmt: skip


def test_which_part_of_a_space_a_table_answers(tmp_path: Path) -> None:
    table = write_table(tmp_path / "table.csv", without=(("PPh3", "K2CO3", 60.0),))
    more = Space(
        parameters=(
            SPACE.parameters[0].model_copy(
                update={"options": (*SPACE.parameters[0].options, Option(name="XPhos"))}  # type: ignore[union-attr]
            ),
            SPACE.parameters[1],
            Number(name="temperature", unit="degC", levels=(60.0, 80.0, 140.0)),
        )
    )
    found = reading(table, more, temperature="T/K")
    assert found.missing() == {"ligand": ("XPhos",), "temperature": (140.0,)}
    assert len(found.settings()) == 4 * 3 * 2 - 1
    assert found.at({"ligand": "XPhos", "base": "K2CO3", "temperature": 60.0}) is None
    assert found.at({"ligand": "PPh3", "base": "K2CO3", "temperature": 60.0}) is None


@pytest.mark.parametrize(
    "parameter, told",
    [
        (Number(name="temperature", unit="degC", low=60.0, high=120.0), "give 'temperature' its 'levels'"),
        (Number(name="temperature", unit="degC", levels=(10.0, 20.0)), "has no value of 'temperature'; it has 333.15"),
        (Number(name="temperature", unit="mol", levels=(1.0, 2.0)), "unit 'K' does not fit"),
        (Category(name="temperature", options=(Option(name="hot"),)), "has no value of 'temperature'; it has 333.15"),
    ],
    ids=["continuous", "elsewhere", "unit", "words"],
)
def test_a_parameter_that_the_table_cannot_answer(tmp_path: Path, parameter: Number | Category, told: str) -> None:
    table = write_table(tmp_path / "table.csv")
    space = Space(parameters=(*SPACE.parameters[:2], parameter))
    with pytest.raises(NoSuchValues, match=told) as caught:
        reading(table, space, temperature="T/K")
    assert caught.value.parameter == "temperature"


def test_a_lab_without_its_column_is_not_opened(tmp_path: Path) -> None:
    table = write_table(tmp_path / "table.csv")
    config = replay_config(table, outcomes={"reaction_yield": "Ausbeute"})
    with pytest.raises(LabConfigError, match="column 'Ausbeute' is not in it; its columns: Ligand, Base, T/K, yield"):
        open_replay_lab(config, tmp_path / "lab", table, SPACE)
