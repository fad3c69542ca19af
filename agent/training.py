"""Property models on request: which there are, and training one; as plain data for people and programs.

A model learns from the handbook's values, or from a table of the user's own.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from knowledge.records.base import sha256_text
from knowledge.records.properties import PROPERTIES, Property, Scale, get_property

if TYPE_CHECKING:
    from knowledge.qspr.contract import Samples
    from knowledge.qspr.priors.column import ColumnPrior
    from knowledge.qspr.selection import OnProgress, Selected
    from knowledge.qspr.shelf import Shelf
    from knowledge.sources.property_table import PropertyTable

ROWS = 2000  # molecules of the handbook if nothing else is asked
# Molecules that a process is trained on at most: one fit to 5,000 takes 11 s of one core and 2.2 GB at its peak, and
# the usual trials make more than 50.
CUBIC_ROWS = 5000
FEWEST = 10  # of the handbook; below, nothing can be validated
FEW = 30  # molecules below which it is said that figures mean little
_CUBIC = ("gp", "audited_gp", "stack", "embedding_gp", "pretrained_gp")  # their time grows with the cube of the rows
_DOUBTS_SHOWN = 5
_RARE = 3  # molecules; of an element that fewer have, nothing can be learned
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")


class TrainingError(ValueError):
    """The request cannot be carried out; one line says why."""


@dataclass(frozen=True)
class OwnTable:
    """A user's table; columns by their names, as in `knowledge.sources.property_table.read`."""

    path: Path
    smiles: str
    target: str
    unit: str = ""
    unit_column: str | None = None
    uncertainty: str | None = None
    prior: str | None = None
    parent: bool = False


@dataclass(frozen=True)
class Training:
    """What `train` is asked to do.

    `property`: one that Athanor knows, or with a `table` any name. `name`: what the model is called on the shelf, ""
    for the property's name. `rows`: molecules at most, None for the default. `models`: names in
    knowledge.qspr.candidates, the simplest first; () the usual. `split`: scaffold, random or both. `scale`: linear or
    log, of a property that Athanor does not know.
    """

    property: str
    name: str = ""
    table: OwnTable | None = None
    rows: int | None = None
    models: tuple[str, ...] = ()
    split: str = "both"
    scale: str = "linear"
    seed: int = 0


@dataclass(frozen=True)
class Data:
    """What models are trained on, on the model scale. `basis`: the property whose priors apply; `available`: molecules
    there were.
    """

    property: Property
    basis: str
    samples: Samples
    available: int
    origin: str
    column: ColumnPrior | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Trained:
    property: Property
    model: str
    molecules: int
    available: int
    split: str
    table: tuple[dict[str, Any], ...]
    origin: str
    notes: tuple[str, ...]
    path: Path


def overview(shelf: Shelf) -> list[dict[str, Any]]:
    """Every property of the handbook, its unit, how many molecules have it, and its stored model if there is one; then
    the models of other properties, of which the handbook knows nothing (`molecules` None).
    """
    from knowledge.qspr.shelf import NoSuchModel, Unreadable
    from knowledge.sources.compilation import PROPERTIES as LISTED
    from knowledge.sources.handbook import Handbook

    book = Handbook.full()
    rows = []
    for name in (*LISTED, *(n for n in shelf.names() if n not in LISTED)):
        row: dict[str, Any] = {"property": name, "unit": "", "description": "", "molecules": None}
        row |= {"trained": None, "problem": ""}
        try:
            row["trained"] = shelf.about(name)
        except NoSuchModel:
            pass
        except Unreadable as error:
            row["problem"] = str(error)
        if name in LISTED:
            prop = get_property(name)
            row |= {"unit": prop.unit, "description": prop.description, "molecules": len(book.facts(name))}
        elif row["trained"]:
            own = row["trained"]["property"]
            row |= {"unit": own["unit"], "description": own["description"]}
        rows.append(row)
    return rows


def train(wish: Training, shelf: Shelf, *, on_progress: OnProgress | None = None) -> Trained:
    """Cross-validate the models on the values, keep the best on the shelf.

    Raises UnknownProperty, UnknownModel, TrainingError, NoModel, OSError.
    """
    from knowledge.qspr.candidates import candidates, usual
    from knowledge.qspr.selection import select
    from knowledge.qspr.shelf import Shelved

    if wish.name and not _NAME.fullmatch(wish.name):
        raise TrainingError(f"'{wish.name}' is no name for a model: use letters, digits and _, and begin with a letter")
    data = from_handbook(wish) if wish.table is None else from_table(wish, wish.table)
    chosen = wish.models or usual(data.basis, data.column)
    models = candidates(data.basis, chosen, data.column)
    data = limited(data, wish, chosen)
    notes = list(data.notes)
    if older := _other_origin(data, shelf):
        notes.append(f"the model of '{data.property.name}' from {older} was replaced; --name keeps both")
    selected = select(models, data.samples, seed=wish.seed, split=wish.split, on_progress=on_progress)
    if (
        data.column is not None
        and data.column.name in selected.model.replace("-feature", "").split("+")
        and wish.table is not None
    ):
        notes.append(f"a molecule without a value in '{wish.table.prior}' is predicted without it, less well")
    notes += _doubts(selected, data.property)
    path = shelf.put(Shelved(data.property, data.origin, selected, data.basis))
    return Trained(
        property=data.property,
        model=selected.model,
        molecules=len(data.samples),
        available=data.available,
        split=selected.split,
        table=selected.table,
        origin=data.origin,
        notes=tuple(notes),
        path=path,
    )


def _doubts(selected: Selected, prop: Property) -> list[str]:
    """The labels that an audited model believes less, the worst in full."""
    from knowledge.qspr.audit import FittedAudited

    if not (isinstance(selected.fitted, FittedAudited) and selected.fitted.doubted):
        return []
    doubted = selected.fitted.doubted
    unit = prop.unit if prop.scale is Scale.LINEAR else "in natural logarithms"
    lines = [doubt.line(unit) for doubt in doubted[:_DOUBTS_SHOWN]]
    count = "1 value is" if len(doubted) == 1 else f"{len(doubted)} values are"
    worst = "" if len(doubted) <= _DOUBTS_SHOWN else f"; the worst {_DOUBTS_SHOWN} follow"
    return [f"{count} believed less, because the other molecules speak against them; none is left out{worst}", *lines]


def from_handbook(wish: Training) -> Data:
    """The handbook's values of a property, the most relevant ones if there are too many. Raises UnknownProperty,
    TrainingError.
    """
    prop = get_property(wish.property)
    samples, available = handbook_samples(prop, limit=wish.rows or ROWS, seed=wish.seed)
    if len(samples) < FEWEST:
        raise TrainingError(f"'{prop.name}' has {len(samples)} values; {FEWEST} are needed to validate a model")
    named = prop.model_copy(update={"name": wish.name}) if wish.name else prop
    return Data(named, prop.name, samples, available, "handbook")


def handbook_samples(prop: Property, *, limit: int, seed: int) -> tuple[Samples, int]:
    """The handbook's values as training data on the model scale, at most `limit`, and how many there were."""
    from knowledge.qspr.contract import Samples
    from knowledge.qspr.training import choose, merge
    from knowledge.sources.handbook import Handbook

    merged = merge(Handbook.full().facts(prop.name), prop)
    rows = choose(merged, seed=seed, limit=limit)
    return Samples(rows.smiles, rows.values, rows.variances), len(merged)


def from_table(wish: Training, table: OwnTable) -> Data:
    """The values of a user's table in the property's unit, and what was done to them. Raises TrainingError."""
    from knowledge.sources.property_table import BadTable, read

    name = wish.name or wish.property
    if not _NAME.fullmatch(name):
        raise TrainingError(f"'{name}' is no name for a property: use letters, digits and _, and begin with a letter")
    try:
        found = read(
            table.path,
            smiles=table.smiles,
            target=table.target,
            unit=table.unit,
            unit_column=table.unit_column,
            uncertainty_column=table.uncertainty,
            prior_column=table.prior,
            parent=table.parent,
        )
    except BadTable as error:
        raise TrainingError(str(error)) from None
    except OSError as error:
        raise TrainingError(f"{table.path} cannot be read: {error.strerror or error}") from None
    listed = PROPERTIES.get(wish.property)
    if listed is None:
        about = f"'{table.target}' of {found.report.file}"
        scale = Scale(wish.scale)
        prop = Property(name=name, unit=found.report.unit, scale=scale, symbol=name, description=about)
    else:
        prop = listed.model_copy(update={"name": name})
        _check_unit(found, listed, table.target)
    return _scaled(found, prop, listed)


def _check_unit(found: PropertyTable, listed: Property, target: str) -> None:
    """Raises TrainingError where values cannot be brought to the unit of a property that Athanor knows."""
    from knowledge.records.quantity import UnitMismatch, convert

    unit = found.report.unit
    if not unit:
        raise TrainingError(
            f"no unit is given for '{target}': say which it is, for example --unit {listed.unit}, or train it under a "
            f"name of your own instead of {listed.name}"
        )
    try:
        convert(0.0, unit, listed.unit)
    except UnitMismatch:
        raise TrainingError(
            f"'{target}' in '{unit}' cannot be converted to {listed.unit}, the unit of {listed.name}"
        ) from None


def _scaled(found: PropertyTable, prop: Property, listed: Property | None) -> Data:
    """On the model scale of `prop`. Raises TrainingError when too few values have a logarithm."""
    import numpy as np

    from knowledge.qspr.contract import Samples
    from knowledge.qspr.priors.column import ColumnPrior
    from knowledge.records.quantity import convert
    from knowledge.sources.property_table import FEWEST as LEAST

    unit, samples, notes = found.report.unit, found.samples, list(found.report.notes)
    slope = abs(convert(1.0, unit, prop.unit) - convert(0.0, unit, prop.unit))
    values = np.array([convert(float(v), unit, prop.unit) for v in samples.values])
    variances = samples.variances * slope**2
    prior = {s: convert(v, unit, prop.unit) for s, v in found.prior.items()}
    smiles = samples.smiles
    if prop.scale is Scale.LOG:
        kept = np.flatnonzero(values > 0.0)
        if len(kept) < LEAST:
            raise TrainingError(
                f"{len(kept)} values are above 0; {LEAST} are needed for a property of logarithmic scale"
            )
        if len(kept) < len(values):
            notes.append(f"{len(values) - len(kept)} values are not above 0 and have no logarithm: they are left out")
        smiles = tuple(smiles[i] for i in kept.tolist())
        variances = variances[kept] / values[kept] ** 2
        values = np.log(values[kept])
        prior = {s: v for s, v in prior.items() if v > 0.0}
        if listed is None:  # of a listed property, priors are in its unit
            prior = {s: prop.to_model(v) for s, v in prior.items()}
    if float(np.ptp(values)) == 0.0:
        raise TrainingError("all values are equal: there is nothing to learn")
    notes += _rare_elements(smiles)
    if len(smiles) < FEW:
        notes.append(f"{len(smiles)} molecules are few: cross-validation says little, and intervals are wide")
    basis = prop.name if listed is None else listed.name
    return Data(
        property=prop,
        basis=basis,
        samples=Samples(smiles, values, variances),
        available=found.report.molecules,
        origin=f"table {found.report.file} (SHA-256 {found.report.file_sha256})",
        column=ColumnPrior(basis, prop.unit, prior) if prior else None,
        notes=tuple(notes),
    )


def _rare_elements(smiles: Sequence[str]) -> list[str]:
    from knowledge.features.featurizer import parse

    count = Counter(e for s in smiles for e in {atom.GetSymbol() for atom in parse(s).GetAtoms()})
    rare = sorted(e for e, n in count.items() if n < _RARE and e != "H")
    if not rare or len(smiles) <= 2 * _RARE:
        return []
    return [f"fewer than {_RARE} molecules hold {', '.join(rare)}: little can be learned of such"]


def limited(data: Data, wish: Training, models: Sequence[str]) -> Data:
    """At most the molecules that were asked for, and no more than a process can bear."""
    cubic = [name for name in models if name.partition("+")[0] in _CUBIC]
    limit = wish.rows or len(data.samples)
    note = ""
    if cubic and min(limit, len(data.samples)) > CUBIC_ROWS:
        limit = CUBIC_ROWS
        note = (
            f"{CUBIC_ROWS} of {len(data.samples)} molecules are used: the time of {cubic[0]} grows with the cube of "
            "their number; --models boosting takes all"
        )
    elif len(data.samples) > limit:
        note = f"{limit} of {len(data.samples)} molecules are used, as asked"
    if not note:
        return data
    order = sorted(range(len(data.samples)), key=lambda i: sha256_text(f"rows:{wish.seed}:{data.samples.smiles[i]}"))
    return replace(data, samples=data.samples.take(sorted(order[:limit])), notes=(*data.notes, note))


def _other_origin(data: Data, shelf: Shelf) -> str:
    """Of the model that the new one will replace, if that has learned from something else."""
    from knowledge.qspr.shelf import NoSuchModel, Unreadable

    try:
        origin = str(shelf.about(data.property.name)["origin"])
    except (NoSuchModel, Unreadable):
        return ""
    kinds = origin.partition(" ")[0], data.origin.partition(" ")[0]
    return "" if kinds[0] == kinds[1] == "handbook" or origin == data.origin else f"the {origin}"
