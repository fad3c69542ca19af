"""The model `pretrained`: the shipped encoder with a new head, all weights fine-tuned where there are rows enough.

Below `FULL_FROM` rows only the head is trained. Members watch different rows; their disagreement is the epistemic part,
their mean variance the noise (B. Lakshminarayanan et al., NIPS 2017).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import torch
from torch import Tensor

from knowledge.features.featurizer import Featurizer
from knowledge.features.pretrained import PretrainedEmbedding, PretrainedQuantum
from knowledge.features.topological import Topological
from knowledge.qspr.contract import Belief, Samples, Stored
from knowledge.qspr.kernels import Array
from knowledge.qspr.models.encoder import GraphRows, Pretrained, pretrained
from knowledge.qspr.models.finetune import Reading, Rows, Tuning, ask, train
from knowledge.qspr.models.scaling import Features, Target, require_two, require_version

VERSION = "1"
MEMBERS = 3
FULL_FROM = 200  # rows
_WATCHED_FROM = 20  # rows below which none can be spared to decide which weights are kept


@dataclass(frozen=True)
class Member:
    """Weights by name; `encoder` is empty where the shipped one is used."""

    head: Mapping[str, Array]
    encoder: Mapping[str, Array]


@dataclass(frozen=True)
class FittedPretrained:
    """`told`: the scale of what is read off the embedding, over the training rows."""

    name: str
    given: Pretrained
    extra: Featurizer
    tuning: Tuning
    features: Features
    target: Target
    told: Features
    members: tuple[Member, ...]

    def predict(self, smiles: Sequence[str]) -> Belief:
        if not smiles:
            return Belief(np.zeros(0), np.zeros(0), np.zeros(0))
        graphs = GraphRows.of(smiles)
        extra = _tensor(self.features(np.asarray(self.extra(smiles), dtype=np.float64)))
        reading = Reading.of(self.given, self.told)
        asked = [ask(self.given, m.head, m.encoder, graphs, extra, reading, self.tuning) for m in self.members]
        means = np.stack([mean for mean, _ in asked])
        noise = np.sqrt(np.stack([variance for _, variance in asked]).mean(axis=0))
        epistemic = means.std(axis=0, ddof=1 if len(means) > 1 else 0)
        spread = self.target.spread
        return Belief(self.target.back(means.mean(axis=0)), epistemic * spread, noise * spread)

    def stored(self) -> Stored:
        arrays = {
            "columns": self.features.columns,
            "centre": self.features.centre,
            "scale": self.features.scale,
            "told_columns": self.told.columns,
            "told_centre": self.told.centre,
            "told_scale": self.told.scale,
            "target": np.array([self.target.centre, self.target.spread]),
        }
        for i, member in enumerate(self.members):
            arrays |= {f"{i}/head/{name}": value for name, value in member.head.items()}
            arrays |= {f"{i}/encoder/{name}": value for name, value in member.encoder.items()}
        identity = _identity(self.name, self.given, self.extra, self.tuning)
        return Stored(identity | {"members": len(self.members)}, arrays)


def _identity(name: str, given: Pretrained, extra: Featurizer, tuning: Tuning) -> dict[str, object]:
    return {
        "model": name,
        "version": VERSION,
        "encoder": given.version,
        "features": [f"{extra.name}/{extra.version}"],
        "tuning": asdict(tuning),
    }


class FineTuned:
    """See the module. `extra` defaults to RDKit's descriptors. Every use raises WeightsMissing without weights."""

    version = VERSION

    def __init__(
        self,
        *,
        name: str = "pretrained",
        extra: Featurizer | None = None,
        tuning: Tuning | None = None,
        members: int = MEMBERS,
        full_from: int = FULL_FROM,
    ) -> None:
        if members < 1:
            raise ValueError(f"an ensemble needs at least 1 member, got {members}")
        self.name = name
        self.extra: Featurizer = extra or Topological()
        self.tuning = tuning or Tuning()
        self.members = members
        self.full_from = full_from

    def fit(self, samples: Samples, *, seed: int) -> FittedPretrained:
        """Raises InvalidMolecule, and ValueError for fewer than 2 molecules."""
        require_two(samples, self.name)
        given = pretrained()
        raw = np.asarray(self.extra(samples.smiles), dtype=np.float64)
        features = Features.of(raw)
        target = Target.of(samples.values)
        told = Features.of(
            np.concatenate([f(samples.smiles) for f in (PretrainedQuantum(), PretrainedEmbedding())], axis=1)
        )
        rows = Rows(
            GraphRows.of(samples.smiles),
            _tensor(features(raw)),
            _tensor(target.standard(samples.values)),
            _tensor(samples.variances / target.spread**2),
            Reading.of(given, told),
        )
        n = len(samples)
        order = np.random.default_rng(seed).permutation(n)
        size = max(2, n // 10)
        trained = []
        for k in range(self.members):
            # Each member watches other rows than its predecessors, so that the ensemble has seen all of them.
            watched = np.sort(np.roll(order, -k * size)[:size]) if n >= _WATCHED_FROM else order[:0]
            full = n >= self.full_from
            head, encoder = train(
                given, rows, watched=watched, tuning=self.tuning, full=full, seed=seed * self.members + k
            )
            trained.append(Member(head, encoder))
        return FittedPretrained(self.name, given, self.extra, self.tuning, features, target, told, tuple(trained))

    def restore(self, stored: Stored) -> FittedPretrained:
        given = pretrained()
        require_version(stored, _identity(self.name, given, self.extra, self.tuning))
        arrays = stored.arrays
        centre, spread = (float(v) for v in arrays["target"])
        members = tuple(
            Member(_under(arrays, f"{i}/head/"), _under(arrays, f"{i}/encoder/"))
            for i in range(int(stored.settings["members"]))
        )
        return FittedPretrained(
            self.name,
            given,
            self.extra,
            self.tuning,
            Features(arrays["columns"], arrays["centre"], arrays["scale"]),
            Target(centre, spread),
            Features(arrays["told_columns"], arrays["told_centre"], arrays["told_scale"]),
            members,
        )


def _under(arrays: Mapping[str, Array], head: str) -> dict[str, Array]:
    return {key.removeprefix(head): value for key, value in arrays.items() if key.startswith(head)}


def _tensor(values: Array) -> Tensor:
    return torch.from_numpy(values.astype(np.float32))
