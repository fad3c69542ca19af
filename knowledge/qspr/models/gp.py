"""The model `gp`: an exact Gaussian process over several views of a molecule.

Count fingerprints enter by the min-max (Tanimoto) kernel, numeric features by a radial kernel, each with its own
variance and length. Hyperparameters are found by marginal likelihood on at most `SEARCH_ROWS` rows; all rows are
conditioned on. `GaussianProcess.starting` makes that search short, `conditioned` does without it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import linalg, sparse

from knowledge.features import CountMorgan, Descriptors
from knowledge.features.featurizer import Counting, Featurizer
from knowledge.features.topological import AtomPairs, Topological
from knowledge.qspr.contract import Belief, Fitted, Samples, Stored
from knowledge.qspr.kernels import Array, coded, squared_distance, tanimoto, unary
from knowledge.qspr.models.process import Conditioned, Terms, Theta, covariance, search, start_for
from knowledge.qspr.models.scaling import Features, Target, require_two, require_version

VERSION = "3"
SEARCH_ROWS = 600
ITERATIONS = 40
WARM_ITERATIONS = 8  # of a search that begins at what an earlier, similar data set gave
_MAX_COUNT = 16  # an atom environment that occurs more often counts as 16
_BLOCK = 256  # rows of fingerprints that are dense at one time
_ASKED = 1024  # molecules predicted at one time


@dataclass(frozen=True)
class Views:
    """How a process sees molecules: `fingerprints` are counts, `numbers` anything; at least one of the two."""

    fingerprints: tuple[Featurizer, ...]
    numbers: tuple[Featurizer, ...]

    def __post_init__(self) -> None:
        if not (self.fingerprints or self.numbers):
            raise ValueError("a Gaussian process needs at least one featurizer")

    @property
    def version(self) -> list[str]:
        return [f"{f.name}/{f.version}" for f in (*self.fingerprints, *self.numbers)]

    def counts(self, smiles: Sequence[str]) -> tuple[sparse.csr_array, ...]:
        return tuple(_coded(f, smiles) for f in self.fingerprints)

    def raw(self, smiles: Sequence[str]) -> tuple[Array, ...]:
        return tuple(np.asarray(f(smiles), dtype=np.float64) for f in self.numbers)


def _coded(fingerprint: Featurizer, smiles: Sequence[str]) -> sparse.csr_array:
    if isinstance(fingerprint, Counting):
        return coded(fingerprint.occurrences(smiles), fingerprint.bits, _MAX_COUNT)
    blocks = [
        unary(np.asarray(fingerprint(smiles[i : i + _BLOCK]), dtype=np.float64), _MAX_COUNT)
        for i in range(0, len(smiles), _BLOCK)
    ]
    return sparse.csr_array(sparse.vstack(blocks, format="csr"))


@dataclass(frozen=True)
class FittedGaussianProcess:
    """Hyperparameters and training rows; every array is (n, .) in the order of `smiles`."""

    name: str
    views: Views
    smiles: tuple[str, ...]
    counts: tuple[sparse.csr_array, ...]
    scalers: tuple[Features, ...]
    scaled: tuple[Array, ...]
    samples: Samples
    target: Target
    process: Conditioned

    def predict(self, smiles: Sequence[str]) -> Belief:
        """A molecule of the training set is recognised by its SMILES."""
        return self.placed(smiles)[0]

    def placed(self, smiles: Sequence[str]) -> tuple[Belief, Array]:
        """The prediction, and by the way each molecule's similarity to the nearest training molecule in the first view,
        (n,); 0 without fingerprints.
        """
        means, variances, nearest = [np.zeros(0)], [np.zeros(0)], [np.zeros(0)]
        for start in range(0, len(smiles), _ASKED):
            asked = smiles[start : start + _ASKED]
            terms = self._compared(*self._seen(asked))
            mean, variance = self.process.marginal(self._cross(asked, terms))
            means.append(mean)
            variances.append(variance)
            nearest.append(terms.similarities[0].max(axis=0) if terms.similarities else np.zeros(len(asked)))
        epistemic = np.sqrt(np.concatenate(variances)) * self.target.spread
        belief = Belief(self.target.back(np.concatenate(means)), epistemic, np.full(len(smiles), self._noise()))
        return belief, np.concatenate(nearest)

    def joint(self, smiles: Sequence[str]) -> tuple[Array, Array]:
        """See `contract.Joint`; memory and time grow with the square of `smiles`."""
        if len(set(smiles)) != len(smiles):
            raise ValueError("a joint prediction needs different molecules")
        if not smiles:
            return np.zeros(0), np.zeros((0, 0))
        counts, scaled = self._seen(smiles)
        own = covariance(self.process.theta, _own_terms(counts, scaled))
        own[np.diag_indices(len(smiles))] += self.process.theta.nugget
        mean, posterior = self.process.joint(self._cross(smiles, self._compared(counts, scaled)), own)
        return self.target.back(mean), posterior * self.target.spread**2

    def weights(self, smiles: Sequence[str]) -> Array:
        """What each training value counts in the mean of each molecule, (n, m): the mean is that of the training values
        plus weights.T @ (values less their mean); GPML, eq 2.25 read the other way round. Weights may be negative.
        """
        factor = (self.process.factor, True)
        cross = self._cross(smiles, self._compared(*self._seen(smiles)))
        weights: Array = linalg.cho_solve(factor, cross, check_finite=False)
        return weights

    def _seen(self, smiles: Sequence[str]) -> tuple[tuple[sparse.csr_array, ...], tuple[Array, ...]]:
        scaled = tuple(scale(x) for scale, x in zip(self.scalers, self.views.raw(smiles), strict=True))
        return self.views.counts(smiles), scaled

    def _compared(self, counts: Sequence[sparse.csr_array], scaled: Sequence[Array]) -> Terms:
        """Training molecules with others, (n, m)."""
        return Terms(
            tuple(tanimoto(a, b) for a, b in zip(self.counts, counts, strict=True)),
            tuple(squared_distance(a, b) for a, b in zip(self.scaled, scaled, strict=True)),
        )

    def _cross(self, smiles: Sequence[str], terms: Terms) -> Array:
        """Covariance (n, m) of the true values of training molecules and others."""
        theta = self.process.theta
        cross = covariance(theta, terms)
        row_of = {s: i for i, s in enumerate(self.smiles)}
        for column, text in enumerate(smiles):
            row = row_of.get(text)
            if row is not None:
                cross[row, column] += theta.nugget
        return cross

    def _noise(self) -> float:
        """A future measurement is as noisy as the middle one of the training set: values that an audit doubts carry
        variances that no new measurement has.
        """
        return float(np.sqrt(np.median(self._variances())))

    def _variances(self) -> Array:
        """Of each training value's noise, (n,): as given, or as learned."""
        known = self.samples.variances
        return np.where(known == 0.0, self.process.theta.noise * self.target.spread**2, known)

    def leave_one_out(self) -> Belief:
        """Hyperparameters are kept."""
        mean, variance = self.process.leave_one_out(self.target.standard(self.samples.values))
        noise = self._variances()
        epistemic = np.sqrt(np.maximum(variance * self.target.spread**2 - noise, 0.0))
        return Belief(self.target.back(mean), epistemic, np.sqrt(noise))

    def stored(self) -> Stored:
        arrays = {
            "values": self.samples.values,
            "variances": self.samples.variances,
            "theta": self.process.theta.vector,
        }
        for i, (scale, rows) in enumerate(zip(self.scalers, self.scaled, strict=True)):
            arrays |= {f"columns_{i}": scale.columns, f"centre_{i}": scale.centre, f"scale_{i}": scale.scale}
            arrays[f"rows_{i}"] = rows
        settings = {"model": self.name, "version": VERSION, "views": self.views.version, "smiles": list(self.smiles)}
        return Stored(settings, arrays)


class GaussianProcess:
    """See the module. `views` default to count ECFP4, atom pairs, all of RDKit's descriptors and, by a kernel of their
    own, the 48 that mean something for liquids, which helps where there are few training molecules. `extra` adds
    numeric featurizers, such as an embedding or a physics prior's estimate.
    """

    version = VERSION

    def __init__(
        self,
        *,
        name: str = "gp",
        views: Views | None = None,
        extra: Sequence[Featurizer] = (),
        start: Theta | None = None,
        earlier: FittedGaussianProcess | None = None,
    ) -> None:
        base = views or Views((CountMorgan(), AtomPairs()), (Topological(), Descriptors()))
        self.name = name
        self.views = Views(base.fingerprints, (*base.numbers, *extra))
        self._start = start
        self._earlier = earlier

    def starting(self, theta: Theta) -> GaussianProcess:
        """The same model with a short search that begins at the hyperparameters of an earlier fit."""
        return GaussianProcess(name=self.name, views=self.views, start=theta)

    def after(self, fitted: Fitted) -> GaussianProcess:
        """See `contract.Resumes`."""
        if not isinstance(fitted, FittedGaussianProcess):
            return self
        return GaussianProcess(name=self.name, views=self.views, start=fitted.process.theta, earlier=fitted)

    def fit(self, samples: Samples, *, seed: int) -> FittedGaussianProcess:
        """Raises InvalidMolecule, and ValueError for fewer than 2 molecules."""
        require_two(samples, self.name)
        earlier = self._earlier
        if earlier is not None and earlier.views == self.views and earlier.smiles == samples.smiles:
            counts, scalers, scaled = earlier.counts, earlier.scalers, earlier.scaled
        else:
            counts, scalers, scaled = self._seen(samples)
        terms = _own_terms(counts, scaled)
        target = Target.of(samples.values)
        order = np.arange(len(samples))
        if len(order) > SEARCH_ROWS:
            order = np.sort(np.random.default_rng(seed).permutation(len(order))[:SEARCH_ROWS])
        theta = search(
            terms.of(order),
            target.standard(samples.values)[order],
            samples.variances[order] / target.spread**2,
            prior=start_for(len(counts), [x.shape[1] for x in scaled]),
            iterations=ITERATIONS if self._start is None else WARM_ITERATIONS,
            start=self._start,
        )
        return self._conditioned(samples, counts, scalers, scaled, terms, theta)

    def conditioned(self, samples: Samples, theta: Theta) -> FittedGaussianProcess:
        """What `fit` gives when its search ends at `theta`, bit for bit: so samples and `theta` are the whole model.

        Raises InvalidMolecule, and ValueError for fewer than 2 molecules.
        """
        require_two(samples, self.name)
        counts, scalers, scaled = self._seen(samples)
        return self._conditioned(samples, counts, scalers, scaled, _own_terms(counts, scaled), theta)

    def _seen(self, samples: Samples) -> tuple[tuple[sparse.csr_array, ...], tuple[Features, ...], tuple[Array, ...]]:
        raw = self.views.raw(samples.smiles)
        scalers = tuple(Features.of(x) for x in raw)
        return self.views.counts(samples.smiles), scalers, tuple(s(x) for s, x in zip(scalers, raw, strict=True))

    def restore(self, stored: Stored) -> FittedGaussianProcess:
        require_version(stored, {"model": self.name, "version": VERSION, "views": self.views.version})
        arrays = stored.arrays
        smiles = tuple(stored.settings["smiles"])
        several = range(len(self.views.numbers))
        counts, scaled = self.views.counts(smiles), tuple(arrays[f"rows_{i}"] for i in several)
        return self._conditioned(
            Samples(smiles, arrays["values"], arrays["variances"]),
            counts,
            tuple(Features(arrays[f"columns_{i}"], arrays[f"centre_{i}"], arrays[f"scale_{i}"]) for i in several),
            scaled,
            _own_terms(counts, scaled),
            Theta.of(arrays["theta"], len(self.views.fingerprints), len(self.views.numbers)),
        )

    def _conditioned(
        self,
        samples: Samples,
        counts: tuple[sparse.csr_array, ...],
        scalers: tuple[Features, ...],
        scaled: tuple[Array, ...],
        terms: Terms,
        theta: Theta,
    ) -> FittedGaussianProcess:
        target = Target.of(samples.values)
        process = Conditioned.on(
            theta,
            terms,
            target.standard(samples.values),
            samples.variances / target.spread**2,
        )
        return FittedGaussianProcess(
            self.name, self.views, samples.smiles, counts, scalers, scaled, samples, target, process
        )


def _own_terms(counts: Sequence[sparse.csr_array], scaled: Sequence[Array]) -> Terms:
    return Terms(tuple(tanimoto(c, c) for c in counts), tuple(squared_distance(x, x) for x in scaled))
