"""A user's table of results by reaction conditions: CSV in, a space of settings and the trials in it out.

What is done to the data, and said in the notes:

- A category given by structure is the same option wherever its canonical SMILES is; one given by name, wherever the
  name is.
- A number's levels are the values that occur; a unit behind a number is converted to the column's.
- Rows with equal settings are one trial, whose values are means; the rows that were joined are listed.
- Rows in which no outcome was measured give no trial.

What cannot be read is an error with its line, not a row left out: a table that a campaign is replayed from has to be
whole.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import model_validator

from knowledge.records.base import Record
from knowledge.records.molecule import InvalidMolecule, Molecule
from knowledge.records.quantity import UnitMismatch, convert
from knowledge.records.space import Category, Listed, Number, NumberScale, Option, Space, Value
from knowledge.records.trial import Trial
from knowledge.sources.delimited import NotText, delimited
from knowledge.sources.property_units import BadCell, known, read_cell, spelled

_SHOWN = 12


class BadConditionsTable(ValueError):
    """A table from which no space or no trial can be made; one line says why."""


class Column(Record):
    """How a parameter is read: from `column`, or from the column of the parameter's own name.

    "smiles": a category given by structure. Its options are called by the column `names`, else by their canonical
    SMILES. "category": named options without structures. "number": in `unit`. Also reads the texts "smiles",
    "category", "number" and "number degC".
    """

    kind: Literal["smiles", "category", "number"]
    column: str | None = None
    names: str | None = None
    unit: str = "dimensionless"
    scale: NumberScale = NumberScale.LINEAR

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, data: Any) -> Any:
        if not isinstance(data, str):
            return data
        kind, _, unit = data.strip().partition(" ")
        if kind not in {"smiles", "category", "number"} or (unit and kind != "number"):
            raise ValueError(f"'{data}' is no way to read a column; write 'smiles', 'category', 'number' or 'number K'")
        return {"kind": kind, "unit": spelled(unit)} if unit else {"kind": kind}

    @model_validator(mode="after")
    def _fits(self) -> Column:
        if self.names is not None and self.kind != "smiles":
            raise ValueError("'names' are for structures")
        if not known(self.unit):
            raise ValueError(f"'{self.unit}' is no unit")
        return self


class Repeated(Record):
    """Rows of one setting: their lines, and the lowest and highest value by outcome."""

    lines: tuple[int, ...]
    ranges: dict[str, tuple[float, float]]


@dataclass(frozen=True)
class ConditionsTable:
    """`space`: all combinations of the options and levels that occur. `trials`: one for each measured setting, in the
    order of their first rows; `repeated`: the settings that had several rows. `file_sha256`: of the file's bytes.
    """

    space: Space
    trials: tuple[Trial, ...]
    repeated: tuple[Repeated, ...]
    notes: tuple[str, ...]
    file: str
    file_sha256: str
    _places: Mapping[tuple[Value, ...], int]

    @property
    def complete(self) -> bool:
        """Whether every combination was measured."""
        size = 1
        for parameter in self.space.parameters:
            size *= len(parameter.options) if isinstance(parameter, Category) else len(parameter.levels)
        return size == len(self.trials)

    @property
    def measured(self) -> Space:
        """The space of the measured settings alone."""
        if self.complete:
            return self.space
        names = self.space.names
        rows = tuple(tuple(trial.setting[name] for name in names) for trial in self.trials)
        return self.space.with_rules(Listed(parameters=names, rows=rows))

    def at(self, setting: Mapping[str, Value]) -> Trial | None:
        """What was measured there; None where nothing was."""
        place = self._places.get(tuple(setting[name] for name in self.space.names))
        return None if place is None else self.trials[place]


def read_conditions(
    path: Path,
    *,
    parameters: Mapping[str, Column | str],
    outcomes: Sequence[str],
    columns: Sequence[str] = (),
) -> ConditionsTable:
    """Reads a comma-, semicolon- or tab-separated table, gzipped or not. `columns`: names for a file without a header.

    `parameters`: by the parameter's name, how its column is read. `outcomes`: columns of bare numbers; a cell that is
    empty, "nan" or "n/a" was not measured.

    Raises BadConditionsTable for what is no text table, a missing or repeated column, a cell that cannot be read (a
    number that is not finite, a SMILES that is none; it names the line), one name with two structures, and a table
    without any measured outcome; OSError; ValueError for a `Column` that is none.
    """
    content = path.read_bytes()
    try:
        table = delimited(path.name, content)
        lines = list(table.lines)
    except NotText as error:
        raise BadConditionsTable(str(error)) from None
    header: Sequence[str] = table.header
    if columns:
        if len(columns) != len(header):
            raise BadConditionsTable(
                f"{path.name} has {len(header)} columns, but {len(columns)} names are given for them"
            )
        lines.insert(0, (1, list(header)))
        header = columns
    if not parameters or not outcomes:
        raise BadConditionsTable(f"{path.name}: name at least one parameter and one outcome")
    if both := [name for name in outcomes if name in parameters]:
        raise BadConditionsTable(f"{path.name}: '{both[0]}' cannot be a parameter and an outcome")
    reading = _Reading(path.name, tuple(header), lines)
    readers = {n: c if isinstance(c, Column) else Column.model_validate(c) for n, c in parameters.items()}
    read = {name: reading.parameter(name, how) for name, how in readers.items()}
    try:
        space = Space(parameters=tuple(parameter for parameter, _ in read.values()))
    except ValueError as error:
        raise BadConditionsTable(f"{path.name}: {_first_line(error)}") from None
    measured = {name: reading.outcome(name) for name in outcomes}
    groups: dict[tuple[Value, ...], list[int]] = {}
    unmeasured = 0
    for i in range(len(lines)):
        if all(measured[name][i] is None for name in outcomes):
            unmeasured += 1
            continue
        groups.setdefault(tuple(values[i] for _, values in read.values()), []).append(i)
    if not groups:
        raise BadConditionsTable(f"{path.name}: no row has a number for {' or '.join(repr(n) for n in outcomes)}")
    trials: list[Trial] = []
    repeated: list[Repeated] = []
    for setting, rows in groups.items():
        known_values = {name: [v for i in rows if (v := measured[name][i]) is not None] for name in outcomes}
        values = {name: sum(each) / len(each) for name, each in known_values.items() if each}
        trials.append(Trial(setting=dict(zip(space.names, setting, strict=True)), values=values))
        if len(rows) > 1:
            ranges = {name: (min(each), max(each)) for name, each in known_values.items() if each}
            repeated.append(Repeated(lines=tuple(lines[i][0] for i in rows), ranges=ranges))
    return ConditionsTable(
        space=space,
        trials=tuple(trials),
        repeated=tuple(repeated),
        notes=(*table.notes, *_notes(tuple(repeated), unmeasured)),
        file=path.name,
        file_sha256=hashlib.sha256(content).hexdigest(),
        _places={setting: i for i, setting in enumerate(groups)},
    )


@dataclass(frozen=True)
class _Reading:
    """The cells of a file, column by column."""

    file: str
    header: tuple[str, ...]
    lines: Sequence[tuple[int, list[str]]]

    def cells(self, name: str) -> list[str]:
        """Raises BadConditionsTable."""
        wanted = " ".join(name.split())
        exact = [i for i, h in enumerate(self.header) if h == wanted]
        found = exact or [i for i, h in enumerate(self.header) if h.lower() == wanted.lower()]
        if len(found) != 1:
            what = "is in it more than once" if found else "is not in it"
            more = f" and {len(self.header) - _SHOWN} more" if len(self.header) > _SHOWN else ""
            shown = ", ".join(self.header[:_SHOWN])
            raise BadConditionsTable(f"{self.file}: column '{name}' {what}; its columns: {shown}{more}")
        place = found[0]
        return [" ".join(cells[place].split()) if place < len(cells) else "" for _, cells in self.lines]

    def bad(self, row: int, column: str, why: str) -> BadConditionsTable:
        return BadConditionsTable(f"{self.file}, line {self.lines[row][0]}, '{column}': {why}")

    def parameter(self, name: str, how: Column) -> tuple[Category | Number, list[Value]]:
        """The parameter, and its value in every row. Raises BadConditionsTable."""
        column = how.column or name
        try:
            if how.kind == "number":
                numbers = self.numbers(column, how.unit)
                levels = tuple(sorted(set(numbers)))
                return Number(name=name, unit=how.unit, levels=levels, scale=how.scale), list(numbers)
            names = self.names(how.names or column) if how.kind == "category" or how.names else []
            if how.kind == "category":
                return Category(name=name, options=tuple(Option(name=n) for n in dict.fromkeys(names))), list(names)
            structures = self.structures(column)
            names = names or structures
            known_as: dict[str, str] = {}
            for row, (each, structure) in enumerate(zip(names, structures, strict=True)):
                if known_as.setdefault(each, structure) != structure:
                    raise self.bad(row, column, f"'{each}' is {structure} here and {known_as[each]} above")
            return Category(name=name, options=tuple(Option(name=n, smiles=s) for n, s in known_as.items())), list(
                names
            )
        except BadConditionsTable:
            raise
        except ValueError as error:
            raise BadConditionsTable(f"{self.file}: {_first_line(error)}") from None

    def names(self, column: str) -> list[str]:
        names = self.cells(column)
        if "" in names:
            raise self.bad(names.index(""), column, "no value")
        return names

    def structures(self, column: str) -> list[str]:
        found: list[str] = []
        for row, text in enumerate(self.names(column)):
            try:
                found.append(Molecule.from_smiles(text).smiles)
            except InvalidMolecule as error:
                raise self.bad(row, column, str(error)) from None
        return found

    def numbers(self, column: str, unit: str) -> list[float]:
        found: list[float] = []
        for row, text in enumerate(self.cells(column)):
            try:
                cell = read_cell(text)
                # Twelve digits: what a conversion adds behind them would make levels of their own.
                found.append(float(f"{convert(cell.number, cell.unit or unit, unit):.12g}"))
            except (BadCell, UnitMismatch) as error:
                raise self.bad(row, column, str(error)) from None
        return found

    def outcome(self, column: str) -> list[float | None]:
        found: list[float | None] = []
        for row, text in enumerate(self.cells(column)):
            if text.lower() in {"", "nan", "na", "n/a", "none", "null", "-"}:
                found.append(None)
                continue
            try:
                cell = read_cell(text.removesuffix("%").strip())
            except BadCell as error:
                raise self.bad(row, column, str(error)) from None
            if cell.unit:
                raise self.bad(row, column, f"'{text}' has a unit; an outcome is a bare number")
            found.append(cell.number)
        return found


def _first_line(error: ValueError) -> str:
    """What a validation error says, without where pydantic found it."""
    text = str(error)
    return text.split("Value error, ", 1)[1].split(" [type=", 1)[0] if "Value error, " in text else text.splitlines()[0]


def _notes(repeated: Sequence[Repeated], unmeasured: int) -> list[str]:
    notes: list[str] = []
    if repeated:
        widest, lines, outcome = max(
            ((high - low, r.lines, name) for r in repeated for name, (low, high) in r.ranges.items()),
            key=lambda each: each[0],
        )
        settings = "setting has" if len(repeated) == 1 else "settings have"
        notes.append(
            f"{len(repeated)} {settings} several rows, which were averaged; they differ most in '{outcome}', "
            f"by {widest:g} (lines {', '.join(str(line) for line in lines[:_SHOWN])})"
        )
    if unmeasured:
        notes.append(f"{unmeasured} {'row has' if unmeasured == 1 else 'rows have'} no measured outcome")
    return notes
