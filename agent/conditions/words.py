"""A setting in a line that people read."""

from __future__ import annotations

from collections.abc import Mapping

from knowledge.records.space import Category, Space, Value


def in_words(setting: Mapping[str, Value], space: Space | None = None) -> str:
    """ "ligand XPhos, temperature 105 degC"; units where the space is given."""
    parts = []
    for name, value in setting.items():
        number = value if isinstance(value, str) else f"{value:g}"
        parameter = None if space is None else space.parameter(name)
        unit = "" if parameter is None or isinstance(parameter, Category) else f" {parameter.unit}"
        parts.append(f"{name} {number}{'' if unit == ' dimensionless' else unit}")
    return ", ".join(parts)
