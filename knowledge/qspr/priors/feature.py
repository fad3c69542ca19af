"""A prior as columns of a representation, and a model that has these columns.

A residual model trusts a prior's slope; with the prior as a feature, the model learns how far its value goes and where.
As with residuals, a molecule that the prior does not know is answered by a model without it: in the featured one a
stand-in would pass for an estimate.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from knowledge.features.featurizer import Featurizer
from knowledge.qspr.contract import Belief, Fitted, Model, Samples, Stored
from knowledge.qspr.kernels import Array
from knowledge.qspr.priors.prior import CalibratedPrior, Prior
from knowledge.qspr.priors.residual import on_model_scale

_LEAST_SHARE = 0.5  # of the samples that the prior must know


class PriorFeature:
    """Two columns: the prior's value on the model scale, and 1 where it is known.

    Features must be finite, so an unknown value is `stand_in` (on the model scale): take the middle of the training
    values, so that the scaled column is near 0 there and the second column alone says that nothing is known.
    """

    def __init__(self, prior: Prior, *, stand_in: float) -> None:
        if not np.isfinite(stand_in):
            raise ValueError(f"the stand-in for unknown values must be finite, got {stand_in}")
        self._prior, self._stand_in = prior, float(stand_in)

    @property
    def name(self) -> str:
        return f"prior_{self._prior.name}"

    @property
    def version(self) -> str:
        return f"2:{self._prior.version}:{self._stand_in:.17g}"

    @property
    def columns(self) -> tuple[str, ...]:
        return (self._prior.name, f"{self._prior.name}_known")

    def __call__(self, smiles: Sequence[str]) -> Array:
        """Shape (len(smiles), 2). Raises InvalidMolecule."""
        values, known = on_model_scale(self._prior, smiles)
        return np.stack([np.where(known, values, self._stand_in), known.astype(np.float64)], axis=1)


class WithPriorFeature:
    """A `Model` that gives the prior's value to another one as a feature.

    `featured` makes that model from the feature, `plain` is the same model without it. A `CalibratedPrior` is
    calibrated on the samples of each `fit` first, and its constants are stored. The prior is off altogether where it
    knows less than half of the samples, or says the same of all.
    """

    def __init__(self, featured: Callable[[Featurizer], Model], plain: Model, prior: Prior, *, name: str = "") -> None:
        """`name`: "PLAIN+prior-feature" when not given."""
        self._featured, self._plain, self._prior = featured, plain, prior
        self.name = name or f"{plain.name}+prior-feature"

    @property
    def version(self) -> str:
        return f"1/{self._plain.version}/{self._prior.name}/{self._prior.version}"

    def fit(self, samples: Samples, *, seed: int) -> FittedWithPriorFeature:
        """Raises ValueError for fewer than two samples and InvalidMolecule for what is no molecule."""
        plain = self._plain.fit(samples, seed=seed)
        prior = self._prior.calibrated(samples) if isinstance(self._prior, CalibratedPrior) else self._prior
        values, known = on_model_scale(prior, samples.smiles)
        rows = np.flatnonzero(known)
        if len(rows) < max(2, _LEAST_SHARE * len(samples)) or float(np.ptp(values[rows])) == 0.0:
            return FittedWithPriorFeature(self, prior, None, None, plain)
        middle = float(np.median(values[rows]))
        model = self._featured(PriorFeature(prior, stand_in=middle))
        fitted = model.fit(samples.take(rows.tolist()), seed=seed)
        return FittedWithPriorFeature(self, prior, middle, fitted, plain)

    def restore(self, stored: Stored) -> FittedWithPriorFeature:
        """Raises ValueError for what another model or version stored."""
        settings = stored.settings
        if (settings.get("name"), settings.get("version")) != (self.name, self.version):
            found = f"{settings.get('name')} {settings.get('version')}"
            raise ValueError(f"stored by {found}, this is {self.name} {self.version}; fit again")
        prior, middle = self._prior, settings["middle"]
        if isinstance(prior, CalibratedPrior):
            prior = prior.with_constants(settings["constants"])
        plain = self._plain.restore(_part("plain", stored))
        if middle is None:
            return FittedWithPriorFeature(self, prior, None, None, plain)
        model = self._featured(PriorFeature(prior, stand_in=float(middle)))
        return FittedWithPriorFeature(self, prior, float(middle), model.restore(_part("featured", stored)), plain)


class FittedWithPriorFeature:
    """What `WithPriorFeature.fit` gives. `middle` of the prior's values is None where the prior is off."""

    def __init__(
        self, model: WithPriorFeature, prior: Prior, middle: float | None, featured: Fitted | None, plain: Fitted
    ) -> None:
        self._name, self._version = model.name, model.version
        self.prior, self.middle = prior, middle
        self.featured, self.plain = featured, plain

    @property
    def uses_prior(self) -> bool:
        """False where the samples spoke against the prior: then all predictions are the plain model's."""
        return self.featured is not None

    def predict(self, smiles: Sequence[str]) -> Belief:
        known = on_model_scale(self.prior, smiles)[1]
        if self.featured is None:
            known = np.zeros(len(smiles), dtype=np.bool_)
        result = Belief(*(np.zeros(len(smiles)) for _ in range(3)))
        for fitted, mine in ((self.featured, known), (self.plain, ~known)):
            rows = np.flatnonzero(mine).tolist()
            if fitted is None or not rows:
                continue
            belief = fitted.predict([smiles[i] for i in rows])
            result.mean[rows], result.epistemic[rows] = belief.mean, belief.epistemic
            result.noise[rows] = belief.noise
        return result

    def stored(self) -> Stored:
        parts = {"featured": self.featured, "plain": self.plain}
        stored = {part: None if fitted is None else fitted.stored() for part, fitted in parts.items()}
        settings = {
            "name": self._name,
            "version": self._version,
            "constants": dict(self.prior.constants()) if isinstance(self.prior, CalibratedPrior) else None,
            "middle": self.middle,
            **{part: None if s is None else dict(s.settings) for part, s in stored.items()},
        }
        arrays = {f"{part}.{key}": a for part, s in stored.items() if s is not None for key, a in s.arrays.items()}
        return Stored(settings, arrays)


def _part(part: str, stored: Stored) -> Stored:
    """Raises ValueError where it is missing."""
    settings: Mapping[str, Any] | None = stored.settings[part]
    if settings is None:
        raise ValueError(f"a stored model lacks its part '{part}'; fit again")
    prefix = f"{part}."
    arrays = {key.removeprefix(prefix): a for key, a in stored.arrays.items() if key.startswith(prefix)}
    return Stored(settings, arrays)
