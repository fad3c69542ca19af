"""Puts the page together: numbers in words, figures, drawings, and the templates that hold them."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from agent.report import explained, figures, words
from agent.report.causes import Causes, causes_of
from agent.report.data import ExperimentReport, ReportData
from agent.report.exclusions import exclusions
from agent.report.results import Result, Value, Verdict, evaluate, front, objective_value, usable
from agent.report.steps import StepView, steps_of
from agent.report.structures import Structures
from knowledge.records.measurement import Source
from knowledge.records.objective import Objective
from knowledge.records.properties import get_property
from knowledge.records.quantity import Estimate

# Fewer measured experiments than this make no plot worth reading.
_ENOUGH = 1


@dataclass(frozen=True)
class Row:
    """One property of one experiment: predicted, measured, and whether the prediction held."""

    property: str
    predicted: Estimate | None
    measured: Value | None
    inside: bool | None
    derived: bool
    analysis: str
    detail: str
    flag: str


@dataclass(frozen=True)
class View:
    """One experiment as the templates see it. `bought` is only there to compare with: see docs/decisions/0008."""

    e: ExperimentReport
    result: Result
    rank: int | None
    rows: tuple[Row, ...]
    steps: tuple[StepView, ...]
    number_of_steps: int | None
    bought: bool
    causes: Causes | None


def render_page(data: ReportData) -> str:
    """See `agent.report.render`."""
    structures = Structures()
    results = evaluate(data.goal, data.experiments)
    best = front(data.goal, [r for e, r in zip(data.experiments, results, strict=True) if not e.candidate.purchasable])
    ranks = {r.label: i for i, r in enumerate(best, start=1)}
    views = tuple(
        View(
            e=e,
            result=r,
            rank=ranks.get(e.label),
            rows=_rows(e, data.goal.objectives),
            steps=() if e.route is None else steps_of(e.route, e.procedures, e.isolated_yields, data.names),
            number_of_steps=None if e.route is None else len(e.route.steps),
            bought=e.candidate.purchasable,
            causes=causes_of(e.failure),
        )
        for e, r in zip(data.experiments, results, strict=True)
    )
    by_label = {v.e.label: v for v in views}
    bought = [v for v in views if v.bought]
    # Said aloud: what may be bought can be better than all that was made, and the reader has to know.
    unbeaten = {r.label for v in bought for r in front(data.goal, [*best, v.result]) if r.label == v.e.label}
    environment = templates()
    targets = _targets(data)
    body = environment.get_template("report.html").render(
        d=data,
        views=views,
        best=[by_label[r.label] for r in best],
        bought=bought,
        unbeaten=[v for v in bought if v.e.label in unbeaten],
        measured=[v for v in views if any(o is not None for o in v.result.objectives)],
        states=Counter(e.state for e in data.experiments),
        sources=_sources(data),
        planes=_planes(data, views, targets),
        target=_shown(targets),
        learning=_learning(data, views),
        hypervolume=figures.hypervolume(data.hypervolume, data.baseline) if data.hypervolume else None,
        draw=structures.draw,
        structures=structures,
        largest=_largest(data),
        get_property=get_property,
        name=lambda smiles: data.names.get(smiles, ""),
        exclusions=exclusions(data.iterations),
    )
    # Drawings are collected while the body is written, so their definitions are written last.
    return environment.get_template("page.html").render(
        title=data.goal.title, body=Markup(body), definitions=structures.definitions
    )


def _largest(data: ReportData) -> dict[str, float]:
    """Per property the largest contribution of an atom in the whole report, so that colours can be compared."""
    found: dict[str, float] = {}
    for forecast in (f for e in data.experiments for f in e.candidate.forecasts):
        if forecast.explanation is not None:
            atoms = forecast.explanation.atoms
            found[forecast.property] = max(found.get(forecast.property, 0.0), *(abs(value) for value in atoms))
    return found


def templates() -> Environment:
    """The templates of every page that this package writes."""
    environment = Environment(
        loader=PackageLoader("agent.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(words=words, explained=explained, Source=Source, Verdict=Verdict)
    environment.filters.update(source_key=words.source_key, source_text=words.source_text)
    return environment


def _sources(data: ReportData) -> list[tuple[Source, int]]:
    counts = Counter(m.source for e in data.experiments for m in e.measurements)
    return [(s, counts[s]) for s in Source if counts[s]]


def _rows(e: ExperimentReport, objectives: Sequence[Objective]) -> tuple[Row, ...]:
    good = usable(e.measurements)
    shown = {m.property: m for m in e.measurements}
    rows = []
    for o in objectives:
        if o.reference is not None:
            value = objective_value(o, good)
            predicted = e.candidate.predicted.get(o.property)
            if value is not None or predicted is not None:
                rows.append(_row(o.property, predicted, value, derived=True))
    objective_names = [o.property for o in objectives if o.reference is None]
    names = sorted(
        ({*shown, *e.candidate.predicted} - {r.property for r in rows}),
        key=lambda n: (n not in objective_names, _order(n), n),
    )
    for name in names:
        m = shown.get(name)
        value = None if m is None else Value(name, m.value, m.std, m.source)
        rows.append(
            _row(
                name,
                e.candidate.predicted.get(name),
                value,
                analysis="" if m is None else m.analysis,
                detail="" if m is None else m.detail,
                flag="" if m is None else m.qc_flag or "",
            )
        )
    return tuple(rows)


def _order(name: str) -> int:
    from knowledge.records.properties import PROPERTIES

    return list(PROPERTIES).index(name) if name in PROPERTIES else len(PROPERTIES)


def _row(
    name: str,
    predicted: Estimate | None,
    value: Value | None,
    *,
    derived: bool = False,
    analysis: str = "",
    detail: str = "",
    flag: str = "",
) -> Row:
    get_property(name)  # an unknown property is refused here rather than shown without a unit
    inside = None
    if predicted is not None and value is not None:
        low, high = figures.interval(name, predicted)
        inside = low <= value.value <= high
    return Row(name, predicted, value, inside, derived, analysis, detail, flag)


_Targets = dict[tuple[str, str], figures.Target]


def _pairs(objectives: Sequence[Objective]) -> list[tuple[tuple[int, Objective], tuple[int, Objective]]]:
    """The planes that are drawn."""
    return list(itertools.islice(itertools.combinations(enumerate(objectives), 2), 3))


def _planes(data: ReportData, views: Sequence[View], targets: _Targets) -> list[Markup]:
    objectives = data.goal.objectives
    if len(objectives) == 1:
        done = [v for v in views if v.result.complete]
        if not done:
            return []
        values = [v.result.objectives[0] for v in done]
        return [
            figures.course(
                [v.e.label for v in done],
                [x for x in values if x],
                [v.result.feasible for v in done],
                [v.bought for v in done],
                objectives[0],
            )
        ]
    plots = []
    for (i, across), (j, up) in _pairs(objectives):
        dots = []
        for v in views:
            x, y = v.result.objectives[i], v.result.objectives[j]
            if x is not None and y is not None:
                dots.append(figures.Dot(v.e.label, x, y, v.result.feasible, v.rank is not None, v.bought))
        if len(dots) >= _ENOUGH:
            plots.append(figures.plane(dots, across, up, targets.get((across.property, up.property))))
    return plots


def _targets(data: ReportData) -> _Targets:
    """Where the compound to be replaced stands in each plane, where at least one of its values is known."""
    compound = data.goal.reference
    if compound is None:
        return {}
    values = reference_values(compound.values, data.goal.objectives)
    found = {}
    for (_, across), (_, up) in _pairs(data.goal.objectives):
        x, y = values.get(across.property), values.get(up.property)
        if x is None and y is None:
            continue
        name = reference_name(data)
        if x is None or y is None:
            missing = words.title(across.property if x is None else up.property)
            name += f" ({missing} {f'not in the {compound.source}' if compound.source else 'unknown'})"
        found[across.property, up.property] = figures.Target(name, x, y)
    return found


def _shown(targets: _Targets) -> set[str]:
    """What the legend has to explain."""
    return {"star" if target.whole else "line" for target in targets.values()}


def reference_values(known: Mapping[str, float], objectives: Sequence[Objective]) -> dict[str, float]:
    """What is known of the reference compound, objectives that can be computed from it included."""
    values = dict(known)
    for o in objectives:
        value = o.value(known)
        if value is not None:
            values[o.property] = value
    return values


def reference_name(data: ReportData) -> str:
    compound = data.goal.reference
    assert compound is not None  # callers asked
    return data.names.get(compound.smiles, compound.name)


def _learning(data: ReportData, views: Sequence[View]) -> list[dict[str, Any]]:
    """Per property: parity plot, error by iteration, and how many measurements lay inside the 90 % interval."""
    pairs: dict[str, list[figures.Pair]] = {}
    for v in views:
        for row in v.rows:
            if row.predicted is not None and row.measured is not None and not row.flag:
                pairs.setdefault(row.property, []).append(figures.Pair(v.e.label, row.predicted, row.measured))
    errors: dict[str, list[tuple[int, float]]] = {}
    for iteration in data.iterations:
        for error in iteration.errors:
            errors.setdefault(error.property, []).append((iteration.index, error.mae))
    goals = [o.property for o in data.goal.objectives]
    found = sorted({*pairs, *errors}, key=lambda n: (n not in goals, _order(n)))
    panels = []
    for name in found:
        mine = pairs.get(name, [])
        inside = 0
        for p in mine:
            low, high = figures.interval(name, p.predicted)
            inside += low <= p.measured.value <= high
        panels.append(
            {
                "property": name,
                "parity": figures.parity(name, mine) if len(mine) >= _ENOUGH else None,
                "error": figures.error_course(name, errors[name]) if len(errors.get(name, ())) > 1 else None,
                "single": errors[name][0][1] if len(errors.get(name, ())) == 1 else None,
                "count": len(mine),
                "inside": inside,
            }
        )
    return panels
