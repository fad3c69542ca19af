"""The model `boosting`: gradient-boosted trees (LightGBM; G. Ke et al., NIPS 2017) on counts and descriptors.

Five members, each trained without a fifth of the rows. Their disagreement is the epistemic part. What the rows that a
member has not seen still show as error beyond it is called noise: trees cannot tell a noisy value from one that their
features do not explain.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from knowledge.features import CountMorgan
from knowledge.features.featurizer import Featurizer
from knowledge.features.topological import Topological
from knowledge.qspr.contract import Belief, Samples, Stored
from knowledge.qspr.kernels import Array
from knowledge.qspr.models.scaling import Target, importance, require_two, require_version

VERSION = "1"
MEMBERS = 5
ROUNDS = 400
_NOISE_ROUNDS = 60
_NOISE_ROWS = 60  # below this many rows the noise is one number
_FLOOR = 0.2  # the least share of the held-out error that is noise


def _parameters(seed: int, rows: int) -> dict[str, Any]:
    return {
        "objective": "regression",
        "learning_rate": 0.04,
        "num_leaves": 31,
        "min_data_in_leaf": max(1, min(5, rows // 20)),
        "min_data_in_bin": 1,
        "feature_fraction": 0.25,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "lambda_l2": 1.0,
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 1,
        "verbosity": -1,
    }


@dataclass(frozen=True)
class FittedBoosting:
    """`members`: trees for the standardised target; `noisy`: trees for the logarithm of the held-out error, or None.
    `noise` scales it.
    """

    name: str
    features: tuple[Featurizer, ...]
    target: Target
    members: tuple[str, ...]
    noisy: str | None
    noise: float

    def predict(self, smiles: Sequence[str]) -> Belief:
        if not smiles:
            return Belief(np.zeros(0), np.zeros(0), np.zeros(0))
        x = _rows(self.features, smiles)
        each = np.stack([_ask(text, x) for text in self.members])
        epistemic = _disagreement(each)
        scale = self.noise if self.noisy is None else self.noise * np.exp(np.clip(_ask(self.noisy, x), -2.0, 2.0))
        noise = np.sqrt(np.maximum(scale**2 - epistemic**2, _FLOOR * scale**2))
        spread = self.target.spread
        return Belief(self.target.back(each.mean(axis=0)), epistemic * spread, noise * spread)

    def stored(self) -> Stored:
        settings = {
            "model": self.name,
            "version": VERSION,
            "features": [f"{f.name}/{f.version}" for f in self.features],
            "members": list(self.members),
            "noisy": self.noisy,
        }
        numbers = np.array([self.target.centre, self.target.spread, self.noise])
        return Stored(settings, {"numbers": numbers})


class Boosting:
    """See the module. `features` default to count ECFP4 and RDKit's descriptors."""

    name = "boosting"
    version = VERSION

    def __init__(self, features: Sequence[Featurizer] = (), *, rounds: int = ROUNDS) -> None:
        if rounds < 1:
            raise ValueError(f"rounds must be at least 1, got {rounds}")
        self.features = tuple(features) or (CountMorgan(), Topological())
        self.rounds = rounds

    def fit(self, samples: Samples, *, seed: int) -> FittedBoosting:
        """Raises InvalidMolecule, and ValueError for fewer than 2 molecules."""
        require_two(samples, self.name)
        x = _rows(self.features, samples.smiles)
        n = len(samples)
        target = Target.of(samples.values)
        y = target.standard(samples.values)
        weight = importance(samples.variances, target)
        rng = np.random.default_rng(seed)
        fold = np.arange(n)[np.argsort(rng.permutation(n))] % min(MEMBERS, n)
        members = []
        held_out = np.zeros(n)
        for k in range(min(MEMBERS, n)):
            inside = fold != k
            text = _train(x[inside], y[inside], weight[inside], seed=seed + k, rounds=self.rounds)
            members.append(text)
            held_out[~inside] = _ask(text, x[~inside])
        residual = np.abs(y - held_out)
        total = float(np.sqrt(np.average(residual**2, weights=weight)))
        if n < _NOISE_ROWS:
            return FittedBoosting(self.name, self.features, target, tuple(members), None, total)
        floor = 0.1 * total + 1e-6
        noisy = _train(
            x, np.log(residual + floor), weight, seed=seed, rounds=_NOISE_ROUNDS, num_leaves=4, min_data_in_leaf=10
        )
        shape = np.exp(np.clip(_ask(noisy, x), -2.0, 2.0))
        scale = float(np.sqrt(np.average((residual / shape) ** 2, weights=weight)))
        return FittedBoosting(self.name, self.features, target, tuple(members), noisy, scale)

    def restore(self, stored: Stored) -> FittedBoosting:
        features = [f"{f.name}/{f.version}" for f in self.features]
        require_version(stored, {"model": self.name, "version": VERSION, "features": features})
        centre, spread, noise = (float(v) for v in stored.arrays["numbers"])
        settings = stored.settings
        return FittedBoosting(
            self.name, self.features, Target(centre, spread), tuple(settings["members"]), settings["noisy"], noise
        )


def _rows(features: Sequence[Featurizer], smiles: Sequence[str]) -> Array:
    return np.concatenate([np.asarray(f(smiles), dtype=np.float64) for f in features], axis=1)


def _disagreement(each: Array) -> Array:
    """Standard deviation between members. Each saw most of the others' rows, so that they agree too well; the
    delete-a-group jackknife corrects by (k - 1) / k times the sum of squares (B. Efron, The Jackknife, 1982).
    """
    k = len(each)
    squares = ((each - each.mean(axis=0)) ** 2).sum(axis=0)
    deviation: Array = np.sqrt(squares * (k - 1) / k)
    return deviation


def _train(x: Array, y: Array, weight: Array, *, seed: int, rounds: int, **changes: int) -> str:
    """A model as LightGBM's own text."""
    import lightgbm

    if len(y) < 2:
        # LightGBM refuses a single row.
        x, y, weight = np.repeat(x, 2, axis=0), np.repeat(y, 2), np.repeat(weight, 2)
    parameters = {**_parameters(seed, len(y)), **changes}
    with warnings.catch_warnings():
        # Of a constant target or of rows that no feature tells apart, LightGBM warns; a constant is the right answer.
        warnings.simplefilter("ignore", UserWarning)
        data = lightgbm.Dataset(x, label=y, weight=weight, params=parameters, free_raw_data=True)
        booster = lightgbm.train(parameters, data, num_boost_round=rounds)
    return str(booster.model_to_string())


@lru_cache(maxsize=8 * MEMBERS)
def _booster(text: str) -> Any:
    import lightgbm

    return lightgbm.Booster(model_str=text)


def _ask(text: str, x: Array) -> Array:
    return np.asarray(_booster(text).predict(x, num_threads=1), dtype=np.float64)
