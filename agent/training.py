"""Property models on request: which there are, and training one; as plain data for people and programs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from knowledge.records.properties import Property, get_property

if TYPE_CHECKING:
    from knowledge.qspr.contract import Samples
    from knowledge.qspr.shelf import Shelf

ROWS = 2000  # molecules a model is trained on if nothing else is asked; cross-validation of a GP takes n^3
FEWEST = 10  # molecules below which nothing can be validated


class TrainingError(ValueError):
    """The request cannot be carried out; one line says why."""


@dataclass(frozen=True)
class Training:
    """What `train` is asked to do. `models`: names in knowledge.qspr.candidates, the simplest first; () the usual."""

    property: str
    rows: int = ROWS
    models: tuple[str, ...] = ()
    split: str = "scaffold"
    seed: int = 0


@dataclass(frozen=True)
class Trained:
    property: Property
    model: str
    molecules: int
    available: int
    table: tuple[dict[str, Any], ...]
    path: Path


def overview(shelf: Shelf) -> list[dict[str, Any]]:
    """Every property of the handbook, its unit, how many molecules have it, and its stored model if there is one."""
    from knowledge.qspr.shelf import NoSuchModel, Unreadable
    from knowledge.sources.compilation import PROPERTIES
    from knowledge.sources.handbook import Handbook

    book = Handbook.full()
    rows = []
    for name in PROPERTIES:
        prop = get_property(name)
        row: dict[str, Any] = {
            "property": name,
            "unit": prop.unit,
            "description": prop.description,
            "molecules": len(book.facts(name)),
            "trained": None,
            "problem": "",
        }
        try:
            row["trained"] = shelf.about(name)
        except NoSuchModel:
            pass
        except Unreadable as error:
            row["problem"] = str(error)
        rows.append(row)
    return rows


def handbook_samples(prop: Property, *, limit: int, seed: int) -> tuple[Samples, int]:
    """The handbook's values as training data on the model scale, at most `limit`, and how many there were."""
    from knowledge.qspr.contract import Samples
    from knowledge.qspr.training import choose, merge
    from knowledge.sources.handbook import Handbook

    merged = merge(Handbook.full().facts(prop.name), prop)
    rows = choose(merged, seed=seed, limit=limit)
    return Samples(rows.smiles, rows.values, rows.variances), len(merged)


def train(wish: Training, shelf: Shelf) -> Trained:
    """Cross-validate the models on the handbook's values, keep the best on the shelf.

    Raises UnknownProperty, UnknownModel, TrainingError, NoModel, OSError.
    """
    from knowledge.qspr.candidates import candidates, usual
    from knowledge.qspr.selection import select
    from knowledge.qspr.shelf import Shelved

    prop = get_property(wish.property)
    models = candidates(prop.name, wish.models or usual(prop.name))
    samples, available = handbook_samples(prop, limit=wish.rows, seed=wish.seed)
    if len(samples) < FEWEST:
        raise TrainingError(f"'{prop.name}' has {len(samples)} values; {FEWEST} are needed to validate a model")
    selected = select(models, samples, seed=wish.seed, split=wish.split)
    path = shelf.put(Shelved(prop, "handbook", selected))
    return Trained(prop, selected.model, len(samples), available, selected.table, path)
