"""The settings of a space: counted, gone through in chunks, drawn from and searched around, never held all at once."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from math import prod

import numpy as np
from numpy.typing import NDArray

from planners.optimize.space.blocks import Block, blocks, unravel
from planners.optimize.space.encoding import Codes, Encoding
from planners.optimize.space.feasibility import EmptySpace, conflict, find
from planners.optimize.space.neighbours import changed
from planners.optimize.space.rules import Mask, Rules
from planners.optimize.space.spreading import sobol, spaced

_PROBED = 512
_ROUNDS = 30
_SOUGHT = 20  # settings asked of the solver, where chance finds none
_DRAWN_WHOLE = 1 << 20


class Grid:
    """Raises EmptySpace, when it is made, for rules that leave nothing."""

    def __init__(self, encoding: Encoding) -> None:
        self.encoding = encoding
        self._rules = Rules(encoding)
        self._counts = self._rules.counts()
        # What the solver found where chance found nothing: draws and walks can begin there.
        self._known: Codes = np.empty((0, len(self._counts)))
        if encoding.space.rules:
            self._check()

    def _check(self) -> None:
        rng = np.random.default_rng(0)
        if len(self._kept(self._raw(rng.random((_PROBED, len(self._counts))), rng))):
            return
        rules = self.encoding.space.rules
        found = find(self.encoding, rules)
        if found.possible is False:
            raise EmptySpace(conflict(self.encoding, rules))
        if found.codes is not None:
            self._known = self._kept(found.codes)

    @cached_property
    def _blocks(self) -> tuple[Block, ...]:
        return blocks(self._rules)

    @cached_property
    def size(self) -> int | None:
        """How many different settings are allowed: exact. None where a number is continuous, and where parameters that
        rules join have more than 5 million combinations.
        """
        sizes = [block.size for block in self._blocks]
        return None if None in sizes else prod(size for size in sizes if size is not None)

    @property
    def finite(self) -> bool:
        return None not in self._counts

    def chunks(self, size: int) -> Iterator[Codes]:
        """All allowed settings, each once, at most `size` in a chunk, always in the same order.

        Raises ValueError where a number is continuous.
        """
        if not self.finite:
            raise ValueError("a space with a continuous number has no list of settings")
        exact = self.size is not None
        counts = [block.size if exact and block.size is not None else _combinations(block) for block in self._blocks]
        total = prod(counts)
        for start in range(0, total, size):
            # Digits of the first place are taken apart as whole numbers: a space may have more than 2^63 settings.
            codes = self._at(self._places(start, min(size, total - start), counts), exact=exact)
            if not exact:
                codes = codes[self.allowed(codes)]
            if len(codes):
                yield codes

    def _places(self, start: int, length: int, counts: list[int]) -> NDArray[np.int64]:
        """(length, blocks): by block the number of its combination, for places from `start` on."""
        places = np.empty((length, len(counts)), dtype=np.int64)
        carry = np.arange(length, dtype=np.int64)
        for k in range(len(counts) - 1, -1, -1):
            start, digit = divmod(start, counts[k])
            carry, places[:, k] = np.divmod(carry + digit, counts[k])
        return places

    def _at(self, places: NDArray[np.int64], *, exact: bool = True) -> Codes:
        codes = np.empty((len(places), len(self._counts)))
        for b, block in enumerate(self._blocks):
            own = (
                block.indices(places[:, b]) if exact else unravel(places[:, b], [count or 1 for count in block.counts])
            )
            for k, column in enumerate(block.columns):
                codes[:, column] = self._rules.nth(column, own[:, k])
        return codes

    def allowed(self, codes: Codes) -> Mask:
        """(n,): which rows are settings of the space and break no rule. A parameter that means nothing where it stands
        has to stand at its `otherwise`.
        """
        return self._rules.allowed(np.asarray(codes, dtype=np.float64))

    def normal(self, codes: Codes) -> Codes:
        """Options, levels and bounds: the nearest there is. What means nothing where it stands: at its `otherwise`."""
        return self._rules.normal(codes)

    def draw(self, n: int, seed: int, *, spread: bool = False) -> Codes:
        """Up to `n` different allowed settings; fewer only where there are no more, or no more are found.

        Where `size` is known, every setting is as likely as any other. With `spread` they fill the space: options
        and levels as often as each other, numbers far apart (from a scrambled Sobol sequence).
        """
        rng = np.random.default_rng(seed)
        if n <= 0:
            return np.empty((0, len(self._counts)))
        if not spread:
            return self._drawn(n, rng)
        pool = self._pool(n, rng)
        return pool[spaced(pool, n, self.encoding.categories)]

    def _drawn(self, n: int, rng: np.random.Generator) -> Codes:
        size = self.size
        if size == 0:
            raise EmptySpace(self.encoding.space.rules, proven=False)
        if size is not None and size <= max(_DRAWN_WHOLE, 4 * n):
            places = rng.choice(size, min(n, size), replace=False)
            return self._at(unravel(places, [block.size or 1 for block in self._blocks]))
        found: Codes = np.empty((0, len(self._counts)))
        for _ in range(_ROUNDS):
            found = first_of_each(np.concatenate([found, self._random(4 * (n - len(found)), rng)]))[:n]
            if len(found) == n:
                return found
        return self._sought(found, n, rng)

    def _sought(self, found: Codes, n: int, rng: np.random.Generator) -> Codes:
        """Where chance finds too little: what the solver finds, and walks from there."""
        starts = [found, self._known]
        for _ in range(min(n, _SOUGHT)):
            one = find(self.encoding, self.encoding.space.rules, leaning=rng).codes
            if one is not None:
                starts.append(self._kept(one))
        found = first_of_each(np.concatenate(starts))
        if not len(found):
            raise EmptySpace(self.encoding.space.rules, proven=False)
        for _ in range(_ROUNDS):
            if len(found) >= n:
                break
            steps = self.around(found, 4 * n, int(rng.integers(2**31)), reach=0.5)
            found = first_of_each(np.concatenate([found, steps]))
        return found[:n]

    def _random(self, n: int, rng: np.random.Generator) -> Codes:
        """Allowed settings out of about `n` tried, in the order of trying; not all different."""
        if self.size is not None:
            places = np.stack([rng.integers(block.size or 1, size=n) for block in self._blocks], axis=1)
            return self._at(places)
        return self._kept(self._raw(rng.random((n, len(self._counts))), rng))

    def _raw(self, shares: NDArray[np.float64], rng: np.random.Generator) -> Codes:
        """(n, p) shares, 0 to 1, of options, levels and ranges as codes; listed parameters from their lists."""
        codes = np.array(shares)
        for column, count in enumerate(self._counts):
            if count is not None:
                index = np.minimum((shares[:, column] * count).astype(np.int64), count - 1)
                codes[:, column] = self._rules.nth(column, index)
        for columns, listed in self._rules.lists:
            codes[:, list(columns)] = listed[rng.integers(len(listed), size=len(codes))]
        return codes

    def _kept(self, codes: Codes) -> Codes:
        codes = self._rules.normal(codes)
        allowed = self._rules.allowed(codes)
        if not allowed.all() and self._rules.sums:
            # A sum that has to be exact is met by no draw: what breaks a rule is moved to where it holds.
            codes[~allowed] = self._rules.settle(codes[~allowed])
            allowed = self._rules.allowed(codes)
        return codes[allowed]

    def _pool(self, n: int, rng: np.random.Generator) -> Codes:
        """Different allowed settings, several times more than `n` where there are as many, spread evenly."""
        amount = 1 << int(np.ceil(np.log2(max(256, 16 * n))))
        size = self.size
        if size is not None and size <= amount:
            return self._drawn(size, rng)
        if size is not None:
            shares = sobol(len(self._blocks), amount, rng)
            places = np.empty(shares.shape, dtype=np.int64)
            for b, block in enumerate(self._blocks):
                count = block.size or 1
                places[:, b] = np.minimum((shares[:, b] * count).astype(np.int64), count - 1)
            pool = first_of_each(self._at(places))
        else:
            pool = first_of_each(self._kept(self._raw(sobol(len(self._counts), amount, rng), rng)))
        if len(pool) < 4 * n:
            pool = first_of_each(np.concatenate([pool, self._drawn(4 * n, rng)]))
        return pool

    def around(self, codes: Codes, n: int, seed: int, *, reach: float = 0.2) -> Codes:
        """Up to `n` different allowed settings in all, near the rows of `codes` in turn, none of them among `codes`.

        One or two parameters are changed: an option for any other, a level mostly for the next one, a number by a
        normal step of at most `reach` of its range (standard deviation; small ones are as frequent as large ones).
        What a list of combinations or an exact sum ties together changes together.
        """
        rng = np.random.default_rng(seed)
        codes = np.asarray(codes, dtype=np.float64)
        found: Codes = np.empty((0, len(self._counts)))
        if not len(codes) or n <= 0:
            return found
        for _ in range(_ROUNDS):
            wanted = 2 * (n - len(found)) + len(codes)
            steps = changed(codes[np.arange(wanted) % len(codes)], self._rules, reach, rng)
            both = first_of_each(np.concatenate([codes, found, self._kept(steps)]))
            found = both[len(first_of_each(codes)) :]
            if len(found) >= n:
                break
        return found[:n]


def first_of_each(codes: Codes) -> Codes:
    """Different rows, to nine digits, in the order in which they come first."""
    _, first = np.unique(np.round(codes, 9), axis=0, return_index=True)
    return codes[np.sort(first)]


def _combinations(block: Block) -> int:
    return prod(count or 1 for count in block.counts)
