"""The model `fusion`: a process over a property's own measurements and what other sources say of it.

What a calculation says of an asked molecule conditions the process for this molecule, so that a prediction depends on
the molecule alone and not on the others it is asked with. Where no source says anything, what remains is the model `gp`
with a nugget and a noise that several sources have told apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse

from knowledge.qspr.contract import Belief, Samples, Stored
from knowledge.qspr.fusion.coregion import BIAS, Coregion, Rows, covariance, search, start
from knowledge.qspr.fusion.report import SourceReport, reports
from knowledge.qspr.fusion.sources import ComputedSource, FusedSamples, Source, fused
from knowledge.qspr.fusion.tails import FREEDOM, reweighted
from knowledge.qspr.kernels import Array, squared_distance, tanimoto
from knowledge.qspr.models.gp import GaussianProcess, Views
from knowledge.qspr.models.process import CONSTANT, Terms
from knowledge.qspr.models.scaling import Features, Target, require_two, require_version

VERSION = "1"
MAX_ROWS = 2000  # values of all sources together
ELSEWHERE = 400  # of them, values of molecules that the primary source does not have
SEARCH_ROWS = 400
ITERATIONS = 40
_SEARCHES = 2  # of hyperparameters, after the first one, each with new weights of the values
_WEIGHINGS = 3
_ASKED = 256  # molecules predicted at one time


@dataclass(frozen=True)
class Seen:
    """Distinct molecules of all sources as the kernels see them; each array is (m, .) in the order of `smiles`."""

    smiles: tuple[str, ...]
    counts: tuple[sparse.csr_array, ...]
    scaled: tuple[Array, ...]

    def terms(self, order: NDArray[np.intp] | None = None) -> Terms:
        counts, scaled = self.counts, self.scaled
        if order is not None:
            counts, scaled = tuple(c[order] for c in counts), tuple(x[order] for x in scaled)
        return Terms(tuple(tanimoto(c, c) for c in counts), tuple(squared_distance(x, x) for x in scaled))


class _Asked(NamedTuple):
    """Of m molecules, each (m,): standardised values of the source with this number, their variances, and where it
    says anything.
    """

    source: int
    y: Array
    variances: Array
    known: NDArray[np.bool_]


@dataclass(frozen=True)
class FittedFusion:
    """Predicts the primary source's values: `epistemic` is of the true value, `noise` of the primary source."""

    name: str
    views: Views
    sources: tuple[Source, ...]
    data: FusedSamples
    target: Target
    scalers: tuple[Features, ...]
    seen: Seen
    rows: Rows
    theta: Coregion

    @cached_property
    def _solved(self) -> tuple[Array, Array]:
        """Cholesky factor (N, N) and weights (N,)."""
        k = covariance(self.theta, self.theta.kernels(self.seen.terms()), self.rows)
        factor = linalg.cholesky(k, lower=True, overwrite_a=True, check_finite=False)
        return factor, linalg.cho_solve((factor, True), self.rows.y, check_finite=False)

    def predict(self, smiles: Sequence[str]) -> Belief:
        """Raises InvalidMolecule, and what a computed source raises where a package is missing."""
        means, variances = [np.zeros(0)], [np.zeros(0)]
        for begin in range(0, len(smiles), _ASKED):
            mean, variance = self._standardised(smiles[begin : begin + _ASKED])
            means.append(mean)
            variances.append(variance)
        epistemic = np.sqrt(np.concatenate(variances)) * self.target.spread
        return Belief(self.target.back(np.concatenate(means)), epistemic, np.full(len(smiles), self._noise()))

    def _standardised(self, smiles: Sequence[str]) -> tuple[Array, Array]:
        """Mean and variance (m,) of f given the rows, and given what calculations say of each molecule itself."""
        theta, rows = self.theta, self.rows
        factor, alpha = self._solved
        kernels = theta.kernels(self._cross(smiles))
        f = CONSTANT + sum(v * k for v, k in zip(theta.variances, kernels, strict=True))
        place = {s: i for i, s in enumerate(self.seen.smiles)}
        for column, s in enumerate(smiles):
            if s in place:
                f[place[s], column] += theta.nugget
        cross = [theta.scales[rows.source][:, None] * f[rows.molecule]]
        asked = self._asked(smiles)
        load = np.array([1.0, *(theta.scales[a.source] for a in asked)])
        # (u, v, m): of each molecule, the covariance of f (number 0) and of what each source says of it.
        between = np.repeat(np.outer(load, load)[:, :, None] * theta.prior_variance, len(smiles), axis=2)
        for u, a in enumerate(asked, start=1):
            deltas = theta.deltas[a.source]
            own = np.flatnonzero(rows.source == a.source)
            both = theta.scales[a.source] * cross[0]
            both[own] += (BIAS + sum(d * k for d, k in zip(deltas, kernels, strict=True)))[rows.molecule[own]]
            cross.append(both)
            between[u, u] += BIAS + float(deltas.sum()) + theta.noises[a.source] + a.variances
        means = np.stack([c.T @ alpha for c in cross])
        halves = [linalg.solve_triangular(factor, c, lower=True, check_finite=False) for c in cross]
        for u, half in enumerate(halves):
            for v, other in enumerate(halves):
                between[u, v] -= (half * other).sum(axis=0)
        mean, variance = means[0], between[0, 0].copy()
        for column in range(len(smiles)):
            use = np.array([u for u, a in enumerate(asked, start=1) if a.known[column]], dtype=np.intp)
            if len(use):
                covariances = between[:, :, column]
                gain = np.linalg.solve(covariances[np.ix_(use, use)], covariances[use, 0])
                said = np.array([asked[u - 1].y[column] for u in use])
                mean[column] += gain @ (said - means[use, column])
                variance[column] -= gain @ covariances[use, 0]
        return mean, np.maximum(variance, 0.0)

    def _cross(self, smiles: Sequence[str]) -> Terms:
        counts = self.views.counts(smiles)
        scaled = [scale(x) for scale, x in zip(self.scalers, self.views.raw(smiles), strict=True)]
        return Terms(
            tuple(tanimoto(a, b) for a, b in zip(self.seen.counts, counts, strict=True)),
            tuple(squared_distance(a, b) for a, b in zip(self.seen.scaled, scaled, strict=True)),
        )

    def _asked(self, smiles: Sequence[str]) -> list[_Asked]:
        """What sources say of molecules, beyond what is among the rows already."""
        found = []
        for number, source in enumerate(self.sources, start=1):
            have = set(self.data.samples[number].smiles)
            if not source.everywhere or not have:
                continue
            said = source(smiles)
            known = said.known & np.array([s not in have for s in smiles], dtype=np.bool_)
            if known.any():
                y = self.target.standard(np.where(known, said.values, self.target.centre))
                found.append(_Asked(number, y, said.variances / self.target.spread**2, known))
        return found

    def _noise(self) -> float:
        """A future measurement is as noisy as the primary source's own are on average, misprints left out."""
        own = self.rows.source == 0
        base = self.theta.row_noise(self.rows)[own] * self.rows.weights[own]
        heavy = FREEDOM / (FREEDOM - 2.0) if (self.rows.weights[own] != 1.0).any() else 1.0
        return float(np.sqrt(base.mean() * heavy)) * self.target.spread

    def report(self) -> list[SourceReport]:
        """What was learned of each source, the primary first; values on the model scale."""
        factor, alpha = self._solved
        return reports(self.data, self.target, self.theta, self.seen.terms(), self.rows, factor, alpha)

    def stored(self) -> Stored:
        arrays = {"theta": self.theta.vector, "weights": self.rows.weights}
        for i, part in enumerate(self.data.samples):
            arrays |= {f"values_{i}": part.values, f"variances_{i}": part.variances}
        for i, (scale, x) in enumerate(zip(self.scalers, self.seen.scaled, strict=True)):
            arrays |= {f"columns_{i}": scale.columns, f"centre_{i}": scale.centre, f"scale_{i}": scale.scale}
            arrays[f"scaled_{i}"] = x
        settings = {
            "model": self.name,
            "version": VERSION,
            "views": self.views.version,
            "sources": _named(self.sources),
            "primary": self.data.names[0],
            "constants": [s.constants() if isinstance(s, ComputedSource) else None for s in self.sources],
            "smiles": [list(part.smiles) for part in self.data.samples],
        }
        return Stored(settings, arrays)


class Fusion:
    """See the module. `primary` names the source of the samples in reports."""

    version = VERSION

    def __init__(
        self,
        *sources: Source,
        primary: str = "experiment",
        name: str = "fusion",
        views: Views | None = None,
        max_rows: int = MAX_ROWS,
        elsewhere: int = ELSEWHERE,
    ) -> None:
        """Raises ValueError for sources of one name."""
        FusedSamples((primary, *(s.name for s in sources)), tuple(_NOTHING for _ in range(1 + len(sources))))
        self.name, self.primary, self.sources = name, primary, sources
        self._limits = {"limit": max_rows, "elsewhere": elsewhere}
        self.views = views or GaussianProcess().views

    def fit(self, samples: Samples, *, seed: int) -> FittedFusion:
        """Raises InvalidMolecule, ValueError for fewer than 2 molecules, and what a computed source raises where a
        package is missing.
        """
        require_two(samples, self.name)
        data = fused(samples, self.sources, name=self.primary, **self._limits, seed=seed)
        smiles = data.molecules
        counts, raw = self.views.counts(smiles), self.views.raw(smiles)
        scalers = tuple(Features.of(x) for x in raw)
        scaled = tuple(scale(x) for scale, x in zip(scalers, raw, strict=True))
        seen = Seen(smiles, counts, scaled)
        target = Target.of(samples.values)
        rows = _rows(data, target)
        prior = start(len(counts), [x.shape[1] for x in scaled], [True, *(s.measured for s in self.sources)])
        heavy = np.array([any(s.measured for s in self.sources), *(s.measured for s in self.sources)])
        whole = seen.terms()
        if heavy.any():
            # Weighed first with equal noises: a search that starts from unweighed values blames the wrong source for a
            # misprint, and does not come back.
            rows = _weighed(prior, whole, rows, heavy)
        order, some = _subset(rows, len(samples), len(smiles), seed)
        terms = seen.terms(order)
        theta = search(terms, some, prior=prior, iterations=ITERATIONS)
        if heavy.any():
            for _ in range(_SEARCHES):
                some = _weighed(theta, terms, some, heavy)
                theta = search(terms, some, prior=prior, begin=theta, iterations=ITERATIONS)
            rows = _weighed(theta, whole, rows, heavy)
        return FittedFusion(self.name, self.views, self.sources, data, target, scalers, seen, rows, theta)

    def restore(self, stored: Stored) -> FittedFusion:
        """Tables must be those that the model was fitted with; what a computed source needs is stored.

        Raises ValueError for what another version, or one with other sources, stored.
        """
        expected = {
            "model": self.name,
            "version": VERSION,
            "views": self.views.version,
            "sources": _named(self.sources),
            "primary": self.primary,
        }
        require_version(stored, expected)
        arrays = stored.arrays
        parts = [
            Samples(tuple(smiles), arrays[f"values_{i}"], arrays[f"variances_{i}"])
            for i, smiles in enumerate(stored.settings["smiles"])
        ]
        data = FusedSamples((self.primary, *(s.name for s in self.sources)), tuple(parts))
        several = range(len(self.views.numbers))
        scalers = tuple(Features(arrays[f"columns_{i}"], arrays[f"centre_{i}"], arrays[f"scale_{i}"]) for i in several)
        smiles = data.molecules
        seen = Seen(smiles, self.views.counts(smiles), tuple(arrays[f"scaled_{i}"] for i in several))
        target = Target.of(data.primary.values)
        rows = replace(_rows(data, target), weights=arrays["weights"])
        terms = len(self.views.fingerprints) + len(self.views.numbers)
        theta = Coregion.of(arrays["theta"], len(data.names), terms, len(self.views.numbers))
        constants = stored.settings["constants"]
        sources = tuple(
            s.with_constants(c) if isinstance(s, ComputedSource) else s
            for s, c in zip(self.sources, constants, strict=True)
        )
        return FittedFusion(self.name, self.views, sources, data, target, scalers, seen, rows, theta)


_NOTHING = Samples((), np.zeros(0), np.zeros(0))


def _named(sources: Sequence[Source]) -> list[dict[str, object]]:
    return [{"name": s.name, "version": s.version, "measured": s.measured, "everywhere": s.everywhere} for s in sources]


def _rows(data: FusedSamples, target: Target) -> Rows:
    place = {s: i for i, s in enumerate(data.molecules)}
    return Rows(
        molecule=np.array([place[s] for part in data.samples for s in part.smiles], dtype=np.intp),
        source=np.repeat(np.arange(len(data.samples)), [len(part) for part in data.samples]),
        y=target.standard(np.concatenate([part.values for part in data.samples])),
        variances=np.concatenate([part.variances for part in data.samples]) / target.spread**2,
        weights=np.ones(len(data)),
    )


def _weighed(theta: Coregion, terms: Terms, rows: Rows, heavy: NDArray[np.bool_]) -> Rows:
    kernels = theta.kernels(terms)
    for _ in range(_WEIGHINGS):
        rows = replace(rows, weights=reweighted(theta, kernels, rows, heavy))
    return rows


def _subset(rows: Rows, trained: int, molecules: int, seed: int) -> tuple[NDArray[np.intp], Rows]:
    """Molecules that hyperparameters are searched on, and their rows: as many as SEARCH_ROWS allows, those of the
    primary source first (they are the first `trained`).
    """
    rng = np.random.default_rng(seed)
    order = np.concatenate([rng.permutation(trained), trained + rng.permutation(molecules - trained)])
    sizes = np.bincount(rows.molecule, minlength=molecules)[order]
    order = np.sort(order[: max(2, int(np.searchsorted(np.cumsum(sizes), SEARCH_ROWS, side="right")))])
    new = np.full(molecules, -1, dtype=np.intp)
    new[order] = np.arange(len(order))
    kept = new[rows.molecule] >= 0
    some = Rows(new[rows.molecule[kept]], rows.source[kept], rows.y[kept], rows.variances[kept], rows.weights[kept])
    return order, some
