"""The property models that a campaign chooses by, fitted together."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from knowledge.features.ahead import look_ahead
from knowledge.qspr.kernels import Array
from knowledge.qspr.training import TrainingRows
from knowledge.records.base import canonical_json, sha256_text
from knowledge.records.fact import Fact
from knowledge.records.quantity import Estimate
from planners.optimize.glance import reading
from planners.optimize.surrogate import Surrogate, fit_rows, rows_for
from planners.optimize.threads import blas_threads, side_by_side

VERSION = "surrogates/2"
REMEMBERED = 50_000  # predictions of each model


class MissingSurrogate(ValueError):
    """A goal needs a property that no model was fitted for; the message names both."""


class Surrogates:
    """One independent model per property. Immutable once built (`fit_surrogates` or `Surrogates.restore`)."""

    def __init__(self, models: Mapping[str, Surrogate], *, seed: int) -> None:
        self.models = {name: models[name] for name in sorted(models)}
        self.seed = seed
        self._told: dict[str, dict[str, tuple[float, float]]] = {}

    def __getitem__(self, name: str) -> Surrogate:
        """Raises MissingSurrogate."""
        try:
            return self.models[name]
        except KeyError:
            raise MissingSurrogate(
                f"no model of '{name}'; there are models of {', '.join(self.models) or 'nothing'}"
            ) from None

    def beliefs(self, names: Sequence[str], smiles: Sequence[str]) -> dict[str, tuple[Array, Array]]:
        """Mean and standard deviation (n,) on the model scale, by property; what was told once is remembered. Raises
        MissingSurrogate.
        """
        models = [self[name] for name in names]

        def new(model: Surrogate) -> None:
            told = self._told.setdefault(model.property.name, {})
            if len(told) > REMEMBERED:
                told.clear()
            asked = [s for s in dict.fromkeys(smiles) if s not in told]
            if asked:
                mean, std = model.predict(asked)
                told.update(zip(asked, zip(mean.tolist(), std.tolist(), strict=True), strict=True))

        # The first one computes the molecules' features, which all models share.
        for model in models[:1]:
            new(model)
        side_by_side(new, models[1:])
        found = {}
        for name in names:
            pairs = np.array([self._told[name][s] for s in smiles], dtype=np.float64).reshape(-1, 2)
            found[name] = (pairs[:, 0], pairs[:, 1])
        return found

    def predict(self, smiles: Sequence[str]) -> dict[str, list[Estimate]]:
        """For each property, one Estimate per molecule, in the property's unit.

        Log-scale properties (viscosity): `mean` is the median exp(mu), `std` is exp(mu) * sinh(sigma), the half width
        of the central 68 % interval, mu and sigma being those of the logarithm; `from_estimate` gives mu and sigma
        back. `std` is that of the molecule's true value, without the noise of a future measurement.
        """
        return {name: model.estimates(smiles) for name, model in self.models.items()}

    @property
    def data_hash(self) -> str:
        """Covers the training rows of all models."""
        return sha256_text(canonical_json({name: model.rows.data_hash for name, model in self.models.items()}))

    def state(self) -> dict[str, Any]:
        """JSON-able: hyperparameters, doubts, training keys, data hashes, versions. Also what `fit_surrogates` takes as
        `warm`.
        """
        return {
            "version": VERSION,
            "seed": self.seed,
            "data_hash": self.data_hash,
            "models": {name: model.state() for name, model in self.models.items()},
        }

    @staticmethod
    def restore(
        state: Mapping[str, Any], facts: Mapping[str, Sequence[Fact]], *, threads: int | None = None
    ) -> Surrogates:
        """The surrogates that `state` describes, from the same facts, without fitting.

        Raises StateMismatch when the facts or the program's version differ.
        """
        names = list(state["models"])

        def restored(name: str) -> Surrogate:
            return Surrogate.restore(state["models"][name], facts.get(name, ()))

        with blas_threads(threads):
            models = side_by_side(restored, names)
        return Surrogates(dict(zip(names, models, strict=True)), seed=state["seed"])


def fit_surrogates(
    facts: Mapping[str, Sequence[Fact]],
    *,
    seed: int,
    warm: Mapping[str, Any] | None = None,
    focus: Collection[str] = (),
    threads: int | None = None,
    processes: int = 1,
) -> Surrogates:
    """Fit a model to each property's facts (handbook and own measurements together).

    `warm`: `state()` of the previous iteration's surrogates. `focus`: the molecules to choose among (SMILES): where
    there are more facts than a model holds, those about them and their neighbours are used; better and cheaper than
    without. `processes` describe the molecules, which changes nothing but the time. Raises
    knowledge.qspr.training.NoTrainingData for a property without facts.
    """
    earlier = warm["models"] if warm is not None and warm["version"] == VERSION else {}
    names = sorted(facts)

    def chosen(name: str) -> TrainingRows:
        return rows_for(facts[name], name, seed=seed, focus=focus)

    def fit(name: str) -> Surrogate:
        return fit_rows(rows[name], name, seed=seed, warm=earlier.get(name))

    with blas_threads(threads):
        rows = dict(zip(names, side_by_side(chosen, names), strict=True))
        with reading(processes) as crew:
            if crew is not None:
                look_ahead([s for name in names for s in rows[name].smiles], crew)
        return Surrogates(dict(zip(names, side_by_side(fit, names), strict=True)), seed=seed)
