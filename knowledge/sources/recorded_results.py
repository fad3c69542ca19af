"""A user's table of measured results as answers to a campaign's settings, in the campaign's own words."""

from __future__ import annotations

import gzip
import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from knowledge.records.molecule import InvalidMolecule, Molecule
from knowledge.records.quantity import UnitMismatch, convert
from knowledge.records.space import Category, Number, Setting, Space, Value
from knowledge.records.trial import Trial
from knowledge.sources.conditions_table import Column, ConditionsTable, read_conditions


class NoSuchValues(ValueError):
    """A table without anything of a parameter's options or levels; `parameter` names it."""

    def __init__(self, parameter: str, words: str) -> None:
        super().__init__(words)
        self.parameter = parameter


def content_of(path: Path) -> bytes:
    """The text of a file, compressed or not: the same results have the same address. Raises OSError."""
    data = path.read_bytes()
    return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data


def address_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@dataclass(frozen=True)
class Recorded:
    """Answers by setting; values as the table has them, one for each outcome's column."""

    table: ConditionsTable
    space: Space
    _words: Mapping[str, Mapping[Value, Value]]  # parameter -> the campaign's value -> the table's

    def at(self, setting: Mapping[str, Value]) -> Trial | None:
        """What was measured there; None where nothing was."""
        asked: Setting = {}
        for name in self.table.space.names:
            told = self._words[name].get(setting[name])
            if told is None:
                return None
            asked[name] = told
        return self.table.at(asked)

    def missing(self) -> dict[str, tuple[Value, ...]]:
        """By parameter, the options and levels of the space that no row of the table has."""
        found: dict[str, tuple[Value, ...]] = {}
        for parameter in self.space.parameters:
            known = self._words[parameter.name]
            lost = tuple(value for value in values_of(parameter) if value not in known)
            if lost:
                found[parameter.name] = lost
        return found

    def settings(self) -> list[Setting]:
        """Those that have a result, in the space's words and with its rules left aside, in the table's order."""
        back = {name: {v: k for k, v in words.items()} for name, words in self._words.items()}
        told = [t.setting for t in self.table.trials if all(v in back[n] for n, v in t.setting.items())]
        return [{name: back[name][value] for name, value in setting.items()} for setting in told]


def values_of(parameter: Category | Number) -> tuple[Value, ...]:
    return tuple(o.name for o in parameter.options) if isinstance(parameter, Category) else parameter.levels


def read_recorded(
    path: Path, space: Space, *, columns: Mapping[str, str], units: Mapping[str, str], outcomes: Mapping[str, str]
) -> Recorded:
    """`columns` and `units` by parameter (its own name and unit where they are left out), `outcomes`: columns by name.

    Options are found by their name, else by their structure. Raises BadConditionsTable, NoSuchValues for a parameter of
    which the table has no value or a number without levels, and OSError.
    """
    readers: dict[str, Column] = {}
    for parameter in space.parameters:
        column = columns.get(parameter.name, parameter.name)
        if isinstance(parameter, Category):
            readers[parameter.name] = Column(kind="category", column=column)
            continue
        unit = units.get(parameter.name, parameter.unit)
        if not parameter.levels:
            raise NoSuchValues(
                parameter.name, f"a table answers only what was measured: give '{parameter.name}' its 'levels'"
            )
        try:
            convert(1.0, unit, parameter.unit)
        except UnitMismatch as error:
            raise NoSuchValues(parameter.name, f"'{parameter.name}': {error}") from None
        readers[parameter.name] = Column(kind="number", column=column, unit=unit)
    asked = list(dict.fromkeys(outcomes.values()))
    table = read_conditions(path, parameters=readers, outcomes=asked)
    if structures := {p.name for p in space.parameters if _by_structure(p, table.space.parameter(p.name))}:
        # Read again: two spellings of one structure are one option.
        readers |= {name: Column(kind="smiles", column=readers[name].column) for name in structures}
        table = read_conditions(path, parameters=readers, outcomes=asked)
    words: dict[str, Mapping[Value, Value]] = {}
    for parameter in space.parameters:
        other = table.space.parameter(parameter.name)
        words[parameter.name] = (
            _options(parameter, other) if isinstance(parameter, Category) else _levels(parameter, other)
        )
        if not words[parameter.name]:
            told = ", ".join(str(v) for v in values_of(other)[:6])
            raise NoSuchValues(
                parameter.name,
                f"column '{readers[parameter.name].column}' has no value of '{parameter.name}'; it has {told}",
            )
    return Recorded(table, space, words)


def _by_structure(asked: Category | Number, told: Category | Number) -> bool:
    """Whether a column holds SMILES, and not what the options are called."""
    if not isinstance(asked, Category) or not isinstance(told, Category):
        return False
    names = {o.name for o in told.options}
    called = sum(" ".join(o.name.split()) in names for o in asked.options)
    return called < len(asked.options) and all(_canonical(name) for name in names)


def _options(asked: Category, told: Category | Number) -> dict[Value, Value]:
    assert isinstance(told, Category)
    names = {o.name for o in told.options}
    found: dict[Value, Value] = {
        o.name: " ".join(o.name.split()) for o in asked.options if " ".join(o.name.split()) in names
    }
    if len(found) < len(asked.options):
        # Beside structures a column may hold words, such as "none".
        structures = {_canonical(name): name for name in sorted(names - set(found.values()))}
        for option in asked.options:
            if option.name not in found and option.smiles is not None and option.smiles in structures:
                found[option.name] = structures[option.smiles]
    return found


def _canonical(cell: str) -> str:
    try:
        return Molecule.from_smiles(cell).smiles
    except InvalidMolecule:
        return ""


def _levels(asked: Number, told: Category | Number) -> dict[Value, Value]:
    assert isinstance(told, Number)
    there = {level: convert(level, told.unit, asked.unit) for level in told.levels}
    found: dict[Value, Value] = {}
    for level in asked.levels:
        for other, value in there.items():
            if math.isclose(level, value, rel_tol=1e-6, abs_tol=1e-9):
                found[level] = other
    return found
