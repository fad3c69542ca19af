"""Measured properties, predicted: by models fitted to the handbook as the loop does it, or made by `train`."""

from __future__ import annotations

import builtins
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np

from knowledge.qspr.domain import Domain
from knowledge.qspr.estimates import Z90, to_estimate
from knowledge.qspr.shelf import Shelved
from knowledge.qspr.training import NoTrainingData, merge
from knowledge.records.base import canonical_json, sha256_text
from knowledge.records.fact import Fact
from knowledge.records.objective import Direction, Objective
from knowledge.records.properties import HANSEN, Property, get_property
from knowledge.sources.cache import build_once
from planners.design.evaluation.evaluator import Array, Flags, Values
from planners.design.evaluation.quantities import QUANTITIES, Kind
from planners.design.evaluation.rows import remember
from planners.optimize.outlook import draws
from planners.optimize.surrogate import VERSION, StateMismatch, Surrogate, fit_surrogate
from planners.optimize.threads import blas_threads, side_by_side


@runtime_checkable
class PropertyModel(Protocol):
    """One property's model. `origin` says in words what it learned from."""

    @builtins.property
    def origin(self) -> str: ...

    @builtins.property
    def property(self) -> Property: ...

    def predict(self, smiles: Sequence[str]) -> tuple[Array, Array, Flags]:
        """Mean and standard deviation on the model's scale (`Property.to_model`), and whether the molecule is within
        the domain, each (n,). Raises InvalidMolecule.
        """
        ...


class OfHandbook:
    """A surrogate as the loop fits it: a Gaussian process on audited labels, its deviations widened where leaving one
    out shows that they are too small. They are of the true value, without the noise of a measurement.
    """

    def __init__(self, surrogate: Surrogate) -> None:
        self.property = surrogate.property
        self.origin = f"a Gaussian process on {len(surrogate.rows)} measured compounds of the handbook"
        self._surrogate = surrogate
        self._domain = Domain.of(surrogate.rows.samples)

    def predict(self, smiles: Sequence[str]) -> tuple[Array, Array, Flags]:
        mean, std = self._surrogate.predict(smiles)
        return mean, std, _places(self._domain, smiles)


class OfShelf:
    """A model that `train` selected; its deviation is that of a normal distribution as wide as its calibrated 90 %
    interval, which holds measured values.
    """

    def __init__(self, shelved: Shelved) -> None:
        self.property = shelved.property
        selected = shelved.selected
        self.origin = f"{selected.model} trained on {len(selected.domain.samples)} molecules of the {shelved.origin}"
        self._selected = selected

    def predict(self, smiles: Sequence[str]) -> tuple[Array, Array, Flags]:
        found = self._selected.predict(smiles, neighbours=1)
        mean = np.array([p.mean for p in found], dtype=np.float64)
        std = np.array([(p.high - p.low) / (2.0 * Z90) for p in found], dtype=np.float64)
        return mean, std, np.array([p.in_domain for p in found], dtype=np.bool_)


def _places(domain: Domain, smiles: Sequence[str]) -> Flags:
    return np.array([place.in_domain for place in domain.place(smiles, neighbours=1)], dtype=np.bool_)


def fit_models(facts: Mapping[str, Sequence[Fact]], *, seed: int, focus: Sequence[str] = ()) -> dict[str, OfHandbook]:
    """A model of each property that `facts` are about. `focus`: molecules like those to be designed; where more is
    known than a model can hold, it holds what is near to them. Raises knowledge.qspr.training.NoTrainingData.

    What the search for hyperparameters found is kept in the cache folder, and the descriptors of the molecules with it:
    the same facts, focus and seed give the same models again in a fraction of the time.
    """

    def fitted(name: str) -> OfHandbook:
        return OfHandbook(_fitted(name, facts[name], seed, focus))

    names = sorted(facts)
    with blas_threads(None):
        return dict(zip(names, side_by_side(fitted, names), strict=True))


def _fitted(name: str, facts: Sequence[Fact], seed: int, focus: Sequence[str]) -> Surrogate:
    if not facts:
        raise NoTrainingData(f"no facts about '{name}' to fit a model to")
    rows = merge(facts, get_property(name))
    key = canonical_json([VERSION, rows.data_hash, seed, sorted(set(focus))])
    found: list[Surrogate] = []

    def build(path: Path) -> None:
        found.append(fit_surrogate(facts, name, seed=seed, focus=focus))
        path.write_text(canonical_json(found[0].state()), encoding="utf-8")

    path = build_once(f"design-{name}-{sha256_text(key)[:16]}.json", build)
    stored = json.loads(path.read_text(encoding="utf-8"))
    fitted_to = frozenset(stored["keys"])
    remember([fact.smiles for fact in facts if fact.inchikey in fitted_to])
    if found:
        return found[0]
    try:
        return Surrogate.restore(stored, facts)
    except StateMismatch:  # another version of the featurizers: as if there were none
        path.unlink(missing_ok=True)
        return _fitted(name, facts, seed, focus)


class Modelled:
    """Predictions of measured properties, and what follows from those of the Hansen parameters: distances, and
    Hildebrand's solubility parameter.

    wanted: (key, property, reference) of each value; the reference is None but for a Hansen distance.
    """

    def __init__(
        self, wanted: Sequence[tuple[str, str, tuple[float, float, float] | None]], models: Mapping[str, PropertyModel]
    ) -> None:
        self.names = tuple(key for key, _, _ in wanted)
        self._wanted = tuple((name, reference) for _, name, reference in wanted)
        needed = {part for name, _ in self._wanted for part in (HANSEN if _derived(name) else (name,))}
        self._models = {name: models[name] for name in sorted(needed)}

    def __call__(self, smiles: Sequence[str]) -> Values:
        told = {name: model.predict(smiles) for name, model in self._models.items()}
        shape = (len(smiles), len(self.names))
        values = Values(np.zeros(shape), np.zeros(shape), np.ones(shape, dtype=np.bool_))
        for k, (name, reference) in enumerate(self._wanted):
            if not _derived(name):
                mean, std, inside = told[name]
                estimates = [to_estimate(m, s, self._models[name].property) for m, s in zip(mean, std, strict=True)]
                values.mean[:, k] = [e.mean for e in estimates]
                values.std[:, k] = [e.std for e in estimates]
                values.in_domain[:, k] = inside
            else:
                length = _length(told) if reference is None else _distance(told, reference)
                values.mean[:, k], values.std[:, k] = length
                values.in_domain[:, k] = np.all([told[part][2] for part in HANSEN], axis=0)
        return values


def _derived(name: str) -> bool:
    known = QUANTITIES.get(name)  # the user's own are not in the table
    return known is not None and known.kind is Kind.DERIVED


def _distance(
    told: Mapping[str, tuple[Array, Array, Flags]], reference: tuple[float, float, float]
) -> tuple[Array, Array]:
    """Mean and deviation (n,) of the Hansen distance, MPa**0.5, the parameters' errors taken as independent."""
    name = "hansen_distance"
    objective = Objective(
        property=name, direction=Direction.MINIMISE, unit=get_property(name).unit, worst=1.0, reference=reference
    )
    means, stds = {part: told[part][0] for part in HANSEN}, {part: told[part][1] for part in HANSEN}
    drawn = draws(objective, means, stds)
    return drawn.mean(axis=0), drawn.std(axis=0)


def _length(told: Mapping[str, tuple[Array, Array, Flags]]) -> tuple[Array, Array]:
    """Hildebrand's parameter, the root of the sum of squares (C. M. Hansen, Hansen Solubility Parameters, 2nd ed.,
    2007, eq 1.6): the Hansen distance from nothing at all, but that a distance counts the dispersion part double.
    """
    first, *others = HANSEN
    halved = {first: (told[first][0] / 2.0, told[first][1] / 2.0, told[first][2])}
    return _distance({**halved, **{part: told[part] for part in others}}, (0.0, 0.0, 0.0))
