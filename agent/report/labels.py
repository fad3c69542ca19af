"""Labels in a figure, placed where they cover nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from agent.report.colours import INK, MUTED

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LABEL_PT = 8.0
_OFFSETS = (
    (8, 0),
    (0, 13),
    (0, -13),
    (-8, 0),
    (5, 12),
    (5, -12),
    (-5, 12),
    (-5, -12),
    (0, 23),
    (0, -23),
    (14, 22),
    (-14, 22),
)

Point = tuple[float, float]
_Box = tuple[float, float, float, float]


def annotate(
    axes: Axes,
    points: Sequence[Point],
    lines: Sequence[tuple[Point, Point]],
    names: Sequence[tuple[float, float, str, bool]],
) -> None:
    """Write each label where it covers no point, line or other label, the front's first.

    A label without such a place is left out. Lines are level or upright.
    """
    dpi = axes.figure.dpi
    occupied: list[_Box] = []
    for point in points:
        x, y = axes.transData.transform(point)
        occupied.append((x - 5, y - 5, x + 5, y + 5))
    for ends in lines:
        (x0, y0), (x1, y1) = axes.transData.transform(ends)
        occupied.append((min(x0, x1) - 1, min(y0, y1) - 1, max(x0, x1) + 1, max(y0, y1) + 1))
    box = axes.get_window_extent()
    for x, y, text, important in sorted(names, key=lambda n: not n[3]):
        px, py = axes.transData.transform((x, y))
        width, height = len(text) * LABEL_PT * 0.62 * dpi / 72, LABEL_PT * 1.15 * dpi / 72
        for dx, dy in _OFFSETS:
            left = px + dx if dx > 0 else px + dx - width if dx < 0 else px - width / 2
            spot = (left, py + dy - height / 2, left + width, py + dy + height / 2)
            inside = box.x0 <= spot[0] and spot[2] <= box.x1 + 6 and box.y0 <= spot[1] and spot[3] <= box.y1 + 6
            if inside and not any(_overlap(spot, other) for other in occupied):
                occupied.append(spot)
                axes.annotate(
                    text, (x, y), (dx * 72 / dpi, dy * 72 / dpi), textcoords="offset points", va="center",
                    ha="left" if dx > 0 else "right" if dx < 0 else "center", fontsize=LABEL_PT,
                    color=INK if important else MUTED, zorder=5,
                )  # fmt: skip
                break


def _overlap(a: _Box, b: _Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
