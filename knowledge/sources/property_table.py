"""A user's table of one measured property: CSV in, distinct molecules with values and variances out.

What is done to the data, and said in the report:

- Molecules are the same when their standard InChIKeys are; the SMILES is RDKit's canonical one.
- Salts and mixtures stay whole, and are counted. Only with `parent=True` is the largest organic fragment taken, and
  neutralised: a salt's property is not that of its parent.
- Isotope labels stay, and are counted.
- Values of one molecule are merged; what they disagree by becomes variance. No row is dropped in silence.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from knowledge.qspr.contract import Samples
from knowledge.records.base import Record
from knowledge.records.molecule import InvalidMolecule, Molecule
from knowledge.records.quantity import UnitMismatch, convert
from knowledge.sources.delimited import NotText, delimited
from knowledge.sources.property_duplicates import Merge, Merged, Row, estimates, merged
from knowledge.sources.property_units import BadCell, Cell, header_unit, known, read_cell, spelled

FEWEST = 5  # molecules
_SHOWN = 12


class BadTable(ValueError):
    """A table from which no property can be learned; one line says why."""


class BadRow(Record):
    """A row that was left out. `line`: of the file, from 1."""

    line: int
    reason: str


class TableReport(Record):
    """What was read. `unit`: of all values, "" when the table names none; `converted`: rows by the other unit they had;
    `salts`, `isotopes`: lines; `sources`: rows by source.
    """

    file: str
    file_sha256: str
    rows: int
    molecules: int
    unit: str
    converted: dict[str, int]
    bad_rows: tuple[BadRow, ...]
    merged: tuple[Merged, ...]
    salts: tuple[int, ...]
    parents: bool
    isotopes: tuple[int, ...]
    sources: dict[str, int]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class PropertyTable:
    """`samples`: distinct molecules in the order of their first rows; `rows`: every readable row. `prior`: values of
    the prior column by canonical SMILES, in the samples' unit, of molecules without a measured value as well.
    """

    samples: Samples
    rows: tuple[Row, ...]
    report: TableReport
    prior: Mapping[str, float]


@dataclass(frozen=True)
class _Raw:
    line: int
    molecule: Molecule
    value: float
    std: float
    unit: str
    source: str
    prior: Cell | None


@dataclass(frozen=True)
class _Columns:
    smiles: int
    target: int
    unit: int | None
    source: int | None
    uncertainty: int | None
    prior: int | None


def read(
    path: Path,
    *,
    smiles: str,
    target: str,
    unit: str = "",
    unit_column: str | None = None,
    source_column: str | None = None,
    uncertainty_column: str | None = None,
    prior_column: str | None = None,
    parent: bool = False,
    merge: Merge | str = Merge.WEIGHTED,
) -> PropertyTable:
    """Reads a comma-, semicolon- or tab-separated table with a header line, gzipped or not.

    A value's unit is the one behind the number, else that of `unit_column`, else that of the header. All are converted
    to `unit`; without it, to the most frequent one. Values without any unit are taken as they are, and the report says
    so. `uncertainty_column` holds standard uncertainties in the unit of the value, and `prior_column` other estimates
    of the same property, computed or looked up, in their own unit where one is named, else in that of the value.

    Raises BadTable for what is no text table, a missing column, units that do not convert into each other, fewer
    than 5 molecules, equal values only or a prior column without numbers, and OSError.
    """
    content = path.read_bytes()
    try:
        table = delimited(path.name, content)
        lines = list(table.lines)
    except NotText as error:
        raise BadTable(str(error)) from None
    header, notes = table.header, list(table.notes)
    column = _columns(header, path.name, smiles, target, unit_column, source_column, uncertainty_column, prior_column)
    bad: list[BadRow] = []
    raw: list[_Raw] = []
    salts: list[int] = []
    isotopes: list[int] = []
    named = header_unit(header[column.target])
    named_prior = "" if column.prior is None else header_unit(header[column.prior])
    unmeasured: list[_Raw] = []
    count = len(lines)
    for number, cells in lines:
        try:
            row = _row(number, cells, column, named, named_prior, parent=parent)
        except (BadCell, InvalidMolecule) as error:
            bad.append(BadRow(line=number, reason=str(error)))
            continue
        if not math.isfinite(row.value):
            bad.append(BadRow(line=number, reason="no value"))
            unmeasured.append(row)
            continue
        raw.append(row)
        if "." in cells[column.smiles].strip().split()[0]:
            salts.append(number)
        if _labelled(row.molecule.smiles):
            isotopes.append(number)
    rows, used, converted = _one_unit(raw, spelled(unit), bad, notes, target)
    samples, repeated = merged(rows, Merge(merge))
    _check(samples, count, bad, target)
    prior = estimates(rows)
    if prior_column is not None:
        if not prior:
            raise BadTable(f"{path.name}: column '{prior_column}' holds no number beside a value of '{target}'")
        notes.append(f"'{prior_column}' estimates {len(prior)} of {len(samples)} molecules")
        others = [Row(r.line, r.molecule, r.value, r.std, r.source, _estimate(r, used)) for r in unmeasured]
        prior = estimates(others) | prior
    if salts:
        what = "the largest organic fragment was taken, neutral" if parent else "they are kept whole"
        notes.append(f"{_rows(len(salts))} of several fragments (salt, hydrate, mixture): {what}")
    if isotopes:
        notes.append(f"{_rows(len(isotopes))} with isotope labels: they are kept as molecules of their own")
    if repeated:
        conflicts = sum(m.conflict for m in repeated)
        notes.append(f"{_molecules(len(repeated))} had several values, which contradict each other for {conflicts}")
    if bad:
        notes.append(f"{_rows(len(bad))} of {count} left out, first line {bad[0].line}: {bad[0].reason}")
    report = TableReport(
        file=path.name,
        file_sha256=hashlib.sha256(content).hexdigest(),
        rows=count,
        molecules=len(samples),
        unit=used,
        converted=converted,
        bad_rows=tuple(bad),
        merged=repeated,
        salts=tuple(salts),
        parents=parent,
        isotopes=tuple(isotopes),
        sources=dict(Counter(r.source for r in rows if r.source)),
        notes=tuple(notes),
    )
    return PropertyTable(samples, rows, report, prior)


def _columns(
    header: Sequence[str],
    file: str,
    smiles: str,
    target: str,
    unit: str | None,
    source: str | None,
    uncertainty: str | None,
    prior: str | None,
) -> _Columns:
    def place(name: str) -> int:
        wanted = name.strip()
        exact = [i for i, h in enumerate(header) if h == wanted]
        found = exact or [i for i, h in enumerate(header) if h.lower() == wanted.lower()]
        if len(found) != 1:
            what = "is in it more than once" if found else "is not in it"
            more = f" and {len(header) - _SHOWN} more" if len(header) > _SHOWN else ""
            raise BadTable(f"{file}: column '{name}' {what}; its columns: {', '.join(header[:_SHOWN])}{more}")
        return found[0]

    def optional(name: str | None) -> int | None:
        return None if name is None else place(name)

    found = _Columns(
        place(smiles), place(target), optional(unit), optional(source), optional(uncertainty), optional(prior)
    )
    if found.target in (found.prior, found.uncertainty, found.smiles):
        raise BadTable(f"{file}: column '{target}' cannot be the target and something else as well")
    return found


def _row(number: int, cells: Sequence[str], column: _Columns, named: str, named_prior: str, *, parent: bool) -> _Raw:
    """Its value is NaN where it has an estimate only. Raises BadCell, InvalidMolecule."""

    def cell(index: int | None) -> str:
        return cells[index].strip() if index is not None and index < len(cells) else ""

    estimate = None
    if column.prior is not None:
        with contextlib.suppress(BadCell):
            estimate = read_cell(cell(column.prior))
    try:
        value = read_cell(cell(column.target))
    except BadCell:
        if estimate is None or cell(column.target):
            raise
        value = Cell(math.nan, "")  # what is not measured yet can have an estimate all the same
    words = cell(column.smiles).split()
    if not words:
        raise BadCell("no SMILES")
    molecule = Molecule.from_smiles(words[0])
    if parent:
        molecule = parent_of(molecule)
    beside = spelled(cell(column.unit))
    if value.unit and beside and value.unit != beside:
        raise BadCell(f"two units: '{value.unit}' behind the number, '{beside}' in the unit column")
    std = 0.0
    if text := cell(column.uncertainty):
        stated = read_cell(text)
        std = stated.number
        if stated.unit or std < 0.0:
            raise BadCell(f"the uncertainty '{text}' is not a bare number that is not negative")
    unit = value.unit or beside or named
    if estimate is not None:
        estimate = Cell(estimate.number, estimate.unit or named_prior or unit)
    return _Raw(number, molecule, value.number, std, unit, cell(column.source), estimate)


def parent_of(molecule: Molecule) -> Molecule:
    """The largest organic fragment, neutralised by protons where that works. Raises InvalidMolecule without carbon."""
    if "." not in molecule.smiles:
        return molecule
    from rdkit import Chem, rdBase
    from rdkit.Chem.MolStandardize import rdMolStandardize

    with rdBase.BlockLogs():
        chosen = rdMolStandardize.LargestFragmentChooser(preferOrganic=True).choose(Chem.MolFromSmiles(molecule.smiles))
        neutral = rdMolStandardize.Uncharger().uncharge(chosen)
    if not any(atom.GetAtomicNum() == 6 for atom in neutral.GetAtoms()):
        raise InvalidMolecule(f"'{molecule.smiles}' has no organic fragment")
    return Molecule.from_smiles(Chem.MolToSmiles(neutral))


def _labelled(smiles: str) -> bool:
    from knowledge.features.featurizer import parse

    return any(atom.GetIsotope() for atom in parse(smiles).GetAtoms())


def _one_unit(
    raw: Sequence[_Raw], wanted: str, bad: list[BadRow], notes: list[str], target: str
) -> tuple[tuple[Row, ...], str, dict[str, int]]:
    """Rows in one unit, that unit, and how many had another one. Raises BadTable."""
    found = Counter(r.unit for r in raw if r.unit)
    if not found:
        where = f"taken as {wanted}" if wanted else "taken as they are"
        notes.append(f"no unit is given for '{target}': its values are {where}")
        rows = [Row(r.line, r.molecule, r.value, r.std, r.source, _estimate(r, wanted)) for r in raw]
        return tuple(rows), wanted, {}
    used = wanted or found.most_common(1)[0][0]
    rows = []
    converted: Counter[str] = Counter()
    for r in raw:
        if not r.unit:
            bad.append(BadRow(line=r.line, reason="no unit, while other rows have one"))
            continue
        if r.unit != used:
            if not known(r.unit) or not known(used):
                raise BadTable(f"line {r.line}: '{target}' in '{r.unit}' cannot be converted to '{used}'")
            converted[r.unit] += 1
        try:
            value, zero = convert(r.value, r.unit, used), convert(0.0, r.unit, used)
            std = abs(convert(r.std, r.unit, used) - zero)
        except UnitMismatch as error:
            mixed = ", ".join(f"{unit} ({_rows(n)})" for unit, n in found.most_common())
            raise BadTable(f"line {r.line}: {error}; '{target}' mixes {mixed}") from None
        rows.append(Row(r.line, r.molecule, value, std, r.source, _estimate(r, used)))
    if not known(used):
        notes.append(f"'{used}' is no unit that can be converted: the values of '{target}' are taken as they are")
    if converted:
        which = ", ".join(f"{_rows(n)} from {unit}" for unit, n in sorted(converted.items()))
        notes.append(f"converted to {used}: {which}")
    bad.sort(key=lambda row: row.line)
    return tuple(rows), used, dict(sorted(converted.items()))


def _estimate(raw: _Raw, used: str) -> float | None:
    """Raises BadTable where its unit is of another dimension."""
    if raw.prior is None:
        return None
    try:
        return convert(raw.prior.number, raw.prior.unit or used, used) if used else raw.prior.number
    except UnitMismatch as error:
        raise BadTable(f"line {raw.line}: the prior's {error}") from None


def _check(samples: Samples, count: int, bad: Sequence[BadRow], target: str) -> None:
    """Raises BadTable."""
    if len(samples) < FEWEST:
        why = f"; {_rows(len(bad))} cannot be read, first line {bad[0].line}: {bad[0].reason}" if bad else ""
        raise BadTable(f"{_molecules(len(samples))} in {_rows(count)}: too few, at least {FEWEST} are needed{why}")
    if float(np.ptp(samples.values)) == 0.0:
        raise BadTable(f"'{target}' is {samples.values[0]:g} for every molecule: there is nothing to learn")


def _molecules(n: int) -> str:
    return f"{n} molecule" if n == 1 else f"{n} molecules"


def _rows(n: int) -> str:
    return f"{n} row" if n == 1 else f"{n} rows"
