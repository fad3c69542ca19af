"""Figures of a conditions campaign: its course, what each parameter does, and the outcome over two of them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from markupsafe import Markup
from matplotlib.colors import Normalize
from matplotlib.ticker import MaxNLocator

from agent.report import words
from agent.report.colours import ACCENT, BAD, INK, MUTED, PAPER
from agent.report.drawing import STYLE, blank, svg
from knowledge.records.objective import Direction, Objective
from planners.optimize.insight.influence import Influence
from planners.optimize.insight.slices import Axis, Point, Surface

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MAP = "YlGnBu_r"  # light is high: readable in grey, and to the colour-blind
_WRITTEN = 130  # cells, up to which each has its number in it
_LONGEST = 22
_LIKELY = 0.5  # cells less likely than this to give anything are struck out
_DARK, _LIGHT = "#101418", "#ffffff"  # on a cell, whatever the page's colours are


@dataclass(frozen=True)
class Step:
    """One finished experiment: `value` in the objective's unit, None where the chemistry gave nothing."""

    label: str
    batch: int
    value: float | None
    allowed: bool


def course(steps: Sequence[Step], objective: Objective) -> Markup:
    """The objective by experiment, and the best so far as a staircase."""
    with mpl.rc_context(STYLE):
        figure, axes = blank(8.4, 3.6)
        measured = [(i, s) for i, s in enumerate(steps, start=1) if s.value is not None]
        values = [s.value for _, s in measured if s.value is not None]
        pick = max if objective.direction is Direction.MAXIMISE else min
        best: list[tuple[int, float]] = []
        for i, s in measured:
            if s.allowed and s.value is not None:
                best.append((i, s.value if not best else pick(best[-1][1], s.value)))
        for i, (left, right) in enumerate(itertools.pairwise(steps), start=1):
            if left.batch != right.batch:
                axes.axvline(i + 0.5, color=MUTED, lw=0.5, alpha=0.45, zorder=0)
        if best:
            xs, ys = zip(*best, strict=True)
            axes.step([*xs, len(steps) + 0.4], [*ys, ys[-1]], where="post", color=ACCENT, lw=1.8, zorder=2)
        for good, colour in ((True, ACCENT), (False, MUTED)):
            mine = [(i, s.value) for i, s in measured if s.allowed is good and s.value is not None]
            face = colour if good else PAPER
            for x, y in mine:
                axes.scatter(x, y, s=26, marker="^", facecolor=face, edgecolor=colour, linewidth=1.0, zorder=3)
        low = min(values, default=0.0)
        lost = [i for i, s in enumerate(steps, start=1) if s.value is None]
        axes.scatter(lost, [low] * len(lost), s=30, marker="x", color=BAD, linewidth=1.4, zorder=3)
        axes.set_xlim(0.4, len(steps) + 0.6)
        axes.margins(y=0.1)
        axes.grid(visible=False, axis="x")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        axes.set_xlabel("experiments, in the order of their batches")
        axes.set_ylabel(f"{words.heading(objective.property)} ({words.unit(objective.unit)})")
        figure.tight_layout(pad=0.4)
        return svg(figure, f"course-{objective.property}", "The objective by experiment, and the best so far")


def effect(influence: Influence, unit: str, ends: tuple[float, float]) -> Markup:
    """The mean outcome at each value of one parameter, over all values of the others; `ends`: the same for all."""
    shown = influence.axis
    with mpl.rc_context(STYLE):
        names = [label(shown, i) for i in range(len(shown.values))]
        if shown.unit is None:
            figure, axes = blank(3.5, 0.75 + 0.21 * len(names))
            order = np.argsort(np.nan_to_num(influence.effect, nan=-np.inf), kind="stable")
            where = np.arange(len(names))
            axes.hlines(where, ends[0], influence.effect[order], color=ACCENT, lw=1.2, alpha=0.5)
            axes.scatter(influence.effect[order], where, s=22, color=ACCENT, zorder=3)
            axes.set_yticks(where, [names[i] for i in order], fontsize=7.5)
            axes.set_xlim(*ends)
            axes.set_ylim(-0.7, len(names) - 0.3)
            axes.grid(visible=False, axis="y")
            axes.set_xlabel(f"mean outcome ({words.unit(unit)})", fontsize=8.5)
        else:
            figure, axes = blank(3.5, 2.2)
            places = np.array([float(v) for v in shown.values])
            if shown.scale.value == "log":
                axes.set_xscale("log")
            axes.plot(places, influence.effect, color=ACCENT, lw=1.4, marker="o", ms=4, mec=PAPER, mew=0.8)
            if len(places) <= 6:
                axes.set_xticks(places, names)
                axes.minorticks_off()
            axes.set_ylim(*ends)
            axes.margins(x=0.08)
            axes.set_xlabel(f"{shown.parameter} ({words.unit(shown.unit)})", fontsize=8.5)
            axes.set_ylabel(f"mean outcome ({words.unit(unit)})", fontsize=8.5)
        figure.tight_layout(pad=0.4)
        return svg(figure, f"effect-{shown.parameter}", f"Effect of {shown.parameter}")


def surface(picture: Surface, unit: str) -> Markup:
    """The model's mean over two parameters, and beside it its doubt; measured settings as points on both."""
    with mpl.rc_context(STYLE):
        columns, rows = len(picture.across.values), len(picture.up.values)
        tall = min(7.5, max(2.9, 1.3 + 0.27 * rows + (0.6 if _rotated(picture.across) else 0.0)))
        figure, _ = blank(10.4, tall)
        figure.clear()
        left, right = figure.subplots(1, 2, sharey=True)
        known = [p.value for p in picture.points if p.value is not None]
        low, high = float(np.nanmin(picture.mean)), float(np.nanmax(picture.mean))
        norm = Normalize(min([low, *known]), max([high, *known]))
        _cells(left, picture, picture.mean, norm, _MAP, written=columns * rows <= _WRITTEN)
        for i, j in np.argwhere(picture.feasibility < _LIKELY).tolist():
            left.plot([j - 0.5, j + 0.5], [i - 0.5, i + 0.5], color=BAD, lw=0.7)
        _points(left, picture, norm)
        doubt = Normalize(0.0, float(np.nanmax(picture.std)) or 1.0)
        _cells(right, picture, picture.std, doubt, "Greys_r", written=columns * rows <= _WRITTEN)
        _points(right, picture, None)
        left.set_title(f"predicted {words.title(picture.outcome)} ({words.unit(unit)})", fontsize=9.5, color=INK)
        right.set_title("its standard uncertainty", fontsize=9.5, color=INK)
        left.set_ylabel(_named(picture.up))
        for axes in (left, right):
            axes.set_xlabel(_named(picture.across))
        figure.tight_layout(pad=0.5, w_pad=1.2)
        return svg(
            figure,
            f"surface-{picture.outcome}",
            f"{picture.outcome} over {_named(picture.across)} and {_named(picture.up)}",
        )


def _cells(
    axes: Axes, picture: Surface, values: np.ndarray[Any, Any], norm: Normalize, name: str, *, written: bool
) -> None:
    axes.grid(visible=False)
    rows, columns = values.shape
    colours = mpl.colormaps[name]
    axes.pcolormesh(
        np.arange(columns + 1) - 0.5, np.arange(rows + 1) - 0.5, np.ma.masked_invalid(values), cmap=colours, norm=norm,
        edgecolor=PAPER, linewidth=0.6 if written else 0.0,
    )  # fmt: skip
    if written:
        for (i, j), value in np.ndenumerate(values):
            if math.isnan(value):
                continue
            red, green, blue, _ = colours(norm(value))
            dark = 0.3 * red + 0.59 * green + 0.11 * blue < 0.5
            text = f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"
            axes.text(j, i - 0.02, text, ha="center", va="center", fontsize=6.8, color=_LIGHT if dark else _DARK)
    _named_ticks(axes, picture)


def _named_ticks(axes: Axes, picture: Surface) -> None:
    for shown, put in ((picture.across, axes.set_xticks), (picture.up, axes.set_yticks)):
        n = len(shown.values)
        step = 1 if shown.unit is None or n <= 9 else math.ceil(n / 6)
        places = list(range(0, n, step))
        put(places, [label(shown, i) for i in places])
    axes.tick_params(labelsize=7.5)
    if _rotated(picture.across):
        axes.tick_params(axis="x", labelrotation=35)
        for text in axes.get_xticklabels():
            text.set_horizontalalignment("right")
            text.set_rotation_mode("anchor")


def _rotated(shown: Axis) -> bool:
    return shown.unit is None and sum(len(label(shown, i)) + 2 for i in range(len(shown.values))) > 46


def _points(axes: Axes, picture: Surface, norm: Normalize | None) -> None:
    """Settings measured in a cell's corner, so that its number stays readable; those beside the slice are hollow."""
    many: dict[tuple[float, float], int] = {}
    for point in sorted(picture.points, key=lambda p: not p.here):
        x, y = _place(picture.across, point.across), _place(picture.up, point.up)
        if x is None or y is None:
            continue
        place = many[x, y] = many.get((x, y), -1) + 1
        dx, dy = _corner(place, _crowded(picture))
        _mark(axes, x + dx, y + dy, point, norm)


def _crowded(picture: Surface) -> bool:
    return len(picture.across.values) * len(picture.up.values) > _WRITTEN


def _corner(place: int, crowded: bool) -> tuple[float, float]:
    """Within half a cell of its middle: along the upper edge, then along the lower one; none is left out."""
    if crowded:
        return 0.0, 0.0
    return -0.4 + 0.16 * (place % 6), 0.33 if place % 12 < 6 else -0.36


def _mark(axes: Axes, x: float, y: float, point: Point, norm: Normalize | None) -> None:
    if point.failed or point.value is None:
        axes.scatter(x, y, s=16, marker="x", color=BAD, linewidth=1.3, zorder=4)
        return
    fill: Any = _LIGHT if norm is None else mpl.colormaps[_MAP](norm(point.value))
    size, edge = (20.0, 1.1) if point.here else (9.0, 0.7)
    axes.scatter(x, y, s=size, facecolor=[fill], edgecolor=_DARK, linewidth=edge, zorder=5 if point.here else 4)


def _place(shown: Axis, value: str | float) -> float | None:
    if shown.unit is None:
        return float(shown.values.index(value)) if value in shown.values else None
    numbers = np.array([float(v) for v in shown.values])
    given = np.array([float(value)])
    if shown.scale.value == "log":
        numbers, given = np.log(numbers), np.log(given)
    return float(np.interp(given, numbers, np.arange(len(numbers)))[0])


def label(shown: Axis, i: int) -> str:
    value = shown.values[i]
    if isinstance(value, str):
        return value if len(value) <= _LONGEST else f"{value[: _LONGEST - 1]}…"
    return f"{value:.4g}"


def _named(shown: Axis) -> str:
    unit = "" if shown.unit in (None, "dimensionless") else f" ({words.unit(str(shown.unit))})"
    return f"{shown.parameter}{unit}"
