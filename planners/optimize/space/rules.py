"""The rules of a space over many rows of codes at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from knowledge.records.space import Category, Linear, Listed, Number, NumberScale, OnlyWhen, SpaceRule, Where
from planners.optimize.space.encoding import Codes, Encoding, to_code

Mask = NDArray[np.bool_]
Values = NDArray[np.float64]
"""(n, p): indices of options, and numbers in their parameters' units."""

TOLERANCE = 1e-6
"""Of a sum, as a share of the largest it could be: less than anybody can weigh."""
_SETTLING = 60


@dataclass(frozen=True)
class Compiled:
    """A rule, the columns it speaks of, and which rows keep it."""

    rule: SpaceRule
    columns: tuple[int, ...]
    keeps: Callable[[Values], Mask]


@dataclass(frozen=True)
class Sum:
    """A linear rule over all columns: `low <= values @ factors <= high`, where `slack` is still within."""

    factors: NDArray[np.float64]
    low: float
    high: float
    slack: float

    def missing(self, values: Values) -> NDArray[np.float64]:
        """(n,): what has to be added for it to hold; 0 where it does."""
        total = values @ self.factors
        return np.asarray(np.clip(total, self.low, self.high) - total)


class Rules:
    """Compiled for an encoding; `allowed` and `normal` are what the rest asks for."""

    def __init__(self, encoding: Encoding) -> None:
        self.encoding = encoding
        self._parameters = encoding.space.parameters
        self._place = {p.name: j for j, p in enumerate(self._parameters)}
        self._levels = [
            np.array([to_code(p, level) for level in p.levels]) if isinstance(p, Number) and p.levels else None
            for p in self._parameters
        ]
        self.compiled = tuple(self._compile(rule) for rule in encoding.space.rules)
        self.sums = tuple(self.sum_of(c.rule) for c in self.compiled if isinstance(c.rule, Linear))
        self.lists = tuple((c.columns, self.listed_codes(c.rule)) for c in self.compiled if isinstance(c.rule, Listed))
        """Columns, and the combinations of codes that are allowed in them."""
        self._conditional = tuple(self._condition(c.rule) for c in self.compiled if isinstance(c.rule, OnlyWhen))

    def counts(self) -> tuple[int | None, ...]:
        """By column: how many codes there are; None for a continuous number."""
        return tuple(
            len(p.options) if isinstance(p, Category) else None if p.continuous else max(len(p.levels), 1)
            for p in self._parameters
        )

    def nth(self, column: int, index: NDArray[np.int64]) -> NDArray[np.float64]:
        """Codes of the options or levels with these indices."""
        levels = self._levels[column]
        if levels is not None:
            return np.asarray(levels[index])
        return index.astype(np.float64)

    def index(self, column: int, codes: NDArray[np.float64]) -> NDArray[np.int64]:
        """The other way round: the index of the nearest option or level."""
        levels = self._levels[column]
        if levels is None:
            return np.rint(codes).astype(np.int64)
        middles = (levels[1:] + levels[:-1]) / 2.0
        return np.asarray(np.searchsorted(middles, codes), dtype=np.int64)

    def values(self, codes: Codes) -> Values:
        values = np.array(codes, dtype=np.float64)
        for j, parameter in enumerate(self._parameters):
            if isinstance(parameter, Number):
                values[:, j] = self._numbers(j, parameter, codes[:, j])
            else:
                values[:, j] = np.rint(codes[:, j])
        return values

    def _numbers(self, column: int, parameter: Number, codes: NDArray[np.float64]) -> NDArray[np.float64]:
        low, high = parameter.bounds
        if parameter.levels:
            return np.asarray(parameter.levels)[self.index(column, codes)]
        if parameter.scale is NumberScale.LOG:
            return np.asarray(low * (high / low) ** codes)
        return np.asarray(low + codes * (high - low))

    def inside(self, codes: Codes) -> Mask:
        """Rows in which every code stands for an option, a level or a number within its bounds."""
        mask = np.isfinite(codes).all(axis=1)
        safe = np.where(np.isfinite(codes), codes, 0.0)
        for j, count in enumerate(self.counts()):
            column = safe[:, j]
            if count is None:
                mask &= (column >= -1e-9) & (column <= 1.0 + 1e-9)
                continue
            index = np.clip(self.index(j, column), 0, count - 1)
            mask &= np.abs(self.nth(j, index) - column) <= 1e-6
        return np.asarray(mask)

    def allowed(self, codes: Codes) -> Mask:
        """(n,): settings of the space that break no rule."""
        mask = self.inside(codes)
        if self.compiled and mask.any():
            values = self.values(codes[mask])
            kept = np.ones(len(values), dtype=bool)
            for compiled in self.compiled:
                kept &= compiled.keeps(values)
            mask[mask] = kept
        return mask

    def normal(self, codes: Codes) -> Codes:
        """Each code at the nearest one that there is; what means nothing where it stands, at its `otherwise`."""
        codes = np.array(codes, dtype=np.float64)
        for j, count in enumerate(self.counts()):
            if count is None:
                codes[:, j] = np.clip(codes[:, j], 0.0, 1.0)
            else:
                codes[:, j] = self.nth(j, np.clip(self.index(j, codes[:, j]), 0, count - 1))
        # What one rule sets may be the condition of another: as often as there are rules settles every chain.
        for _ in self._conditional:
            before = codes.copy()
            for column, otherwise, holds in self._conditional:
                codes[~holds(self.values(codes)), column] = otherwise
            if np.array_equal(before, codes):
                break
        return codes

    def settle(self, codes: Codes) -> Codes:
        """Numbers moved to where the linear rules hold, as far as that is possible from there.

        Cyclic projection onto the half-spaces (Kaczmarz), in shares of each number's range; then to the nearest levels,
        and what these miss is made up for by one number.
        """
        free = [
            j
            for j, (parameter, count) in enumerate(zip(self._parameters, self.counts(), strict=True))
            if isinstance(parameter, Number) and count != 1
        ]
        ranges = np.zeros(len(self._parameters))
        for j in free:
            low, high = self._bounds(j)
            ranges[j] = high - low
        values = self.values(codes)
        for _ in range(_SETTLING):
            moved = 0.0
            for each in self.sums:
                slope = each.factors * ranges
                if not slope.any():
                    continue
                missing = each.missing(values)
                values += np.outer(missing / (slope @ slope), slope * ranges)
                moved = max(moved, float(np.abs(missing).max(initial=0.0)) / each.slack)
            for j in free:
                values[:, j] = np.clip(values[:, j], *self._bounds(j))
            if moved < 0.5:
                break
        codes = np.array(codes)
        for j in free:
            codes[:, j] = self._code(j, values[:, j])
        codes = self.normal(codes)
        values = self.values(codes)
        for each in self.sums:
            for j in np.flatnonzero(each.factors * ranges).tolist():
                missing = each.missing(values)
                tried = codes.copy()
                tried[:, j] = self._code(j, values[:, j] + missing / each.factors[j])
                tried = self.normal(tried)
                mended = (np.abs(missing) > each.slack) & (np.abs(each.missing(self.values(tried))) <= each.slack)
                codes[mended] = tried[mended]
                values = self.values(codes)
        return codes

    def _code(self, column: int, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Codes of numbers, put within their bounds."""
        parameter = self._parameters[column]
        assert isinstance(parameter, Number)
        low, high = parameter.bounds
        values = np.clip(values, low, high)
        if parameter.scale is NumberScale.LOG:
            return np.asarray(np.log(values / low) / np.log(high / low))
        return np.asarray((values - low) / (high - low))

    def _bounds(self, column: int) -> tuple[float, float]:
        parameter = self._parameters[column]
        assert isinstance(parameter, Number)
        return parameter.bounds

    def sum_of(self, rule: Linear) -> Sum:
        factors = np.zeros(len(self._parameters))
        largest = 0.0
        for name, factor in rule.terms.items():
            factors[self._place[name]] = factor
            largest += abs(factor) * max(abs(bound) for bound in self._bounds(self._place[name]))
        low = -np.inf if rule.minimum is None else rule.minimum
        high = np.inf if rule.maximum is None else rule.maximum
        return Sum(factors, low, high, TOLERANCE * (largest or 1.0))

    def _compile(self, rule: SpaceRule) -> Compiled:
        if isinstance(rule, Linear):
            total = self.sum_of(rule)

            def within(values: Values) -> Mask:
                found = values @ total.factors
                return np.asarray((found >= total.low - total.slack) & (found <= total.high + total.slack))

            return Compiled(rule, tuple(self._place[name] for name in rule.terms), within)
        if isinstance(rule, Listed):
            return Compiled(rule, tuple(self._place[name] for name in rule.parameters), self._listed(rule))
        holds = self._all(rule.where)
        columns = [self._place[where.parameter] for where in rule.where]
        if isinstance(rule, OnlyWhen):
            column, otherwise, _ = self._condition(rule)
            columns.append(column)
            stands = float(self.values(self._row(column, otherwise))[0, column])
            return Compiled(
                rule,
                tuple(dict.fromkeys(columns)),
                lambda values: (
                    holds(values) | (np.abs(values[:, column] - stands) <= TOLERANCE * max(abs(stands), 1.0))
                ),
            )
        return Compiled(rule, tuple(dict.fromkeys(columns)), lambda values: ~holds(values))

    def _row(self, column: int, code: float) -> Codes:
        row = np.zeros((1, len(self._parameters)))
        row[0, column] = code
        return row

    def _condition(self, rule: OnlyWhen) -> tuple[int, float, Callable[[Values], Mask]]:
        parameter = self.encoding.space.parameter(rule.parameter)
        if isinstance(parameter, Category):
            code = float(parameter.index(rule.otherwise))
        else:
            code = to_code(parameter, float(rule.otherwise))
        return self._place[rule.parameter], code, self._all(rule.where)

    def _all(self, where: Sequence[Where]) -> Callable[[Values], Mask]:
        tests = [self._holds(each) for each in where]

        def every(values: Values) -> Mask:
            mask = np.ones(len(values), dtype=bool)
            for test in tests:
                mask &= test(values)
            return mask

        return every

    def _holds(self, where: Where) -> Callable[[Values], Mask]:
        column = self._place[where.parameter]
        parameter = self._parameters[column]
        if isinstance(parameter, Category):
            wanted = frozenset(where.options)
            among = np.array([option.name in wanted for option in parameter.options])
            return lambda values: np.asarray(among[values[:, column].astype(np.int64)])
        slack = 1e-9 * max(abs(bound) for bound in parameter.bounds)
        low = -np.inf if where.minimum is None else where.minimum - slack
        high = np.inf if where.maximum is None else where.maximum + slack
        return lambda values: np.asarray((values[:, column] >= low) & (values[:, column] <= high))

    def listed_codes(self, rule: Listed) -> Codes:
        """(rows, columns of the rule): the listed combinations."""
        codes = np.empty((len(rule.rows), len(rule.parameters)))
        for k, name in enumerate(rule.parameters):
            parameter = self.encoding.space.parameter(name)
            if isinstance(parameter, Category):
                place = {option.name: float(i) for i, option in enumerate(parameter.options)}
                codes[:, k] = [place[str(row[k])] for row in rule.rows]
            else:
                codes[:, k] = [to_code(parameter, float(row[k])) for row in rule.rows]
        return codes

    def _listed(self, rule: Listed) -> Callable[[Values], Mask]:
        columns = [self._place[name] for name in rule.parameters]
        codes = self.listed_codes(rule)
        # Column by column, each row's number among the listed beginnings so far: no product of counts overflows.
        beginnings: list[tuple[int, int, NDArray[np.int64]]] = []
        prefix = np.zeros(len(codes), dtype=np.int64)
        for k, column in enumerate(columns):
            index = self.index(column, codes[:, k])
            count = self.counts()[column] or 1
            keys, prefix = np.unique(prefix * count + index, return_inverse=True)
            beginnings.append((column, count, keys))

        def among(values: Values) -> Mask:
            mask = np.ones(len(values), dtype=bool)
            prefix = np.zeros(len(values), dtype=np.int64)
            for column, count, keys in beginnings:
                key = prefix * count + self._index_of_values(column, values[:, column])
                prefix = np.minimum(np.searchsorted(keys, key), len(keys) - 1)
                mask &= keys[prefix] == key
            return mask

        return among

    def _index_of_values(self, column: int, values: NDArray[np.float64]) -> NDArray[np.int64]:
        parameter = self._parameters[column]
        if isinstance(parameter, Category):
            return values.astype(np.int64)
        if not parameter.levels:
            return np.zeros(len(values), dtype=np.int64)
        levels = np.asarray(parameter.levels)
        return np.asarray(np.searchsorted((levels[1:] + levels[:-1]) / 2.0, values), dtype=np.int64)
