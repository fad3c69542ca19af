"""Property models on request: which there are, training one, asking one; as plain data for people and programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from knowledge.records.fact import Fact
from knowledge.records.molecule import InvalidMolecule, Molecule
from knowledge.records.properties import Property, get_property

if TYPE_CHECKING:
    from knowledge.qspr.contract import Samples
    from knowledge.qspr.selection import Prediction
    from knowledge.qspr.shelf import Shelf

ROWS = 2000  # molecules a model is trained on if nothing else is asked; cross-validation of a GP takes n^3
FEWEST = 10  # molecules below which nothing can be validated


class PredictionError(ValueError):
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


@dataclass(frozen=True)
class Near:
    """A molecule that the model was trained on, its value in the property's unit."""

    smiles: str
    value: float
    similarity: float


@dataclass(frozen=True)
class Predicted:
    """One molecule's prediction in the property's unit. `known`: what the handbook says, when it says something.

    `problem`: why there is no prediction; everything else is then empty.
    """

    smiles: str
    inchikey: str = ""
    problem: str = ""
    value: float | None = None
    low: float | None = None
    high: float | None = None
    epistemic: float | None = None
    noise: float | None = None
    in_domain: bool | None = None
    reason: str = ""
    neighbours: tuple[Near, ...] = ()
    known: Fact | None = None


@dataclass(frozen=True)
class Answer:
    """`epistemic` and `noise` of the predictions are standard deviations on the model's scale: `scale`."""

    property: Property
    model: str
    molecules: int
    origin: str
    level: float
    predictions: tuple[Predicted, ...]

    def problems(self) -> list[Predicted]:
        return [p for p in self.predictions if p.problem]


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

    Raises UnknownProperty, UnknownModel, PredictionError, NoModel, OSError.
    """
    from knowledge.qspr.candidates import candidates, usual
    from knowledge.qspr.selection import select
    from knowledge.qspr.shelf import Shelved

    prop = get_property(wish.property)
    models = candidates(prop.name, wish.models or usual(prop.name))
    samples, available = handbook_samples(prop, limit=wish.rows, seed=wish.seed)
    if len(samples) < FEWEST:
        raise PredictionError(f"'{prop.name}' has {len(samples)} values; {FEWEST} are needed to validate a model")
    selected = select(models, samples, seed=wish.seed, split=wish.split)
    path = shelf.put(Shelved(prop, "handbook", selected))
    return Trained(prop, selected.model, len(samples), available, selected.table, path)


def predict(prop: str, smiles: Sequence[str], shelf: Shelf, *, level: float = 0.9) -> Answer:
    """What cannot be read as a molecule is in the answer with its problem. Raises NoSuchModel, Unreadable, OSError."""
    shelved = shelf.get(prop)
    asked = [_read(text) for text in smiles]
    molecules = {m.smiles: m for m in asked if isinstance(m, Molecule)}
    found = dict(zip(molecules, shelved.selected.predict(list(molecules), level=level), strict=True))
    known = _known(prop, list(molecules.values()))
    answers = tuple(
        _predicted(one, found[one.smiles], shelved.property, known.get(one.inchikey))
        if isinstance(one, Molecule)
        else one
        for one in asked
    )
    selected = shelved.selected
    return Answer(shelved.property, selected.model, len(selected.domain.samples), shelved.origin, level, answers)


def _read(text: str) -> Molecule | Predicted:
    try:
        molecule = Molecule.from_smiles(text)
    except InvalidMolecule as error:
        return Predicted(text, problem=str(error))
    if "." in molecule.smiles:
        parts = molecule.smiles.count(".") + 1
        return Predicted(text, problem=f"{text} is {parts} molecules; the models predict single ones")
    return molecule


def _known(prop: str, molecules: Sequence[Molecule]) -> dict[str, Fact]:
    from knowledge.sources.compilation import PROPERTIES
    from knowledge.sources.handbook import Handbook

    if prop not in PROPERTIES:
        return {}
    book = Handbook.full()
    facts = ((m.inchikey, book.fact(m.inchikey, prop)) for m in molecules)
    return {key: fact for key, fact in facts if fact is not None}


def _predicted(molecule: Molecule, found: Prediction, prop: Property, known: Fact | None) -> Predicted:
    return Predicted(
        smiles=molecule.smiles,
        inchikey=molecule.inchikey,
        value=prop.from_model(found.mean),
        low=prop.from_model(found.low),
        high=prop.from_model(found.high),
        epistemic=found.epistemic,
        noise=found.noise,
        in_domain=found.in_domain,
        reason=found.reason,
        neighbours=tuple(Near(n.smiles, prop.from_model(n.value), n.similarity) for n in found.neighbours),
        known=known,
    )


def as_json(answer: Answer) -> dict[str, Any]:
    """One document; keys as in `Answer` and `Predicted`."""
    return {
        "property": answer.property.name,
        "unit": answer.property.unit,
        "scale": answer.property.scale.value,
        "model": answer.model,
        "molecules": answer.molecules,
        "origin": answer.origin,
        "level": answer.level,
        "predictions": [
            {"smiles": p.smiles, "problem": p.problem}
            if p.problem
            else {
                "smiles": p.smiles,
                "inchikey": p.inchikey,
                "value": p.value,
                "low": p.low,
                "high": p.high,
                "epistemic": p.epistemic,
                "noise": p.noise,
                "in_domain": p.in_domain,
                "reason": p.reason,
                "neighbours": [
                    {"smiles": n.smiles, "value": n.value, "similarity": n.similarity} for n in p.neighbours
                ],
                "known": None if p.known is None else p.known.model_dump(mode="json"),
            }
            for p in answer.predictions
        ],
    }
