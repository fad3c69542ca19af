"""Asking a stored property model; the answer as plain data for people and programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from agent.consistent import Moved, consistent
from knowledge.records.explanation import Explanation
from knowledge.records.fact import Fact
from knowledge.records.molecule import InvalidMolecule, Molecule
from knowledge.records.properties import Property

if TYPE_CHECKING:
    from knowledge.qspr.shelf import Shelf, Shelved

EXPLAINED = 20  # molecules up to which each is explained if nothing is said; one takes some half a second


@dataclass(frozen=True)
class Near:
    """A molecule that the model was trained on, its value in the property's unit."""

    smiles: str
    value: float
    similarity: float


@dataclass(frozen=True)
class Predicted:
    """One molecule's prediction in the property's unit. `known`: what the handbook says, when it says something.

    `problem`: why there is no prediction; everything else is then empty. `unexplained`: why there is no explanation.
    `basis`: what the value was computed from, where no model of the property itself was asked.
    `moved`: how the model's own value was changed to agree with predictions of other properties, and by how much.
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
    explanation: Explanation | None = None
    unexplained: str = ""
    moved_by: float = 0.0
    moved: str = ""
    basis: str = ""


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


def predict(
    prop: str, smiles: Sequence[str], shelf: Shelf, *, level: float = 0.9, explained: bool | None = None
) -> Answer:
    """What cannot be read as a molecule is in the answer with its problem. `explained` None: up to 20 molecules are.

    Raises NoSuchModel, Unreadable, OSError.
    """
    shelved = shelf.get(prop)
    asked = [read_molecule(text) for text in smiles]
    molecules = {m.smiles: m for m in asked if isinstance(m, Molecule)}
    found = consistent(
        prop, dict(zip(molecules, shelved.selected.predict(list(molecules), level=level), strict=True)), shelf
    )
    known = _known(prop, list(molecules.values()))
    if explained is None and len(molecules) > EXPLAINED:
        why: dict[str, Explanation | str] = dict.fromkeys(
            molecules, f"more than {EXPLAINED} molecules are explained only when asked for"
        )
    elif explained is False:
        why = dict.fromkeys(molecules, "not asked for")
    else:
        why = {s: _explained(shelved, s) for s in molecules}
    answers = tuple(
        _predicted(one, found[one.smiles], shelved.property, known.get(one.inchikey), why[one.smiles])
        if isinstance(one, Molecule)
        else one
        for one in asked
    )
    selected = shelved.selected
    return Answer(shelved.property, selected.model, len(selected.domain.samples), shelved.origin, level, answers)


def _explained(shelved: Shelved, smiles: str) -> Explanation | str:
    """Or why not."""
    from knowledge.qspr.explain import explain

    selected = shelved.selected
    try:
        return explain(selected.fitted, selected.domain.samples, shelved.property, smiles, model=selected.model)
    except ValueError as error:
        return str(error)


def read_molecule(text: str) -> Molecule | Predicted:
    """A single molecule, or the answer that says why it is none."""
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


def _predicted(
    molecule: Molecule, moved: Moved, prop: Property, known: Fact | None, why: Explanation | str
) -> Predicted:
    found = moved.prediction
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
        explanation=None if isinstance(why, str) else why,
        unexplained=why if isinstance(why, str) else "",
        moved_by=moved.by,
        moved=moved.reason,
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
                "explanation": None if p.explanation is None else p.explanation.model_dump(mode="json"),
                "unexplained": p.unexplained,
                "moved_by": p.moved_by,
                "moved": p.moved,
                "basis": p.basis,
            }
            for p in answer.predictions
        ],
    }
