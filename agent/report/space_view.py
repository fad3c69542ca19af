"""A molecule in space: a still drawing that everybody sees, and the numbers by which a script turns it.

Bonds are not in an XYZ text; two atoms are bonded when they are nearer than the sum of their covalent radii and a
quarter (B. Cordero et al., Dalton Trans. 2008, 2832, for the radii).
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass

from markupsafe import Markup

_RADII = {"H": 0.31, "B": 0.84, "C": 0.76, "N": 0.71, "O": 0.66, "F": 0.57, "Si": 1.11, "P": 1.07, "S": 1.05,
          "Cl": 1.02, "Br": 1.20, "I": 1.39}  # fmt: skip
_TOLERANCE = 1.25
_COLOURS = {"H": "muted", "C": "ink", "N": "nitrogen", "O": "oxygen", "S": "sulphur", "F": "halogen", "Cl": "halogen",
            "Br": "halogen", "I": "halogen", "P": "phosphorus"}  # fmt: skip
_INSIDE = 0.8  # of a ball's radius
_SIZE = 220.0
_MARGIN = 14.0
_TILT = (math.radians(-20.0), math.radians(25.0))  # about x and y, so that flat molecules show their face

Point = tuple[float, float, float]


class BadGeometry(ValueError):
    """A text that is no XYZ file."""


@dataclass(frozen=True)
class SpaceView:
    """`still`: the drawing.  `data`: JSON of atoms [symbol, x, y, z, radius, colour] in Å and bonds [i, j]."""

    still: Markup
    data: str
    atoms: int


def space_view(xyz: str) -> SpaceView | None:
    """None for an empty text. Raises BadGeometry."""
    if not xyz.strip():
        return None
    symbols, points = _read(xyz)
    bonds = [
        (i, j)
        for i in range(len(points))
        for j in range(i)
        if math.dist(points[i], points[j]) < _TOLERANCE * (_radius(symbols[i]) + _radius(symbols[j]))
    ]
    rows = [
        [s, *(round(x, 3) for x in p), round(_drawn(s), 3), _COLOURS.get(s, "ink")]
        for s, p in zip(symbols, points, strict=True)
    ]
    data = json.dumps({"atoms": rows, "bonds": bonds}, separators=(",", ":"))
    return SpaceView(_still(symbols, points, bonds), data, len(points))


def _read(xyz: str) -> tuple[list[str], list[Point]]:
    """Symbols, and positions with their centre at the origin."""
    lines = xyz.strip().splitlines()
    try:
        count = int(lines[0])
        fields = [line.split() for line in lines[2 : 2 + count]]
        symbols = [field[0].capitalize() for field in fields]
        found = [(float(x), float(y), float(z)) for _, x, y, z, *_ in fields]
    except (ValueError, IndexError):
        raise BadGeometry("a geometry is not in XYZ format") from None
    if not found or len(found) != count:
        raise BadGeometry(f"a geometry says {count} atoms and has {len(found)}")
    centre = [sum(p[k] for p in found) / count for k in range(3)]
    return symbols, [(p[0] - centre[0], p[1] - centre[1], p[2] - centre[2]) for p in found]


def _radius(symbol: str) -> float:
    return _RADII.get(symbol, 1.2)


def _drawn(symbol: str) -> float:
    """Radius of the drawn ball, Å: small, so that bonds are seen."""
    return 0.16 + 0.2 * _radius(symbol)


def _still(symbols: list[str], points: list[Point], bonds: list[tuple[int, int]]) -> Markup:
    turned = [_turned(p) for p in points]
    reach = max(max(math.hypot(*p) for p in turned), 1.0)
    scale = (_SIZE / 2.0 - _MARGIN) / reach
    middle = _SIZE / 2.0

    def at(p: Point) -> tuple[float, float]:
        return middle + scale * p[0], middle - scale * p[1]

    shapes: list[tuple[float, str]] = []
    for i, j in bonds:
        (x1, y1), (x2, y2) = (at(end) for end in _between(turned[i], turned[j], _drawn(symbols[i]), _drawn(symbols[j])))
        depth = (turned[i][2] + turned[j][2]) / 2.0
        line = f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke-opacity="{_fade(depth, reach)}"/>'
        shapes.append((depth - 0.01, line))
    for symbol, p in zip(symbols, turned, strict=True):
        x, y = at(p)
        colour = _COLOURS.get(symbol, "ink")
        ball = f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{scale * _drawn(symbol):.1f}" fill="var(--{colour})"/>'
        shapes.append((p[2], ball))
    drawn = "".join(shape for _, shape in sorted(shapes))
    return Markup(
        f'<svg class="still" role="img" aria-label="the molecule in space" width="{_SIZE:.0f}" height="{_SIZE:.0f}" '
        f'viewBox="0 0 {_SIZE:g} {_SIZE:g}">{drawn}</svg>'
    )


def _between(first: Point, second: Point, one: float, other: float) -> tuple[Point, Point]:
    """The ends of a bond, within the balls' surfaces, so that no bond crosses a ball behind which it begins."""
    length = math.dist(first, second)

    def along(share: float) -> Point:
        x, y, z = (a + share * (b - a) for a, b in zip(first, second, strict=True))
        return x, y, z

    return along(_INSIDE * one / length), along(1.0 - _INSIDE * other / length)


def _turned(p: Point) -> Point:
    about_x, about_y = _TILT
    x, y, z = p
    x, z = x * math.cos(about_y) + z * math.sin(about_y), z * math.cos(about_y) - x * math.sin(about_y)
    y, z = y * math.cos(about_x) - z * math.sin(about_x), z * math.cos(about_x) + y * math.sin(about_x)
    return x, y, z


def _fade(depth: float, reach: float) -> str:
    return f"{0.55 + 0.4 * (depth / reach + 1.0) / 2.0:.2f}"
