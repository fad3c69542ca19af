"""The model `graph`: an ensemble of message-passing networks on the molecular graph and RDKit's descriptors.

Each member stops early on its own tenth of the rows. The members' disagreement is the epistemic part, their mean
variance the noise (B. Lakshminarayanan et al., NIPS 2017).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from knowledge.features import molgraph
from knowledge.features.featurizer import Featurizer
from knowledge.features.topological import Topological
from knowledge.qspr.contract import Belief, Samples, Stored
from knowledge.qspr.kernels import Array
from knowledge.qspr.models.network import Settings, ask, train
from knowledge.qspr.models.scaling import Features, Target, require_two, require_version

VERSION = "1"
MEMBERS = 3
_WATCHED_FROM = 20  # rows below which none can be spared to decide when to stop


@dataclass(frozen=True)
class FittedGraph:
    """`members`: weights by name."""

    name: str
    extra: Featurizer
    settings: Settings
    scale: Features
    target: Target
    members: tuple[Mapping[str, Array], ...]

    def predict(self, smiles: Sequence[str]) -> Belief:
        if not smiles:
            return Belief(np.zeros(0), np.zeros(0), np.zeros(0))
        extra = self.scale(np.asarray(self.extra(smiles), dtype=np.float64))
        asked = [ask(weights, smiles, extra, self.settings) for weights in self.members]
        means = np.stack([mean for mean, _ in asked])
        noise = np.sqrt(np.stack([variance for _, variance in asked]).mean(axis=0))
        epistemic = means.std(axis=0, ddof=1 if len(means) > 1 else 0)
        spread = self.target.spread
        return Belief(self.target.back(means.mean(axis=0)), epistemic * spread, noise * spread)

    def stored(self) -> Stored:
        arrays = {f"{i}/{name}": value for i, weights in enumerate(self.members) for name, value in weights.items()}
        arrays |= {"columns": self.scale.columns, "centre": self.scale.centre, "scale": self.scale.scale}
        arrays["target"] = np.array([self.target.centre, self.target.spread])
        return Stored(_identity(self.name, self.extra, self.settings) | {"members": len(self.members)}, arrays)


def _identity(name: str, extra: Featurizer, settings: Settings) -> dict[str, object]:
    features = [f"molgraph/{molgraph.VERSION}", f"{extra.name}/{extra.version}"]
    return {"model": name, "version": VERSION, "features": features, "network": asdict(settings)}


class Graph:
    """See the module. `extra` defaults to RDKit's descriptors."""

    name = "graph"
    version = VERSION

    def __init__(
        self, *, extra: Featurizer | None = None, settings: Settings | None = None, members: int = MEMBERS
    ) -> None:
        if members < 1:
            raise ValueError(f"an ensemble needs at least 1 member, got {members}")
        self.extra: Featurizer = extra or Topological()
        self.settings = settings or Settings()
        self.members = members

    def fit(self, samples: Samples, *, seed: int) -> FittedGraph:
        """Raises InvalidMolecule, and ValueError for fewer than 2 molecules."""
        require_two(samples, self.name)
        raw = np.asarray(self.extra(samples.smiles), dtype=np.float64)
        scale = Features.of(raw)
        target = Target.of(samples.values)
        n = len(samples)
        order = np.random.default_rng(seed).permutation(n)
        trained = []
        for k in range(self.members):
            size = max(2, n // 10)
            # Each member watches other rows than its predecessors, so that the ensemble has seen all of them.
            watched = np.sort(np.roll(order, -k * size)[:size]) if n >= _WATCHED_FROM else order[:0]
            trained.append(
                train(
                    samples.smiles,
                    scale(raw),
                    target.standard(samples.values),
                    samples.variances / target.spread**2,
                    watched=watched,
                    settings=self.settings,
                    seed=seed * self.members + k,
                )
            )
        return FittedGraph(self.name, self.extra, self.settings, scale, target, tuple(trained))

    def restore(self, stored: Stored) -> FittedGraph:
        require_version(stored, _identity(self.name, self.extra, self.settings))
        arrays = stored.arrays
        members = []
        for i in range(int(stored.settings["members"])):
            head = f"{i}/"
            members.append({key.removeprefix(head): v for key, v in arrays.items() if key.startswith(head)})
        centre, spread = (float(v) for v in arrays["target"])
        return FittedGraph(
            self.name,
            self.extra,
            self.settings,
            Features(arrays["columns"], arrays["centre"], arrays["scale"]),
            Target(centre, spread),
            tuple(members),
        )
