"""How wrong a property model is on molecules that it has not seen."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from knowledge.qspr.kernels import Array
from knowledge.qspr.model import PropertyModel, fit
from knowledge.qspr.representation import Representation, default_representation
from knowledge.qspr.training import choose, merge
from knowledge.records.base import Record, sha256_text
from knowledge.records.fact import Fact
from knowledge.records.properties import get_property

Z90 = 1.6448536269514722  # half width of the central 90 % of a standard normal distribution


class Score(Record):
    """Errors on the model scale (natural log for viscosity); `coverage90` is the share of values inside the 90 %
    interval.

    `nll` is the mean negative log likelihood in nats.
    """

    n: int
    mae: float
    rmse: float
    coverage90: float
    nll: float


def score(values: Array, means: Array, stds: Array) -> Score:
    """All (n,), n >= 1. `stds` must contain every source of difference between prediction and value."""
    if len(values) == 0:
        raise ValueError("no values to score")
    error = values - means
    z = error / stds
    return Score(
        n=len(values),
        mae=float(np.abs(error).mean()),
        rmse=float(np.sqrt((error**2).mean())),
        coverage90=float((np.abs(z) <= Z90).mean()),
        nll=float((0.5 * z**2 + np.log(stds) + 0.5 * np.log(2.0 * np.pi)).mean()),
    )


def cross_validate(
    facts: Sequence[Fact], prop: str, *, seed: int, folds: int = 5, representation: Representation | None = None
) -> Score:
    """k-fold error over molecules, on the rows that `fit` would use. Folds come from a hash of InChIKey and seed.

    Hyperparameters and doubted values are found once, on all rows: a handful of numbers, and five times cheaper. All
    values are scored. Raises NoTrainingData, ValueError with fewer than 5 molecules per 5 folds.
    """
    known = get_property(prop)
    used = representation or default_representation()
    rows = choose(merge(facts, known), seed=seed)
    if len(rows) < folds:
        raise ValueError(
            f"{folds}-fold cross-validation of '{prop}' needs at least {folds} molecules, there are {len(rows)}"
        )
    model = fit(facts, known, seed=seed, representation=used)
    order = sorted(range(len(rows)), key=lambda i: sha256_text(f"fold:{seed}:{rows.keys[i]}"))
    means, variances = np.zeros(len(rows)), np.zeros(len(rows))
    for k in range(folds):
        out = order[k::folds]
        left = set(out)
        kept = rows.take([i for i in range(len(rows)) if i not in left])
        mean, std = PropertyModel(known, kept, model.hyperparameters, used, doubted=model.doubted).predict(
            [rows.smiles[i] for i in out]
        )
        means[out], variances[out] = mean, std**2 + rows.variances[out]
    return score(rows.values, means, np.sqrt(variances))
