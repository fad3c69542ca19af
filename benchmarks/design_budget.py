"""An objective with a budget of calls, as PMO counts them, and the figures of what was found within it.

Gao et al., NeurIPS 2022 (Datasets and Benchmarks): every distinct molecule costs one call; the figure of merit is the
area under the curve of the mean of the ten best against calls, over the budget.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from heapq import heappush, heappushpop
from typing import Any

from rdkit import Chem, rdBase

from benchmarks.oracles import Oracle

EVERY = 100
_HEIGHTENED = 1e-3  # what counts as progress for `patience`; PMO's own


class Spent(Exception):
    """No call is left, or there was no progress for as long as the run has patience."""


class Budget:
    """Scores molecules until `calls` distinct ones were scored.

    scores: by canonical SMILES, in the order of scoring.  cpu: seconds of the objective itself.
    patience: calls without progress of the mean of the best hundred by 0.001 after which it ends; None: never.
    """

    def __init__(self, oracle: Oracle, calls: int, *, patience: int | None = None) -> None:
        self.scores: dict[str, float] = {}
        self.cpu = 0.0
        self._oracle = oracle
        self._calls = calls
        self._patience = patience
        self._best: list[float] = []
        self._mark = (0, 0.0)  # call and mean of the best hundred at the last progress

    def __call__(self, smiles: Iterable[str]) -> list[float]:
        """Scores in order; texts that are no molecule get 0 and cost nothing. Raises Spent in the midst of a batch."""
        return [self._score(text) for text in smiles]

    def _score(self, text: str) -> float:
        with rdBase.BlockLogs():
            mol = Chem.MolFromSmiles(text) if text else None
        if mol is None:
            return 0.0
        canonical = str(Chem.MolToSmiles(mol))
        known = self.scores.get(canonical)
        if known is not None:
            return known
        if len(self.scores) >= self._calls or self._stagnant():
            raise Spent
        began = time.process_time()
        # From the canonical text, as PMO does: a few descriptors depend on the order of atoms.
        score = self._oracle.score(canonical)
        self.cpu += time.process_time() - began
        self.scores[canonical] = score
        if len(self._best) < 100:
            heappush(self._best, score)
        else:
            heappushpop(self._best, score)
        return score

    def _stagnant(self) -> bool:
        if self._patience is None:
            return False
        mean = sum(self._best) / 100
        if mean > self._mark[1] + _HEIGHTENED:
            self._mark = (len(self.scores), mean)
        return len(self.scores) - self._mark[0] >= self._patience


def area(scores: Sequence[float], *, best: int, calls: int, every: int = EVERY) -> float:
    """Area under the mean of the `best` so far, by trapezoids of `every` calls, over `calls`; 0..1.

    A run that ended early keeps its last mean for the calls it left.
    """
    if not scores:
        return 0.0
    total = previous = 0.0
    top: list[float] = []
    done = 0
    for place, score in enumerate(scores, 1):
        if len(top) < best:
            heappush(top, score)
        else:
            heappushpop(top, score)
        if place % every == 0 and place < min(len(scores), calls):
            mean = sum(top) / len(top)
            total += every * (mean + previous) / 2
            previous, done = mean, place
    mean = sum(top) / len(top)
    total += (len(scores) - done) * (mean + previous) / 2
    total += max(calls - len(scores), 0) * mean
    return total / calls


def figures(scores: dict[str, float], calls: int) -> dict[str, Any]:
    """`scores` as of Budget: areas and means of the best 1, 10 and 100, the curve of the best 10, and the best 10."""
    values = list(scores.values())
    ranked = sorted(scores.items(), key=lambda item: (-item[1], item[0]))
    curve = []
    for stop in range(1000, len(values) + 1, 1000):
        top = sorted(values[:stop])[-10:]
        curve.append(round(sum(top) / len(top), 4))
    found: dict[str, Any] = {"calls": len(values)}
    for best in (1, 10, 100):
        top_values = [score for _, score in ranked[:best]]
        found[f"auc_top{best}"] = round(area(values, best=best, calls=calls), 4)
        found[f"top{best}"] = round(sum(top_values) / max(len(top_values), 1), 4)
    found["curve_top10"] = curve
    found["best"] = [[smiles, round(score, 4)] for smiles, score in ranked[:10]]
    return found
