from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from knowledge.qspr.contract import Samples
from knowledge.qspr.models.gp import GaussianProcess
from knowledge.qspr.priors import PRIORS
from knowledge.qspr.priors.prior import Prior
from knowledge.qspr.priors.residual import WithPrior
from knowledge.qspr.priors.solvation import PriorUnavailable, XtbHydration
from knowledge.quantum import QuantumCache, QuantumUnavailable, outcomes
from knowledge.records.fact import Kind
from knowledge.records.molecule import InvalidMolecule
from knowledge.records.properties import get_property
from knowledge.records.quantity import UnitMismatch
from knowledge.sources.source_values import hydration_values

# Measured hydration free energies in kcal/mol (A. V. Marenich et al., Minnesota Solvation Database; also in FreeSolv).
MEASURED = {"CO": -5.10, "CCO": -5.00, "CC(C)=O": -3.80, "CC#N": -3.88, "C": 2.00, "CC": 1.83, "c1ccccc1": -0.90}
MEASURED |= {"CN": -4.55, "CC(=O)O": -6.69, "CC(N)=O": -9.71, "O": -6.31, "CCC": 1.96, "CCl": -0.55, "CSC": -1.61}


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> QuantumCache:
    pytest.importorskip("tblite", reason="the extra 'quantum' is not installed")
    return QuantumCache(tmp_path_factory.mktemp("quantum") / "cache.sqlite")


def test_hydration_is_near_what_was_measured(cache: QuantumCache) -> None:
    prior = XtbHydration(unit="kcal/mol", cache=cache)
    assert isinstance(prior, Prior)
    values, known = prior(list(MEASURED))
    assert known.all()
    measured = np.array(list(MEASURED.values()))
    assert np.sqrt(((values - measured) ** 2).mean()) < 2.2
    assert np.corrcoef(values, measured)[0, 1] > 0.85


def test_units_are_converted_and_are_part_of_the_version(cache: QuantumCache) -> None:
    joule, calorie = XtbHydration(cache=cache), XtbHydration(unit="kcal/mol", cache=cache)
    assert joule.unit == get_property("hydration_free_energy").unit == "kJ/mol"
    np.testing.assert_allclose(joule(["CCO"])[0], 4.184 * calorie(["CCO"])[0])
    assert joule.version != calorie.version
    with pytest.raises(UnitMismatch):
        XtbHydration(unit="K")


def test_what_cannot_be_computed_is_unknown(cache: QuantumCache) -> None:
    prior = XtbHydration(cache=cache)
    values, known = prior(["CCO", "[Na+].[Cl-]", "CCO"])
    assert known.tolist() == [True, False, True]
    assert np.isnan(values[1])
    assert values[0] == values[2]
    assert prior([])[0].shape == (0,)
    with pytest.raises(InvalidMolecule):
        prior(["C("])


def test_the_table_of_priors_has_it() -> None:
    prior = PRIORS["hydration_free_energy"]()
    assert prior.property_name == "hydration_free_energy"
    assert prior.unit == get_property("hydration_free_energy").unit


def test_a_model_on_its_residual_uses_it(cache: QuantumCache) -> None:
    smiles = tuple(MEASURED)
    train = Samples(smiles[:12], np.array(list(MEASURED.values()))[:12], np.zeros(12))
    fitted = WithPrior(GaussianProcess(), XtbHydration(unit="kcal/mol", cache=cache)).fit(train, seed=0)
    assert fitted.uses_prior
    assert fitted.line is not None
    assert 0.5 < fitted.line.slope < 1.5


def test_computed_values_say_how_they_were_made(cache: QuantumCache) -> None:
    found = hydration_values(outcomes(["CCO", "[Na+].[Cl-]"], cache=cache))
    assert len(found) == 1
    assert (found[0].kind, found[0].unit, found[0].std) == (Kind.CALCULATED, "kJ/mol", None)
    assert "GFN2-xTB/ALPB" in found[0].provenance


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def missing(*_: object, **__: object) -> None:
        raise QuantumUnavailable("quantum chemistry needs the extra: pip install 'athanor[quantum]'")

    monkeypatch.setattr("knowledge.qspr.priors.solvation.outcomes", missing)
    with pytest.raises(PriorUnavailable, match="athanor\\[quantum\\]"):
        XtbHydration(cache=QuantumCache(tmp_path / "cache.sqlite"))(["CCO"])
