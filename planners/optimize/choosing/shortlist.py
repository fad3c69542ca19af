"""Which settings of a space are worth a closer look: all of them scored, or the promising parts of it searched."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from knowledge.records.space import Number
from planners.optimize.choosing.results import keys
from planners.optimize.space.encoding import Codes, Encoding, to_code
from planners.optimize.space.grid import Grid

Array = NDArray[np.float64]
Score = Callable[[Codes], Array]

LONG = 4096
"""Settings that a quick score leaves for the exact one."""
_CHUNK = 8192
_DRAWN = 2048  # of a space with continuous numbers, before the search
_PARENTS, _CHILDREN, _NEIGHBOURS = 32, 12, 4
_STEPS = (0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002)  # standard deviations of a round's changes, in codes
_APART = 0.01  # in codes: settings of the short list nearer than this are one, but for the best of them


def finite(
    grid: Grid, score: Score, blocked: set[bytes], count: int, seed: int, *, rough: Score | None = None
) -> Codes:
    """(at most `count`, p) settings that are not `blocked`: the best half by `score`, the others drawn with a chance in
    proportion to exp(score), so that every promising part of the space is there and not only the most promising one.

    Rows pass through in chunks; nothing grows with the space. With `rough`, a quicker score, that one sees all of them
    and `score` only the LONG ones that it finds in the same way.
    """
    if rough is not None:
        some = finite(grid, rough, blocked, LONG, seed)
        return _chosen([some], score, blocked, count, np.random.default_rng([seed, 1]))
    return _chosen(grid.chunks(_CHUNK), score, blocked, count, np.random.default_rng(seed))


def _chosen(chunks: Iterable[Codes], score: Score, blocked: set[bytes], count: int, rng: np.random.Generator) -> Codes:
    keep = count + len(blocked)
    best, drawn = _Top(keep), _Top(keep)
    for codes in chunks:
        scores = score(codes)
        best.add(scores, codes)
        # The largest of score + Gumbel noise are a sample without replacement (J. Yellott, J. Math. Psychol. 1977).
        drawn.add(scores + rng.gumbel(size=len(scores)), codes)
    return _both(best, drawn, blocked, count)


def searched(grid: Grid, score: Score, blocked: set[bytes], starts: Codes, count: int, seed: int) -> Codes:
    """The same where numbers are continuous: draws, then rounds of ever smaller changes to the best.

    Every row obeys the space's rules.
    """
    rng = np.random.default_rng(seed)
    best, drawn = _Top(count + len(blocked)), _Top(count + len(blocked))
    parents = _Top(_PARENTS)
    seen: set[bytes] = set()
    codes = grid.draw(_DRAWN, _fresh(rng))
    if len(starts):
        codes = np.concatenate([codes, starts, grid.around(starts, _DRAWN // 4, _fresh(rng))])
    for step in (*_STEPS, 0.0):
        codes = _unseen(codes, seen)
        if len(codes) == 0:
            break
        scores = score(codes)
        best.add(scores, codes)
        drawn.add(scores + rng.gumbel(size=len(scores)), codes)
        parents.add(scores, codes)
        if step:
            moved = _moved(grid.encoding, parents.codes, step, rng)
            near = grid.around(parents.codes, _NEIGHBOURS * len(parents.codes), _fresh(rng), reach=step)
            codes = grid.normal(np.concatenate([moved, near]))
            codes = codes[grid.allowed(codes)]
    return _both(best, drawn, blocked, count, apart=_APART)


def _unseen(codes: Codes, seen: set[bytes]) -> Codes:
    """The rows that are not in `seen`, each once; they are in it afterwards."""
    rows = []
    for i, key in enumerate(keys(codes)):
        if key not in seen:
            seen.add(key)
            rows.append(i)
    return codes[rows]


class _Top:
    """The rows with the highest scores so far."""

    def __init__(self, keep: int) -> None:
        self._keep = keep
        self.scores: Array = np.empty(0)
        self.codes: Codes = np.empty((0, 0))

    def add(self, scores: Array, codes: Codes) -> None:
        if len(self.scores):
            scores, codes = np.concatenate([self.scores, scores]), np.concatenate([self.codes, codes])
        order = np.argsort(-scores, kind="stable")[: self._keep]
        self.scores, self.codes = scores[order], codes[order]


def _both(best: _Top, drawn: _Top, blocked: set[bytes], count: int, apart: float = 0.0) -> Codes:
    if len(best.scores) == 0:
        return best.codes
    taken = set(blocked)
    places: set[bytes] = set()
    found: list[Array] = []
    for source, until in ((best, (count + 1) // 2), (drawn, count), (best, count)):
        near = keys(np.round(source.codes / apart)) if apart else keys(source.codes)
        for row, key, place in zip(source.codes, keys(source.codes), near, strict=True):
            if len(found) >= until:
                break
            if key not in taken and place not in places:
                taken.add(key)
                places.add(place)
                found.append(row)
    return np.array(found).reshape(len(found), best.codes.shape[1])


def _moved(encoding: Encoding, codes: Codes, step: float, rng: np.random.Generator) -> Codes:
    """Children of each row with its numbers changed: all of them, or each with a chance of one half."""
    rows = np.repeat(codes, _CHILDREN, axis=0)
    numbers = list(encoding.numbers)
    shift = rng.normal(scale=step, size=(len(rows), len(numbers)))
    shift *= rng.random(shift.shape) < np.where(np.arange(len(rows)) % 2, 0.5, 1.0)[:, None]
    rows[:, numbers] = np.clip(rows[:, numbers] + shift, 0.0, 1.0)
    for j in numbers:
        parameter = encoding.space.parameters[j]
        assert isinstance(parameter, Number)
        if parameter.levels:
            levels = np.array([to_code(parameter, level) for level in parameter.levels])
            rows[:, j] = levels[np.argmin(np.abs(rows[:, j, None] - levels), axis=1)]
    return rows


def _fresh(rng: np.random.Generator) -> int:
    return int(rng.integers(2**31))
