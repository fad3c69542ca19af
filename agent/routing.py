"""Routes for one molecule on request: search, forward check, procedures, as plain data for people and programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rdkit import Chem

from knowledge.records.molecule import Molecule
from knowledge.records.procedure import Procedure
from knowledge.records.quantity import Quantity
from knowledge.records.route import Route, RouteFigures

if TYPE_CHECKING:
    from knowledge.stock import Stock
    from planners.routes.search import PartialRoute, Progress, SearchResult
    from planners.routes.single_step.panel import Models

TARGET_MASS = Quantity(value=10.0, unit="g")
LARGEST = 150  # heavy atoms; the models have seen hardly any molecule above 100
# What the models were trained on; a target with anything else would get nonsense.
ELEMENTS = frozenset(["H", "B", "C", "N", "O", "F", "Si", "P", "S", "Cl", "Se", "Br", "I"])


class RouteError(ValueError):
    """The request cannot be carried out; one line says why."""


@dataclass(frozen=True)
class Wish:
    """`seconds`: for the search. `stock` None: the built-in one. `mass` of target that procedures are written for."""

    smiles: str
    seconds: float = 30.0
    routes: int = 5
    max_steps: int = 8
    stock: Path | None = None
    models: Models = "all"
    algorithm: Literal["retro*", "mcts"] = "retro*"
    mass: Quantity = TARGET_MASS
    make: bool = True


@dataclass(frozen=True)
class Planned:
    """A route with its procedures; without them `problem` says why. `front`: no other route is better in everything."""

    route: Route
    procedures: tuple[Procedure, ...]
    problem: str
    front: bool

    @property
    def verdicts(self) -> str:
        counts = Counter(step.check.verdict.value for step in self.route.steps if step.check is not None)
        return ", ".join(f"{n} {verdict}" for verdict, n in sorted(counts.items())) or "not checked"


@dataclass(frozen=True)
class Answer:
    """`reason`: one or two sentences for people; with no route, which starting material is missing."""

    target: str
    inchikey: str
    stock: str
    bad_lines: tuple[str, ...]
    models: str
    routes: tuple[Planned, ...]
    solved: bool
    validated: bool
    partial: PartialRoute | None
    reason: str
    why_stopped: str
    expansions: int
    seconds: float
    first_solution_seconds: float | None


def plan_routes(wish: Wish, progress: Callable[[Progress], None] | None = None) -> Answer:
    """Raises InvalidMolecule, RouteError, WeightsMissing, and OSError for a stock file that cannot be read."""
    from planners.routes.appraisal import expected_yield
    from planners.routes.check import ForwardCheck
    from planners.routes.search import Budget, RouteSearch
    from planners.routes.single_step.panel import panel

    molecule = Molecule.from_smiles(wish.smiles)
    _possible(molecule.smiles)
    stock = _stock(wish.stock)
    asked = panel(wish.models)
    search = RouteSearch(
        stock,
        asked.first,
        second=asked.second,
        algorithm=wish.algorithm,
        max_steps=wish.max_steps,
        routes=wish.routes,
        judge=ForwardCheck().judge,
        yields=expected_yield,
    )
    budget = Budget(expansions=1_000_000, seconds=wish.seconds, enough=4 * wish.routes)
    result = search.search(molecule.smiles, budget, make=wish.make, progress=progress)
    return _answer(wish, molecule, result, stock)


def _possible(smiles: str) -> None:
    if "." in smiles:
        raise RouteError(f"{smiles} is {smiles.count('.') + 1} molecules; plan them one at a time")
    mol = Chem.MolFromSmiles(smiles)
    strange = sorted({a.GetSymbol() for a in mol.GetAtoms()} - ELEMENTS)
    if strange:
        raise RouteError(f"no route model knows {', '.join(strange)}: targets may hold {', '.join(sorted(ELEMENTS))}")
    if not any(a.GetAtomicNum() == 6 for a in mol.GetAtoms()):
        raise RouteError(f"{smiles} holds no carbon; routes are planned for organic molecules")
    if mol.GetNumAtoms() > LARGEST:
        raise RouteError(f"{mol.GetNumAtoms()} heavy atoms are too many: routes are planned up to {LARGEST}")


def _stock(path: Path | None) -> Stock:
    from knowledge.stock import Stock

    if path is None:
        return Stock.builtin()
    return Stock.from_file(path, strict=False)


def _answer(wish: Wish, molecule: Molecule, result: SearchResult, stock: Stock) -> Answer:
    planned = [_written(route, wish.mass) for route in result.routes]
    front = _front([p[0].figures for p in planned])
    source = "built-in stock" if wish.stock is None else wish.stock.name
    return Answer(
        target=molecule.smiles,
        inchikey=molecule.inchikey,
        stock=f"{source} of {len(stock)} substances",
        bad_lines=tuple(str(line) for line in stock.bad_lines),
        models={"all": "rules and learned models", "rules": "curated rules", "learned": "learned models"}[wish.models],
        routes=tuple(
            Planned(route, procedures, problem, number in front)
            for number, (route, procedures, problem) in enumerate(planned)
        ),
        solved=result.solved,
        validated=result.validated,
        partial=result.partial,
        reason=result.reason,
        why_stopped=result.why_stopped,
        expansions=result.expansions,
        seconds=result.seconds,
        first_solution_seconds=result.first_solution_seconds,
    )


def _written(route: Route, mass: Quantity) -> tuple[Route, tuple[Procedure, ...], str]:
    """The completed route and its procedures; or why there are none."""
    try:
        return *complete(route, mass), ""
    except ValueError as error:
        return route, (), str(error)


def complete(
    route: Route, mass: Quantity, properties: Mapping[str, Mapping[str, float]] | None = None
) -> tuple[Route, tuple[Procedure, ...]]:
    """The route with what only its procedures tell (classes, mass intensity, hazard), and these.

    `properties` as for `write_procedures`. Raises ValueError (Unbalanced among them) when a step cannot be written.
    """
    from planners.routes.appraisal import hazard_score, process_mass_intensity
    from planners.routes.procedure import write_procedures

    procedures = write_procedures(route, mass, properties=properties)
    steps = (
        step if step.reaction_class else step.model_copy(update={"reaction_class": procedure.reaction_class})
        for step, procedure in zip(route.steps, procedures, strict=True)
    )
    route = route.model_copy(update={"steps": tuple(steps)})
    if route.figures is not None and procedures:
        told = {"mass_intensity": process_mass_intensity(procedures), "hazard": hazard_score(procedures)}
        route = route.model_copy(update={"figures": route.figures.model_copy(update=told)})
    return route, procedures


def _front(figures: list[RouteFigures | None]) -> set[int]:
    """Positions of the routes that no other one beats in every figure."""
    points = {i: _point(f) for i, f in enumerate(figures) if f is not None}
    return {
        i
        for i, own in points.items()
        if not any(other != own and all(o <= p for o, p in zip(other, own, strict=True)) for other in points.values())
    }


def _point(f: RouteFigures) -> tuple[float, ...]:
    intensity = f.mass_intensity if f.mass_intensity is not None else float("inf")
    return (-f.probability, f.steps, f.longest, f.price, f.hazard, -f.overall_yield, intensity)


def as_json(answer: Answer) -> dict[str, Any]:
    """One document; keys as in `Answer`, records as they are stored."""
    partial = answer.partial
    return {
        "target": answer.target,
        "inchikey": answer.inchikey,
        "stock": answer.stock,
        "bad_lines": list(answer.bad_lines),
        "models": answer.models,
        "solved": answer.solved,
        "validated": answer.validated,
        "reason": answer.reason,
        "why_stopped": answer.why_stopped,
        "expansions": answer.expansions,
        "seconds": round(answer.seconds, 3),
        "first_solution_seconds": answer.first_solution_seconds,
        "routes": [
            {
                "route": planned.route.model_dump(mode="json"),
                "procedures": [p.model_dump(mode="json") for p in planned.procedures],
                "problem": planned.problem,
                "front": planned.front,
            }
            for planned in answer.routes
        ],
        "partial": None
        if partial is None
        else {
            "steps": [step.model_dump(mode="json") for step in partial.steps],
            "leaves": [leaf.model_dump(mode="json") for leaf in partial.leaves],
            "missing": list(partial.missing),
        },
    }
