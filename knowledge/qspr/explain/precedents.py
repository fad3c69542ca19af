"""Which training molecules carry a prediction, and how much.

The mean of a Gaussian process is a weighted sum of the training values (C. E. Rasmussen, C. K. I. Williams, Gaussian
Processes for Machine Learning, 2006, eq. 2.25): a molecule's weight is the exact share with which a change of its value
would come through. Of a model on what a prior leaves over, this is said of the residuals. Trees and networks have no
such weights; for them the nearest molecules share by fingerprint similarity, which says what is near, not what counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from knowledge.qspr.contract import Samples
from knowledge.qspr.explain.inside import Predicts, answering, members
from knowledge.qspr.kernels import Array, tanimoto
from knowledge.qspr.representation import default_representation
from knowledge.records.explanation import Basis

COUNT = 5
_NEAREST = 10  # molecules that share where there are no weights


@runtime_checkable
class Weighing(Protocol):
    """A model whose mean is that of its training values plus `weights(smiles).T @ (values less their mean)`."""

    @property
    def samples(self) -> Samples: ...

    def weights(self, smiles: Sequence[str]) -> Array: ...


@dataclass(frozen=True)
class Shares:
    """Of all training molecules, (n,) in the order of the samples: `share`, `pull` on the model scale (None where the
    basis is not WEIGHT), `similarity`.
    """

    basis: Basis
    share: Array
    pull: Array | None
    similarity: Array

    def strongest(self, count: int = COUNT) -> list[int]:
        """Places of those with the largest shares, negative ones included; the more similar first where equal."""
        order = np.lexsort((-self.similarity, -np.abs(self.share)))[:count]
        return [i for i in order.tolist() if self.share[i] != 0.0]


def shares(fitted: Predicts, samples: Samples, smiles: str) -> Shares:
    """`samples`: what the model was fitted on. Raises InvalidMolecule."""
    used = default_representation()
    similarity = tanimoto(used.counts([smiles]), used.counts(samples.smiles))[0]
    place = {s: i for i, s in enumerate(samples.smiles)}
    share, pull = np.zeros(len(samples)), np.zeros(len(samples))
    bases = set()
    for part, model in members(fitted):
        inner = answering(model, smiles)
        if isinstance(inner, Weighing):
            own = inner.samples
            rows = [place[s] for s in own.smiles]  # of a prior's residuals only those that the prior knows
            weights = inner.weights([smiles])[:, 0]
            share[rows] += part * weights
            pull[rows] += part * weights * (own.values - own.values.mean())
            bases.add(Basis.WEIGHT)
        else:
            nearest = np.argsort(-similarity, kind="stable")[:_NEAREST]
            total = float(similarity[nearest].sum())
            share[nearest] += part * (similarity[nearest] / total if total > 0.0 else 1.0 / len(nearest))
            bases.add(Basis.SIMILARITY)
    basis = bases.pop() if len(bases) == 1 else Basis.MIXED
    return Shares(basis, share, pull if basis is Basis.WEIGHT else None, similarity)
