from __future__ import annotations

import numpy as np
import pytest

from knowledge.features.featurizer import Featurizer
from knowledge.qspr.contract import Samples
from knowledge.qspr.priors import PRIORS as PRIORS_OF
from knowledge.qspr.priors.feature import PriorFeature
from knowledge.qspr.priors.flash_point import CatoireNaudetFlashPoint, HshiehFlashPoint, vaporization_at
from knowledge.qspr.priors.joback import (
    JobackBoilingPoint,
    JobackCriticalTemperature,
    JobackMeltingPoint,
    JobackVaporization,
    critical_ratio,
)
from knowledge.qspr.priors.prior import CalibratedPrior, Known, Prior
from knowledge.qspr.priors.vapour_pressure import ATMOSPHERE, VapourPressure, vapour_pressures
from knowledge.qspr.priors.viscosity import Andrade, JobackViscosity
from knowledge.records.fact import Fact
from knowledge.records.molecule import InvalidMolecule
from knowledge.records.properties import PROPERTIES
from knowledge.sources.handbook import Handbook

BOOK = Handbook.full()
PRIORS = (
    JobackBoilingPoint(),
    JobackMeltingPoint(),
    JobackCriticalTemperature(),
    JobackVaporization(),
    HshiehFlashPoint(),
    CatoireNaudetFlashPoint(),
    JobackViscosity(),
)


def two_sources(prop: str, every: int) -> list[Fact]:
    return [f for f in BOOK.facts(prop) if f.source.count("+") >= 1 and "Wikidata" not in f.source][::every]


class Measured:
    """The handbook's boiling points as a prior: for tests that must not carry Joback's error."""

    name, version, property_name, unit = "measured", "1", "boiling_point", "K"

    def __call__(self, smiles: list[str]) -> tuple[np.ndarray, Known]:
        of = {f.smiles: f.value for f in BOOK.facts("boiling_point")}
        return np.array([of.get(s, np.nan) for s in smiles]), np.array([s in of for s in smiles])


@pytest.mark.parametrize("prior", PRIORS, ids=lambda p: p.name)
def test_a_prior_knows_where_it_ends(prior: Prior) -> None:
    assert isinstance(prior, Prior)
    inside, outside = ["CCCCO", "CCCO"], ["C[Si](C)(C)C", "[Na+].CC(=O)[O-]", "CCO.CCO", "O", "CS(C)=O", "CN(C)C=O"]
    values, known = prior([*inside, *outside])
    assert known.tolist() == [True] * len(inside) + [False] * len(outside)
    assert np.isfinite(values[known]).all()
    assert np.isnan(values[~known]).all()
    values, known = prior([])
    assert values.shape == known.shape == (0,)
    with pytest.raises(InvalidMolecule):
        prior(["C("])


def test_every_property_in_the_table_has_a_prior_of_it() -> None:
    for name, make in PRIORS_OF.items():
        prior = make()
        assert prior.property_name == name
        if name in PROPERTIES:
            assert prior.unit == PROPERTIES[name].unit


def test_joback_gives_the_published_figures() -> None:
    # p-Dichlorobenzene, the worked example of Reid, Prausnitz and Poling (4th ed., 1987) for Tb 443.4 K and Tc 675 K.
    smiles = ["Clc1ccc(Cl)cc1"]
    assert JobackBoilingPoint()(smiles)[0][0] == pytest.approx(443.4, abs=0.1)
    assert JobackMeltingPoint()(smiles)[0][0] == pytest.approx(256.0, abs=1.0)
    assert 447.3 * critical_ratio(smiles)[0][0] == pytest.approx(681.0, abs=1.0)
    assert JobackVaporization()(smiles)[0][0] == pytest.approx(15.30 + 4 * 2.544 + 2 * 3.059 + 2 * 4.532)


def test_group_terms_add_up_to_the_prior() -> None:
    prior = JobackBoilingPoint()
    for smiles in ("CCOC(C)=O", "Oc1ccccc1", "CC(N)CS"):
        assert 198.2 + sum(prior.terms(smiles).values()) == pytest.approx(prior([smiles])[0][0])
    assert prior.terms("CS(C)=O") == {}


def test_a_group_without_contribution_is_unknown_for_that_property_only() -> None:
    imine = ["CC(C)=NC"]
    assert JobackBoilingPoint()(imine)[1][0]
    assert not JobackMeltingPoint()(imine)[1][0]


def test_critical_temperature_is_off_where_the_parabola_turns() -> None:
    lengths = range(4, 40)
    ratios, known = critical_ratio(["C" * n for n in lengths])
    assert known[:20].all()
    assert not known[-8:].any()
    assert (np.diff(ratios[known]) < 0.0).all()
    assert (ratios[known] > 1.22).all()


def test_boiling_points_against_two_agreeing_sources() -> None:
    facts = two_sources("boiling_point", 9)
    values, known = JobackBoilingPoint()([f.smiles for f in facts])
    error = np.abs(values - [f.value for f in facts])[known]
    assert len(facts) >= 250
    assert known.mean() > 0.9
    assert 15.0 < error.mean() < 32.0


def test_flash_points_against_the_handbook() -> None:
    facts = BOOK.facts("flash_point")[::5]
    true = np.array([f.value for f in facts])
    smiles = [f.smiles for f in facts]

    def mae(prior: Prior) -> float:
        values, known = prior(smiles)
        assert known.mean() > 0.75
        return float(np.abs(values - true)[known].mean())

    assert mae(CatoireNaudetFlashPoint(Measured())) < 8.0
    assert mae(HshiehFlashPoint(Measured())) < 13.0
    # Joback's boiling point adds its own error.
    assert 12.0 < mae(CatoireNaudetFlashPoint()) < 22.0


def test_calibration_moves_the_law_towards_the_data_and_stays_put_without() -> None:
    prior = CatoireNaudetFlashPoint()
    assert isinstance(prior, CalibratedPrior)
    facts = BOOK.facts("flash_point")[::5]
    smiles, values = tuple(f.smiles for f in facts), np.array([f.value for f in facts])
    half = len(facts) // 2
    fitted = prior.calibrated(Samples(smiles[:half], values[:half], np.zeros(half)))
    published, known = prior(smiles[half:])
    calibrated, _ = fitted(smiles[half:])
    before = np.abs(published - values[half:])[known].mean()
    assert np.abs(calibrated - values[half:])[known].mean() < before
    assert fitted.with_constants(fitted.constants()) == fitted
    nothing = Samples(("CS(C)=O",), np.array([368.0]), np.zeros(1))
    assert prior.calibrated(nothing).constants() == pytest.approx(prior.constants())
    with pytest.raises(ValueError, match="constants"):
        prior.with_constants({"log_prefactor": 1.0})
    with pytest.raises(ValueError, match="boiling_point in K"):
        HshiehFlashPoint(JobackMeltingPoint())


def test_heat_of_vaporization_at_room_temperature() -> None:
    # Ethyl acetate: 31.9 kJ/mol at 350 K, 35.6 at 298 K (CRC Handbook).
    heat, known = vaporization_at(298.15, ["CCOC(C)=O"], np.array([350.3]))
    assert known[0]
    assert heat[0] == pytest.approx(35.6, abs=2.0)
    assert not vaporization_at(900.0, ["CCOC(C)=O"], np.array([350.3]))[1][0]


@pytest.mark.parametrize("law", [VapourPressure.clausius_clapeyron, VapourPressure.antoine])
def test_vapour_pressure_rises_and_is_one_atmosphere_at_the_boiling_point(law: object) -> None:
    assert callable(law)
    curve = law(353.2, 30.7)  # benzene
    temperatures = np.linspace(200.0, 560.0, 200)
    assert (np.diff(curve(temperatures)) > 0.0).all()
    assert curve([353.2])[0] == pytest.approx(ATMOSPHERE)
    assert curve.boiling_point() == pytest.approx(353.2)
    assert curve([298.15])[0] == pytest.approx(12.7, rel=0.2)
    assert curve([298.15])[0] == pytest.approx(curve([curve.boiling_point(5.0)])[0] / 5.0 * curve([298.15])[0])


def test_antoine_is_nearer_to_benzene_than_clausius_clapeyron() -> None:
    antoine, clapeyron = VapourPressure.antoine(353.2, 30.7), VapourPressure.clausius_clapeyron(353.2, 30.7)
    assert abs(antoine([298.15])[0] - 12.7) < abs(clapeyron([298.15])[0] - 12.7)
    assert np.isnan(antoine([antoine.c - 1.0])[0])


def test_constants_that_would_let_the_pressure_fall_are_refused() -> None:
    for a, b, c in ((10.0, -1.0, 0.0), (10.0, 0.0, 0.0), (10.0, 100.0, -5.0), (float("nan"), 1.0, 0.0)):
        with pytest.raises(ValueError, match="Antoine constants"):
            VapourPressure(a, b, c)
    with pytest.raises(ValueError, match="positive"):
        VapourPressure.antoine(350.0, -1.0)
    with pytest.raises(ValueError, match="no temperature"):
        VapourPressure(5.0, 100.0).boiling_point(1e4)


def test_vapour_pressures_of_molecules() -> None:
    curves = vapour_pressures(["CCCCCC", "CS(C)=O", "CCO"])
    assert curves[1] is None
    assert curves[0] is not None
    assert curves[0]([298.15])[0] == pytest.approx(20.2, rel=0.5)  # hexane, kPa


def test_andrade_through_points() -> None:
    # Ethanol, mPa s (CRC Handbook).
    law = Andrade.through([273.15, 298.15, 323.15], [1.786, 1.074, 0.694])
    assert law([310.0])[0] == pytest.approx(0.87, abs=0.03)
    assert (np.diff(law(np.linspace(200.0, 500.0, 50))) < 0.0).all()
    # Points that rise with temperature are levelled, not followed.
    assert Andrade.through([280.0, 300.0], [1.0, 1.2]).b == 0.0
    for t, eta in (([300.0, 300.0], [1.0, 1.0]), ([300.0], [1.0]), ([280.0, 300.0], [1.0, -1.0])):
        with pytest.raises(ValueError, match="temperatures"):
            Andrade.through(t, eta)


def test_viscosity_against_the_handbook() -> None:
    facts = BOOK.facts("viscosity")[::3]
    values, known = JobackViscosity()([f.smiles for f in facts])
    error = np.abs(np.log(values[known]) - np.log(np.array([f.value for f in facts])[known]))
    assert known.mean() > 0.4
    assert error.mean() < 0.4


def test_a_prior_as_feature_is_finite_and_says_when_it_is_not_known() -> None:
    feature = PriorFeature(JobackBoilingPoint(), stand_in=450.0)
    assert isinstance(feature, Featurizer)
    rows = feature(["CCO", "CS(C)=O"])
    assert rows.shape == (2, len(feature.columns))
    assert rows[0].tolist() == [pytest.approx(337.5, abs=0.2), 1.0]
    assert rows[1].tolist() == [450.0, 0.0]
    assert PriorFeature(JobackBoilingPoint(), stand_in=400.0).version != feature.version
    assert feature([]).shape == (0, 2)
    with pytest.raises(ValueError, match="finite"):
        PriorFeature(JobackBoilingPoint(), stand_in=float("nan"))
