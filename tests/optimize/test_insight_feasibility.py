from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import dblquad
from scipy.special import ndtr, ndtri
from scipy.stats import multivariate_normal

from planners.optimize.insight.classifier import AMPLITUDES, fit_classifier
from planners.optimize.insight.feasibility import LARGEST, fit_feasibility, fit_feasibility_of_molecules
from tests.optimize.vessels import ENCODING, boiled, everything


def brier(probability: np.ndarray, failed: np.ndarray) -> float:
    return float(np.mean((probability - ~failed) ** 2))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_what_boils_away_is_learned_and_the_probabilities_hold(seed: int) -> None:
    codes = everything()
    failed = boiled(ENCODING.decode(codes))
    rows = np.random.default_rng(seed).choice(len(codes), 60, replace=False)
    rest = np.setdiff1d(np.arange(len(codes)), rows)
    found = fit_feasibility(ENCODING, codes[rows], failed[rows], seed).probability(codes[rest])
    base = np.full(len(rest), 1.0 - failed[rows].mean())
    assert brier(found, failed[rest]) < 0.5 * brier(base, failed[rest])
    assert found.mean() == pytest.approx(1.0 - failed[rest].mean(), abs=0.13)
    sure = found > 0.9
    assert sure.sum() > 30
    assert failed[rest][sure].mean() < 0.05


def test_without_failures_everything_can_be_tried_and_one_failure_says_little() -> None:
    codes = everything()
    rows = np.random.default_rng(0).choice(len(codes), 20, replace=False)
    nothing = np.zeros(20, dtype=bool)
    assert np.all(fit_feasibility(ENCODING, codes[rows], nothing, 0).probability(codes) == 1.0)
    one = nothing.copy()
    one[0] = True
    found = fit_feasibility(ENCODING, codes[rows], one, 0).probability(codes)
    assert found.min() > 0.7
    assert found.mean() == pytest.approx(1.0 - 1.5 / 21.0, abs=0.03)
    assert found[rows[0]] < found.mean()
    everywhere = fit_feasibility(ENCODING, codes[rows], ~nothing, 0).probability(codes)
    assert everywhere.max() < 0.1


def test_rows_in_any_order_give_the_same_and_many_are_thinned() -> None:
    codes = np.concatenate([everything()] * 2)
    failed = boiled(ENCODING.decode(codes))
    assert len(codes) > LARGEST
    some = codes[:80]
    whole = fit_feasibility(ENCODING, codes, failed, 3).probability(some)
    assert np.array_equal(whole, fit_feasibility(ENCODING, codes, failed, 3).probability(some))
    assert brier(whole, failed[:80]) < 0.06
    few = np.random.default_rng(0).choice(len(codes), 50, replace=False)
    mixed = few[::-1]
    left = fit_feasibility(ENCODING, codes[few], failed[few], 0).probability(some)
    right = fit_feasibility(ENCODING, codes[mixed], failed[mixed], 0).probability(some)
    assert left == pytest.approx(right, abs=1e-6)


def test_molecules_that_failed_make_their_kin_unlikely() -> None:
    """Acyl chlorides, which hydrolyse on work-up, among esters that do not."""
    esters = [f"{'C' * n}OC(=O){'C' * m}" for n in range(1, 6) for m in range(1, 5)]
    chlorides = [f"{'C' * n}C(=O)Cl" for n in range(2, 7)]
    learned = fit_feasibility_of_molecules([*esters, *chlorides], np.array([False] * 20 + [True] * 5), 0)
    chloride, ester = learned.probability(["CCCCCCCCC(=O)Cl", "CCCCCCOC(=O)CC"])
    assert chloride < 0.5
    assert ester > 0.85
    assert learned.probability([]).shape == (0,)
    assert np.all(fit_feasibility_of_molecules(esters, np.zeros(20, dtype=bool), 0).probability(chlorides) == 1.0)


def test_evidence_and_probabilities_agree_with_integration() -> None:
    """Two labels, where the integrals can be done: the base rate is one half, so the latent mean is 0."""
    correlation = np.array([[1.0, 0.6], [0.6, 1.0]])
    found = fit_classifier([correlation], np.array([True, False]))
    assert found.base == 0.5
    for amplitude, member in zip(AMPLITUDES, found.members, strict=True):
        prior = multivariate_normal(mean=np.zeros(2), cov=amplitude**2 * correlation)

        def likelihood(y: float, x: float, prior: multivariate_normal = prior) -> float:
            return float(prior.pdf([x, y]) * ndtr(-x) * ndtr(y))

        reach = 6.0 * amplitude
        evidence, _ = dblquad(likelihood, -reach, reach, -reach, reach, epsabs=1e-5)
        assert member.evidence == pytest.approx(np.log(evidence), abs=0.02)
        hit, _ = dblquad(lambda y, x, f=likelihood: f(y, x) * ndtr(y), -reach, reach, -reach, reach, epsabs=1e-5)
        assert member.probability(correlation)[1] == pytest.approx(hit / evidence, abs=0.02)
        assert member.mean == pytest.approx(np.sqrt(1.0 + amplitude**2) * ndtri(0.5), abs=1e-12)
