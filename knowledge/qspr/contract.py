"""What every property model is: fitted on molecules with values, asked for means and two kinds of uncertainty.

Estimator, calibrator and evaluator are kept apart: a `Fitted` says what it believes, `conformal` turns that into
intervals that hold, and `selection` decides by cross-validation which model is used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np

from knowledge.qspr.kernels import Array
from knowledge.records.base import canonical_json, sha256_text


@dataclass(frozen=True)
class Samples:
    """Training data of one property on its model scale: `smiles` canonical and distinct, `values` (n,).

    `variances` (n,): what is known of each value's own noise, 0 where nothing is. Raises ValueError when lengths
    differ, a molecule is repeated or a number is not finite.
    """

    smiles: tuple[str, ...]
    values: Array
    variances: Array

    def __post_init__(self) -> None:
        if not len(self.smiles) == len(self.values) == len(self.variances):
            lengths = f"{len(self.smiles)} molecules, {len(self.values)} values, {len(self.variances)} variances"
            raise ValueError(f"samples must have one value and one variance per molecule, got {lengths}")
        if len(set(self.smiles)) != len(self.smiles):
            raise ValueError("a molecule is repeated; merge its values first")
        if not (np.isfinite(self.values).all() and np.isfinite(self.variances).all() and (self.variances >= 0).all()):
            raise ValueError("values must be finite and variances finite and not negative")

    def __len__(self) -> int:
        return len(self.smiles)

    @property
    def data_hash(self) -> str:
        rows = [[s, float(y), float(v)] for s, y, v in zip(self.smiles, self.values, self.variances, strict=True)]
        return sha256_text(canonical_json(rows))

    def take(self, indices: Sequence[int]) -> Samples:
        chosen = list(indices)
        return Samples(tuple(self.smiles[i] for i in chosen), self.values[chosen], self.variances[chosen])


@dataclass(frozen=True)
class Belief:
    """Of n molecules, each (n,), on the model scale: mean; `epistemic`, the standard deviation of the molecule's true
    value; `noise`, that of a measurement of it beyond this. Not calibrated.
    """

    mean: Array
    epistemic: Array
    noise: Array

    @property
    def total(self) -> Array:
        return np.sqrt(self.epistemic**2 + self.noise**2)


@dataclass(frozen=True)
class Stored:
    """A fitted model as data: `settings` JSON-able, `arrays` for safetensors. Never pickled."""

    settings: Mapping[str, Any]
    arrays: Mapping[str, Array]


@runtime_checkable
class Fitted(Protocol):
    """A model that has seen its samples; it never changes. Raises InvalidMolecule for what is no molecule."""

    def predict(self, smiles: Sequence[str]) -> Belief: ...

    def stored(self) -> Stored: ...


@runtime_checkable
class Joint(Fitted, Protocol):
    """A fitted model that also knows how the errors of its predictions go together, as the choice of a batch needs."""

    def joint(self, smiles: Sequence[str]) -> tuple[Array, Array]:
        """Mean (n,) and covariance (n, n) of the true values, noise left out; the diagonal is `epistemic` squared.

        Raises InvalidMolecule, and ValueError for repeated molecules.
        """
        ...


@runtime_checkable
class LeavesOneOut(Fitted, Protocol):
    """A fitted model that can say, without another fit, what it would believe of a sample without that sample."""

    def leave_one_out(self) -> Belief:
        """Of every training sample, in their order, by all others; `noise` is that of the sample itself."""
        ...


@runtime_checkable
class Model(Protocol):
    """`name` is what people and stored models call it; `version` is raised whenever a prediction would change.

    The same samples and seed give the same predictions. `fit` works with any n >= 2, and raises ValueError below.
    """

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str: ...

    def fit(self, samples: Samples, *, seed: int) -> Fitted: ...

    def restore(self, stored: Stored) -> Fitted:
        """Raises ValueError for what another version stored."""
        ...


@runtime_checkable
class Resumes(Model, Protocol):
    """A model whose `fit` is a search that can begin where another one ended."""

    def after(self, fitted: Fitted) -> Model:
        """The same model with a short search, for samples that are nearly those of `fitted`, which it made itself."""
        ...
