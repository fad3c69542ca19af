"""The handbook against values that any chemist can look up, its consensus rule, and the withheld view."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.records.fact import Kind
from knowledge.records.molecule import Molecule
from knowledge.records.properties import UnknownProperty
from knowledge.sources import cache
from knowledge.sources.compilation import PROPERTIES
from knowledge.sources.consensus import Reading, agree
from knowledge.sources.handbook import Handbook, is_withheld

NMP = "CN1CCCC1=O"
ETHYL_NITROBENZOATE = "CCOC(=O)c1ccc([N+](=O)[O-])cc1"


@pytest.fixture(scope="module")
def full() -> Handbook:
    return Handbook.full()


def key(smiles: str) -> str:
    return Molecule.from_smiles(smiles).inchikey


@pytest.mark.parametrize(
    "smiles,property,value,tolerance",
    [
        # Values from the usual textbooks, not from the tables under test.
        (NMP, "boiling_point", 476.0, 2.0),
        (NMP, "melting_point", 249.0, 1.5),
        (NMP, "hansen_dispersion", 18.0, 0.1),
        (NMP, "hansen_polar", 12.3, 0.1),
        (NMP, "hansen_hydrogen", 7.2, 0.1),
        ("CCO", "boiling_point", 351.4, 0.5),
        ("CCO", "viscosity", 1.074, 0.03),
        ("CC(C)=O", "viscosity", 0.306, 0.01),
        ("OCCO", "viscosity", 16.1, 1.5),
        ("CCO", "flash_point", 286.0, 2.0),
        ("Cc1ccccc1", "flash_point", 277.5, 3.0),
        ("c1ccccc1", "melting_point", 278.7, 0.5),
        # CRC prints 206 °C; the compound boils at 80 °C.
        ("CN1CCCC1", "boiling_point", 353.6, 2.0),
    ],
)
def test_known_values(full: Handbook, smiles: str, property: str, value: float, tolerance: float) -> None:
    fact = full.fact(key(smiles), property)
    assert fact is not None
    assert fact.value == pytest.approx(value, abs=tolerance)
    assert 0.0 < fact.std < 0.1 * max(fact.value, 10.0)
    assert fact.smiles == Molecule.from_smiles(smiles).smiles


def test_counts_are_those_of_the_tables(full: Handbook) -> None:
    counts = {name: len(full.facts(name)) for name in PROPERTIES}
    assert counts["boiling_point"] > 8000
    assert counts["melting_point"] > 20000
    assert counts["flash_point"] > 1000
    assert 500 < counts["viscosity"] < 600
    assert counts["hansen_polar"] == counts["hansen_hydrogen"] == counts["hansen_dispersion"] > 1100


def test_facts_are_sorted_unique_and_plausible(full: Handbook) -> None:
    bounds = {
        "viscosity": (0.05, 1e5),
        "hansen_dispersion": (5, 30),
        "hansen_polar": (0, 45),
        "hansen_hydrogen": (0, 50),
    }
    for name in PROPERTIES:
        facts = full.facts(name)
        keys = [f.inchikey for f in facts]
        assert keys == sorted(set(keys))
        low, high = bounds.get(name, (20.0, 1500.0))
        assert all(low <= f.value <= high and f.std > 0 and f.property == name for f in facts)


def test_a_boiling_point_at_reduced_pressure_is_kept_as_a_source_but_not_believed(full: Handbook) -> None:
    # 459 K at a few torr; the normal boiling point is some 90 K higher.
    assert full.fact(key(ETHYL_NITROBENZOATE), "boiling_point") is None
    assert any(abs(f.value - 459.4) < 1 for f in full.sources(key(ETHYL_NITROBENZOATE), "boiling_point"))


@pytest.mark.parametrize(
    "smiles,property",
    [
        ("CCCC(C)C(O)CC", "viscosity"),  # an octanol that would be thinner than propanol
        ("CCOC(=O)CCBr", "melting_point"),  # its boiling point, entered as a melting point
        ("Nc1ccc(O)cc1", "flash_point"),  # 500 °C
        ("CCCCCCCCCC(=O)Cl", "boiling_point"),  # sources 120 K apart
    ],
)
def test_misprints_are_not_believed(full: Handbook, smiles: str, property: str) -> None:
    sources, fact = full.sources(key(smiles), property), full.fact(key(smiles), property)
    assert sources
    assert fact is None or fact.std > 30.0


def test_estimates_are_no_source(full: Handbook) -> None:
    names = {f.source for p in PROPERTIES for f in full.facts(p)}
    assert not any(word in name for name in names for word in ("Yaws", "Joback", "predict"))
    assert {f.kind for f in full.facts("boiling_point")} == {Kind.CURATED, Kind.EXPERIMENTAL}


def test_sources_stand_behind_the_consensus(full: Handbook) -> None:
    sources = full.sources(key("CCO"), "boiling_point")
    assert len({f.source for f in sources}) == len(sources) >= 4
    consensus = full.fact(key("CCO"), "boiling_point")
    assert consensus is not None
    assert set(consensus.source.split(" + ")) <= {f.source for f in sources}


def test_molecules_are_neutral_organics_with_rdkits_own_keys(full: Handbook) -> None:
    molecules = full.molecules()
    assert [m.inchikey for m in molecules] == sorted(m.inchikey for m in molecules)
    for molecule in molecules[::397]:
        assert Molecule.from_smiles(molecule.smiles) == molecule
        assert "." not in molecule.smiles


def test_withheld_compounds_are_gone_everywhere_and_their_stereoisomers_too(full: Handbook) -> None:
    known = Handbook.known(0.3, seed=7)
    share = 1.0 - len(known) / len(full)
    assert share == pytest.approx(0.3, abs=0.01)
    seen = {m.connectivity for m in known.molecules()}
    hidden = {m.connectivity for m in full.molecules()} - seen
    assert hidden
    for name in PROPERTIES:
        assert not {f.inchikey[:14] for f in known.facts(name)} & hidden
    missing = next(f for f in full.facts("boiling_point") if f.inchikey[:14] in hidden)
    assert known.fact(missing.inchikey, "boiling_point") is None
    assert known.sources(missing.inchikey, "boiling_point") == []
    assert missing.inchikey not in known


def test_what_is_withheld_depends_on_the_seed_only(full: Handbook) -> None:
    one, again, other = (Handbook.known(0.3, seed).facts("flash_point") for seed in (1, 1, 2))
    assert one == again
    assert one != other
    assert Handbook.known(0.0, 5).facts("flash_point") == full.facts("flash_point")
    assert Handbook.known(1.0, 5).facts("flash_point") == []


@given(st.integers(0, 1000), st.floats(0, 1), st.floats(0, 1))
def test_a_larger_fraction_withholds_more(seed: int, a: float, b: float) -> None:
    low, high = sorted((a, b))
    if is_withheld("SECXISVLQFMRJM-UHFFFAOYSA-N", low, seed):
        assert is_withheld("SECXISVLQFMRJM-ABCDEFGHSA-N", high, seed)


def test_unknown_questions(full: Handbook) -> None:
    assert full.fact("AAAAAAAAAAAAAA-UHFFFAOYSA-N", "boiling_point") is None
    with pytest.raises(UnknownProperty, match="boiling_point"):
        full.facts("solubility")
    with pytest.raises(ValueError, match="between 0 and 1"):
        Handbook.known(1.5, 0)


def reading(value: float, std: float, family: str) -> Reading:
    return Reading(value, std, family, family)


def test_two_that_agree_outvote_a_more_trusted_misprint() -> None:
    result = agree([reading(479.25, 2.0, "CRC"), reading(353.4, 2.5, "NIST"), reading(354.2, 5.0, "CAS")])
    assert result.members == (1, 2)
    assert result.value == pytest.approx(353.6, abs=0.1)


def test_copies_do_not_outvote() -> None:
    copies = [reading(400.0, 2.0, "CRC")] + [reading(350.0, 5.0, "CAS")] * 3
    assert agree(copies).members == (0,)


def test_contradiction_shows_in_the_uncertainty() -> None:
    assert agree([reading(400.0, 2.0, "CRC"), reading(360.0, 5.0, "CAS")]).std == pytest.approx(20.1, abs=0.1)
    with pytest.raises(ValueError, match="at least one"):
        agree([])


@given(st.lists(st.tuples(st.floats(100, 900), st.floats(0.5, 20), st.sampled_from("ABCDE")), min_size=1, max_size=5))
def test_consensus_lies_among_its_members_and_ignores_order_of_the_rest(rows: list[tuple[float, float, str]]) -> None:
    readings = [reading(*row) for row in rows]
    result = agree(readings)
    members = [readings[i].value for i in result.members]
    assert min(members) - 1e-9 <= result.value <= max(members) + 1e-9
    assert result.std >= min(readings[i].std for i in result.members) - 1e-9
    assert len({readings[i].family for i in result.members}) == len(members)


def test_build_once_builds_once_and_leaves_nothing_half_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(cache.ENVIRONMENT_VARIABLE, str(tmp_path / "new" / "folder"))
    calls = itertools.count()

    def write(path: Path) -> None:
        path.write_text(f"built {next(calls)}")

    def fail(path: Path) -> None:
        path.write_text("half")
        raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        cache.build_once("thing-1.txt", fail)
    assert [p.name for p in cache.cache_dir().iterdir()] == ["thing-1.txt.lock"]
    assert cache.build_once("thing-1.txt", write).read_text() == "built 0"
    assert cache.build_once("thing-1.txt", write).read_text() == "built 0"
    with pytest.raises(ValueError, match="plain file name"):
        cache.build_once("../thing", write)


_RACE = """
import os, sys, time
from pathlib import Path
from knowledge.sources.cache import build_once
def build(path: Path) -> None:
    with open(os.environ["RACE_LOG"], "a") as log:
        log.write("built\\n")
    time.sleep(0.3)
    path.write_text("whole")
sys.stdout.write(build_once("race.txt", build).read_text())
"""


def test_of_two_processes_one_builds(tmp_path: Path) -> None:
    log = tmp_path / "log"
    environment = {"ATHANOR_CACHE": str(tmp_path / "cache"), "RACE_LOG": str(log), "PYTHONPATH": str(Path.cwd())}
    start: Callable[[], subprocess.Popen[str]] = lambda: subprocess.Popen(  # noqa: E731
        [sys.executable, "-c", _RACE], env=environment, stdout=subprocess.PIPE, text=True
    )
    processes = [start(), start(), start()]
    assert [p.communicate()[0] for p in processes] == ["whole"] * 3
    assert log.read_text() == "built\n"


def test_loading_from_the_cache_is_light(full: Handbook) -> None:
    script = """
import json, sys
from pathlib import Path
from knowledge.sources.handbook import Handbook
Handbook.full()
pages = int(Path("/proc/self/statm").read_text().split()[1])
heavy = sorted({"pandas", "rdkit", "chemicals"} & set(sys.modules))
print(json.dumps({"heavy": heavy, "mb": pages * 4096 / 1e6}))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    measured = json.loads(done.stdout)
    assert measured["heavy"] == []
    assert measured["mb"] < 150
