"""Designed molecules as one HTML file: it needs no network, and no script but to turn what was drawn in space."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

from agent.report import design_figures, design_words, words
from agent.report.page import templates
from agent.report.space_view import SpaceView, space_view
from agent.report.structures import Structures
from planners.design.problem import Goal, Requirement, plain

if TYPE_CHECKING:
    from agent.design_choice import Find
    from agent.designing import Design
    from planners.design.evaluation.judge import Value


@dataclass(frozen=True)
class Bar:
    """One value of a molecule on the scale that all molecules of the page share; places are shares of the width.

    `wanted`: from where to where it is worth something or allowed; `best`: where a goal is worth everything; `point`,
    `low`, `high`: the value and its interval. `met`: None for a goal, and for a soft requirement.
    """

    title: str
    told: str
    wish: str
    point: float
    low: float
    high: float
    wanted: tuple[float, float]
    best: float | None
    met: bool | None
    in_domain: bool


@dataclass(frozen=True)
class Card:
    """One molecule as the template sees it."""

    rank: int
    find: Find
    bars: tuple[Bar, ...]
    origin: tuple[tuple[str, str], ...]
    view: SpaceView | None


def render_design(found: Design) -> str:
    """HTML5 text; the same design gives the same text."""
    structures = Structures()
    several = len(found.problem.goals) > 1
    cards = [
        Card(
            rank=rank,
            find=one,
            bars=_bars(found, one),
            origin=tuple(_origin(one)),
            view=space_view(one.candidate.provenance.geometry),
        )
        for rank, one in enumerate(found.best, start=1)
    ]
    environment = templates()
    body = environment.get_template("design.html").render(
        d=found,
        cards=cards,
        progress=design_figures.progress(found.history) if found.history else None,
        front=design_figures.front(found) if several and found.front else None,
        dropped=sorted(
            design_words.dropped(found.problem.space, found.dropped, found.refused), key=lambda r: -r.molecules
        ),
        goals=[_goal_in_words(goal) for goal in found.problem.goals],
        requirements=[_requirement_in_words(one) for one in found.problem.requirements],
        structures=structures,
        title=design_words.title,
        turns=any(card.view is not None for card in cards),
    )
    return environment.get_template("page.html").render(
        title=found.problem.title or found.problem.name, body=Markup(body), definitions=structures.definitions
    )


def _origin(one: Find) -> list[tuple[str, str]]:
    known = design_words.known(one.listed, one.judged.values, one.measured)
    alike = [("stands for", f"{one.alike} less good ones much like it")] if one.alike else []
    return [*([("known", known)] if known else []), *alike, *design_words.provenance(one.candidate.provenance)]


def _bars(found: Design, one: Find) -> tuple[Bar, ...]:
    bars = [
        _bar(found, one.judged.value(goal.key), _aim(goal), goal.span, best=goal.best_value)
        for goal in found.problem.goals
    ]
    told = {goal.key for goal in found.problem.goals}
    for requirement, chance in zip(found.problem.requirements, one.judged.chances, strict=True):
        wish = _requirement_in_words(requirement)[1]
        value = one.judged.value(requirement.key)
        met = chance >= found.problem.confidence if requirement.margin is None else None
        if requirement.key not in told:
            bars.append(_bar(found, value, f"{wish}; {_chance(value, chance)}", requirement.bounds, met=met))
    return tuple(bars)


def _bar(
    found: Design,
    value: Value,
    wish: str,
    wanted: tuple[float, float],
    *,
    best: float | None = None,
    met: bool | None = None,
) -> Bar:
    low, high = _scale(found, value.key, wanted if best is None else (*wanted, best))

    def place(x: float) -> float:
        return min(1.0, max(0.0, (x - low) / (high - low)))

    unit = words.unit(value.unit)
    if not value.known:
        told, ends = "not known", (0.0, 0.0, 0.0)
    else:
        whole = value.low == value.high and value.mean == round(value.mean)
        told = f"{f'{value.mean:.0f}' if whole else words.number(value.mean)} {unit}".strip()
        if value.low != value.high:
            told += f" ({words.number(value.low)} to {words.number(value.high)})"
        ends = (place(value.mean), place(value.low), place(value.high))
    span = (place(wanted[0]), place(wanted[1]))
    mark = None if best is None else place(best)
    strange = value.known and not value.in_domain
    title = design_words.title(value.key)
    return Bar(title, told, wish, *ends, wanted=span, best=mark, met=met, in_domain=not strange)


def _scale(found: Design, key: str, wanted: tuple[float, ...]) -> tuple[float, float]:
    """From where to where the bars of a property go: all predicted values and the finite ends of what is wanted."""
    values = [one.judged.value(key) for one in found.best]
    points = [x for value in values if value.known for x in (value.low, value.high)]
    points += [x for x in wanted if math.isfinite(x)] or [0.0]
    low, high = min(points), max(points)
    margin = 0.06 * (high - low) or 1.0
    return low - margin, high + margin


def _chance(value: Value, chance: float) -> str:
    if value.low == value.high:
        return "met" if chance >= 0.5 else "missed"
    return f"met with probability {chance:.2f}" if chance < 0.995 else "met"


def _aim(goal: Goal) -> str:
    if goal.direction == "target":
        unit = words.unit(goal.own_unit)
        return f"near {words.number(goal.best_value)} {unit}".strip()
    return "as low as possible" if goal.direction == "minimise" else "as high as possible"


def _goal_in_words(goal: Goal) -> tuple[str, str]:
    """(what, how)."""
    unit = words.unit(goal.own_unit)
    ends = f"worth nothing at {plain(goal.worst_value, unit)}".strip()
    if goal.direction != "target":
        ends += f", everything at {plain(goal.best_value, unit)}".rstrip()
    return design_words.title(goal.key), f"{_aim(goal)}; {ends}"


def _requirement_in_words(one: Requirement) -> tuple[str, str]:
    unit = words.unit(one.own_unit)
    low, high = one.bounds
    parts = [f"at least {low:g} {unit}"] if math.isfinite(low) else []
    parts += [f"at most {high:g} {unit}"] if math.isfinite(high) else []
    how = ", ".join(part.strip() for part in parts)
    if one.margin is not None:
        how += f" (soft: every {f'{one.softness:g} {unit}'.strip()} beyond halves the score)"
    return design_words.title(one.key), how
