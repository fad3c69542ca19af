"""Conformal intervals keep what they promise where a model's deviations do not; scores are those of the definitions."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from knowledge.qspr import conformal
from knowledge.qspr.conformal import FEWEST_KINDS, SMALLEST_BIN, Bins, Calibrator, quantile
from knowledge.qspr.kernels import Array
from knowledge.qspr.scores import rank_correlation, score


def drawn(n: int, seed: int) -> tuple[Array, Array, Array]:
    """Residuals, claimed deviations and similarities of an overconfident model that is worst far from its data."""
    rng = np.random.default_rng(seed)
    similarity = rng.uniform(0.1, 0.9, n)
    claimed = rng.uniform(0.5, 2.0, n)
    return rng.standard_t(4, n) * claimed * np.where(similarity < 0.3, 3.0, 1.0), claimed, similarity


def coverage(calibrator: Calibrator, n: int, seed: int, *, level: float = 0.9, far: bool = False) -> float:
    residuals, claimed, similarity = drawn(n, seed)
    low, high = calibrator.interval(np.zeros(n), claimed, similarity, np.zeros(n, dtype=bool), level)
    inside = (residuals >= low) & (residuals <= high)
    return float(inside[similarity < 0.3].mean() if far else inside.mean())


@pytest.mark.parametrize("level", [0.5, 0.8, 0.9, 0.95])
def test_intervals_cover_what_they_promise(level: float) -> None:
    found = [coverage(Calibrator.of(*drawn(400, seed)), 2000, seed + 1000, level=level) for seed in range(20)]
    assert np.mean(found) == pytest.approx(level, abs=0.015)


def test_bins_by_similarity_hold_where_one_bin_for_all_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    binned = [coverage(Calibrator.of(*drawn(400, s)), 2000, s + 99, far=True) for s in range(10)]
    monkeypatch.setattr(conformal, "BINS", 1)
    pooled = [coverage(Calibrator.of(*drawn(400, s)), 2000, s + 99, far=True) for s in range(10)]
    assert np.mean(pooled) < 0.8
    assert 0.86 < np.mean(binned) < 0.95


def test_molecules_of_a_new_scaffold_have_quantiles_of_their_own() -> None:
    """Scaffolds shift all their molecules alike, so that a new one misses by far more than its molecules differ."""
    hits: list[float] = []
    plain: list[float] = []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        shift = np.repeat(rng.normal(0.0, 2.0, 41), 10)
        residuals = np.concatenate([shift, np.zeros(800)]) + rng.normal(0.0, 0.5, 1210)
        kinds = [f"scaffold {i // 10}" for i in range(400)] + [""] * 800
        seen = np.r_[0:400, 410:1210]
        calibrator = Calibrator.of(residuals[seen], np.ones(1200), np.full(1200, 0.4), kinds)
        similarity = np.full(10, 0.4)
        for new, found in ((True, hits), (False, plain)):
            low, high = calibrator.interval(np.zeros(10), np.ones(10), similarity, np.full(10, new))
            found.append(float(((residuals[400:410] >= low) & (residuals[400:410] <= high)).mean()))
    assert np.mean(plain) < 0.8
    assert 0.87 < np.mean(hits) < 0.96


def test_few_new_scaffolds_say_nothing_about_the_next() -> None:
    residuals, claimed, similarity = drawn(200, 0)
    few = [f"{i % (FEWEST_KINDS - 1)}" for i in range(200)]
    assert Calibrator.of(residuals, claimed, similarity, few).new is None
    enough = [f"{i % FEWEST_KINDS}" for i in range(200)]
    new = Calibrator.of(residuals, claimed, similarity, enough).new
    assert new is not None
    assert len(new.scores) == 3
    assert new.sizes[0] == pytest.approx(66 / FEWEST_KINDS, rel=0.05)


def test_few_residuals_are_pooled() -> None:
    assert len(Calibrator.of(*drawn(SMALLEST_BIN * 2 - 1, 0)).known.scores) == 1
    assert len(Calibrator.of(*drawn(SMALLEST_BIN * 2, 0)).known.scores) == 2
    residuals, claimed, _ = drawn(400, 0)
    assert len(Calibrator.of(residuals, claimed, np.full(400, 0.4)).known.scores) == 1
    mostly_equal = Calibrator.of(residuals, claimed, np.where(np.arange(400) < 370, 0.4, 0.8))
    assert [len(part) for part in mostly_equal.known.scores] == [400]


def test_intervals_widen_with_the_level_through_both_regimes() -> None:
    for n in (5, 12, 400):
        calibrator = Calibrator.of(*drawn(n, 1))
        similarity = np.linspace(0.0, 1.0, 7)
        factors = [
            calibrator.factors(similarity, np.zeros(7, dtype=bool), level) for level in np.linspace(0.05, 0.999, 60)
        ]
        assert (np.diff(factors, axis=0) >= 0.0).all()


def test_the_finite_sample_quantile() -> None:
    scores = tuple(float(i) for i in range(1, 10))
    assert quantile(scores, 0.9) == 9.0  # ceil(10 * 0.9) = 9: exactly enough
    assert quantile(scores, 0.8) == 8.0
    size = math.sqrt(sum(s * s for s in scores) / 9)
    assert quantile(scores, 0.95) == pytest.approx(2.2622 * size, rel=1e-4)  # t(9) at 97.5 %
    for level in (0.0, 1.0, 90.0):
        with pytest.raises(ValueError, match="between 0 and 1"):
            quantile(scores, level)


def test_too_few_residuals_are_said_and_answered_widely() -> None:
    few = Calibrator.of(np.array([0.5, -1.0, 0.2, 0.1, 0.4]), np.ones(5), np.full(5, 0.5))
    assert not few.exact(0.9)
    assert few.exact(0.8)
    assert few.known.factors(np.array([0.5]), 0.9)[0] > 1.0
    rng = np.random.default_rng(0)
    hits = []
    for _ in range(600):  # normal residuals: Student's t is then exact
        residuals = rng.normal(0.0, 2.0, 6)
        factor = Bins.of(np.abs(residuals[:5]), np.full(5, 0.5)).factors(np.array([0.5]), 0.9)[0]
        hits.append(abs(residuals[5]) <= factor)
    assert 0.87 < np.mean(hits) < 0.95


def test_a_model_that_claims_certainty_still_gets_an_interval() -> None:
    residuals, _, similarity = drawn(200, 3)
    calibrator = Calibrator.of(residuals, np.zeros(200), similarity)
    low, high = calibrator.interval(np.zeros(200), np.zeros(200), similarity, np.zeros(200, dtype=bool))
    assert ((residuals >= low) & (residuals <= high)).mean() == pytest.approx(0.9, abs=0.03)


def test_a_calibrator_survives_json() -> None:
    calibrator = Calibrator.of(*drawn(300, 5), [f"{i % 70}" if i > 100 else "" for i in range(300)])
    assert calibrator.new is not None
    assert Calibrator.from_dict(json.loads(json.dumps(calibrator.to_dict()))) == calibrator


def test_bad_residuals_are_refused() -> None:
    for bad in ([], [math.nan] * 3, [1.0, 2.0]):
        with pytest.raises(ValueError, match=r"calibration needs|must be finite"):
            Calibrator.of(np.array(bad), np.ones(3 if len(bad) else 0), np.ones(3 if len(bad) else 0))


def test_scores_are_those_of_the_definitions() -> None:
    y, mean, std = np.array([1.0, 2.0, 4.0, 8.0]), np.array([1.0, 3.0, 4.0, 6.0]), np.array([0.1, 1.0, 0.5, 2.0])
    got = score(y, mean, std, mean - 1.0, mean + 1.0, seed=0)
    assert got.mae.value == 0.75
    assert got.rmse.value == pytest.approx(math.sqrt(5 / 4))
    assert got.r2.value == pytest.approx(1.0 - 5.0 / 28.75)
    assert got.coverage.value == 0.75
    assert got.width.value == 2.0
    assert got.spearman.value == pytest.approx(0.9486833)  # errors 0 1 0 2 and stds .1 1 .5 2, ties at mean rank
    density = np.exp(-0.5 * ((y - mean) / std) ** 2) / (std * math.sqrt(2.0 * math.pi))
    assert got.nll.value == pytest.approx(-np.log(density).mean())
    assert (got.mae.low, got.mae.high) == (0.0, 1.5)  # of four errors 0 1 0 2
    assert got == score(y, mean, std, mean - 1.0, mean + 1.0, seed=0)


def test_figures_without_meaning_are_none() -> None:
    y = np.array([1.0, 1.0, 1.0])
    got = score(y, np.array([1.1, 1.2, 1.3]), np.ones(3), y - 1.0, y + 1.0, seed=0)
    assert (got.r2.value, got.spearman.value) == (None, None)
    json.dumps(got.to_dict(), allow_nan=False)
    assert math.isnan(rank_correlation(np.ones(4), np.arange(4.0)))
    with pytest.raises(ValueError, match="same molecules"):
        score(y, y[:2], y, y, y, seed=0)
