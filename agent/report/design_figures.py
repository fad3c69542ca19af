"""Figures of a design: how the search went, and what compromises there are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.ticker import MaxNLocator

from agent.report import words
from agent.report.colours import ACCENT, MUTED, PAPER
from agent.report.drawing import STYLE, blank, svg

if TYPE_CHECKING:
    from agent.designing import Design, Step

_NUMBERED = 12  # molecules of the front that bear their rank


def progress(history: Sequence[Step]) -> Markup:
    """The best feasible score by molecules judged, and the share of each batch that was feasible."""
    with mpl.rc_context(STYLE):
        figure, axes = blank(8.4, 2.7)
        calls = [step.calls for step in history]
        before = [0, *calls[:-1]]
        feasible = [0, *(step.feasible for step in history)]
        shares = [(b - a) / (n - m) for a, b, n, m in zip(feasible, feasible[1:], calls, before, strict=False)]
        axes.bar(before, shares, width=[n - m for n, m in zip(calls, before, strict=True)], align="edge",
                 color=MUTED, alpha=0.22, linewidth=0, zorder=1)  # fmt: skip
        reached = [(step.calls, step.best) for step in history if step.best is not None]
        if reached:
            axes.plot(*zip(*reached, strict=True), color=ACCENT, lw=1.7, marker="o", ms=4, mec=PAPER, mew=0.8, zorder=3)
        axes.set_xlim(0, calls[-1])
        axes.set_ylim(0, 1.02)
        axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
        axes.set_xlabel("molecules judged")
        axes.set_ylabel("score, share feasible")
        figure.tight_layout(pad=0.4)
        return svg(figure, "progress", "Best score and share of feasible molecules by molecules judged")


def front(found: Design) -> Markup:
    """The Pareto front in the plane of the first two goals, with 90 % intervals; the best bear their rank."""
    first, second = found.problem.goals[:2]
    ranks = {one.candidate.molecule.smiles: rank for rank, one in enumerate(found.best, start=1)}
    with mpl.rc_context(STYLE):
        figure, axes = blank(8.4, 4.2)
        for one in found.front:
            x, y = one.judged.value(first.key), one.judged.value(second.key)
            rank = ranks.get(one.candidate.molecule.smiles, _NUMBERED + 1)
            colour = ACCENT if rank <= _NUMBERED else MUTED
            axes.errorbar(
                x.mean, y.mean, xerr=[[x.mean - x.low], [x.high - x.mean]], yerr=[[y.mean - y.low], [y.high - y.mean]],
                fmt="none", ecolor=colour, elinewidth=0.7, alpha=0.3, zorder=1,
            )  # fmt: skip
            axes.scatter(x.mean, y.mean, s=30, facecolor=colour, edgecolor=PAPER, linewidth=0.7, zorder=3)
            if rank <= _NUMBERED:
                axes.annotate(str(rank), (x.mean, y.mean), (4, 4), textcoords="offset points", fontsize=8, color=ACCENT)
        axes.margins(0.06, 0.1)
        for axis, goal in ((axes.xaxis, first), (axes.yaxis, second)):
            prop = goal.quantity.property
            unit = words.unit(prop.unit)
            axis.set_label_text(f"{words.heading(prop.name)} {prop.symbol}" + (f" ({unit})" if unit else ""))
        figure.tight_layout(pad=0.4)
        return svg(figure, "design-front", "Pareto front of the first two goals")
