"""Settings as numbers: one row of codes for each, which every model and every search here works on."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from knowledge.records.space import Category, Number, NumberScale, Setting, Space, Value

Codes = NDArray[np.float64]
"""(n, p): a column for each parameter. A category's column holds the index of the option; a number's column its place
between the parameter's bounds, 0 to 1 on the parameter's scale."""


class Encoding:
    """Between settings and codes, in the order of the space's parameters."""

    def __init__(self, space: Space) -> None:
        self.space = space

    @property
    def categories(self) -> tuple[int, ...]:
        """Columns that hold indices of options."""
        return tuple(i for i, p in enumerate(self.space.parameters) if isinstance(p, Category))

    @property
    def numbers(self) -> tuple[int, ...]:
        return tuple(i for i, p in enumerate(self.space.parameters) if isinstance(p, Number))

    def encode(self, settings: Sequence[Mapping[str, Value]]) -> Codes:
        """Values outside a parameter's bounds give codes outside 0 to 1. Raises BadSetting for an unknown option."""
        codes = np.empty((len(settings), len(self.space.parameters)))
        for j, parameter in enumerate(self.space.parameters):
            if isinstance(parameter, Category):
                place = {option.name: float(i) for i, option in enumerate(parameter.options)}
                for i, setting in enumerate(settings):
                    name = setting[parameter.name]
                    codes[i, j] = place[name] if name in place else parameter.index(name)
            else:
                codes[:, j] = [to_code(parameter, float(setting[parameter.name])) for setting in settings]
        return codes

    def decode(self, codes: Codes) -> list[Setting]:
        settings: list[Setting] = []
        for row in codes:
            setting: Setting = {}
            for parameter, code in zip(self.space.parameters, row.tolist(), strict=True):
                if isinstance(parameter, Category):
                    setting[parameter.name] = parameter.options[round(code)].name
                else:
                    setting[parameter.name] = from_code(parameter, code)
            settings.append(setting)
        return settings


def to_code(parameter: Number, value: float) -> float:
    low, high = parameter.bounds
    if low == high:
        return 0.0
    if parameter.scale is NumberScale.LOG:
        return math.log(value / low) / math.log(high / low)
    return (value - low) / (high - low)


def from_code(parameter: Number, code: float) -> float:
    """The nearest level where the parameter has levels."""
    low, high = parameter.bounds
    if parameter.levels:
        return min(parameter.levels, key=lambda level: abs(to_code(parameter, level) - code))
    if parameter.scale is NumberScale.LOG:
        return float(min(max(low * (high / low) ** code, low), high))
    return float(min(max(low + code * (high - low), low), high))
