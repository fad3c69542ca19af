"""What all figures share: the style, an empty figure, and the way from a figure to text within a page."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.figure import Figure

from agent.report.colours import GRID, INK, MUTED, VARIABLES

if TYPE_CHECKING:
    from matplotlib.axes import Axes

STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "font.family": "DejaVu Sans",
    "font.size": 9.0,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.labelsize": 9.5,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.facecolor": "none",
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "xtick.minor.size": 0,
    "ytick.minor.size": 0,
    "text.color": INK,
    "lines.solid_capstyle": "round",
}


def blank(width: float, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height))
    figure.patch.set_alpha(0.0)
    return figure, figure.add_subplot()


_GROUP_ID = re.compile(r' id="[A-Za-z]+[A-Za-z0-9.]*_\d+"')
_FONT = re.compile(r"font-family: [^;\"]+|(?<=px )'DejaVu Sans'[^;\"]*")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_TAG = re.compile(r"<[^>]*>")
_LONG = re.compile(r"(-?\d+\.\d{2})\d+")


def svg(figure: Figure, salt: str, description: str) -> Markup:
    """The figure as inline SVG: no prologue, no repeated ids, variables in place of colours, two decimals."""
    buffer = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": salt}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None}, transparent=True)
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    head, body = text.split(">", 1)
    width, height = (float(re.search(rf'{k}="([\d.]+)pt"', head).group(1)) for k in ("width", "height"))  # type: ignore[union-attr]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = _COMMENT.sub("", body)
    body = _GROUP_ID.sub("", body)
    body = _FONT.sub(lambda m: "font-family: var(--sans)" if m.group().startswith("font") else "var(--sans)", body)
    # Only where things stand: a label of 0.057 is not 0.05.
    body = _TAG.sub(lambda m: _LONG.sub(r"\1", m.group()), body)
    for colour, variable in VARIABLES.items():
        body = body.replace(colour, f"var(--{variable})")
    body = re.sub(r">\s+<", "><", body)
    return Markup(
        f'<svg class="figure" role="img" aria-label="{description}" '
        f'width="{width * 96 / 72:.0f}" height="{height * 96 / 72:.0f}" '
        f'viewBox="0 0 {width:g} {height:g}">{body}'
    )
