from __future__ import annotations

import json
from functools import cache

import numpy as np
import pytest
from scipy.optimize import check_grad

from knowledge.features import CountMorgan, Descriptors
from knowledge.qspr.candidates import candidates, names, restorable
from knowledge.qspr.contract import Fitted, Model, Samples, Stored
from knowledge.qspr.fusion import ComputedSource, FusedSamples, Fusion, Source, TableSource
from knowledge.qspr.fusion.coregion import Coregion, Rows, objective, start
from knowledge.qspr.fusion.sources import fused
from knowledge.qspr.fusion.tails import expected
from knowledge.qspr.kernels import squared_distance
from knowledge.qspr.models.gp import GaussianProcess, Views
from knowledge.qspr.models.process import Terms
from knowledge.qspr.priors.column import ColumnPrior
from knowledge.qspr.priors.joback import JobackBoilingPoint
from knowledge.qspr.splits import k_fold
from knowledge.qspr.trials import familiarity as familiar
from knowledge.qspr.trials import validate
from knowledge.records.fact import Kind
from knowledge.sources.handbook import Handbook
from knowledge.sources.source_values import (
    SourceValue,
    handbook_values,
    prior_values,
    samples_by_source,
)

LIGHT = Views((CountMorgan(),), (Descriptors(),))
CRC, NIST, CAS = "CRC Handbook", "NIST WebBook", "CAS Common Chemistry"


@cache
def values() -> tuple[SourceValue, ...]:
    return tuple(handbook_values(Handbook.full(), "boiling_point"))


@cache
def tables() -> dict[str, Samples]:
    return samples_by_source(values(), stated=False)


def drawn(source: str, every: int, start_at: int = 0) -> Samples:
    part = tables()[source]
    return part.take(range(start_at, len(part), every))


@cache
def agreed(every: int = 25) -> Samples:
    facts = [f for f in Handbook.full().facts("boiling_point") if " + " in f.source][::every]
    return Samples(tuple(f.smiles for f in facts), np.array([f.value for f in facts]), np.zeros(len(facts)))


def rmse(fitted: Fitted, test: Samples) -> float:
    return float(np.sqrt(((fitted.predict(test.smiles).mean - test.values) ** 2).mean()))


def without(part: Samples, smiles: tuple[str, ...]) -> Samples:
    hidden = set(smiles)
    return part.take([i for i, s in enumerate(part.smiles) if s not in hidden])


def test_gradient_of_the_posterior_is_that_of_its_value() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(20, 3)), rng.normal(size=(20, 5))
    terms = Terms((np.exp(-squared_distance(a, a)),), (squared_distance(a, a), squared_distance(b, b)))
    molecule = np.concatenate([np.arange(12), np.arange(5, 20), np.arange(3, 9)])
    source = np.repeat([0, 1, 2], [12, 15, 6])
    y = a[molecule, 0] + 0.3 * source + 0.1 * rng.normal(size=33)
    known = np.where(np.arange(33) % 3 == 0, 0.05, 0.0)
    rows = Rows(molecule, source, y, known, rng.uniform(0.3, 1.3, 33))
    prior = start(1, [3, 5], [True, True, False])
    for shift in (0.0, 0.4):
        at = np.log(prior.vector) + shift
        error = check_grad(
            lambda v: objective(v, terms, rows, prior)[0], lambda v: objective(v, terms, rows, prior)[1], at
        )
        assert error < 1e-3
    again = Coregion.of(prior.vector, 3, 3, 2)
    np.testing.assert_array_equal(again.deltas, prior.deltas)
    np.testing.assert_array_equal(again.scales, np.ones(3))


def test_a_bias_and_a_noise_are_found_for_each_source() -> None:
    rng = np.random.default_rng(0)
    primary = agreed(40)
    shifted = Samples(primary.smiles, primary.values + 12.0 + rng.normal(0.0, 2.0, len(primary)), primary.variances)
    noisy = Samples(primary.smiles, primary.values - 3.0 + rng.normal(0.0, 9.0, len(primary)), primary.variances)
    sources = [TableSource.witness("shifted", shifted), TableSource.witness("noisy", noisy)]
    truth, first, second = Fusion(*sources, views=LIGHT).fit(primary, seed=0).report()
    assert first.bias == pytest.approx(12.0, abs=1.5)
    assert second.bias == pytest.approx(-3.0, abs=3.0)
    assert truth.noise < 2.0
    # Student's t with three degrees of freedom: a scale below the standard deviation of normal noise.
    assert 0.8 < first.noise < 2.5
    assert 5.0 < second.noise < 11.0
    assert first.words("K").startswith("shifted: bias +1")
    assert " K, noise " in first.words("K")
    assert "bias" not in truth.words("K")


def test_a_misprint_is_doubted_and_the_witnesses_are_believed() -> None:
    primary = agreed(40)
    wrong = primary.values.copy()
    wrong[[7, 40]] += [150.0, -120.0]
    misprinted = Samples(primary.smiles, wrong, primary.variances)
    both = TableSource.witness("second", primary)
    fitted = Fusion(both, views=LIGHT).fit(misprinted, seed=0)
    for row in (7, 40):
        found = float(fitted.predict([primary.smiles[row]]).mean[0])
        assert abs(found - primary.values[row]) < 0.25 * abs(wrong[row] - primary.values[row])
        assert fitted.rows.weights[row] < 0.01
    assert 2 <= fitted.report()[0].doubted <= 6


def test_of_two_contradicting_readings_the_one_near_similar_molecules_counts() -> None:
    near, far = expected(np.array([20.0, -92.0]), np.array([5.0, 2.0]), 20.0)
    assert near > 0.8
    assert far < 0.01
    # Two that agree outvote what similar molecules suggest.
    weights = expected(np.array([-87.0, -86.0, 25.0]), np.array([3.0, 3.0, 3.0]), 20.0)
    assert weights[:2].min() > 0.5
    assert weights[2] < 0.01


def test_calculations_of_the_asked_molecule_are_used() -> None:
    train, test = drawn(CRC, 120), agreed()
    test = without(test, train.smiles)
    # An estimate with an error that the molecule's structure does not show.
    rng = np.random.default_rng(3)
    everybody = Samples(
        (*train.smiles, *test.smiles),
        0.9 * np.concatenate([train.values, test.values]) + 60.0 + rng.normal(0.0, 10.0, len(train) + len(test)),
        np.zeros(len(train) + len(test)),
    )
    calculated = TableSource.calculated("estimate", everybody)
    plain = rmse(GaussianProcess(views=LIGHT).fit(train, seed=0), test)
    used = rmse(Fusion(calculated, views=LIGHT).fit(train, seed=0), test)
    asked_only = rmse(Fusion(calculated, views=LIGHT, elsewhere=0).fit(train, seed=0), test)
    assert used < 0.6 * plain
    assert asked_only < 0.7 * plain


def test_calculations_of_other_molecules_help_where_there_is_none_of_the_asked() -> None:
    train, test = drawn(CRC, 120), without(agreed(), drawn(CRC, 120).smiles)
    listed = without(tables()[NIST], test.smiles).take(range(0, 4000, 20))
    listed = Samples(listed.smiles, listed.values + 20.0, listed.variances)
    table = TableSource.calculated("elsewhere", listed)
    plain = rmse(GaussianProcess(views=LIGHT).fit(train, seed=0), test)
    assert rmse(Fusion(table, views=LIGHT).fit(train, seed=0), test) < 0.85 * plain
    assert rmse(Fusion(table, views=LIGHT, elsewhere=0).fit(train, seed=0), test) > 0.85 * plain


def test_a_prior_is_a_source_where_it_knows_the_molecule() -> None:
    train, test = drawn(CRC, 150), without(agreed(), drawn(CRC, 150).smiles)
    model = Fusion(ComputedSource(JobackBoilingPoint()), views=LIGHT)
    assert isinstance(model, Model)
    fitted = model.fit(train, seed=0)
    assert rmse(fitted, test) < rmse(GaussianProcess(views=LIGHT).fit(train, seed=0), test)
    # Joback knows no silicon: nothing conditions, and doubt is larger.
    belief = fitted.predict(["CCCCCCO", "CC[Si](C)(C)CC"])
    assert belief.epistemic[1] > belief.epistemic[0]


def test_a_prediction_does_not_depend_on_what_else_is_asked() -> None:
    train = drawn(CRC, 200)
    table = TableSource.calculated("nist", tables()[NIST])
    fitted = Fusion(table, ComputedSource(JobackBoilingPoint()), views=LIGHT, elsewhere=10).fit(train, seed=0)
    asked = ["CCO", "CC[Si](C)(C)CC", "CCCCCCCC", train.smiles[0]]
    together = fitted.predict(asked)
    alone = [fitted.predict([s]) for s in asked]
    np.testing.assert_allclose(together.mean, [b.mean[0] for b in alone], rtol=1e-9)
    np.testing.assert_allclose(together.epistemic, [b.epistemic[0] for b in alone], rtol=1e-6)
    assert fitted.predict([]).mean.shape == (0,)


def test_without_sources_it_is_the_plain_process() -> None:
    train, test = drawn(CRC, 60), agreed()
    fusion, plain = Fusion(views=LIGHT).fit(train, seed=0), GaussianProcess(views=LIGHT).fit(train, seed=0)
    a, b = fusion.predict(test.smiles), plain.predict(test.smiles)
    assert np.abs(a.mean - b.mean).max() < 5.0
    np.testing.assert_allclose(a.epistemic, b.epistemic, rtol=0.1)


def test_witnesses_of_tested_molecules_stay_out_of_cross_validation() -> None:
    """The same values as a witness must not make the folds better; as a calculation they would."""
    train = drawn(CRC, 80)
    folds = k_fold(train.smiles, "random", seed=0, count=3)
    known = familiar(train, folds)
    plain = validate(Fusion(views=LIGHT), train, folds, known, seed=0)
    copy = Samples(train.smiles, train.values, train.variances)
    fair = validate(Fusion(TableSource.witness("copy", copy), views=LIGHT), train, folds, known, seed=0)
    leaking = validate(Fusion(TableSource.calculated("copy", copy), views=LIGHT), train, folds, known, seed=0)
    assert plain.rmse is not None
    assert fair.rmse is not None
    assert leaking.rmse is not None
    assert fair.rmse > 0.8 * plain.rmse
    assert leaking.rmse < 0.5 * plain.rmse


def test_a_source_that_knows_none_of_the_molecules_changes_nothing() -> None:
    train, test = drawn(CRC, 60), agreed().smiles
    silent = TableSource.witness("silent", without(tables()[CAS], train.smiles).take(range(5)))
    speaking = TableSource.witness(NIST, tables()[NIST])
    both, one = (Fusion(*s, views=LIGHT).fit(train, seed=0) for s in ([speaking, silent], [speaking]))
    np.testing.assert_allclose(both.predict(test).mean, one.predict(test).mean, atol=0.5)
    assert both.report()[2].values == 0


def test_stored_and_restored_models_predict_the_same() -> None:
    witness = TableSource.witness(NIST, tables()[NIST])
    model = Fusion(witness, ComputedSource(JobackBoilingPoint()), primary=CRC, views=LIGHT)
    fitted = model.fit(drawn(CRC, 150), seed=0)
    stored = fitted.stored()
    again = model.restore(Stored(json.loads(json.dumps(stored.settings)), stored.arrays))
    asked = ["CCO", "CC[Si](C)(C)CC", "CCCCCCCC", "CCCCCCCCCCO"]
    for field in ("mean", "epistemic", "noise"):
        np.testing.assert_array_equal(getattr(again.predict(asked), field), getattr(fitted.predict(asked), field))
    assert again.report() == fitted.report()
    other = Fusion(TableSource.witness(NIST, tables()[CAS]), primary=CRC, views=LIGHT)
    with pytest.raises(ValueError, match="fit again"):
        other.restore(stored)


def test_a_column_of_estimates_comes_back_with_the_stored_model() -> None:
    train = drawn(CRC, 200)
    column = ColumnPrior("boiling_point", "K", dict(zip(train.smiles, (train.values + 5.0).tolist(), strict=True)))
    assert {"fusion+prior", "fusion+column", "fusion+prior+column"} <= set(names("boiling_point", column))
    (model,) = candidates("boiling_point", ["fusion+prior+column"], column)
    fitted = model.fit(train, seed=0)
    stored = fitted.stored()
    (again,) = restorable("boiling_point", model.name)
    restored = again.restore(Stored(json.loads(json.dumps(stored.settings)), stored.arrays))
    asked = ["CCO", train.smiles[3], "CCCCCCCCCO"]
    np.testing.assert_array_equal(restored.predict(asked).mean, fitted.predict(asked).mean)


def test_what_cannot_be_fused_is_refused() -> None:
    two = Samples(("CCO", "CCC"), np.array([351.0, 231.0]), np.zeros(2))
    table = TableSource.witness("nist", two)
    with pytest.raises(ValueError, match="named twice"):
        Fusion(table, table)
    with pytest.raises(ValueError, match="named twice"):
        Fusion(table, primary="nist")
    with pytest.raises(ValueError, match="at least 2"):
        Fusion(table).fit(two.take([0]), seed=0)
    with pytest.raises(ValueError, match="at most 1 values"):
        Fusion(table, max_rows=1).fit(two, seed=0)
    with pytest.raises(ValueError, match="names of"):
        FusedSamples(("a", "b"), (two,))
    assert np.isfinite(Fusion(table, views=LIGHT).fit(two, seed=0).predict(["CCCC"]).total).all()


def test_too_many_values_are_drawn_the_primary_source_stays() -> None:
    primary = drawn(CRC, 200)
    witness: Source = TableSource.witness(CAS, tables()[CAS])
    listed: Source = TableSource.calculated(NIST, tables()[NIST])
    limit = len(primary) + 40
    one, two = (fused(primary, [witness, listed], name=CRC, limit=limit, elsewhere=30, seed=seed) for seed in (0, 0))
    assert one.data_hash == two.data_hash
    assert len(one) == limit
    assert one.primary is primary
    assert one.names == (CRC, CAS, NIST)
    roomy = fused(primary, [witness, listed], name=CRC, limit=5000, elsewhere=30, seed=0)
    trained = set(primary.smiles)
    assert set(roomy.samples[1].smiles) <= trained
    assert sum(s not in trained for s in roomy.samples[2].smiles) == 30


def test_every_source_has_its_own_record_with_unit_and_provenance() -> None:
    benzene = [v for v in values() if v.inchikey == "UHOVQNZJYSORNB-UHFFFAOYSA-N"]
    assert {CRC, NIST, CAS} <= {v.source for v in benzene}
    assert len({v.source for v in benzene}) == len(benzene)
    for value in benzene:
        assert value.unit == "K"
        assert value.value == pytest.approx(353.2, abs=0.5)
        assert value.std is not None
        assert value.std > 0.0
        assert value.provenance.startswith("chemicals ")
    assert {v.kind for v in benzene} >= {Kind.CURATED, Kind.EXPERIMENTAL}
    assert "column Tb" in benzene[0].provenance


def test_a_prior_speaks_only_of_molecules_that_it_knows() -> None:
    molecules = Handbook.full().molecules()[:300]
    found = prior_values(JobackBoilingPoint(), molecules)
    assert 100 < len(found) < 300
    assert {v.kind for v in found} == {Kind.CALCULATED}
    assert all(v.std is None and v.unit == "K" for v in found)
    assert found[0].provenance == "joback_boiling_point 1"


def test_samples_of_sources_are_on_the_model_scale() -> None:
    viscosity = handbook_values(Handbook.full(), "viscosity")
    part = next(iter(samples_by_source(viscosity).values()))
    of_source = [v for v in viscosity if v.source == viscosity[0].source]
    np.testing.assert_allclose(np.exp(part.values), [v.value for v in of_source])
    assert 0.0 < np.sqrt(part.variances).max() < 0.5
    assert not samples_by_source(viscosity, stated=False)[viscosity[0].source].variances.any()
    with pytest.raises(ValueError, match="several properties"):
        samples_by_source([viscosity[0], values()[0]])
    assert "correlation of" in viscosity[0].provenance
