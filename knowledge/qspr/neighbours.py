"""Training rows chosen for the molecules at hand: a small model of the right chemistry beats a large one of all
chemistry.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from knowledge.qspr.kernels import tanimoto
from knowledge.qspr.representation import Representation
from knowledge.qspr.training import TrainingRows, choose
from knowledge.records.base import sha256_text

ROWS = 1200
_CANDIDATES = 5000  # rows that are compared
_PROBES = 500  # molecules at hand that they are compared with


def near(
    rows: TrainingRows, focus: Collection[str], representation: Representation, *, seed: int, limit: int = ROWS
) -> TrainingRows:
    """At most `limit` rows: measurements of our own and the facts about `focus` (SMILES, none unreadable) always, then
    the nearest neighbours of every molecule of `focus` in turn, by count-Tanimoto similarity.

    Of a large `focus` a seeded sample is compared. The order of `focus` does not matter.
    """
    if len(rows) <= limit:
        return rows
    probes = sorted(set(focus), key=lambda s: sha256_text(f"{seed}:{s}"))[:_PROBES]
    wanted = frozenset(focus)
    candidates = choose(rows, seed=seed, always=wanted, limit=_CANDIDATES)
    similarity = tanimoto(representation.counts(candidates.smiles), representation.counts(probes))
    taken = {i: None for i, s in enumerate(candidates.smiles) if candidates.own[i] or s in wanted}
    for rank in np.argsort(-similarity, axis=0, kind="stable"):
        for i in rank.tolist():
            if len(taken) >= limit:
                return candidates.take(sorted(taken))
            taken.setdefault(i)
    return candidates.take(sorted(taken))
