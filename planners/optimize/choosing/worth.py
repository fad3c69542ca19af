"""What counts beside the improvement: operators' preferences, an experiment's cost, and whether it works at all."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from knowledge.records.space import Category, Number, NumberScale, Space, Where
from planners.optimize.choosing.goals import Costs, CostTable, Preference
from planners.optimize.insight.feasibility import Always, Feasibility
from planners.optimize.space.encoding import Codes, Encoding, to_code

Array = NDArray[np.float64]

_CLOSE = 1e-9  # in codes: rounding when a bound is turned into a code


@dataclass(frozen=True)
class Worth:
    """By what an improvement is multiplied at a setting."""

    encoding: Encoding
    feasibility: Feasibility
    preferences: tuple[Preference, ...] = ()
    costs: Costs | None = None

    @property
    def even(self) -> bool:
        """Whether all settings are worth the same."""
        return not self.preferences and self.costs is None and isinstance(self.feasibility, Always)

    def log(self, codes: Codes, *, every: bool = True) -> Array:
        """(n,): log of chance times preference, per cost. Without `every`, costs that are a function, asked setting by
        setting, are left out.

        Raises ValueError for a cost that is not positive or that names what the space has not.
        """
        total = np.log(np.maximum(self.feasibility.probability(codes), 1e-12))
        for preference in self.preferences:
            inside = np.ones(len(codes), dtype=bool)
            for where in preference.where:
                inside &= holds(self.encoding.space, where, codes)
            total = total + math.log(preference.weight) * inside
        if self.costs is None or (callable(self.costs) and not every):
            return total
        return total - np.log(self.cost(codes))

    def cost(self, codes: Codes) -> Array:
        """(n,), 1 where nothing is said about costs."""
        if self.costs is None:
            return np.ones(len(codes))
        if isinstance(self.costs, CostTable):
            found = _from_table(self.encoding.space, self.costs, codes)
        elif isinstance(self.costs, Mapping):
            table = CostTable(options={name: dict(row) for name, row in self.costs.items()})
            found = _from_table(self.encoding.space, table, codes)
        else:
            found = np.array([float(self.costs(setting)) for setting in self.encoding.decode(codes)])
        if not np.all(np.isfinite(found)) or np.any(found <= 0.0):
            raise ValueError("what an experiment costs must be more than 0 for every setting")
        return found


def check(space: Space, preferences: Sequence[Preference], costs: Costs | None) -> None:
    """Raises BadSetting (a ValueError) where a preference or a table of costs names what the space has not."""
    for preference in preferences:
        for where in preference.where:
            parameter = space.parameter(where.parameter)
            if isinstance(parameter, Category) != bool(where.options):
                raise ValueError(f"a preference on '{where.parameter}' does not fit a {parameter.kind}")
            for option in where.options:
                space.check_value(where.parameter, option)
    options = costs.options if isinstance(costs, CostTable) else costs if isinstance(costs, Mapping) else {}
    for name, row in options.items():
        if not isinstance(space.parameter(name), Category):
            raise ValueError(f"costs by option need a category; '{name}' is a number")
        for option in row:
            space.check_value(name, option)
    for name in costs.factors if isinstance(costs, CostTable) else ():
        if not isinstance(space.parameter(name), Number):
            raise ValueError(f"a cost per unit needs a number; '{name}' is a category")


def holds(space: Space, where: Where, codes: Codes) -> NDArray[np.bool_]:
    """(n,): in which settings `where` holds."""
    column = codes[:, space.names.index(where.parameter)]
    parameter = space.parameter(where.parameter)
    if isinstance(parameter, Category):
        return np.isin(np.round(column), [parameter.index(option) for option in where.options])
    inside = np.ones(len(codes), dtype=bool)
    if where.minimum is not None:
        inside &= column >= _code(parameter, where.minimum) - _CLOSE
    if where.maximum is not None:
        inside &= column <= _code(parameter, where.maximum) + _CLOSE
    return inside


def _code(parameter: Number, value: float) -> float:
    if parameter.scale is NumberScale.LOG and value <= 0.0:
        return -math.inf
    return to_code(parameter, value)


def _from_table(space: Space, table: CostTable, codes: Codes) -> Array:
    found = np.full(len(codes), table.base)
    for name, row in table.options.items():
        parameter = space.parameter(name)
        assert isinstance(parameter, Category)
        each = np.array([row.get(option.name, 0.0) for option in parameter.options])
        found = found + each[np.round(codes[:, space.names.index(name)]).astype(np.intp)]
    for name, factor in table.factors.items():
        parameter = space.parameter(name)
        assert isinstance(parameter, Number)
        low, high = parameter.bounds
        place = codes[:, space.names.index(name)]
        log = parameter.scale is NumberScale.LOG
        found = found + factor * (low * (high / low) ** place if log else low + place * (high - low))
    return found
