"""The report's figures as SVG text, by matplotlib, in colours that follow the page's light or dark ones."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.ticker import MaxNLocator, NullLocator

from agent.report import words
from agent.report.colours import ACCENT, BAD, INK, MUTED, PAPER, WARM
from agent.report.data import BaselinePoint, HypervolumePoint
from agent.report.drawing import STYLE, blank, svg
from agent.report.labels import LABEL_PT, annotate
from agent.report.results import Value
from knowledge.records.measurement import Source
from knowledge.records.objective import Objective
from knowledge.records.properties import Scale, get_property
from knowledge.records.quantity import Estimate

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

NINETY = 1.6449  # standard normal: half-width of the central 90 % interval
_MARKERS = {Source.INSTRUMENT: "s", Source.HANDBOOK: "o", Source.MODEL: "D", Source.REPLAY: "^"}
_BOUGHT = "X"  # a cross whatever the source: what was bought must not pass for something found
_POINT = 34.0
# Ticks per decade, coarse to fine: the first that gives three of them is taken.
_LOG_STEPS = ((1.0,), (1.0, 2.0, 5.0), (1.0, 1.5, 2.0, 3.0, 5.0, 7.0))


@dataclass(frozen=True)
class Dot:
    """One experiment in the plane of two objectives."""

    label: str
    x: Value
    y: Value
    feasible: bool | None
    on_front: bool
    bought: bool


@dataclass(frozen=True)
class Pair:
    """A prediction made before the measurement, and the measurement."""

    label: str
    predicted: Estimate
    measured: Value


@dataclass(frozen=True)
class Target:
    """The compound to be replaced, in the plane of two objectives. A value that is not known is None, never both."""

    name: str
    x: float | None
    y: float | None

    @property
    def whole(self) -> bool:
        return self.x is not None and self.y is not None


def plane(dots: Sequence[Dot], across: Objective, up: Objective, target: Target | None) -> Markup:
    """Two objectives against each other, the Pareto front as a staircase, the compound to be replaced as a star.

    Where only one of its objectives is known it is a line there.
    """
    with mpl.rc_context(STYLE):
        figure, axes = blank(8.4, 4.7)
        _scale(axes, across.property, up.property)
        staircase = _staircase([d for d in dots if d.on_front], across, up)
        if len(staircase) > 1:
            xs, ys = zip(*staircase, strict=True)
            axes.plot(xs, ys, color=ACCENT, lw=1.3, alpha=0.7, zorder=2)
        for d in dots:
            colour = _colour(d)
            # Whiskers longer than the value itself would leave a logarithmic axis.
            low = min(d.y.std, 0.9 * d.y.value) if get_property(up.property).scale is Scale.LOG else d.y.std
            axes.errorbar(
                d.x.value, d.y.value, xerr=d.x.std, yerr=[[low], [d.y.std]], fmt="none", ecolor=colour, elinewidth=0.8,
                alpha=0.55, zorder=2,
            )  # fmt: skip
            axes.scatter(
                d.x.value, d.y.value, s=_POINT * (1.5 if d.on_front or d.bought else 1.0),
                marker=_BOUGHT if d.bought else _MARKERS[d.x.source],
                facecolor=colour if d.feasible else PAPER, edgecolor=colour, linewidth=1.2, zorder=3,
            )  # fmt: skip
        points = [(d.x.value, d.y.value) for d in dots]
        names = [(d.x.value, d.y.value, d.label, d.on_front) for d in dots]
        if target is not None and target.x is not None and target.y is not None:
            axes.scatter(target.x, target.y, s=150, marker="*", color=BAD, zorder=4, linewidth=0)
            points.append((target.x, target.y))
            names.insert(0, (target.x, target.y, target.name, True))
        axes.margins(0.09, 0.12)
        if target is not None:
            _line(axes, target)
        if across.property == "hansen_distance":
            axes.set_xlim(left=max(-0.5, min(-0.25, axes.get_xlim()[0])))  # no distance is negative
        _tick(axes.xaxis, across.property, axes.get_xlim())
        _tick(axes.yaxis, up.property, axes.get_ylim())
        axes.set_xlabel(f"{words.axis(across.property)}: {words.wish(across)}")
        axes.set_ylabel(words.axis(up.property))
        figure.tight_layout(pad=0.4)
        whiskers = [((d.x.value - d.x.std, d.y.value), (d.x.value + d.x.std, d.y.value)) for d in dots]
        annotate(axes, points, [*whiskers, *itertools.pairwise(staircase)], names)
        return svg(figure, f"plane-{across.property}-{up.property}", "Objectives of all measured experiments")


def _colour(dot: Dot) -> str:
    if dot.bought:
        return INK
    return ACCENT if dot.feasible else WARM if dot.feasible is None else MUTED


def _line(axes: Axes, target: Target) -> None:
    """Where a compound must lie of which only one objective is known."""
    style: dict[str, Any] = {"color": BAD, "lw": 1.3, "dashes": (2, 2), "zorder": 1}
    note: dict[str, Any] = {"color": BAD, "fontsize": LABEL_PT, "textcoords": "offset points"}
    if target.x is not None and target.y is None:
        axes.axvline(target.x, **style)
        axes.annotate(
            target.name, (target.x, 1.0), (4, -3), rotation=90, va="top",
            xycoords=("data", "axes fraction"), **note,
        )  # fmt: skip
    elif target.y is not None and target.x is None:
        axes.axhline(target.y, **style)
        axes.annotate(
            target.name, (1.0, target.y), (-3, 4), ha="right",
            xycoords=("axes fraction", "data"), **note,
        )  # fmt: skip


def course(
    labels: Sequence[str],
    values: Sequence[Value],
    feasible: Sequence[bool | None],
    bought: Sequence[bool],
    objective: Objective,
) -> Markup:
    """One objective by experiment, for campaigns that have only one."""
    with mpl.rc_context(STYLE):
        figure, axes = blank(8.4, 3.4)
        _scale(axes, None, objective.property)
        for i, (value, good, sold) in enumerate(zip(values, feasible, bought, strict=True)):
            colour = INK if sold else ACCENT if good else MUTED
            axes.errorbar(i, value.value, yerr=value.std, fmt="none", ecolor=colour, elinewidth=0.8)
            axes.scatter(
                i,
                value.value,
                s=_POINT,
                marker=_BOUGHT if sold else _MARKERS[value.source],
                facecolor=colour if good else PAPER,
                edgecolor=colour,
            )
        axes.set_xticks(range(len(labels)), labels, fontsize=7.5)
        axes.margins(0.06, 0.12)
        _tick(axes.yaxis, objective.property, axes.get_ylim())
        axes.set_ylabel(f"{words.axis(objective.property)}: {words.wish(objective)}")
        figure.tight_layout(pad=0.4)
        return svg(figure, f"course-{objective.property}", "The objective by experiment")


def parity(name: str, pairs: Sequence[Pair]) -> Markup:
    """Predicted against measured with 90 % intervals; the diagonal is a perfect prediction."""
    with mpl.rc_context(STYLE):
        figure, axes = blank(3.5, 3.3)
        percent = 100.0 if name in words.PERCENT else 1.0
        _scale(axes, name, name)
        for p in pairs:
            low, high = interval(name, p.predicted)
            centre = p.predicted.mean * percent
            x = p.measured.value * percent
            inside = low * percent <= x <= high * percent
            colour = ACCENT if inside else WARM
            axes.errorbar(
                x, centre, yerr=[[max(0.0, centre - low * percent)], [max(0.0, high * percent - centre)]], fmt="none",
                ecolor=colour, elinewidth=0.9, alpha=0.6,
            )  # fmt: skip
            axes.scatter(
                x,
                centre,
                s=20,
                marker=_MARKERS[p.measured.source],
                facecolor=colour,
                edgecolor=PAPER,
                linewidth=0.6,
                zorder=3,
            )
        axes.margins(0.08)
        bounds = (*axes.get_xlim(), *axes.get_ylim())
        ends = (min(bounds), max(bounds))
        axes.plot(ends, ends, color=MUTED, lw=0.9, dashes=(4, 3), zorder=1)
        axes.set_xlim(ends)
        axes.set_ylim(ends)
        axes.set_aspect("equal", adjustable="box")
        _tick(axes.xaxis, name, ends)
        _tick(axes.yaxis, name, ends)
        unit = words.property_unit(name)
        axes.set_xlabel("measured" + (f" ({unit})" if unit else ""))
        axes.set_ylabel("predicted" + (f" ({unit})" if unit else ""))
        figure.tight_layout(pad=0.4)
        return svg(figure, f"parity-{name}", f"{words.heading(name)}: predicted against measured")


def error_course(name: str, points: Sequence[tuple[int, float]]) -> Markup:
    """Mean absolute error on measurements not yet seen, by iteration."""
    with mpl.rc_context(STYLE):
        figure, axes = blank(3.5, 1.75)
        factor = 100.0 if name in words.PERCENT or get_property(name).scale is Scale.LOG else 1.0
        axes.plot(
            [i for i, _ in points],
            [e * factor for _, e in points],
            color=ACCENT,
            lw=1.5,
            marker="o",
            ms=4,
            mec=PAPER,
            mew=0.8,
        )
        axes.set_ylim(bottom=0)
        axes.margins(x=0.08)
        axes.set_ylim(top=axes.get_ylim()[1] * 1.1)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        axes.yaxis.set_major_locator(MaxNLocator(3))
        axes.set_xlabel("iteration")
        axes.set_ylabel("mean error" + f" ({error_unit(name)})", fontsize=8.5)
        figure.tight_layout(pad=0.4)
        return svg(figure, f"error-{name}", f"{words.heading(name)}: error by iteration")


def hypervolume(points: Sequence[HypervolumePoint], baseline: Sequence[BaselinePoint]) -> Markup:
    """Hypervolume by finished experiments: the campaign as a line, random choice as mean and band."""
    with mpl.rc_context(STYLE):
        figure, axes = blank(8.4, 3.5)
        if baseline:
            x = [b.experiments for b in baseline]
            axes.fill_between(
                x, [b.low for b in baseline], [b.high for b in baseline], color=MUTED, alpha=0.16, linewidth=0
            )
            axes.plot(x, [b.mean for b in baseline], color=MUTED, lw=1.4, dashes=(4, 3), marker="o", ms=3.5)
        axes.plot(
            [p.experiments for p in points],
            [p.value for p in points],
            color=ACCENT,
            lw=2.0,
            marker="o",
            ms=5,
            mec=PAPER,
        )
        axes.set_ylim(bottom=0)
        axes.margins(x=0.03)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel("experiments finished")
        axes.set_ylabel("hypervolume")
        figure.tight_layout(pad=0.4)
        return svg(figure, "hypervolume", "Hypervolume against random choice")


def interval(name: str, estimate: Estimate) -> tuple[float, float]:
    """Central 90 % interval of a prediction, in the property's unit.

    A property with a logarithmic scale has a log-normal error around `mean` with the relative standard uncertainty.
    """
    if get_property(name).scale is Scale.LOG and estimate.mean > 0:
        spread = math.exp(NINETY * math.sqrt(math.log1p((estimate.std / estimate.mean) ** 2)))
        return estimate.mean / spread, estimate.mean * spread
    return estimate.mean - NINETY * estimate.std, estimate.mean + NINETY * estimate.std


def error_unit(name: str) -> str:
    """What a prospective error is given in: percent for fractions and for logarithmic properties."""
    if get_property(name).scale is Scale.LOG:
        return "%"
    return words.property_unit(name) or "1"


def _scale(axes: Axes, across: str | None, up: str) -> None:
    """Logarithmic axes where the properties are; ticks follow once the data are drawn, see `_ticks`."""
    if across is not None and get_property(across).scale is Scale.LOG:
        axes.set_xscale("log")
    if get_property(up).scale is Scale.LOG:
        axes.set_yscale("log")


def _ticks(name: str, low: float, high: float) -> list[float]:
    """Three to eight round numbers between the ends of an axis."""
    if get_property(name).scale is not Scale.LOG:
        return [float(t) for t in MaxNLocator(5).tick_values(low, high) if low <= t <= high]
    for steps in _LOG_STEPS:
        decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        found = [round(s * 10.0**d, 12) for d in decades for s in steps if low <= s * 10.0**d <= high]
        if len(found) >= 3:
            return found
    return [float(t) for t in MaxNLocator(4).tick_values(low, high) if low <= t <= high]


def _tick(axis: Axis, name: str, ends: tuple[float, float]) -> None:
    ticks = _ticks(name, *ends)
    axis.set_ticks(ticks, [f"{t:g}".replace("-", "−") for t in ticks])
    axis.set_minor_locator(NullLocator())


def _staircase(members: Sequence[Dot], across: Objective, up: Objective) -> list[tuple[float, float]]:
    """Corners of the front: between two of its members the worse value of each objective is what is promised."""
    ordered = sorted(members, key=lambda d: (d.x.value, d.y.value))
    corners: list[tuple[float, float]] = []
    for left, right in itertools.pairwise(ordered):
        corners.append((left.x.value, left.y.value))
        # Minimising across: to have the left one's height one must go right of it first.
        minimise = across.direction.value == "minimise"
        corners.append((right.x.value, left.y.value) if minimise else (left.x.value, right.y.value))
    if ordered:
        corners.append((ordered[-1].x.value, ordered[-1].y.value))
    return corners
