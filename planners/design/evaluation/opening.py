"""The evaluator of a problem: who gives each of its values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from knowledge.qspr.training import NoTrainingData
from knowledge.records.fact import Fact
from knowledge.records.properties import HANSEN, Property, UnknownProperty
from planners.design.evaluation.computed import Computed, formula
from planners.design.evaluation.electronic import Electronic
from planners.design.evaluation.evaluator import CannotEvaluate, Evaluator, Together
from planners.design.evaluation.grouped import Grouped
from planners.design.evaluation.models import Modelled, PropertyModel, fit_models
from planners.design.evaluation.quantities import Kind
from planners.design.problem import Entry, Problem

NO_UNIT = "dimensionless"
Facts = Callable[[str], Sequence[Fact]]
"""What is known of a property. Raises UnknownProperty where nothing can be."""


def needed_models(problem: Problem) -> tuple[str, ...]:
    """The measured properties, and the user's own, that models must predict to judge molecules, sorted."""
    names: set[str] = set()
    for one in _entries(problem).values():
        match one.quantity.kind:
            case Kind.MEASURED | Kind.OWN:
                names.add(one.property)
            case Kind.DERIVED:
                names.update(HANSEN)
    return tuple(sorted(names))


def models_for(
    problem: Problem,
    *,
    given: Mapping[str, PropertyModel] | None = None,
    facts: Facts | None = None,
    focus: Sequence[str] = (),
) -> dict[str, PropertyModel]:
    """A model of every measured property that the problem needs, by name: the `given` ones, and for the others one
    fitted to `facts` (None: the whole handbook).

    focus: molecules like those to be designed, see `fit_models`; empty: the problem's `start`.
    Raises CannotEvaluate, naming the property. Of the user's own properties models have to be given.
    """
    models = dict(given or {})
    for one in _entries(problem).values():
        if one.quantity.kind is Kind.OWN and one.property not in models:
            raise CannotEvaluate(
                f"there is no model of '{one.property}'; `train {one.property} --csv FILE ...` makes one"
            )
    missing = [name for name in needed_models(problem) if name not in models]
    known = {name: _known(name, facts or _handbook()) for name in missing}
    try:
        models |= fit_models(known, seed=problem.seed, focus=focus or problem.start)
    except NoTrainingData as error:
        raise CannotEvaluate(f"{error}; `train` can make a model of a table of yours") from error
    return models


def open_evaluator(problem: Problem, models: Mapping[str, PropertyModel] | None = None) -> Evaluator:
    """Gives all values that judging needs, in the order of `Problem.wanted`.

    models: as `models_for` gives them; None: those that it gives for this problem alone.
    Raises CannotEvaluate, naming the property, WeightsUnusable.
    """
    return Together(_parts(problem, models_for(problem) if models is None else models), problem.wanted)


def _parts(problem: Problem, models: Mapping[str, PropertyModel]) -> list[Evaluator]:
    """One evaluator for each way in which values come about."""
    modelled, computed, grouped, electronic = [], {}, [], []
    for key, one in _entries(problem).items():
        name, reference = one.property, one.reference
        if one.defined is not None:
            _check_model(one.defined, models[name].property)
        match one.quantity.kind:
            case Kind.COMPUTED:
                computed[key] = formula(name, reference if isinstance(reference, str) else None)
            case Kind.GROUPS:
                grouped.append(name)
            case Kind.ELECTRONIC:
                electronic.append(name)
            case _:
                modelled.append((key, name, reference if isinstance(reference, tuple) else None))
    parts: list[Evaluator] = []
    if modelled:
        parts.append(Modelled(modelled, models))
    if computed:
        parts.append(Computed(computed))
    if grouped:
        parts.append(Grouped(grouped))
    if electronic:
        parts.append(Electronic(electronic))
    return parts


def _entries(problem: Problem) -> dict[str, Entry]:
    """The first that asks for each value, by key, in the order of `Problem.wanted`."""
    found: dict[str, Entry] = {}
    for one in problem.entries:
        found.setdefault(one.key, one)
    return found


def _check_model(wanted: Property, had: Property) -> None:
    """Raises CannotEvaluate where a model of the user's own predicts other numbers than the problem is about."""
    if (wanted.unit, wanted.scale) != (had.unit or NO_UNIT, had.scale):
        raise CannotEvaluate(
            f"the model of '{wanted.name}' predicts it in {had.unit or NO_UNIT} on a {had.scale} scale, the problem is "
            f"about {wanted.unit} on a {wanted.scale} scale: train it again, or leave 'defined' out"
        )


def _known(name: str, facts: Facts) -> Sequence[Fact]:
    try:
        return facts(name)
    except UnknownProperty:
        words = f"nothing measured is at hand about '{name}'; `train {name} --csv FILE ...` makes a model of a table"
        raise CannotEvaluate(words) from None


def _handbook() -> Facts:
    from knowledge.sources.handbook import Handbook

    return Handbook.full().facts
