"""The world's answers: the handbook where it has one, otherwise a model that is good enough to learn from."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from instruments.simulation import property_models as models
from instruments.simulation.lab import LabConfig, LabConfigError, open_virtual_lab
from instruments.simulation.truth import Truth
from knowledge.records.measurement import Source
from knowledge.records.properties import UnknownProperty
from tests.instruments.chemicals import ESTER, NMP, SOLID, SmallHandbook


def test_handbook_first_then_model() -> None:
    truth = Truth(SmallHandbook())
    known = truth.value(NMP, "boiling_point")
    assert (known.value, known.source, known.detail) == (475.2, Source.HANDBOOK, "test table")
    guessed = truth.value("CCCCCCCOC(C)=O", "boiling_point")
    assert guessed.source is Source.MODEL
    assert guessed.value == pytest.approx(465.0, abs=12.0)
    assert truth.hansen(NMP)[1] is Source.HANDBOOK
    with pytest.raises(UnknownProperty, match="viscosity"):
        truth.value(NMP, "colour")


def test_handbook_can_be_hidden_from_the_world() -> None:
    truth = Truth(SmallHandbook(), handbook_fraction=0.0)
    assert truth.value(NMP, "boiling_point").source is Source.MODEL


def test_phase_at_room_temperature() -> None:
    truth = Truth(SmallHandbook())
    assert truth.is_liquid(ESTER)
    assert not truth.is_liquid(SOLID)
    assert not truth.is_liquid("CCC")


@pytest.mark.parametrize(
    "smiles", ["FC(F)(F)C(F)(F)F", "CSC", "N#CC#N", "IC(I)I", "C", "O=S(=O)(c1ccccc1)c1ccccc1", "[O-][n+]1ccccc1"]
)
def test_models_cover_what_is_odd(smiles: str) -> None:
    values = [
        models.boiling_point(smiles),
        models.melting_point(smiles),
        models.viscosity(smiles),
        *models.hansen(smiles),
    ]
    values.append(models.flash_point(smiles, values[0]))
    assert all(math.isfinite(v) and v >= 0.0 for v in values)


@pytest.mark.parametrize(
    "name, limit",
    [
        ("boiling_point", 20.0),
        ("flash_point", 15.0),
        ("viscosity", 0.5),
        ("hansen_dispersion", 2.5),
        ("hansen_polar", 2.5),
        ("hansen_hydrogen", 2.5),
    ],
)
def test_models_agree_with_the_handbook(name: str, limit: float) -> None:
    """Mean absolute error over 400 compounds of the real handbook; of the logarithm for viscosity."""
    from knowledge.sources.handbook import Handbook

    handbook = Handbook.full()
    facts = handbook.facts(name)
    chosen = [facts[i] for i in np.random.default_rng(0).permutation(len(facts))[:400]]
    world = Truth(SmallHandbook(), handbook_fraction=0.0)
    errors = []
    for fact in chosen:
        value = world.value(fact.smiles, name).value
        errors.append(abs(math.log(value / fact.value)) if name == "viscosity" else abs(value - fact.value))
    assert float(np.mean(errors)) < limit


def test_lab_file_is_valid_and_errors_name_the_key(tmp_path: Path) -> None:
    config = LabConfig.load(Path(__file__).parents[2] / "config" / "labs" / "virtual.yaml")
    assert config == LabConfig()
    for text, words in (
        ("synthesizers: 2", "synthesizers"),
        ("noise: {balance_g: -1}", "noise.balance_g"),
        ("faults: [{kind: hiccup}]", "faults.0.kind"),
        ("a: [", "YAML"),
        ("- 1", "keys"),
    ):
        path = tmp_path / "lab.yaml"
        path.write_text(text)
        with pytest.raises(LabConfigError, match=words) as caught:
            LabConfig.load(path)
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)


def test_folder_belongs_to_one_seed(tmp_path: Path) -> None:
    open_virtual_lab(LabConfig(seed=1), tmp_path, SmallHandbook())
    with pytest.raises(LabConfigError, match="seed 1"):
        open_virtual_lab(LabConfig(seed=2), tmp_path, SmallHandbook())
