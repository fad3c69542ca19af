"""What a surrogate would say of a molecule, guessed from a glance: for a hundred thousand molecules in seconds.

The same kind of process as the surrogate, on the same values with the same doubts, but it sees a fingerprint and a few
numbers instead of two fingerprints and two hundred descriptors. It only has to tell who deserves the full model. Time
grows with molecules times training rows, memory with a block of that at a time; arithmetic is in single precision,
which moves a guess by less than a thousandth of its uncertainty.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse

from knowledge.qspr.kernels import Array
from knowledge.qspr.models.process import CONSTANT, Conditioned, Terms, Theta, search, start_for
from knowledge.qspr.models.scaling import Target
from planners.optimize.glance import BITS, LEVELS, NUMBERS, Glances, glances
from planners.optimize.surrogate import Surrogate
from planners.optimize.widening import Widening

_SEARCH_ROWS = 400
_ITERATIONS = 20
_RANK = 512  # directions that a guess's uncertainty knows; leaving out others only makes it larger
_FAR = 8.0  # standard deviations
_BLOCK = 4_000_000  # elements of one matrix at one time: 16 MB, and some six of them

Single = NDArray[np.float32]


@dataclass(frozen=True)
class Known:
    """Training molecules at a glance, ready to be compared with: `table` (c + 1, m) holds a row for each column that
    one of them has, and a last one of zeros for all others; `place` finds it. Numbers are scaled.
    """

    sizes: Single
    table: Single
    place: NDArray[np.int32]
    centre: Single
    spread: Single
    numbers: Single

    @staticmethod
    def of(seen: Glances) -> Known:
        used = np.unique(seen.columns)
        place = np.full(BITS * LEVELS, len(used), dtype=np.int32)
        place[used] = np.arange(len(used), dtype=np.int32)
        table = np.zeros((len(used) + 1, len(seen)), dtype=np.float32)
        table[place[seen.columns], np.repeat(np.arange(len(seen)), np.diff(seen.starts))] = 1.0
        centre, spread = seen.numbers.mean(axis=0), seen.numbers.std(axis=0)
        spread = np.where(spread > 1e-6, spread, np.float32(1.0))
        sizes = np.diff(seen.starts).astype(np.float32)
        return Known(sizes, table, place, centre, spread, _scaled(seen.numbers, centre, spread))

    def __len__(self) -> int:
        return len(self.sizes)

    @property
    def block(self) -> int:
        """Molecules to compare at one time."""
        return max(64, _BLOCK // max(len(self), 1))

    def compared(self, others: Glances) -> tuple[Single, Single]:
        """Min-max similarities of fingerprints and squared distances of numbers to the known molecules, (n, m)."""
        rows = sparse.csr_array(
            (np.ones(len(others.columns), dtype=np.float32), self.place[others.columns], others.starts),
            shape=(len(others), len(self.table)),
        )
        alike: Single = np.asarray(rows @ self.table, dtype=np.float32)
        total = np.diff(others.starts).astype(np.float32)[:, None] + self.sizes - alike
        np.divide(alike, total, out=alike, where=total > 0.0)
        alike[total <= 0.0] = 1.0
        theirs = _scaled(others.numbers, self.centre, self.spread)
        square = (theirs * theirs).sum(axis=1)[:, None] + (self.numbers * self.numbers).sum(axis=1)
        square -= 2.0 * (theirs @ self.numbers.T)
        return alike, np.maximum(square, 0.0, out=square)


def _scaled(numbers: Single, centre: Single, spread: Single) -> Single:
    """Cut where a molecule is far outside of what is known."""
    return np.clip((numbers - centre) / spread, -_FAR, _FAR)


@dataclass(frozen=True)
class Coarse:
    """One property's guess. Means and deviations are on the model scale, the deviation that of the true value."""

    theta: Theta
    target: Target
    process: Conditioned

    @staticmethod
    def of(surrogate: Surrogate, seen: Glances, known: Known) -> Coarse:
        """`seen`: the surrogate's training molecules, in their order; `known` made of them. Deterministic."""
        samples = surrogate.fitted.samples
        target = Target.of(samples.values)
        y, variances = target.standard(samples.values), samples.variances / target.spread**2
        alike, square = known.compared(seen)
        terms = Terms((alike.astype(np.float64),), (square.astype(np.float64),))
        some = np.arange(len(y))
        if len(y) > _SEARCH_ROWS:
            some = np.sort(np.random.default_rng(0).permutation(len(y))[:_SEARCH_ROWS])
        theta = search(
            terms.of(some),
            y[some],
            variances[some],
            prior=start_for(1, [len(NUMBERS)]),
            iterations=_ITERATIONS,
        )
        return Coarse(theta, target, Conditioned.on(theta, terms, y, variances))

    @cached_property
    def _alpha(self) -> Single:
        return self.process.alpha.astype(np.float32)

    @cached_property
    def _root(self) -> Single:
        """(m, r): the squares of a covariance times it add up to what the training molecules tell."""
        factor = self.process.factor
        if len(factor) <= _RANK:
            whole = linalg.solve_triangular(factor, np.eye(len(factor)), lower=True, check_finite=False)
            return np.ascontiguousarray(whole.T.astype(np.float32))
        lower = np.tril(factor)
        n = len(lower)
        values, vectors = linalg.eigh(lower @ lower.T, subset_by_index=[n - _RANK, n - 1], check_finite=False)
        return np.ascontiguousarray((vectors / np.sqrt(values)).astype(np.float32))

    def guess(self, alike: Single, square: Single) -> tuple[Array, Array]:
        """Mean and standard deviation, each (n,), of molecules that compare so with the training molecules."""
        theta = self.theta
        r = np.sqrt(square)
        r *= np.float32(np.sqrt(5.0) / theta.lengths[0])
        cross = np.exp(-r)
        cross *= (r * (np.float32(1.0 / 3.0)) + np.float32(1.0)) * r + np.float32(1.0)  # Matern of order 5/2
        cross *= np.float32(theta.radials[0])
        cross += np.float32(theta.similarities[0]) * alike
        cross += np.float32(CONSTANT)
        mean = (cross @ self._alpha).astype(np.float64)
        told = np.square(cross @ self._root).sum(axis=1).astype(np.float64)
        variance = np.maximum(theta.prior_variance - told, 1e-6 * theta.prior_variance)
        return self.target.back(mean), np.sqrt(variance) * self.target.spread


def guesses(
    surrogates: Sequence[Surrogate], others: Iterable[Glances], *, block: int | None = None
) -> Iterator[tuple[list[tuple[Array, Array]], NDArray[np.bool_]]]:
    """For each of `others`, as it comes, the mean and deviation (n,) of its molecules by each surrogate, and which of
    them could be read; `block` molecules at a time (None: as many as keep a matrix at 16 MB).

    Surrogates with the same training molecules share the comparison.
    """
    sets: dict[tuple[str, ...], list[int]] = {}
    for i, surrogate in enumerate(surrogates):
        sets.setdefault(tuple(surrogate.fitted.samples.smiles), []).append(i)
    learned = []
    for smiles, members in sets.items():
        seen = glances(smiles)
        known = Known.of(seen)
        learned.append((known, [(i, Coarse.of(surrogates[i], seen, known)) for i in members]))
    for part in others:
        means, stds = np.empty((2, len(surrogates), len(part)))
        for known, models in learned:
            step = block or known.block
            for start in range(0, len(part), step):
                alike, square = known.compared(part.part(start, start + step))
                nearest = alike.max(axis=1).astype(np.float64)
                for i, model in models:
                    mean, std = model.guess(alike, square)
                    means[i, start : start + step] = mean
                    stds[i, start : start + step] = std * _widest(surrogates[i].widening, nearest)
        yield list(zip(means, stds, strict=True)), part.readable


def _widest(widening: Widening, nearest: Array) -> Array:
    """As the surrogate widens, by the nearest neighbour; as for a scaffold that is known or new, whichever is wider, as
    nobody has looked at scaffolds. Of the 40 molecules of 2,500 for which the full models promised most, nine in ten
    were among the first 121 of the guess; among the first 403 when scaffolds counted as known.
    """
    known = widening.known(nearest)
    return known if widening.new is None else np.maximum(known, widening.new(nearest))
