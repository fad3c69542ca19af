"""The reasons that are stored with a proposal: by the models that proposed it, the same for the same inputs."""

from __future__ import annotations

import pytest

from agent.explaining import with_forecasts
from knowledge.records.candidate import Candidate, Provenance
from knowledge.records.explanation import Basis
from knowledge.records.molecule import Molecule
from knowledge.records.quantity import Estimate
from knowledge.sources.handbook import Handbook
from planners.optimize.surrogates import Surrogates, fit_surrogates

PROPERTIES = ("boiling_point", "viscosity")


@pytest.fixture(scope="module")
def surrogates() -> Surrogates:
    book = Handbook.full()
    facts = {name: [f for f in book.facts(name) if len(f.smiles) < 12] for name in PROPERTIES}
    return fit_surrogates({name: found[:: len(found) // 50] for name, found in facts.items()}, seed=0)


def proposed(surrogates: Surrogates, smiles: str) -> Candidate:
    molecule = Molecule.from_smiles(smiles)
    predicted: dict[str, Estimate] = {name: row[0] for name, row in surrogates.predict([molecule.smiles]).items()}
    return Candidate(molecule=molecule, provenance=Provenance(generator="genetic", operator="x"), predicted=predicted)


def test_every_prediction_that_decides_gets_its_reasons(surrogates: Surrogates) -> None:
    before = [proposed(surrogates, s) for s in ("CCCCCCO", "C[Ge](C)(C)C")]
    after = with_forecasts(before, surrogates, PROPERTIES)
    assert after == with_forecasts(before, surrogates, PROPERTIES)
    assert [c.model_copy(update={"forecasts": ()}) for c in after] == before
    for candidate in after:
        assert tuple(f.property for f in candidate.forecasts) == PROPERTIES
        for forecast in candidate.forecasts:
            assert forecast.value == pytest.approx(candidate.predicted[forecast.property].mean)
            assert forecast.low < forecast.value < forecast.high
            assert forecast.explanation is not None
            assert forecast.explanation.smiles == candidate.molecule.smiles
            assert forecast.explanation.basis is Basis.WEIGHT
            assert len(forecast.explanation.precedents) == 3
    alcohol, strange = after
    for forecast in alcohol.forecasts:
        assert forecast.explanation is not None
        assert max(forecast.explanation.parts, key=lambda p: p.value).name == "OH"
    assert not strange.forecasts[0].in_domain
    assert "no training molecule holds Ge" in strange.forecasts[0].reason
    assert Candidate.from_canonical(alcohol.canonical()) == alcohol


def test_what_was_not_predicted_is_not_explained(surrogates: Surrogates) -> None:
    candidate = proposed(surrogates, "CCCCCCO")
    bare = candidate.model_copy(update={"predicted": {"viscosity": candidate.predicted["viscosity"]}})
    (after,) = with_forecasts([bare], surrogates, PROPERTIES)
    assert [f.property for f in after.forecasts] == ["viscosity"]
    assert with_forecasts([], surrogates, PROPERTIES) == []
