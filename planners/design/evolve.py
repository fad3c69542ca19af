"""The inner loop: a generator climbs a cheap score for a fixed number of generations and leaves a pool behind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from knowledge.records.candidate import Candidate
from planners.design.generator import Evaluated, Generator


class BadScores(ValueError):
    """The score function answered something that does not fit its molecules."""


@dataclass(frozen=True)
class Scores:
    """values: shape (n,), higher is better, finite.  feasible: shape (n,), bool; None means all are."""

    values: npt.NDArray[np.float64]
    feasible: npt.NDArray[np.bool_] | None = None


@dataclass(frozen=True)
class Generation:
    """What one generation brought: molecules asked, how many were feasible, best feasible score so far (None: none)."""

    asked: int
    feasible: int
    best: float | None


@dataclass(frozen=True)
class Pool:
    """All that was scored, best first: feasible before infeasible, then by score, then by SMILES.

    values, feasible: shape (n,), aligned with `candidates`.
    """

    candidates: tuple[Candidate, ...]
    values: npt.NDArray[np.float64]
    feasible: npt.NDArray[np.bool_]
    history: tuple[Generation, ...]

    def __len__(self) -> int:
        return len(self.candidates)

    def best(self, n: int) -> tuple[Candidate, ...]:
        return self.candidates[:n]


def evolve(
    generator: Generator,
    score: Callable[[Sequence[str]], Scores],
    *,
    generations: int = 8,
    population: int = 200,
    seed: int,
    start: Sequence[str] = (),
) -> Pool:
    """`generations` times: ask for `population` molecules, score them in one call, tell.

    start: known molecules that are scored and told first, so that the climb begins on scored ground; they do not
        enter the pool.
    The result depends on the generator's state, `score`, the counts and `seed` only; the generator itself moves on.
    Raises BadScores when `score` returns another length or numbers that are not finite.
    """
    generator.reseed(seed)
    if start:
        _score_and_tell(generator, score, list(dict.fromkeys(start)))
    found: list[tuple[bool, float, Candidate]] = []
    history: list[Generation] = []
    best: float | None = None
    for _ in range(generations):
        candidates = generator.ask(population)
        if not candidates:
            break
        values, feasible = _score_and_tell(generator, score, [c.molecule.smiles for c in candidates])
        found += [(bool(f), float(v), c) for c, v, f in zip(candidates, values, feasible, strict=True)]
        if feasible.any():
            top = float(values[feasible].max())
            best = top if best is None else max(best, top)
        history.append(Generation(asked=len(candidates), feasible=int(feasible.sum()), best=best))
    found.sort(key=lambda item: (not item[0], -item[1], item[2].molecule.smiles))
    return Pool(
        candidates=tuple(c for _, _, c in found),
        values=np.array([v for _, v, _ in found], dtype=np.float64),
        feasible=np.array([f for f, _, _ in found], dtype=np.bool_),
        history=tuple(history),
    )


def _score_and_tell(
    generator: Generator, score: Callable[[Sequence[str]], Scores], smiles: list[str]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    values, feasible = _checked(score(smiles), len(smiles))
    generator.tell(
        [
            Evaluated(smiles=text, score=float(value), feasible=bool(fits))
            for text, value, fits in zip(smiles, values, feasible, strict=True)
        ]
    )
    return values, feasible


def _checked(scores: Scores, n: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    values = np.asarray(scores.values, dtype=np.float64)
    feasible = np.ones(n, dtype=np.bool_) if scores.feasible is None else np.asarray(scores.feasible, dtype=np.bool_)
    if values.shape != (n,) or feasible.shape != (n,):
        raise BadScores(f"score gave shapes {values.shape} and {feasible.shape} for {n} molecules")
    if not np.isfinite(values).all():
        raise BadScores(f"score gave {int((~np.isfinite(values)).sum())} values that are not finite")
    return values, feasible
