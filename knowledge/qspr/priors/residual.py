"""A model that learns what a physics prior leaves over.

Where the prior is known, value = level + slope * prior + residual: the line is fitted first, then the inner model on
the residuals. The slope is believed to be 1 with deviation 0.3, so that few samples leave the correlation as published
and many correct it. Where the prior is unknown, a second inner model, fitted on the plain values of all samples,
answers: residuals and plain values are two populations, and one model of both would believe in the mean of neither.

The prior is off altogether (only the second model is used) when it knows less than half of the samples, when the fitted
slope is not positive, or when the residuals scatter as much as the values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from knowledge.qspr.contract import Belief, Fitted, Model, Samples, Stored
from knowledge.qspr.kernels import Array
from knowledge.qspr.priors.prior import CalibratedPrior, Known, Prior, masked
from knowledge.records.properties import PROPERTIES, Scale

_SLOPE_SPREAD = 0.3
_LEAST_SHARE = 0.5  # of the samples that the prior must know
_PARTS = ("residual", "plain")


@dataclass(frozen=True)
class Line:
    """level + slope * (prior - centre); `slope_std` is what calibration leaves unknown of the slope."""

    level: float
    slope: float
    centre: float
    slope_std: float

    def __call__(self, prior: Array) -> Array:
        return self.level + self.slope * (prior - self.centre)

    def std(self, prior: Array) -> Array:
        """Of the line away from the centre; the level's own uncertainty is left to the inner model's mean."""
        return self.slope_std * np.abs(prior - self.centre)

    @staticmethod
    def through(prior: Array, values: Array, variances: Array) -> Line:
        """Bayesian least squares with the slope near 1; the scatter around slope 1 counts as each sample's error."""
        scatter = float(np.var(values - prior)) + 1e-12
        weight = 1.0 / (scatter + variances)
        centre, level = (float(np.average(x, weights=weight)) for x in (prior, values))
        away = prior - centre
        precision = float(weight @ away**2) + _SLOPE_SPREAD**-2
        slope = (float(weight @ (away * (values - level))) + _SLOPE_SPREAD**-2) / precision
        return Line(level=level, slope=slope, centre=centre, slope_std=float(precision**-0.5))


class WithPrior:
    """A `Model` around another one. Samples are of the prior's property, or of one that grows with it.

    A `CalibratedPrior` is calibrated on the samples of each `fit` first, and its constants are stored.
    """

    def __init__(self, inner: Model, prior: Prior, *, name: str = "") -> None:
        """`name`: "INNER+prior" when not given."""
        self._inner, self._prior = inner, prior
        self.name = name or f"{inner.name}+prior"

    @property
    def version(self) -> str:
        return f"1/{self._inner.version}/{self._prior.name}/{self._prior.version}"

    def fit(self, samples: Samples, *, seed: int) -> FittedWithPrior:
        """Raises ValueError for fewer than two samples and InvalidMolecule for what is no molecule."""
        if len(samples) < 2:
            raise ValueError(f"a model needs two samples at least, got {len(samples)}")
        plain = self._inner.fit(samples, seed=seed)
        prior = self._prior.calibrated(samples) if isinstance(self._prior, CalibratedPrior) else self._prior
        values, known = on_model_scale(prior, samples.smiles)
        rows = np.flatnonzero(known)
        if len(rows) < max(2, _LEAST_SHARE * len(samples)):
            return FittedWithPrior(self, prior, None, None, plain)
        part = samples.take(rows.tolist())
        line = Line.through(values[rows], part.values, part.variances)
        left_over = part.values - line(values[rows])
        if line.slope <= 0.0 or np.var(left_over) >= np.var(part.values):
            return FittedWithPrior(self, prior, None, None, plain)
        residual = self._inner.fit(Samples(part.smiles, left_over, part.variances), seed=seed)
        return FittedWithPrior(self, prior, line, residual, plain)

    def restore(self, stored: Stored) -> FittedWithPrior:
        """Raises ValueError for what another model or version stored."""
        settings = stored.settings
        if (settings.get("name"), settings.get("version")) != (self.name, self.version):
            found = f"{settings.get('name')} {settings.get('version')}"
            raise ValueError(f"stored by {found}, this is {self.name} {self.version}; fit again")
        parts = {part: self._restored(part, stored) for part in _PARTS}
        prior, constants, line = self._prior, settings["constants"], settings["line"]
        if isinstance(prior, CalibratedPrior):
            prior = prior.with_constants(constants)
        plain = parts["plain"]
        if plain is None or (line is None) != (parts["residual"] is None):
            raise ValueError(f"a stored {self.name} lacks one of its parts; fit again")
        return FittedWithPrior(self, prior, None if line is None else Line(**line), parts["residual"], plain)

    def _restored(self, part: str, stored: Stored) -> Fitted | None:
        settings: Mapping[str, Any] | None = stored.settings[part]
        if settings is None:
            return None
        prefix = f"{part}."
        arrays = {key.removeprefix(prefix): a for key, a in stored.arrays.items() if key.startswith(prefix)}
        return self._inner.restore(Stored(settings, arrays))


class FittedWithPrior:
    """What `WithPrior.fit` gives."""

    def __init__(self, model: WithPrior, prior: Prior, line: Line | None, residual: Fitted | None, plain: Fitted):
        self._name, self._version = model.name, model.version
        self.prior, self.line = prior, line
        self.residual, self.plain = residual, plain

    @property
    def uses_prior(self) -> bool:
        """False where the samples spoke against the prior: then all predictions are the plain model's."""
        return self.line is not None

    def predict(self, smiles: Sequence[str]) -> Belief:
        """Where the prior is used, the unknown part of its slope adds to `epistemic`."""
        values, known = on_model_scale(self.prior, smiles)
        result = Belief(*(np.zeros(len(smiles)) for _ in range(3)))
        if self.line is None or self.residual is None:
            known = np.zeros(len(smiles), dtype=np.bool_)
        elif known.any():
            belief = self.residual.predict([s for s, sure in zip(smiles, known, strict=True) if sure])
            result.mean[known] = belief.mean + self.line(values[known])
            result.epistemic[known] = np.hypot(belief.epistemic, self.line.std(values[known]))
            result.noise[known] = belief.noise
        if not known.all():
            belief = self.plain.predict([s for s, sure in zip(smiles, known, strict=True) if not sure])
            result.mean[~known], result.epistemic[~known] = belief.mean, belief.epistemic
            result.noise[~known] = belief.noise
        return result

    def stored(self) -> Stored:
        parts = {"residual": self.residual, "plain": self.plain}
        stored = {part: None if fitted is None else fitted.stored() for part, fitted in parts.items()}
        settings = {
            "name": self._name,
            "version": self._version,
            "constants": dict(self.prior.constants()) if isinstance(self.prior, CalibratedPrior) else None,
            "line": None if self.line is None else asdict(self.line),
            **{part: None if s is None else dict(s.settings) for part, s in stored.items()},
        }
        arrays = {f"{part}.{key}": a for part, s in stored.items() if s is not None for key, a in s.arrays.items()}
        return Stored(settings, arrays)


def on_model_scale(prior: Prior, smiles: Sequence[str]) -> tuple[Array, Known]:
    """The prior's values as models see them, (n,): natural logarithms for a property of logarithmic scale."""
    values, known = prior(smiles)
    listed = PROPERTIES.get(prior.property_name)
    if listed is not None and listed.scale is Scale.LOG:
        known = known & (values > 0.0)
        values = np.log(np.where(known, values, 1.0))
    return masked(values, known)
