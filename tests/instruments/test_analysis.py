"""Analyses against the known truth of the samples that the signals come from."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from instruments.analysis import CorruptSignal, analyse
from instruments.analysis.ebulliometry import normal_boiling_point
from instruments.analysis.signal import MEDIA_TYPE, decode, encode
from instruments.simulation.boiling_point_tester import boiling_at
from instruments.simulation.mixture import Mixture
from instruments.simulation.sample import Contents
from instruments.simulation.truth import Truth
from knowledge.records.measurement import Artifact, Measurement, Source
from knowledge.records.protocol import InjectGC, MeasureBoilingPoint, MeasureSolvency, MeasureViscosity
from knowledge.records.quantity import Quantity
from tests.instruments.bench_tools import SEED, lab, run
from tests.instruments.chemicals import ESTER, NMP, SmallHandbook, characterise, dispense, experiment

LIQUIDS = (ESTER, NMP, "CCCCCCO", "Cc1ccccc1", "OCCO", "COC(=O)CCC(=O)OC", "CCOCCOCC")
# Allowed deviation: absolute, or relative where it says so.
TOLERANCE = {
    "purity": 0.01,
    "boiling_point": 1.0,
    "flash_point": 2.0,
    "viscosity": 0.03,
    "hansen_dispersion": 0.4,
    "hansen_polar": 0.4,
    "hansen_hydrogen": 0.4,
}


def contents_of(folder: Path, sample: str) -> Contents:
    """What the journals say is in the vessel."""
    from instruments.simulation.journal import executions

    states = [e for e in executions(folder) if e.sample == sample and e.version is not None]
    after = max(states, key=lambda e: e.version or 0).after
    assert after is not None
    return after


def truth_of(contents: Contents, target: str) -> dict[str, float]:
    mixture = Mixture(contents, Truth(SmallHandbook(), seed=SEED))
    flash = mixture.flash_point()
    assert flash is not None
    hansen = mixture.hansen()[0]
    return {
        "purity": contents.mass_fractions()[target],
        "boiling_point": mixture.boiling_point().value,
        "flash_point": flash.value,
        "viscosity": mixture.viscosity().value,
        "hansen_dispersion": hansen[0],
        "hansen_polar": hansen[1],
        "hansen_hydrogen": hansen[2],
    }


def check(measured: list[Measurement], true: dict[str, float]) -> None:
    assert {m.property for m in measured} >= set(true)
    for one in measured:
        if one.property not in true:
            continue
        expected = true[one.property]
        allowed = TOLERANCE[one.property] * (expected if one.property == "viscosity" else 1.0)
        assert one.value == pytest.approx(expected, abs=allowed), one.property
        assert 0.0 < one.std < 3.0 * allowed
        assert one.qc_flag is None, f"{one.property}: {one.qc_flag}"
        assert one.source.simulated


@pytest.mark.parametrize("smiles", LIQUIDS)
@pytest.mark.parametrize("batch", ["a", "b"])
def test_purchased_liquid_reads_as_it_is(tmp_path: Path, smiles: str, batch: str) -> None:
    bench = lab(tmp_path)
    artifacts = list(run(bench, f"fill{batch}", dispense("s", smiles))[1])
    for operation in characterise("s", smiles):
        artifacts += run(bench, f"{batch}-{operation.action}", operation)[1]
    measured = analyse(artifacts)
    check(measured, truth_of(contents_of(tmp_path, "s"), smiles))
    mass = next(m for m in measured if m.property == "isolated_mass")
    assert mass.value == pytest.approx(contents_of(tmp_path, "s").grams, abs=0.002)
    handbook_properties = {m.source for m in measured if m.property == "viscosity"}
    known = smiles in (ESTER, NMP, "CCCCCCO", "Cc1ccccc1", "OCCO")
    assert handbook_properties == {Source.HANDBOOK if known else Source.MODEL}


def test_made_sample_reads_as_it_is(tmp_path: Path) -> None:
    bench = lab(tmp_path)
    artifacts: list[Artifact] = []
    for n, operation in enumerate(experiment("s")):
        status, found = run(bench, f"c{n}", operation)
        assert status.phase == "succeeded", status.detail
        artifacts += found
    measured = {m.property: m for m in analyse(artifacts)}
    contents = contents_of(tmp_path, "s")
    true = truth_of(contents, ESTER)
    for name in ("boiling_point", "flash_point", "viscosity", "purity"):
        allowed = TOLERANCE[name] * (true[name] if name == "viscosity" else 1.0)
        assert measured[name].value == pytest.approx(true[name], abs=allowed)
    assert 0.3 < measured["reaction_yield"].value < 1.0
    assert measured["reaction_yield"].value == pytest.approx(contents.grams / (0.2 * 144.21), rel=0.01)


@pytest.mark.parametrize("kpa", [5.0, 40.0, 95.0, 101.325])
def test_pressure_correction_undoes_the_pressure(kpa: float) -> None:
    for boils in (350.0, 450.0, 550.0):
        assert normal_boiling_point(boiling_at(boils, kpa), kpa) == pytest.approx(boils, abs=0.01)


def test_boiling_under_vacuum(tmp_path: Path) -> None:
    bench = lab(tmp_path)
    run(bench, "fill", dispense("s", NMP))
    operation = MeasureBoilingPoint(sample="s", pressure=Quantity(value=20.0, unit="kPa"))
    one = analyse(run(bench, "c", operation)[1])[0]
    true = truth_of(contents_of(tmp_path, "s"), NMP)["boiling_point"]
    assert abs(one.value - true) < 3.0 * one.std


def test_warm_viscosity_is_flagged(tmp_path: Path) -> None:
    bench = lab(tmp_path)
    run(bench, "fill", dispense("s"))
    operation = MeasureViscosity(sample="s", temperature=Quantity(value=320.0, unit="K"))
    one = analyse(run(bench, "c", operation)[1])[0]
    assert one.qc_flag is not None
    assert "not at 298.15 K" in one.qc_flag
    assert one.value < truth_of(contents_of(tmp_path, "s"), ESTER)["viscosity"]


def test_wrong_target_has_no_peak(tmp_path: Path) -> None:
    bench = lab(tmp_path)
    run(bench, "fill", dispense("s"))
    one = analyse(run(bench, "c", InjectGC(sample="s", target="CCCCOCCCC"))[1])[0]
    assert one.value == 0.0
    assert one.qc_flag == "no peak where the target is expected"


def test_shear_thinning_is_flagged(tmp_path: Path) -> None:
    bench = lab(tmp_path)
    run(bench, "fill", dispense("s", "OCCO"))
    artifact = run(bench, "c", MeasureViscosity(sample="s"))[1][0]
    signal = decode(artifact)
    rate = signal.array("shear_rate_per_s")
    arrays = dict(signal.arrays, torque_mnm=signal.array("torque_mnm") * (rate / rate.max()) ** -0.2)
    thinned = artifact.model_copy(update={"data": encode(arrays, signal.metadata)})
    flag = analyse([thinned])[0].qc_flag
    assert flag is not None
    assert "not Newtonian" in flag


def test_scattered_panel_is_flagged(tmp_path: Path) -> None:
    bench = lab(tmp_path)
    run(bench, "fill", dispense("s"))
    artifact = run(bench, "c", MeasureSolvency(sample="s"))[1][0]
    signal = decode(artifact)
    arrays = dict(signal.arrays, absorbance=signal.array("absorbance")[::-1])
    flags = {m.qc_flag for m in analyse([artifact.model_copy(update={"data": encode(arrays, signal.metadata)})])}
    assert all(flag is not None and "poor fit" in flag for flag in flags)


def test_codec_is_deterministic_and_strict() -> None:
    arrays, header = {"x": np.arange(5.0)}, {"b": 1, "a": "ö"}
    data = encode(arrays, header)
    assert data == encode(dict(reversed(arrays.items())), dict(reversed(header.items())))
    artifact = Artifact(kind="viscometry", media_type=MEDIA_TYPE, data=data, source=Source.INSTRUMENT)
    assert decode(artifact).metadata == header
    with pytest.raises(CorruptSignal, match="shear_rate_per_s"):
        analyse([artifact])
    with pytest.raises(CorruptSignal, match="media type"):
        analyse([artifact.model_copy(update={"media_type": "text/csv"})])
    with pytest.raises(CorruptSignal, match="no analysis"):
        analyse([artifact.model_copy(update={"kind": "smell"})])
    assert json.loads(json.dumps(header)) == header


@pytest.mark.parametrize("cut", [0, 1, 17, 400, -1, -30])
def test_any_truncation_is_a_typed_error(tmp_path: Path, cut: int) -> None:
    bench = lab(tmp_path)
    artifact = run(bench, "fill", dispense("s"))[1][0]
    with pytest.raises(CorruptSignal):
        analyse([artifact.model_copy(update={"data": artifact.data[:cut]})])
