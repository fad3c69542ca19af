"""What fails, as a latent Gaussian process behind a probit: several correlations tried, weighed by their evidence.

Expectation propagation with all sites updated at once (T. Minka, UAI 2001, 362; C. E. Rasmussen, C. K. I. Williams,
Gaussian Processes for Machine Learning, MIT Press 2006, section 3.6). Every member's prior mean is such that the prior
probability is the base rate, and one member is the base rate alone: with few failures the data speak for no structure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_solve, cholesky
from scipy.special import log_ndtr, ndtr, ndtri

Array = NDArray[np.float64]

AMPLITUDES = (1.0, 2.5)
"""Deviations of the latent function tried: how far from the base rate a probability may go (2.5: to near 0 or 1)."""
KEPT = 0.02  # members with less of the weight say nothing
FEW = 120
"""Labels by which structures are sorted out where there are more."""
MOST = 4  # members that are fitted to all of them then
_SWEEPS = 60
_DAMPING = 0.7
_CLOSE = 1e-4


@dataclass(frozen=True)
class Member:
    """A latent process given the labels. `structure`: the index of its correlation among those tried."""

    structure: int
    amplitude: float
    mean: float
    pull: Array  # (n,): the latent mean is `mean` + covariance with the labelled points @ pull
    shrink: Array  # (n, n): the latent variance is that of the prior less c @ shrink @ c
    evidence: float

    def probability(self, correlation: Array) -> Array:
        """(m,) of success, from the correlations (m, n) with the labelled points."""
        cross = self.amplitude**2 * correlation
        variance = self.amplitude**2 - ((cross @ self.shrink) * cross).sum(axis=1)
        centre = self.mean + cross @ self.pull
        probability: Array = ndtr(centre / np.sqrt(1.0 + np.maximum(variance, 0.0)))
        return probability


@dataclass(frozen=True)
class Classifier:
    """A weighed sum of members and of the base rate alone (what is left of the weights to 1)."""

    base: float
    weights: tuple[float, ...]
    members: tuple[Member, ...]

    @property
    def structures(self) -> tuple[int, ...]:
        return tuple(dict.fromkeys(m.structure for m in self.members))

    def probability(self, correlations: dict[int, Array], n: int) -> Array:
        """(n,) of success; `correlations` (n, labelled) by structure, for every one of `structures`."""
        found = np.full(n, (1.0 - sum(self.weights)) * self.base)
        for weight, member in zip(self.weights, self.members, strict=True):
            found += weight * member.probability(correlations[member.structure])
        return found


def fit_classifier(correlations: Sequence[Array], failed: NDArray[np.bool_]) -> Classifier:
    """`correlations`: (n, n) each, 1 on the diagonal, positive semi-definite; one weight among all of them, before the
    data, is as much as that of no structure at all.
    """
    labels = np.where(failed, -1.0, 1.0)
    base = (float((~failed).sum()) + 0.5) / (len(failed) + 1.0)
    tried = [(s, a) for s in range(len(correlations)) for a in AMPLITUDES]
    prior = -float(np.log(len(tried)))
    if len(failed) > FEW:
        # Most structures are out of the question after some labels; only the others see all of them.
        some = np.unique(np.linspace(0, len(failed) - 1, FEW).astype(np.intp))
        rough = [_propagate(correlations[s][np.ix_(some, some)], labels[some], s, a, base) for s, a in tried]
        weights = _weights(rough, prior, labels[some], base)
        tried = [tried[i] for i in np.argsort(-weights[1:], kind="stable")[:MOST] if weights[i + 1] >= KEPT]
    members = [_propagate(correlations[s], labels, s, a, base) for s, a in tried]
    weights = _weights(members, prior, labels, base)
    kept = [i for i in range(len(members)) if weights[i + 1] >= KEPT]
    total = weights[0] + sum(weights[i + 1] for i in kept)
    return Classifier(
        base=base,
        weights=tuple(float(weights[i + 1] / total) for i in kept),
        members=tuple(members[i] for i in kept),
    )


def _weights(members: Sequence[Member], prior: float, labels: Array, base: float) -> Array:
    """First that of the base rate alone, then the members'; their sum is 1. `prior`: log, of each member."""
    alone = float(np.log(np.where(labels < 0.0, 1.0 - base, base)).sum())
    scores = np.array([alone, *(m.evidence + prior for m in members)])
    weights = np.exp(scores - scores.max())
    return np.asarray(weights / weights.sum())


def _propagate(correlation: Array, labels: Array, structure: int, amplitude: float, base: float) -> Member:
    n = len(labels)
    prior = amplitude**2 * correlation
    mean = float(np.sqrt(1.0 + amplitude**2) * ndtri(base))
    precision, shift = np.zeros(n), np.zeros(n)
    mu, covariance = np.zeros(n), prior
    for _ in range(_SWEEPS):
        variance = np.diag(covariance)
        cavity_precision = np.maximum(1.0 / variance - precision, 1e-10)
        cavity_mean = (mu / variance - shift) / cavity_precision
        cavity_variance = 1.0 / cavity_precision
        z, ratio, scale = _tilt(labels, cavity_mean, cavity_variance, mean)
        new_mean = cavity_mean + labels * cavity_variance * ratio / scale
        new_variance = cavity_variance - cavity_variance**2 * ratio / scale**2 * (z + ratio)
        step = np.maximum(1.0 / new_variance - cavity_precision, 0.0) - precision
        precision = precision + _DAMPING * step
        shift = shift + _DAMPING * (new_mean / new_variance - cavity_mean * cavity_precision - shift)
        root, lower = _factor(prior, precision)
        solved = cho_solve((lower, True), root[:, None] * prior)
        covariance = prior - prior @ (root[:, None] * solved)
        mu = covariance @ shift
        if float(np.abs(step).max()) < _CLOSE:
            break
    shrink = root[:, None] * cho_solve((lower, True), np.diag(root))
    pull = shift - shrink @ (prior @ shift)
    return Member(
        structure, amplitude, mean, pull, shrink, _evidence(labels, mean, precision, shift, mu, covariance, lower)
    )


def _factor(prior: Array, precision: Array) -> tuple[Array, Array]:
    root = np.sqrt(precision)
    return root, cholesky(np.eye(len(root)) + root[:, None] * prior * root[None, :], lower=True)


def _tilt(labels: Array, mean: Array, variance: Array, offset: float) -> tuple[Array, Array, Array]:
    scale = np.sqrt(1.0 + variance)
    z = labels * (mean + offset) / scale
    ratio = np.exp(-0.5 * z**2 - 0.5 * np.log(2.0 * np.pi) - log_ndtr(z))
    return z, ratio, scale


def _evidence(
    labels: Array, offset: float, precision: Array, shift: Array, mu: Array, covariance: Array, lower: Array
) -> float:
    """Natural logarithm of the approximate marginal likelihood: sites and cavities put together."""
    variance = np.diag(covariance)
    cavity_precision = np.maximum(1.0 / variance - precision, 1e-10)
    cavity_shift = mu / variance - shift
    cavity_mean = cavity_shift / cavity_precision
    z, _, _ = _tilt(labels, cavity_mean, 1.0 / cavity_precision, offset)
    total = float(log_ndtr(z).sum()) - float(np.log(np.diag(lower)).sum())
    total += 0.5 * float(np.log1p(precision / cavity_precision).sum())
    both = cavity_precision + precision
    total += 0.5 * float(shift @ mu)
    # The sites' own terms against their cavities: what each Gaussian pair integrates to.
    total -= 0.5 * float(((cavity_shift + shift) ** 2 / both - cavity_shift**2 / cavity_precision).sum())
    return total
