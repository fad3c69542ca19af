"""Trials of models by cross-validation: what each predicted of molecules that it had not seen, and who did best."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from knowledge.qspr.conformal import SMALLEST_BIN, Calibrator
from knowledge.qspr.contract import Model, Samples
from knowledge.qspr.domain import nearest
from knowledge.qspr.kernels import Array
from knowledge.qspr.splits import Fold, SplitKind, group_keys, scaffold

_Z90 = 1.6448536269514722  # half width of the central 90 % of a standard normal distribution


class NoModel(ValueError):
    """No model could be fitted; the message says why each failed."""


@dataclass(frozen=True)
class Familiarity:
    """What the models of a cross-validation know of each molecule, (n,): `similarity` to the nearest molecule that they
    have seen; `kinds`, its scaffold if they have not seen that, else "".
    """

    similarity: Array
    kinds: tuple[str, ...]


@dataclass(frozen=True)
class Unseen:
    """Predictions (n,) of every training molecule by models that had not seen it, in the order of the samples; `stds`
    are total standard deviations.
    """

    mean: Array
    stds: Array
    familiarity: Familiarity


@dataclass(frozen=True)
class Trial:
    """How one model did in cross-validation. `failure` is empty, or says why it cannot be fitted to these samples; then
    `unseen` is None and the figures are None. `raw_coverage`: share inside mean +- 1.645 std, not calibrated.
    `seconds`: wall time of all folds.
    """

    model: str
    version: str
    unseen: Unseen | None
    rmse: float | None
    mae: float | None
    raw_coverage: float | None
    seconds: float
    failure: str = ""

    def published(self) -> dict[str, Any]:
        """Figures of the published table, JSON-able."""
        return {
            "rmse": self.rmse,
            "mae": self.mae,
            "raw_coverage": self.raw_coverage,
            "seconds": round(self.seconds, 3),
            "failure": self.failure,
        }


def familiarity(samples: Samples, folds: Sequence[Fold]) -> Familiarity:
    """Of every molecule with the training part of the fold that tests it."""
    similarity = np.zeros(len(samples))
    scaffolds = [scaffold(s) for s in samples.smiles]
    kinds = [""] * len(samples)
    for fold in folds:
        train = [samples.smiles[i] for i in fold.train]
        similarity[list(fold.test)] = nearest([samples.smiles[i] for i in fold.test], train)
        seen = {scaffolds[i] for i in fold.train}
        for i in fold.test:
            kinds[i] = "" if scaffolds[i] in seen else scaffolds[i]
    return Familiarity(similarity, tuple(kinds))


def validate(
    model: Model,
    samples: Samples,
    folds: Sequence[Fold],
    familiar: Familiarity,
    *,
    seed: int,
    on_fold: Callable[[str], None] | None = None,
) -> Trial:
    """Predicts every fold by the model fitted on the rest; `familiar` as from `familiarity`. `on_fold` is told of
    each fold that is done.

    A ValueError of the model (too few samples, outside what it can describe) or a missing optional package makes a
    failed trial.
    """
    mean, stds = np.zeros(len(samples)), np.zeros(len(samples))
    began = time.perf_counter()
    try:
        for number, fold in enumerate(folds, start=1):
            belief = model.fit(samples.take(fold.train), seed=seed).predict([samples.smiles[i] for i in fold.test])
            mean[list(fold.test)], stds[list(fold.test)] = belief.mean, belief.total
            if on_fold is not None:
                on_fold(f"fold {number} of {len(folds)}")
        if not (np.isfinite(mean).all() and np.isfinite(stds).all()):
            raise ValueError("a prediction is not finite")
    except (ValueError, ImportError) as error:
        return Trial(model.name, model.version, None, None, None, None, time.perf_counter() - began, str(error))
    residual = np.abs(samples.values - mean)
    return Trial(
        model=model.name,
        version=model.version,
        unseen=Unseen(mean, stds, familiar),
        rmse=math.sqrt(float((residual**2).mean())),
        mae=float(residual.mean()),
        raw_coverage=float((residual <= _Z90 * stds).mean()),
        seconds=time.perf_counter() - began,
    )


def choose(trials: Sequence[Trial], samples: Samples, split: SplitKind | str, *, seed: int) -> int:
    """Place of the first (simplest) of the `contenders`. Raises NoModel."""
    return contenders(trials, samples, split, seed=seed)[0]


def contenders(
    trials: Sequence[Trial],
    samples: Samples,
    split: SplitKind | str,
    *,
    seed: int,
    among: Sequence[int] | None = None,
) -> list[int]:
    """Places of the trials, of those in `among` if given, whose mean squared error is within one standard error of the
    best one's (L. Breiman et al., Classification and Regression Trees, 1984, ch. 3.4), in their order.

    The standard error is that of the difference of both models' squared errors: they predict the same molecules, and
    what makes a fold hard is hard for both. Molecules of one group of the split count as one observation. Raises
    NoModel.
    """
    places = range(len(trials)) if among is None else among
    squares = {i: (samples.values - u.mean) ** 2 for i in places if (u := trials[i].unseen) is not None}
    if not squares:
        raise NoModel("no model can be fitted: " + "; ".join(f"{t.model}: {t.failure}" for t in trials))
    best = min(squares, key=lambda i: (float(squares[i].mean()), i))
    keys = group_keys(samples.smiles, split, seed=seed)
    group = np.unique(np.array(keys), return_inverse=True)[1]

    def within(square: Array) -> bool:
        excess = square - squares[best]
        sums = np.bincount(group, weights=excess - excess.mean())
        return float(excess.mean()) <= math.sqrt(float(sums @ sums)) / len(samples)

    return [i for i, square in squares.items() if i == best or within(square)]


def calibrate(unseen: Unseen, samples: Samples, *, interpolated: Unseen | None = None) -> Calibrator:
    """The intervals that would have held in cross-validation.

    `unseen` of scaffold folds has molecules as strange as those of new scaffolds will be, `interpolated` of random
    folds others with as many relatives in training as those of known scaffolds will have. Given both, each kind of
    molecule is calibrated on residuals of its kind alone, where there are enough of each.

    Measured with `gp`, 6 splits 80/20 of each kind, coverage of 90 % intervals and their width with scaffold folds
    alone, then with both. FreeSolv (642 molecules, kcal/mol): random 0.906 in 2.15, 0.910 in 2.18; scaffold 0.872 in
    3.64 either way. ESOL (600, log mol/l): random 0.931 in 1.97, 0.908 in 1.81; scaffold 0.933 in 2.64 either way.
    """
    if interpolated is None:
        return _pooled([(unseen, range(len(samples)))], samples)
    kinds = unseen.familiarity.kinds, interpolated.familiarity.kinds
    new = (unseen, [i for i, kind in enumerate(kinds[0]) if kind])
    known = [(u, [i for i, kind in enumerate(u.familiarity.kinds) if not kind]) for u in (unseen, interpolated)]
    whole = _pooled([new, *known], samples)
    if whole.new is None or sum(len(rows) for _, rows in known) < SMALLEST_BIN:
        return whole
    return replace(whole, known=_pooled(known, samples).known)


def _pooled(parts: Sequence[tuple[Unseen, Sequence[int]]], samples: Samples) -> Calibrator:
    used = [(u, list(rows)) for u, rows in parts]
    return Calibrator.of(
        np.concatenate([samples.values[rows] - u.mean[rows] for u, rows in used]),
        np.concatenate([u.stds[rows] for u, rows in used]),
        np.concatenate([u.familiarity.similarity[rows] for u, rows in used]),
        [u.familiarity.kinds[i] for u, rows in used for i in rows],
    )
