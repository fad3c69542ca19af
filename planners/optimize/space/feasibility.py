"""Whether any setting keeps a set of rules, and which rules conflict where none does: a mixed-integer program.

Options and levels are binary variables, continuous numbers shares of their ranges; a range within a rule is a binary
variable that bounds the number when it is 1. HiGHS decides (Huangfu & Hall, Math. Program. Comput. 10, 119, 2018),
so a "no" is a proof and not a failed search. Rules that conflict are found by leaving out one after the other
(deletion filter, Chinneck & Dravnieks, ORSA J. Comput. 3, 157, 1991).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

from knowledge.records.space import Category, Linear, Listed, Number, OnlyWhen, SpaceRule, Value, Where
from planners.optimize.space.encoding import Codes, Encoding, to_code

_NODES = 20_000
_STRICT = 1e-6  # of a number's range: how far beyond a forbidden range it begins to be allowed


class EmptySpace(ValueError):
    """No setting keeps all rules. One line names the fewest of them that were found to conflict; `rules` are these.
    Where it is not `proven`, none was found.
    """

    def __init__(self, rules: Sequence[SpaceRule], *, proven: bool = True) -> None:
        self.rules = tuple(rules)
        named = " and ".join(f"'{rule}'" for rule in self.rules)
        if not proven:
            super().__init__(f"no setting was found that keeps {named}")
        elif len(self.rules) == 1:
            super().__init__(f"no setting is allowed: the rule {named} leaves nothing")
        else:
            super().__init__(f"no setting is allowed: these rules conflict: {named}")


class Found(NamedTuple):
    """`possible`: None when it was not decided. `codes`: (1, p), a setting that keeps the rules to within rounding."""

    possible: bool | None
    codes: Codes | None


Expression = dict[int, float]
"""Factors of variables."""


def find(encoding: Encoding, rules: Sequence[SpaceRule], *, leaning: np.random.Generator | None = None) -> Found:
    """A setting that keeps `rules`. With `leaning` the one that a random linear objective favours."""
    program = _Program(encoding, rules)
    slopes = np.zeros(program.size) if leaning is None else leaning.standard_normal(program.size)
    constraints = program.constraints()
    solved = milp(
        slopes,
        integrality=np.array(program.integral),
        bounds=Bounds(np.zeros(program.size), np.ones(program.size)),
        constraints=() if constraints is None else constraints,
        options={"node_limit": _NODES},
    )
    if solved.status == 2:
        return Found(False, None)
    return Found(True, program.codes(solved.x)) if solved.x is not None else Found(None, None)


def conflict(encoding: Encoding, rules: Sequence[SpaceRule]) -> tuple[SpaceRule, ...]:
    """Of `rules`, which no setting keeps, ones that conflict already and of which none can be left out."""
    needed = list(rules)
    for rule in rules:
        rest = [other for other in needed if other is not rule]
        if find(encoding, rest).possible is False:
            needed = rest
    return tuple(needed)


class _Program:
    def __init__(self, encoding: Encoding, rules: Sequence[SpaceRule]) -> None:
        self.encoding = encoding
        self.integral: list[int] = []
        self._rows: list[tuple[Expression, float, float]] = []
        self._options: dict[str, dict[Value, int]] = {}
        self._other: dict[str, int] = {}
        self._share: dict[str, int] = {}
        mentioned = _mentioned(rules)
        for parameter in encoding.space.parameters:
            if isinstance(parameter, Number) and parameter.continuous:
                self._share[parameter.name] = self._variable(0)
                continue
            if isinstance(parameter, Number):
                values: list[Value] = list(parameter.levels or (parameter.bounds[0],))
            else:
                values = [o.name for o in parameter.options if o.name in mentioned.get(parameter.name, frozenset())]
            self._options[parameter.name] = {value: self._variable(1) for value in values}
            total = dict.fromkeys(self._options[parameter.name].values(), 1.0)
            if isinstance(parameter, Category) and len(values) < len(parameter.options):
                self._other[parameter.name] = self._variable(1)
                total[self._other[parameter.name]] = 1.0
            self._need(total, 1.0, 1.0)
        for rule in rules:
            self._add(rule)

    @property
    def size(self) -> int:
        return len(self.integral)

    def _variable(self, integral: int) -> int:
        self.integral.append(integral)
        return len(self.integral) - 1

    def _need(self, expression: Expression, low: float, high: float) -> None:
        self._rows.append((expression, low, high))

    def constraints(self) -> LinearConstraint | None:
        if not self._rows:
            return None
        entries = [(r, v, f) for r, (expression, _, _) in enumerate(self._rows) for v, f in expression.items()]
        row, variable, factor = (np.array(each) for each in zip(*entries, strict=True))
        matrix = csr_array((factor, (row, variable)), shape=(len(self._rows), self.size))
        return LinearConstraint(matrix, [low for _, low, _ in self._rows], [high for _, _, high in self._rows])

    def codes(self, solution: NDArray[np.float64]) -> Codes:
        codes = np.zeros((1, len(self.encoding.space.parameters)))
        for j, parameter in enumerate(self.encoding.space.parameters):
            if parameter.name in self._share:
                assert isinstance(parameter, Number)
                low, high = parameter.bounds
                share = min(max(float(solution[self._share[parameter.name]]), 0.0), 1.0)
                codes[0, j] = to_code(parameter, low + share * (high - low))
                continue
            chosen = [value for value, variable in self._options[parameter.name].items() if solution[variable] > 0.5]
            if isinstance(parameter, Number):
                codes[0, j] = to_code(parameter, float(chosen[0]))
            elif chosen:
                codes[0, j] = parameter.index(chosen[0])
            else:
                known = self._options[parameter.name]
                codes[0, j] = next(i for i, option in enumerate(parameter.options) if option.name not in known)
        return codes

    def _add(self, rule: SpaceRule) -> None:
        if isinstance(rule, Linear):
            self._add_linear(rule)
        elif isinstance(rule, Listed):
            self._add_listed(rule)
        elif isinstance(rule, OnlyWhen):
            self._add_only_when(rule)
        else:
            fails: Expression = {}
            constant = 0.0
            for where in rule.where:
                expression, each = self._fails(where)
                constant += each
                for variable, factor in expression.items():
                    fails[variable] = fails.get(variable, 0.0) + factor
            if fails:
                self._need(fails, 1.0 - constant, np.inf)
            elif constant < 1.0:
                self._need({0: 0.0}, 1.0, 1.0)  # it holds everywhere, so nothing is allowed

    def _add_linear(self, rule: Linear) -> None:
        expression: Expression = {}
        constant = 0.0
        largest = 0.0
        for name, factor in rule.terms.items():
            parameter = self.encoding.space.parameter(name)
            assert isinstance(parameter, Number)
            low, high = parameter.bounds
            largest += abs(factor) * max(abs(low), abs(high))
            if name in self._share:
                constant += factor * low
                expression[self._share[name]] = factor * (high - low)
            else:
                for level, variable in self._options[name].items():
                    expression[variable] = factor * float(level)
        scale = largest or 1.0  # so that the solver's tolerances mean the same for litres and for microlitres
        low_end = -np.inf if rule.minimum is None else (rule.minimum - constant) / scale
        high_end = np.inf if rule.maximum is None else (rule.maximum - constant) / scale
        self._need({variable: factor / scale for variable, factor in expression.items()}, low_end, high_end)

    def _add_listed(self, rule: Listed) -> None:
        chosen = [self._variable(1) for _ in rule.rows]
        self._need(dict.fromkeys(chosen, 1.0), 1.0, 1.0)
        for k, name in enumerate(rule.parameters):
            rows: dict[Value, list[int]] = {}
            for row, variable in zip(rule.rows, chosen, strict=True):
                rows.setdefault(row[k], []).append(variable)
            for value, variable in self._options[name].items():
                self._need({variable: 1.0} | dict.fromkeys(rows.get(value, []), -1.0), 0.0, 0.0)

    def _add_only_when(self, rule: OnlyWhen) -> None:
        active = self._variable(1)
        for where in rule.where:
            parameter = self.encoding.space.parameter(where.parameter)
            if where.parameter in self._share:
                assert isinstance(parameter, Number)
                low, high = _shares(parameter, where)
                share = self._share[where.parameter]
                if low > 1.0 or high < 0.0:
                    self._need({active: 1.0}, 0.0, 0.0)
                    continue
                self._need({share: 1.0, active: -max(low, 0.0)}, 0.0, np.inf)
                self._need({share: 1.0, active: 1.0 - min(high, 1.0)}, -np.inf, 1.0)
            else:
                self._need(self._inside(where) | {active: -1.0}, 0.0, np.inf)
        parameter = self.encoding.space.parameter(rule.parameter)
        if rule.parameter in self._share:
            assert isinstance(parameter, Number)
            low, high = parameter.bounds
            stands = (float(rule.otherwise) - low) / (high - low)
            share = self._share[rule.parameter]
            self._need({share: 1.0, active: stands}, stands, np.inf)
            self._need({share: 1.0, active: -(1.0 - stands)}, -np.inf, stands)
        else:
            self._need({self._options[rule.parameter][rule.otherwise]: 1.0, active: 1.0}, 1.0, np.inf)

    def _inside(self, where: Where) -> Expression:
        """1 where it holds, else 0; of options and levels."""
        if where.options:
            return {self._options[where.parameter][name]: 1.0 for name in where.options}
        low = -np.inf if where.minimum is None else where.minimum
        high = np.inf if where.maximum is None else where.maximum
        slack = 1e-9 * max(abs(float(v)) for v in self._options[where.parameter])
        return {
            variable: 1.0
            for level, variable in self._options[where.parameter].items()
            if low - slack <= float(level) <= high + slack
        }

    def _fails(self, where: Where) -> tuple[Expression, float]:
        """An expression and a constant: their sum is 1 or more only where `where` does not hold."""
        if where.parameter not in self._share:
            return dict.fromkeys(self._inside(where), -1.0), 1.0
        parameter = self.encoding.space.parameter(where.parameter)
        assert isinstance(parameter, Number)
        low, high = _shares(parameter, where)
        share = self._share[where.parameter]
        found: Expression = {}
        if low - _STRICT > 0.0:
            below = self._variable(1)
            self._need({share: 1.0, below: 1.0 - min(low - _STRICT, 1.0)}, -np.inf, 1.0)
            found[below] = 1.0
        if high + _STRICT < 1.0:
            above = self._variable(1)
            self._need({share: 1.0, above: -max(high + _STRICT, 0.0)}, 0.0, np.inf)
            found[above] = 1.0
        return found, 0.0


def _shares(parameter: Number, where: Where) -> tuple[float, float]:
    low, high = parameter.bounds
    minimum = -np.inf if where.minimum is None else (where.minimum - low) / (high - low)
    maximum = np.inf if where.maximum is None else (where.maximum - low) / (high - low)
    return minimum, maximum


def _mentioned(rules: Sequence[SpaceRule]) -> dict[str, frozenset[Value]]:
    found: dict[str, set[Value]] = {}
    for rule in rules:
        if isinstance(rule, Linear):
            continue
        if isinstance(rule, Listed):
            for name, column in zip(rule.parameters, zip(*rule.rows, strict=True), strict=True):
                found.setdefault(name, set()).update(column)
            continue
        for where in rule.where:
            found.setdefault(where.parameter, set()).update(where.options)
        if isinstance(rule, OnlyWhen):
            found.setdefault(rule.parameter, set()).add(rule.otherwise)
    return {name: frozenset(values) for name, values in found.items()}
