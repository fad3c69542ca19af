"""One conditions campaign as one HTML file, without scripts or outside resources."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup

from agent.report import conditions_figures as drawn
from agent.report import figures
from agent.report.causes import Causes, causes_of
from agent.report.conditions_data import ConditionsData, ConditionsExperiment, Insight
from agent.report.page import templates
from agent.report.results import Value
from agent.report.structures import Structures
from knowledge.records.measurement import Source
from knowledge.records.objective import Direction, Objective
from knowledge.records.properties import get_property
from knowledge.records.quantity import Estimate, convert
from knowledge.records.space import Category, Setting
from knowledge.records.space import Value as Chosen
from knowledge.records.trial import Neighbour

_MOST_SUPPORT = 3


@dataclass(frozen=True)
class Near:
    """A known trial that spoke for a choice: in what it differs, and what came of it."""

    neighbour: Neighbour
    differs: tuple[tuple[str, Chosen], ...]


@dataclass(frozen=True)
class View:
    """One experiment as the template sees it. `value`: of the first objective. `promise`, `uncertainty`: as parts of
    the largest expected improvement in the report, for the bars.
    """

    e: ConditionsExperiment
    value: float | None
    predicted: Estimate | None
    inside: bool | None
    allowed: bool
    promise: float
    uncertainty: float
    near: tuple[Near, ...]
    causes: Causes | None
    changed: bool


def render_conditions(data: ConditionsData) -> str:
    """HTML5 text; the same data give the same text."""
    structures = Structures()
    environment = templates()
    views = _views(data)
    done = [v for v in views if v.value is not None]
    first = data.goal.objectives[0]
    best = _best([v for v in done if v.allowed], first)
    body = environment.get_template("conditions.html").render(
        d=data,
        views=views,
        best=best,
        first=first,
        states=Counter(v.e.state for v in views),
        sources=_sources(data),
        courses=_courses(data),
        planes=_planes(data),
        held=_held(data),
        pictures=[(i, _effects(i), drawn.surface(i.surface, i.unit) if i.surface else None) for i in data.insights],
        failed=[v for v in views if v.e.failed],
        draw=structures.draw,
        shown=shown,
        same=_same,
        category=lambda p: isinstance(p, Category),
    )
    return environment.get_template("page.html").render(
        title=data.goal.title, body=Markup(body), definitions=structures.definitions
    )


def shown(value: Chosen) -> str:
    """An option by its name, a number without needless digits."""
    return value if isinstance(value, str) else f"{value:.6g}"


def _same(settings: Sequence[Setting], name: str) -> bool:
    return len({s[name] for s in settings}) <= 1


def _views(data: ConditionsData) -> tuple[View, ...]:
    first = data.goal.objectives[0].property
    sums = [(e.choice.promise or 0.0) + (e.choice.uncertainty or 0.0) for e in data.experiments]
    largest = max(sums, default=0.0) or 1.0
    found = []
    for e in data.experiments:
        value = e.values.get(first)
        estimate = e.choice.predicted.get(first)
        inside = None
        if value is not None and estimate is not None:
            inside = abs(value - estimate.mean) <= figures.NINETY * estimate.std
        near = tuple(
            Near(n, tuple((k, n.setting[k]) for k in data.space.names if n.setting[k] != e.choice.setting[k]))
            for n in e.choice.nearest[:_MOST_SUPPORT]
        )
        found.append(
            View(
                e=e,
                value=value,
                predicted=estimate,
                inside=inside,
                allowed=_allowed(data, e),
                promise=(e.choice.promise or 0.0) / largest,
                uncertainty=(e.choice.uncertainty or 0.0) / largest,
                near=near,
                causes=causes_of(e.failure) if e.failure else None,
                changed=e.setting != e.choice.setting,
            )
        )
    return tuple(found)


def _allowed(data: ConditionsData, e: ConditionsExperiment) -> bool:
    """Whether every constraint was measured and holds."""
    for constraint in data.goal.constraints:
        one = e.measurements.get(constraint.property)
        if one is None or not constraint.satisfied(one.value):
            return False
    return True


def _best(views: Sequence[View], objective: Objective) -> View | None:
    sign = 1.0 if objective.direction is Direction.MAXIMISE else -1.0
    return max(views, key=lambda v: sign * (v.value or 0.0), default=None)


def _sources(data: ConditionsData) -> list[tuple[Source, int]]:
    counts = Counter(m.source for e in data.experiments for m in e.measurements.values())
    return [(s, counts[s]) for s in Source if counts[s]]


def _courses(data: ConditionsData) -> list[Markup]:
    """One for each objective that has a value."""
    ended = [e for e in data.experiments if e.values or e.failed]
    found = []
    for objective in data.goal.objectives:
        name = objective.property
        steps = [
            drawn.Step(e.label, e.iteration, e.values.get(name), _allowed(data, e))
            for e in ended
            if name in e.values or e.failed
        ]
        if any(s.value is not None for s in steps):
            found.append(drawn.course(steps, objective))
    return found


def _planes(data: ConditionsData) -> list[Markup]:
    """The first two objectives against each other."""
    if len(data.goal.objectives) < 2:
        return []
    across, up = data.goal.objectives[:2]
    told = [e for e in data.experiments if across.property in e.measurements and up.property in e.measurements]
    if not told:
        return []
    points = [tuple(_value(e, o.property) for o in (across, up)) for e in told]
    kept = [i for i, e in enumerate(told) if _allowed(data, e)]
    best = {i for i in kept if not any(_beats(points[j], points[i], (across, up)) for j in kept)}
    dots = [
        figures.Dot(e.label, points[i][0], points[i][1], _allowed(data, e), i in best, False)
        for i, e in enumerate(told)
    ]
    return [figures.plane(dots, across, up, None)]


def _value(e: ConditionsExperiment, name: str) -> Value:
    m = e.measurements[name]
    return Value(name, m.value, m.std, m.source)


def _beats(a: Sequence[Value], b: Sequence[Value], objectives: Sequence[Objective]) -> bool:
    signs = [1.0 if o.direction is Direction.MAXIMISE else -1.0 for o in objectives]
    gains = [s * (x.value - y.value) for s, x, y in zip(signs, a, b, strict=True)]
    return all(g >= 0.0 for g in gains) and any(g > 0.0 for g in gains)


def _held(data: ConditionsData) -> list[dict[str, Any]]:
    """By outcome: predictions written down before the experiment against what came of it."""
    pairs: dict[str, list[figures.Pair]] = {}
    for e in data.experiments:
        for name, estimate in e.choice.predicted.items():
            if name in e.measurements and e.setting == e.choice.setting:
                pairs.setdefault(name, []).append(figures.Pair(e.label, _own(name, estimate), _value(e, name)))
    courses: dict[str, list[tuple[int, float]]] = {}
    for batch in data.batches:
        for error in batch.errors:
            courses.setdefault(error.property, []).append((batch.index, error.mae))
    found = []
    for name in sorted(pairs, key=lambda n: (n not in [o.property for o in data.goal.objectives], n)):
        inside = 0
        for pair in pairs[name]:
            low, high = figures.interval(name, pair.predicted)
            inside += low <= pair.measured.value <= high
        course = courses.get(name, [])
        found.append(
            {
                "property": name,
                "parity": figures.parity(name, pairs[name]),
                "error": figures.error_course(name, course) if len(course) > 1 else None,
                "count": len(pairs[name]),
                "inside": inside,
            }
        )
    return found


def _own(name: str, estimate: Estimate) -> Estimate:
    """In the property's own unit."""
    unit = get_property(name).unit
    slope = abs(convert(1.0, estimate.unit, unit) - convert(0.0, estimate.unit, unit))
    return Estimate(mean=convert(estimate.mean, estimate.unit, unit), std=slope * estimate.std, unit=unit)


def _effects(insight: Insight) -> list[tuple[str, float, float, Markup]]:
    """(parameter, its share alone, its share with interactions, picture), the most influential first."""
    values = np.concatenate([i.effect[~np.isnan(i.effect)] for i in insight.influences])
    if not len(values):
        return []
    margin = 0.06 * (float(np.ptp(values)) or 1.0)
    ends = (float(values.min()) - margin, float(values.max()) + margin)
    order = sorted(range(len(insight.influences)), key=lambda k: (-insight.influences[k].total, k))
    return [
        (i.axis.parameter, i.alone, i.total, drawn.effect(i, insight.unit, ends))
        for i in (insight.influences[k] for k in order)
    ]
