"""Which model is used for a property: all are cross-validated, all results are published, the best is fitted again.

One cross-validation serves three ends: it ranks the models, its residuals calibrate the intervals, and its table is the
evidence. So an honest test of the result needs molecules that `select` never saw (nested cross-validation;
G. C. Cawley, N. L. C. Talbot, J. Mach. Learn. Res. 11 (2010) 2079).
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from knowledge.qspr.conformal import Calibrator
from knowledge.qspr.contract import Fitted, Model, Samples, Stored
from knowledge.qspr.domain import Domain, Neighbour, nearest
from knowledge.qspr.kernels import Array
from knowledge.qspr.splits import Fold, SplitKind, group_keys, k_fold, scaffold

FOLDS = 5
LEVEL = 0.9
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
        """The line of the published table, JSON-able."""
        return {
            "model": self.model,
            "version": self.version,
            "rmse": self.rmse,
            "mae": self.mae,
            "raw_coverage": self.raw_coverage,
            "seconds": round(self.seconds, 3),
            "failure": self.failure,
        }


@dataclass(frozen=True)
class Prediction:
    """Of one molecule, on the model scale: `low` to `high` holds a measured value with probability `level`; `epistemic`
    and `noise` as in Belief; `reason` says why it is out of the domain; `neighbours`, the nearest training molecules.
    """

    smiles: str
    mean: float
    epistemic: float
    noise: float
    low: float
    high: float
    level: float
    in_domain: bool
    reason: str
    similarity: float
    neighbours: tuple[Neighbour, ...]


@dataclass(frozen=True)
class Selected:
    """The chosen model fitted on all samples, with its calibrator, its domain and the table of all that were tried."""

    model: str
    version: str
    fitted: Fitted
    calibrator: Calibrator
    domain: Domain
    table: tuple[dict[str, Any], ...]
    split: SplitKind
    seed: int

    def predict(self, smiles: Sequence[str], *, level: float = LEVEL, neighbours: int = 3) -> list[Prediction]:
        """Raises InvalidMolecule, and ValueError for a level outside (0, 1)."""
        if not smiles:
            return []
        belief = self.fitted.predict(smiles)
        places = self.domain.place(smiles, neighbours=neighbours)
        similarity = np.array([p.similarity for p in places])
        new = np.array([p.new_scaffold for p in places])
        low, high = self.calibrator.interval(belief.mean, belief.total, similarity, new, level)
        return [
            Prediction(
                smiles=s,
                mean=float(belief.mean[i]),
                epistemic=float(belief.epistemic[i]),
                noise=float(belief.noise[i]),
                low=float(low[i]),
                high=float(high[i]),
                level=level,
                in_domain=places[i].in_domain,
                reason=places[i].reason,
                similarity=places[i].similarity,
                neighbours=places[i].neighbours,
            )
            for i, s in enumerate(smiles)
        ]

    def stored(self) -> Stored:
        """Model, calibrator, training data, split and table as one set of settings and arrays."""
        inner = self.fitted.stored()
        samples = self.domain.samples
        settings = {
            "model": self.model,
            "version": self.version,
            "settings": dict(inner.settings),
            "calibrator": self.calibrator.to_dict(),
            "domain": self.domain.to_dict(),
            "smiles": list(samples.smiles),
            "data_hash": samples.data_hash,
            "table": [dict(row) for row in self.table],
            "split": self.split.value,
            "seed": self.seed,
        }
        arrays = {f"model.{name}": array for name, array in inner.arrays.items()}
        return Stored(settings, {**arrays, "values": samples.values, "variances": samples.variances})

    @staticmethod
    def restore(stored: Stored, models: Sequence[Model]) -> Selected:
        """Raises ValueError when its model is not among `models`, is of another version, or the data do not belong."""
        state = stored.settings
        model = next((m for m in models if m.name == state["model"]), None)
        if model is None or model.version != state["version"]:
            present = f"this program has {model.version}" if model else "this program has no such model"
            raise ValueError(f"the stored model is {state['model']} {state['version']}; {present}; fit again")
        samples = Samples(tuple(state["smiles"]), stored.arrays["values"], stored.arrays["variances"])
        if samples.data_hash != state["data_hash"]:
            raise ValueError("the stored training data do not match their hash")
        arrays = {name.removeprefix("model."): a for name, a in stored.arrays.items() if name.startswith("model.")}
        return Selected(
            model=model.name,
            version=model.version,
            fitted=model.restore(Stored(state["settings"], arrays)),
            calibrator=Calibrator.from_dict(state["calibrator"]),
            domain=Domain.restore(state["domain"], samples),
            table=tuple(dict(row) for row in state["table"]),
            split=SplitKind(state["split"]),
            seed=int(state["seed"]),
        )


def select(
    models: Sequence[Model],
    samples: Samples,
    *,
    seed: int,
    split: SplitKind | str = SplitKind.SCAFFOLD,
    folds: int = FOLDS,
) -> Selected:
    """Cross-validates every model, chooses one and fits it on all samples. `models`: the simplest first.

    Raises NoModel when none can be fitted, ValueError for fewer than 2 samples or no models.
    """
    kind = SplitKind(split)
    parts = k_fold(samples.smiles, kind, seed=seed, count=folds)
    familiar = familiarity(samples, parts)
    trials = [validate(model, samples, parts, familiar, seed=seed) for model in models]
    chosen = choose(trials, samples, kind, seed=seed)
    model, unseen = models[chosen], trials[chosen].unseen
    if unseen is None:
        raise NoModel(f"{model.name} was chosen without predictions")
    return Selected(
        model=model.name,
        version=model.version,
        fitted=model.fit(samples, seed=seed),
        calibrator=calibrate(unseen, samples),
        domain=Domain.of(samples),
        table=tuple(trial.published() for trial in trials),
        split=kind,
        seed=seed,
    )


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


def validate(model: Model, samples: Samples, folds: Sequence[Fold], familiar: Familiarity, *, seed: int) -> Trial:
    """Predicts every fold by the model fitted on the rest; `familiar` as from `familiarity`.

    A ValueError of the model (too few samples, outside what it can describe) or a missing optional package makes a
    failed trial.
    """
    mean, stds = np.zeros(len(samples)), np.zeros(len(samples))
    began = time.perf_counter()
    try:
        for fold in folds:
            belief = model.fit(samples.take(fold.train), seed=seed).predict([samples.smiles[i] for i in fold.test])
            mean[list(fold.test)], stds[list(fold.test)] = belief.mean, belief.total
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
    """Place of the first (simplest) trial whose mean squared error is within one standard error of the best one's
    (L. Breiman et al., Classification and Regression Trees, 1984, ch. 3.4).

    The standard error is that of the difference of both models' squared errors: they predict the same molecules, and
    what makes a fold hard is hard for both. Molecules of one group of the split count as one observation. Raises
    NoModel.
    """
    squares = {i: (samples.values - t.unseen.mean) ** 2 for i, t in enumerate(trials) if t.unseen is not None}
    if not squares:
        raise NoModel("no model can be fitted: " + "; ".join(f"{t.model}: {t.failure}" for t in trials))
    best = min(squares, key=lambda i: (float(squares[i].mean()), i))
    keys = group_keys(samples.smiles, split, seed=seed)
    group = np.unique(np.array(keys), return_inverse=True)[1]
    for i, square in squares.items():
        excess = square - squares[best]
        sums = np.bincount(group, weights=excess - excess.mean())
        if float(excess.mean()) <= math.sqrt(float(sums @ sums)) / len(samples):
            return i
    return best


def calibrate(unseen: Unseen, samples: Samples) -> Calibrator:
    """The intervals that would have held in cross-validation."""
    return Calibrator.of(
        samples.values - unseen.mean, unseen.stds, unseen.familiarity.similarity, unseen.familiarity.kinds
    )
