"""The audit of labels, on boiling points of the handbook with errors planted as compilations really have them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from knowledge.features import CountMorgan, Descriptors
from knowledge.qspr.audit import Audited, FittedAudited, audit, doubting
from knowledge.qspr.contract import Belief, Fitted, Joint, LeavesOneOut, Model, Samples, Stored
from knowledge.qspr.kernels import Array
from knowledge.qspr.models.gp import GaussianProcess, Views
from knowledge.qspr.training import merge
from knowledge.records.base import sha256_text
from knowledge.records.properties import get_property
from knowledge.sources.handbook import Handbook
from tests.qspr.test_models import samples as simple_liquids


def light() -> GaussianProcess:
    return GaussianProcess(views=Views((CountMorgan(),), (Descriptors(),)))


@pytest.fixture(scope="module")
def known() -> tuple[Samples, Samples]:
    """240 boiling points to learn from and 120 others, arbitrary small organics of C, H, N and O."""
    rows = merge(Handbook.full().facts("boiling_point"), get_property("boiling_point"))
    kept = [i for i, s in enumerate(rows.smiles) if 5 <= len(s) <= 16 and set(s) <= set("CNOcno()=#1")]
    order = sorted(kept, key=lambda i: sha256_text(f"audit:{rows.keys[i]}"))[:360]
    part = rows.take(order)
    everything = Samples(part.smiles, part.values, part.variances)
    return everything.take(range(240)), everything.take(range(240, 360))


@pytest.fixture(scope="module")
def planted(known: tuple[Samples, Samples]) -> tuple[Samples, frozenset[str]]:
    """Five in a hundred of the training values are wrong: measured at reduced pressure, or with the sign of the degrees
    Celsius exchanged.
    """
    samples = known[0]
    values = samples.values.copy()
    # Where both errors are gross: a liquid that boils at 20 °C would be nearly right with the wrong sign.
    chosen = np.flatnonzero(values > 400.0)[::7][:12]
    assert len(chosen) == 12
    values[chosen[::2]] -= 110.0
    values[chosen[1::2]] = 2.0 * 273.15 - values[chosen[1::2]]
    return Samples(samples.smiles, values, samples.variances), frozenset(samples.smiles[i] for i in chosen)


@pytest.fixture(scope="module")
def audited(planted: tuple[Samples, frozenset[str]]) -> FittedAudited:
    return Audited(light()).fit(planted[0], seed=0)


def test_planted_errors_are_found_and_nothing_is_dropped_or_changed(
    planted: tuple[Samples, frozenset[str]], audited: FittedAudited
) -> None:
    samples, wrong = planted
    found = audit(samples, light(), seed=0)
    doubted = {d.smiles for d in found.doubted}
    assert len(wrong & doubted) >= 10
    assert len(doubted) <= 0.1 * len(samples)
    assert found.samples.smiles == samples.smiles
    np.testing.assert_array_equal(found.samples.values, samples.values)
    raised = {s for s, a, b in zip(samples.smiles, samples.variances, found.samples.variances, strict=True) if b > a}
    assert raised == doubted
    assert (found.samples.variances >= samples.variances).all()
    assert [d.score for d in found.doubted] == sorted((d.score for d in found.doubted), reverse=True)
    assert found.doubted == audited.doubted
    assert all(d.score > 3.0 and d.variance == (d.value - d.expected) ** 2 for d in found.doubted)


def test_clean_molecules_are_predicted_better_and_clean_data_no_worse(
    known: tuple[Samples, Samples], planted: tuple[Samples, frozenset[str]], audited: FittedAudited
) -> None:
    clean, test = known

    def mae(fitted: Fitted) -> float:
        return float(np.abs(test.values - fitted.predict(test.smiles).mean).mean())

    best = mae(light().fit(clean, seed=0))
    misled = mae(light().fit(planted[0], seed=0))
    assert misled > 1.3 * best
    assert mae(audited) < 0.5 * (best + misled)
    assert mae(Audited(light()).fit(clean, seed=0)) < 1.05 * best


def test_what_we_measured_ourselves_is_never_doubted(planted: tuple[Samples, frozenset[str]]) -> None:
    samples, wrong = planted
    found = audit(samples, light(), seed=0, trusted=wrong, earlier=dict.fromkeys(wrong, 1e4))
    assert not {d.smiles for d in found.doubted} & wrong
    own = [i for i, s in enumerate(samples.smiles) if s in wrong]
    np.testing.assert_array_equal(found.samples.variances[own], samples.variances[own])


class Silent:
    """The same process that cannot leave one out, so that folds must."""

    name, version = "silent", "1"

    def fit(self, samples: Samples, *, seed: int) -> Fitted:
        fitted = light().fit(samples, seed=seed)

        class Deaf:
            def predict(self, smiles: Sequence[str]) -> Belief:
                return fitted.predict(smiles)

            def stored(self) -> Stored:
                return fitted.stored()

        return Deaf()

    def restore(self, stored: Stored) -> Fitted:
        return light().restore(stored)


@pytest.mark.parametrize("variance", [0.0, 1.0])
@pytest.mark.parametrize("model", [light(), Silent()])
def test_any_model_can_be_the_judge_with_or_without_known_noise(model: Model, variance: float) -> None:
    plain = simple_liquids()
    values = plain.values.copy()
    values[plain.smiles.index("CCCCCO")] = -138.0
    samples = Samples(plain.smiles, values, np.full(len(plain), variance))
    found = audit(samples, model, seed=1)
    assert found.doubted[0].smiles == "CCCCCO"
    assert found.doubted[0].expected == pytest.approx(138.0, abs=30.0)
    assert len(found.doubted) <= 5
    line = found.doubted[0].line("°C")
    assert line.startswith("CCCCCO: -138 °C")
    assert f"{found.doubted[0].score:.1f} deviations" in line


def test_a_doubt_is_taken_back_when_the_others_agree_with_the_value() -> None:
    plain = simple_liquids()
    for variance in (0.0, 1.0):
        samples = Samples(plain.smiles, plain.values, np.full(len(plain), variance))
        found = audit(samples, light(), seed=0, earlier={"CCCCCO": 90.0**2})
        assert "CCCCCO" not in {d.smiles for d in found.doubted}
        assert found.samples.variances[plain.smiles.index("CCCCCO")] == variance


def test_too_few_samples_are_taken_as_they_are_and_no_round_is_refused() -> None:
    few = simple_liquids(5)
    found = audit(few, light(), seed=0)
    assert found.samples is few
    assert found.doubted == ()
    with pytest.raises(ValueError, match="at least one round"):
        audit(few, light(), seed=0, rounds=0)


def test_doubts_only_raise_variances() -> None:
    plain = simple_liquids(4)
    samples = Samples(plain.smiles, plain.values, np.array([0.0, 4.0, 4.0, 4.0]))
    raised = doubting(samples, {plain.smiles[0]: 9.0, plain.smiles[1]: 9.0, plain.smiles[2]: 1.0})
    assert raised.variances.tolist() == [9.0, 9.0, 4.0, 4.0]


def test_the_audited_model_says_what_it_doubts_and_keeps_it(audited: FittedAudited) -> None:
    model = Audited(light())
    assert isinstance(model, Model)
    assert model.name == audited.name == "audited_gp"
    stored = audited.stored()
    again = model.restore(Stored(json.loads(json.dumps(dict(stored.settings))), stored.arrays))
    assert again.doubted == audited.doubted
    assert len(again.doubted) >= 10
    asked = ["CCCCCCCO", "CCOC(=O)CC"]
    np.testing.assert_array_equal(again.predict(asked).mean, audited.predict(asked).mean)
    with pytest.raises(ValueError, match="version"):
        model.restore(replace(stored, settings={**stored.settings, "version": "0/1"}))


def test_the_noise_of_a_new_measurement_is_not_that_of_doubted_values(
    planted: tuple[Samples, frozenset[str]], audited: FittedAudited
) -> None:
    known_noise = float(np.sqrt(np.median(planted[0].variances)))
    assert audited.predict(["CCCCCCCO"]).noise[0] < 1.5 * known_noise


def test_a_process_leaves_out_and_joins(planted: tuple[Samples, frozenset[str]]) -> None:
    fitted = light().fit(planted[0].take(range(40)), seed=0)
    assert isinstance(fitted, LeavesOneOut)
    assert isinstance(fitted, Joint)
    assert not isinstance(Silent().fit(planted[0].take(range(10)), seed=0), LeavesOneOut)
    belief: Array = fitted.leave_one_out().noise
    np.testing.assert_allclose(belief**2, planted[0].variances[:40])
