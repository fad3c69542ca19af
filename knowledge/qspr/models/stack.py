"""The model `stack`: a convex combination of other models.

Weights are found by non-negative least squares on out-of-fold predictions (L. Breiman, Machine Learning 24 (1996) 49),
with a sum of 1, and drawn towards equal shares where there are few rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import optimize

from knowledge.qspr.contract import Belief, Fitted, Model, Samples, Stored
from knowledge.qspr.kernels import Array
from knowledge.qspr.models.scaling import Target, importance, require_two, require_version

VERSION = "1"
FOLDS = 5
MIN_ROWS = 10  # below this the out-of-fold predictions say nothing; every model weighs the same
_EQUAL_ROWS = 5.0  # the pull towards equal weights counts as this many rows of unit variance
_SUM = 1e3  # weight of the condition that the weights sum to 1, before they are normalised


@dataclass(frozen=True)
class FittedStack:
    """`weights` (members,), not negative, sum 1; members of weight 0 are kept, so that the stack can say so."""

    name: str
    names: tuple[str, ...]
    members: tuple[Fitted, ...]
    weights: Array

    def predict(self, smiles: Sequence[str]) -> Belief:
        """The mixture's mean. Its epistemic variance contains the members' disagreement."""
        if not smiles:
            return Belief(np.zeros(0), np.zeros(0), np.zeros(0))
        used = [(w, m.predict(smiles)) for w, m in zip(self.weights, self.members, strict=True) if w > 0.0]
        mean = sum((w * b.mean for w, b in used), np.zeros(len(smiles)))
        epistemic = sum((w * (b.epistemic**2 + (b.mean - mean) ** 2) for w, b in used), np.zeros(len(smiles)))
        noise = sum((w * b.noise**2 for w, b in used), np.zeros(len(smiles)))
        return Belief(mean, np.sqrt(epistemic), np.sqrt(noise))

    def stored(self) -> Stored:
        parts = [m.stored() for m in self.members]
        arrays = {f"{i}/{key}": value for i, part in enumerate(parts) for key, value in part.arrays.items()}
        arrays["weights"] = self.weights
        settings = {
            "model": self.name,
            "version": VERSION,
            "names": list(self.names),
            "members": [dict(part.settings) for part in parts],
        }
        return Stored(settings, arrays)


class Stack:
    """See the module. Raises ValueError for no members or two of one name."""

    version = VERSION

    def __init__(self, members: Sequence[Model], *, name: str = "stack", folds: int = FOLDS) -> None:
        names = tuple(m.name for m in members)
        if not names or len(set(names)) != len(names):
            raise ValueError(f"a stack needs at least one member, each of its own name; got {list(names)}")
        if folds < 2:
            raise ValueError(f"a stack needs at least 2 folds, got {folds}")
        self.name = name
        self.names = names
        self.members = tuple(members)
        self.folds = folds

    def fit(self, samples: Samples, *, seed: int) -> FittedStack:
        """Fits each member `folds` times for the weights and once for use. Raises what the members raise."""
        require_two(samples, self.name)
        weights = self._weights(samples, seed)
        return FittedStack(self.name, self.names, tuple(m.fit(samples, seed=seed) for m in self.members), weights)

    def restore(self, stored: Stored) -> FittedStack:
        require_version(stored, {"model": self.name, "version": VERSION, "names": list(self.names)})
        members = []
        for i, (model, settings) in enumerate(zip(self.members, stored.settings["members"], strict=True)):
            head = f"{i}/"
            arrays = {key.removeprefix(head): v for key, v in stored.arrays.items() if key.startswith(head)}
            members.append(model.restore(Stored(settings, arrays)))
        return FittedStack(self.name, self.names, tuple(members), np.asarray(stored.arrays["weights"]))

    def _weights(self, samples: Samples, seed: int) -> Array:
        m = len(self.members)
        n = len(samples)
        if m == 1 or n < MIN_ROWS:
            return np.full(m, 1.0 / m)
        fold = np.random.default_rng(seed).permutation(n) % self.folds
        held_out = np.zeros((n, m))
        for k in range(self.folds):
            outside = np.flatnonzero(fold == k)
            inside = samples.take(np.flatnonzero(fold != k).tolist())
            asked = [samples.smiles[i] for i in outside]
            for j, model in enumerate(self.members):
                held_out[outside, j] = model.fit(inside, seed=seed).predict(asked).mean
        target = Target.of(samples.values)
        standard = np.column_stack([target.standard(column) for column in held_out.T])
        return convex_weights(standard, target.standard(samples.values), importance(samples.variances, target))


def convex_weights(predictions: Array, y: Array, shares: Array) -> Array:
    """Weights (m,) >= 0 of sum 1 that bring `predictions` (n, m) nearest to `y` (n,), both of about unit variance;
    `shares` (n,) weigh the rows.
    """
    m = predictions.shape[1]
    root = np.sqrt(shares)
    pull = np.sqrt(_EQUAL_ROWS) * np.eye(m)
    penalty = _SUM * np.sqrt(len(y))
    a = np.vstack([predictions * root[:, None], pull, np.full((1, m), penalty)])
    b = np.concatenate([y * root, np.full(m, np.sqrt(_EQUAL_ROWS) / m), [penalty]])
    found, _ = optimize.nnls(a, b)
    total = float(found.sum())
    weights: Array = found / total
    return weights
