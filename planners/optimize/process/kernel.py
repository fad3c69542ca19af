"""The covariance of an outcome between two settings, for many choices of hyperparameters at once.

One factor for each parameter, `(1 - a) + a k`, whose product over the parameters holds a constant, each parameter's own
effect, and every interaction, weighed by the relevances `a` (the ANOVA kernel of M. O. Stitson et al., 1997). `k`: for
a number Matern-5/2; for a category of substances a mixture of Matern-5/2 over descriptors, the likeness of
fingerprints, and identity (an option may be unlike anything else); for other categories identity alone.

Hyperparameters are latent vectors, each component standard normal a priori, so that samplers need to know nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from knowledge.records.space import Category
from planners.optimize.process.contract import Array
from planners.optimize.process.descriptions import Description, Distance, Likeness, Same
from planners.optimize.space.encoding import Codes, Encoding

Places = NDArray[np.intp]

SQRT5 = float(np.sqrt(5.0))


@dataclass(frozen=True)
class Prior:
    """Normal, of the logarithm or the logit that it is named after."""

    mean: float
    deviation: float

    def __call__(self, latent: Array) -> Array:
        return self.mean + self.deviation * latent


@dataclass(frozen=True)
class Form:
    """Priors of the hyperparameters, for outcomes of mean 0 and variance 1 and numbers from 0 to 1.

    Centres and widths are roughly those of the best hyperparameters under priors twice as wide, on 120 random rows each
    of six measured tables of couplings (Suzuki, Buchwald-Hartwig; 18 categories) and on 66 to 90 rows each of eight
    of Olympus's tables (31 numbers): relevances of categories 0.09 to 0.83 about 0.53 and of numbers 0.36 to 0.89 about
    0.75, descriptors' lengths 0.8 to 4.0 medians about 1.8, errors 0.08 to 0.13 of the spread where they were yields.

    The scale is put higher than what was found (0.9 to 2.7 about 1.2), because the few first measurements rarely show
    how far an outcome can go. Measured on campaigns of 25 in fives on direct arylation (60 random starts, seeds 100 to
    159; expected improvement, kriging believer; mean best over experiments 6 to 25, standard error about 1): 81.4 and
    82.4 with the higher scale, 79.9 and 80.6 with that found. No other change of a prior, nor leaving out fingerprints,
    200 further descriptors, or the square root of the yield for it, made a difference beyond the error.
    """

    relevance: Prior = Prior(0.1, 1.2)  # logit, of a category
    importance: Prior = Prior(0.8, 1.2)  # logit, of a number
    length: Prior = Prior(0.0, 0.9)  # log, of a number, in units of sqrt(parameters) / 2
    distance: Prior = Prior(0.6, 0.6)  # log, of descriptors, in medians
    likeness: Prior = Prior(0.0, 1.0)  # log weight of fingerprints against descriptors
    identity: Prior = Prior(-0.6, 1.0)  # log weight of identity against descriptors
    scale: Prior = Prior(0.5, 0.5)  # log standard deviation
    noise: Prior = Prior(-2.5, 0.9)  # log standard deviation
    constant: float = 1.0  # standard deviation of the mean


def matern(scaled: Array) -> Array:
    """Matern-5/2 of distances over lengthscale."""
    x = SQRT5 * scaled
    return np.asarray((1.0 + x + x * x / 3.0) * np.exp(-x), dtype=np.float64)


@dataclass(frozen=True)
class Pairs:
    """One column of two sets of settings: `tables` (d, u, v) of comparisons between their different values, and which
    of those each setting has."""

    tables: Array
    rows: Places
    columns: Places


class NumberColumn:
    """Latents: relevance, length."""

    latents = 2

    def __init__(self, form: Form, parameters: int) -> None:
        self._form = form
        self._unit = 0.5 * np.sqrt(parameters)

    def pairs(self, codes: Array, others: Array) -> Pairs:
        values, rows = np.unique(codes, return_inverse=True)
        against, columns = np.unique(others, return_inverse=True)
        return Pairs(np.abs(values[:, None] - against[None, :])[None], rows, columns)

    def factor(self, tables: Array, latents: Array) -> Array:
        """(M, u, v) of (d, u, v) and (M, latents)."""
        a = _expit(self._form.importance(latents[:, 0]))[:, None, None]
        length = self._unit * np.exp(self._form.length(latents[:, 1]))[:, None, None]
        return np.asarray(1.0 - a + a * matern(tables[0] / length), dtype=np.float64)


class CategoryColumn:
    """Latents: relevance, and for substances length, likeness, identity."""

    def __init__(self, form: Form, category: Category) -> None:
        self._form = form
        self._described = category.described and len(category.options) > 1
        self._descriptions: tuple[Description, ...] = (Same(),)
        if self._described:
            self._descriptions = (Same(), Distance(category), Likeness(category))
        self.latents = 4 if self._described else 1

    def pairs(self, codes: Array, others: Array) -> Pairs:
        values, rows = np.unique(np.rint(codes).astype(np.intp), return_inverse=True)
        against, columns = np.unique(np.rint(others).astype(np.intp), return_inverse=True)
        return Pairs(np.stack([d.compare(values, against) for d in self._descriptions]), rows, columns)

    def factor(self, tables: Array, latents: Array) -> Array:
        form = self._form
        a = _expit(form.relevance(latents[:, 0]))[:, None, None]
        if not self._described:
            return np.asarray(1.0 - a + a * tables[0], dtype=np.float64)
        length = np.exp(form.distance(latents[:, 1]))[:, None, None]
        likeness = np.exp(form.likeness(latents[:, 2]))[:, None, None]
        identity = np.exp(form.identity(latents[:, 3]))[:, None, None]
        mixed = matern(tables[1] / length) + likeness * tables[2] + identity * tables[0]
        return np.asarray(1.0 - a + a * mixed / (1.0 + likeness + identity), dtype=np.float64)


class Kernel:
    """`latents`: how many hyperparameters, the last two of which are the scale and the noise."""

    def __init__(self, encoding: Encoding, form: Form) -> None:
        self.form = form
        parameters = encoding.space.parameters
        self.columns: list[NumberColumn | CategoryColumn] = [
            CategoryColumn(form, p) if isinstance(p, Category) else NumberColumn(form, len(parameters))
            for p in parameters
        ]
        ends = np.cumsum([c.latents for c in self.columns]).tolist()
        self.spans = [slice(end - c.latents, end) for c, end in zip(self.columns, ends, strict=True)]
        self.latents = ends[-1] + 2

    def pairs(self, codes: Codes, others: Codes) -> list[Pairs]:
        return [c.pairs(codes[:, j], others[:, j]) for j, c in enumerate(self.columns)]

    def factors(self, pairs: Sequence[Pairs], latents: Array) -> list[Array]:
        return [c.factor(p.tables, latents[:, s]) for c, p, s in zip(self.columns, pairs, self.spans, strict=True)]

    def correlation(self, pairs: Sequence[Pairs], latents: Array) -> Array:
        """(M, n, m), 1 for a setting and itself."""
        product: Array | None = None
        for pair, factor in zip(pairs, self.factors(pairs, latents), strict=True):
            spread = spread_out(factor, pair)
            product = spread if product is None else product * spread
        assert product is not None
        return product

    def scale(self, latents: Array) -> Array:
        """(M,): variance of the outcome about its mean."""
        return np.exp(2.0 * self.form.scale(latents[:, -2]))

    def noise(self, latents: Array) -> Array:
        """(M,): variance of a measurement's error."""
        return np.exp(2.0 * self.form.noise(latents[:, -1]))

    def covariance(self, pairs: Sequence[Pairs], latents: Array) -> Array:
        """(M, n, m), of the noiseless outcome; the unknown mean is in it."""
        scale = self.scale(latents)[:, None, None]
        return np.asarray(self.form.constant**2 + scale * self.correlation(pairs, latents), dtype=np.float64)

    def variance(self, latents: Array) -> Array:
        """(M,): of the noiseless outcome at any setting."""
        return np.asarray(self.form.constant**2 + self.scale(latents), dtype=np.float64)


def spread_out(factor: Array, pair: Pairs) -> Array:
    """(M, u, v) to (M, n, m)."""
    return factor[:, pair.rows][:, :, pair.columns]


def _expit(x: Array) -> Array:
    return np.asarray(1.0 / (1.0 + np.exp(-x)), dtype=np.float64)
