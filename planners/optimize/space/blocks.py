"""A space taken apart into groups of parameters that no rule joins, so that it is counted and drawn from in parts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from knowledge.records.space import Listed
from planners.optimize.space.encoding import Codes
from planners.optimize.space.rules import Compiled, Rules

COUNTED = 5_000_000
"""Combinations of one group that are gone through to count it; beyond that only a list of combinations is."""
_CHUNK = 1 << 18

Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Block:
    """`columns` that share rules. `size`: how many combinations are allowed, None where that is not known (a continuous
    number, or more than 5 million combinations to try). `table`: the allowed combinations of indices, (size, columns);
    None where all are allowed, or size is None.
    """

    columns: tuple[int, ...]
    counts: tuple[int | None, ...]
    rules: tuple[Compiled, ...]
    size: int | None
    table: Indices | None

    def indices(self, places: Indices) -> Indices:
        """(n, columns) of the allowed combinations with these numbers, 0 to size - 1."""
        if self.table is not None:
            return np.asarray(self.table[places], dtype=np.int64)
        return unravel(places, [count or 1 for count in self.counts])


def unravel(places: Indices, counts: Sequence[int]) -> Indices:
    """(n, len(counts)): digits of `places` in the mixed base `counts`, the last one running fastest."""
    digits = np.empty((len(places), len(counts)), dtype=np.int64)
    rest = np.array(places, dtype=np.int64)
    for k in range(len(counts) - 1, -1, -1):
        rest, digits[:, k] = np.divmod(rest, counts[k])
    return digits


def blocks(rules: Rules) -> tuple[Block, ...]:
    """In the order of their first columns."""
    counts = rules.counts()
    group = list(range(len(counts)))
    for compiled in rules.compiled:
        joined = {group[column] for column in compiled.columns}
        first = min(joined)
        group = [first if g in joined else g for g in group]
    found: list[Block] = []
    for g in dict.fromkeys(group):
        columns = tuple(j for j, other in enumerate(group) if other == g)
        own = tuple(c for c in rules.compiled if group[c.columns[0]] == g)
        found.append(_block(rules, columns, tuple(counts[j] for j in columns), own))
    return tuple(found)


def _block(rules: Rules, columns: tuple[int, ...], counts: tuple[int | None, ...], own: tuple[Compiled, ...]) -> Block:
    finite = [count for count in counts if count is not None]
    if len(finite) < len(counts):
        return Block(columns, counts, own, None, None)
    if not own:
        return Block(columns, counts, own, prod(finite), None)
    tried = _tried(rules, columns, finite, own)
    if tried is None:
        return Block(columns, counts, own, None, None)
    kept: list[Indices] = []
    for indices in tried:
        kept.append(indices[_kept(rules, columns, own, indices)])
    table = np.concatenate(kept) if kept else np.empty((0, len(columns)), dtype=np.int64)
    # As narrow as it can be: five million rows of eight columns are 80 MB in 16 bits.
    narrow = np.ascontiguousarray(table.astype(np.min_scalar_type(max(finite))))
    return Block(columns, counts, own, len(narrow), narrow)


def _tried(
    rules: Rules, columns: tuple[int, ...], finite: Sequence[int], own: tuple[Compiled, ...]
) -> Iterator[Indices] | None:
    """Chunks of combinations among which all allowed ones are, each once; None where they are too many."""
    lists = [c for c in own if isinstance(c.rule, Listed)]
    if lists:
        # From the list that leaves the fewest: its rows, times whatever its parameters leave open.
        def open_columns(compiled: Compiled) -> list[int]:
            return [k for k, column in enumerate(columns) if column not in compiled.columns]

        def amount(compiled: Compiled) -> int:
            assert isinstance(compiled.rule, Listed)
            return len(compiled.rule.rows) * prod(finite[k] for k in open_columns(compiled))

        best = min(lists, key=amount)
        assert isinstance(best.rule, Listed)
        if amount(best) <= COUNTED:
            codes = rules.listed_codes(best.rule)
            listed = np.unique(
                np.stack([rules.index(column, codes[:, k]) for k, column in enumerate(best.columns)], axis=1), axis=0
            )
            left = open_columns(best)
            inner = [finite[k] for k in left]
            where = [columns.index(column) for column in best.columns]
            return _joined(listed, where, left, inner, len(columns))
    total = prod(finite)
    if total > COUNTED:
        return None
    return (unravel(np.arange(a, min(a + _CHUNK, total)), finite) for a in range(0, total, _CHUNK))


def _joined(listed: Indices, where: list[int], left: list[int], inner: list[int], width: int) -> Iterator[Indices]:
    times = prod(inner)
    total = len(listed) * times
    for a in range(0, total, _CHUNK):
        places = np.arange(a, min(a + _CHUNK, total))
        indices = np.empty((len(places), width), dtype=np.int64)
        indices[:, where] = listed[places // times]
        indices[:, left] = unravel(places % times, inner)
        yield indices


def _kept(rules: Rules, columns: tuple[int, ...], own: tuple[Compiled, ...], indices: Indices) -> NDArray[np.bool_]:
    # Rules of other groups never look at these columns, so those stand at zero.
    codes: Codes = np.zeros((len(indices), len(rules.counts())))
    for k, column in enumerate(columns):
        codes[:, column] = rules.nth(column, indices[:, k])
    values = rules.values(codes)
    mask = np.ones(len(indices), dtype=bool)
    for compiled in own:
        mask &= compiled.keeps(values)
    return mask
