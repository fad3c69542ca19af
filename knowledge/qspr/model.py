"""A property model: fit from facts, predict with uncertainty, store and restore."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from knowledge.qspr.gp import Conditioned, Hyperparameters, covariance, fit_hyperparameters, start_for
from knowledge.qspr.kernels import Array, squared_distance, tanimoto
from knowledge.qspr.neighbours import near
from knowledge.qspr.representation import Encoded, Representation, default_representation
from knowledge.qspr.training import TrainingRows, choose, merge
from knowledge.records.base import sha256_text
from knowledge.records.fact import Fact
from knowledge.records.properties import Property, Scale, get_property
from knowledge.records.quantity import Estimate

VERSION = "gp-tanimoto-rbf/1"
MAX_SEARCH_ROWS = 450  # hyperparameters are found on this many rows; all rows are conditioned on
COLD_ITERATIONS, WARM_ITERATIONS = 40, 8
DOUBT = 3.0  # a source's value this many deviations from what all other molecules say is doubted
_DESCRIPTOR_LIMIT = 4.0  # standard deviations


class StateMismatch(ValueError):
    """A stored model does not belong to these facts or to this version of the program."""


@dataclass(frozen=True)
class Scaler:
    """Descriptors to mean 0, variance 1 on the training rows; constant columns are dropped and outliers cut at 4
    deviations.
    """

    columns: tuple[int, ...]
    centre: Array
    scale: Array

    @staticmethod
    def of(values: Array) -> Scaler:
        values = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
        spread = values.std(axis=0)
        keep = np.flatnonzero(spread > 1e-9 * (1.0 + np.abs(values).max(axis=0, initial=0.0)))
        return Scaler(tuple(int(i) for i in keep), values.mean(axis=0)[keep], spread[keep])

    def __call__(self, values: Array) -> Array:
        values = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)[:, list(self.columns)]
        return np.clip((values - self.centre) / self.scale, -_DESCRIPTOR_LIMIT, _DESCRIPTOR_LIMIT)


class PropertyModel:
    """One property's Gaussian process. Predictions are on the model scale (`Property.to_model`: natural log for
    viscosity).

    The standard deviation is that of the molecule's true value: it contains what the model cannot know about an
    unmeasured molecule, but not the noise of a future measurement. Build one with `fit` or `PropertyModel.restore`.
    """

    def __init__(
        self,
        prop: Property,
        rows: TrainingRows,
        hyperparameters: Hyperparameters,
        representation: Representation,
        *,
        doubted: Mapping[str, float] | None = None,
        first: Hyperparameters | None = None,
    ) -> None:
        """`doubted`: InChIKey -> variance that replaces the source's own; `first`: hyperparameters before values
        were doubted.
        """
        self.property = prop
        self.rows = rows
        self.hyperparameters = hyperparameters
        self.doubted = dict(doubted or {})
        self._first = first or hyperparameters
        self._representation = representation
        self._centre, self._spread = _standard(rows.values)
        self._encoded = representation.encode(rows.smiles)
        self._scaler = Scaler.of(self._encoded.descriptors)
        self._scaled = self._scaler(self._encoded.descriptors)
        self._row_of = {s: i for i, s in enumerate(rows.smiles)}
        self._process = Conditioned.on(
            hyperparameters,
            tanimoto(self._encoded.counts, self._encoded.counts),
            squared_distance(self._scaled, self._scaled),
            (rows.values - self._centre) / self._spread,
            _variances(rows, self.doubted) / self._spread**2,
        )

    def predict(self, smiles: Sequence[str]) -> tuple[Array, Array]:
        """Mean and standard deviation, each (n,), on the model scale."""
        if not smiles:
            return np.zeros(0), np.zeros(0)
        mean, variance = self._process.marginal(self._cross(self._representation.encode(smiles), smiles))
        return mean * self._spread + self._centre, np.sqrt(variance) * self._spread

    def joint(self, smiles: Sequence[str]) -> tuple[Array, Array]:
        """Mean (n,) and covariance (n, n) on the model scale. Raises ValueError for repeated molecules."""
        if len(set(smiles)) != len(smiles):
            raise ValueError("a joint prediction needs different molecules")
        if not smiles:
            return np.zeros(0), np.zeros((0, 0))
        encoded = self._representation.encode(smiles)
        scaled = self._scaler(encoded.descriptors)
        h = self.hyperparameters
        own = covariance(h, tanimoto(encoded.counts, encoded.counts), squared_distance(scaled, scaled))
        own[np.diag_indices(len(smiles))] += h.nugget
        mean, cov = self._process.joint(self._cross(encoded, smiles), own)
        return mean * self._spread + self._centre, 0.5 * (cov + cov.T) * self._spread**2

    def estimates(self, smiles: Sequence[str]) -> list[Estimate]:
        """Predictions in the property's unit; for a log-scale property see `to_estimate`."""
        mean, std = self.predict(smiles)
        return [to_estimate(float(m), float(s), self.property) for m, s in zip(mean, std, strict=True)]

    def leave_one_out(self) -> tuple[Array, Array]:
        """Mean and standard deviation (n,) of each training row predicted from all others, hyperparameters kept;
        model scale.
        """
        mean, variance = self._process.leave_one_out((self.rows.values - self._centre) / self._spread)
        return mean * self._spread + self._centre, np.sqrt(variance) * self._spread

    def state(self) -> dict[str, Any]:
        """JSON-able: everything but the facts themselves."""
        return {
            "version": VERSION,
            "property": self.property.name,
            "representation": self._representation.version,
            "hyperparameters": asdict(self.hyperparameters),
            "first": asdict(self._first),
            "doubted": dict(sorted(self.doubted.items())),
            "data_hash": self.rows.data_hash,
            "training_keys": list(self.rows.keys),
        }

    @staticmethod
    def restore(
        state: Mapping[str, Any], facts: Sequence[Fact], *, representation: Representation | None = None
    ) -> PropertyModel:
        """The model that `state` describes, without searching hyperparameters again.

        Raises StateMismatch when the facts, the program's version or the featurizers differ from those it was fitted
        with.
        """
        used = representation or default_representation()
        stored, present = (state["version"], state["representation"]), (VERSION, used.version)
        if stored != present:
            raise StateMismatch(f"the stored model is {' on '.join(stored)}, this is {' on '.join(present)}; fit again")
        prop = get_property(state["property"])
        wanted = frozenset(state["training_keys"])
        remaining = [f for f in facts if f.inchikey in wanted]
        rows = merge(remaining, prop) if remaining else None
        if rows is None or rows.data_hash != state["data_hash"]:
            raise StateMismatch(f"the facts about '{prop.name}' are not those of the stored model; fit again")
        return PropertyModel(
            prop,
            rows,
            Hyperparameters(**state["hyperparameters"]),
            used,
            doubted=state["doubted"],
            first=Hyperparameters(**state["first"]),
        )

    def _cross(self, encoded: Encoded, smiles: Sequence[str]) -> Array:
        similarity = tanimoto(self._encoded.counts, encoded.counts)
        square = squared_distance(self._scaled, self._scaler(encoded.descriptors))
        cross = covariance(self.hyperparameters, similarity, square)
        for column, s in enumerate(smiles):
            row = self._row_of.get(s)
            if row is not None:
                cross[row, column] += self.hyperparameters.nugget
        return cross


def fit(
    facts: Sequence[Fact],
    prop: str | Property,
    *,
    seed: int,
    warm: Mapping[str, Any] | None = None,
    focus: Collection[str] = (),
    representation: Representation | None = None,
) -> PropertyModel:
    """Fit one property's model.

    Handbooks hold wrong values (boiling points at reduced pressure, exchanged signs). So the search runs twice: between
    the two, every source's value that lies more than DOUBT deviations from its leave-one-out prediction gets that
    distance as its uncertainty. Our own measurements are never doubted.

    `warm`: `state()` of an earlier model of this property; the search starts from its hyperparameters and is short.
    `focus`: the molecules to be predicted (SMILES, for example the pool). Where there are more facts than a model can
    hold, those about `focus` and its nearest neighbours are used, otherwise those about small molecules; `seed` decides
    the rest. SMILES as `Molecule.smiles`. Raises NoTrainingData.
    """
    known = prop if isinstance(prop, Property) else get_property(prop)
    used = representation or default_representation()
    merged = merge(facts, known)
    rows = near(merged, focus, used, seed=seed) if focus else choose(merged, seed=seed)
    first: Hyperparameters | None = None
    second: Hyperparameters | None = None
    iterations = COLD_ITERATIONS
    if warm is not None and warm["version"] == VERSION and warm["property"] == known.name:
        first, second = Hyperparameters(**warm["first"]), Hyperparameters(**warm["hyperparameters"])
        iterations = WARM_ITERATIONS
    search = _search_rows(rows, seed)
    first = _search(search, search.variances, used, first, iterations)
    trusting = PropertyModel(known, rows, first, used)
    mean, std = trusting.leave_one_out()
    error = np.abs(rows.values - mean)
    doubted = {
        rows.keys[i]: float(error[i]) ** 2 for i in np.flatnonzero(error > DOUBT * std).tolist() if not rows.own[i]
    }
    if not doubted:
        return trusting
    second = _search(search, _variances(search, doubted), used, second or first, iterations)
    return PropertyModel(known, rows, second, used, doubted=doubted, first=first)


def to_estimate(mean: float, std: float, prop: Property) -> Estimate:
    """Model scale to the property's unit. On a log scale: the median exp(mean), and the half width of the central 68
    % interval, exp(mean) * sinh(std), which for small std is the usual relative uncertainty times the value.
    """
    if prop.scale is Scale.LOG:
        return Estimate(mean=float(np.exp(mean)), std=float(np.exp(mean) * np.sinh(std)), unit=prop.unit)
    return Estimate(mean=mean, std=std, unit=prop.unit)


def from_estimate(estimate: Estimate, prop: Property) -> tuple[float, float]:
    """The inverse of `to_estimate`: mean and std on the model scale."""
    if prop.scale is Scale.LOG:
        return float(np.log(estimate.mean)), float(np.arcsinh(estimate.std / estimate.mean))
    return estimate.mean, estimate.std


def _standard(values: Array) -> tuple[float, float]:
    spread = float(values.std())
    return float(values.mean()), spread if spread > 1e-9 else 1.0


def _variances(rows: TrainingRows, doubted: Mapping[str, float]) -> Array:
    return np.array([max(doubted.get(key, 0.0), float(v)) for key, v in zip(rows.keys, rows.variances, strict=True)])


def _search(
    rows: TrainingRows, variances: Array, representation: Representation, start: Hyperparameters | None, iterations: int
) -> Hyperparameters:
    encoded = representation.encode(rows.smiles)
    scaled = Scaler.of(encoded.descriptors)(encoded.descriptors)
    prior = start_for(scaled.shape[1])
    centre, spread = _standard(rows.values)
    return fit_hyperparameters(
        tanimoto(encoded.counts, encoded.counts),
        squared_distance(scaled, scaled),
        (rows.values - centre) / spread,
        variances / spread**2,
        start=start or prior,
        prior=prior,
        iterations=iterations,
    )


def _search_rows(rows: TrainingRows, seed: int) -> TrainingRows:
    if len(rows) <= MAX_SEARCH_ROWS:
        return rows
    ranked = sorted(range(len(rows)), key=lambda i: (not rows.own[i], sha256_text(f"search:{seed}:{rows.keys[i]}")))
    return rows.take(sorted(ranked[:MAX_SEARCH_ROWS]))
