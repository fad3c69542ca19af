"""Molecules as SVG symbols: each drawn once, at one scale, in colours that follow the page's.

Numbers on atoms are shown as discs behind them: blue lowers, orange raises (a pair that all kinds of colour vision tell
apart; B. Wong, Nat. Methods 8 (2011) 441), a dashed rim says "lowers" without colour, and the fuller the larger.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape
from rdkit import Chem, rdBase
from rdkit.Chem import rdDepictor
from rdkit.Chem.Draw import rdMolDraw2D

# RDKit wants RGB; the page wants CSS variables, so that a dark page has light bonds. One placeholder per variable.
_PALETTE = {
    -1: ("#010101", "ink"),
    7: ("#020202", "nitrogen"),
    8: ("#030303", "oxygen"),
    16: ("#040404", "sulphur"),
    9: ("#050505", "halogen"),
    17: ("#050505", "halogen"),
    35: ("#050505", "halogen"),
    53: ("#050505", "halogen"),
    15: ("#060606", "phosphorus"),
}
_BOND_PX = 19.0
_DISC_PX = 9.0  # just short of half a bond, so that discs of neighbours do not overlap
_MARGIN_PX = 10.0  # discs of the outermost atoms
_FULL = 0.8  # of the colour behind an atom, so that its letter can be read
_FONT_PX = 12
_VIEWBOX = re.compile(r"viewBox='0 0 ([\d.]+) ([\d.]+)'")
_PATH = re.compile(r"<path ([^>]*?)/>", re.DOTALL)
_ATTRIBUTE = re.compile(r"(d|style|fill)='([^']*)'", re.DOTALL)
_STYLE = re.compile(r"(fill|stroke|stroke-width|stroke-dasharray|stroke-opacity|fill-opacity):([^;]+)")
_NUMBER = re.compile(r"-?\d+\.\d+")


@dataclass(frozen=True)
class _Symbol:
    id: str
    body: str
    width: float
    height: float
    atoms: tuple[tuple[float, float], ...]


class Structures:
    """Draws on demand and remembers; `definitions` holds every molecule drawn so far, once."""

    def __init__(self) -> None:
        self._symbols: dict[str, _Symbol | None] = {}

    def draw(self, smiles: str, scale: float = 1.0) -> Markup:
        """An SVG that shows the molecule; its SMILES as text when it cannot be read."""
        symbol = self._known(smiles)
        if symbol is None:
            return Markup('<code class="smiles">{}</code>').format(smiles)
        return Markup(
            f'<svg class="mol" role="img" width="{symbol.width * scale:.0f}" height="{symbol.height * scale:.0f}" '
            f'viewBox="0 0 {symbol.width:g} {symbol.height:g}"><title>{escape(smiles)}</title>'
            f'<use href="#{symbol.id}"/></svg>'
        )

    def coloured(self, smiles: str, values: Sequence[float], largest: float, scale: float = 1.0) -> Markup:
        """The molecule with a number per atom behind it, `largest` (> 0) in full colour. Without discs when the numbers
        are not as many as the drawn atoms.
        """
        symbol = self._known(smiles)
        if symbol is None or len(symbol.atoms) != len(values):
            return self.draw(smiles, scale)
        discs = "".join(
            f'<circle class="{"raises" if value > 0 else "lowers"}" cx="{x:.1f}" cy="{y:.1f}" r="{_DISC_PX:g}" '
            f'fill-opacity="{_FULL * min(1.0, abs(value) / largest):.2f}"/>'
            for (x, y), value in zip(symbol.atoms, values, strict=True)
            if abs(value) > 0.02 * largest
        )
        width, height = symbol.width + 2 * _MARGIN_PX, symbol.height + 2 * _MARGIN_PX
        return Markup(
            f'<svg class="mol" role="img" width="{width * scale:.0f}" height="{height * scale:.0f}" '
            f'viewBox="{-_MARGIN_PX:g} {-_MARGIN_PX:g} {width:g} {height:g}"><title>{escape(smiles)}</title>'
            f'{discs}<use href="#{symbol.id}"/></svg>'
        )

    def _known(self, smiles: str) -> _Symbol | None:
        if smiles not in self._symbols:
            self._symbols[smiles] = _symbol(smiles, f"m{len(self._symbols)}")
        return self._symbols[smiles]

    @property
    def definitions(self) -> Markup:
        """One invisible SVG that the drawings refer to."""
        drawn = (s for s in self._symbols.values() if s is not None)
        groups = "".join(f'<g id="{s.id}">{s.body}</g>' for s in drawn)
        return Markup(f'<svg class="defs" width="0" height="0" aria-hidden="true"><defs>{groups}</defs></svg>')


def _symbol(smiles: str, identifier: str) -> _Symbol | None:
    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(smiles) if smiles else None
    if mol is None or mol.GetNumAtoms() == 0:
        return None
    rdDepictor.Compute2DCoords(mol)
    rdDepictor.StraightenDepiction(mol)
    drawing = rdMolDraw2D.MolDraw2DSVG(-1, -1)
    # RDKit's stubs take every option for a MolDrawOptions.
    options: Any = drawing.drawOptions()
    options.fixedBondLength = _BOND_PX
    options.scalingFactor = _BOND_PX
    options.fixedFontSize = _FONT_PX
    options.bondLineWidth = 1.3
    options.scaleBondWidth = False
    options.clearBackground = False
    options.padding = 0.03
    options.additionalAtomLabelPadding = 0.04
    options.setAtomPalette({number: _rgb(colour) for number, (colour, _) in _PALETTE.items()})
    rdMolDraw2D.PrepareAndDrawMolecule(drawing, mol)
    drawing.FinishDrawing()
    places = [drawing.GetDrawCoords(i) for i in range(mol.GetNumAtoms())]
    return _compact(drawing.GetDrawingText(), identifier, tuple((float(p.x), float(p.y)) for p in places))


def _rgb(colour: str) -> tuple[float, float, float]:
    red, green, blue = (int(colour[i : i + 2], 16) / 255.0 for i in (1, 3, 5))
    return red, green, blue


def _compact(svg: str, identifier: str, atoms: tuple[tuple[float, float], ...]) -> _Symbol:
    """Keep the paths, drop classes, shorten numbers and put CSS variables in the place of colours."""
    box = _VIEWBOX.search(svg)
    if box is None:
        raise ValueError("RDKit's SVG has no viewBox")
    variables = {colour.upper(): name for colour, name in _PALETTE.values()}
    parts = []
    for match in _PATH.finditer(svg):
        attributes = dict(_ATTRIBUTE.findall(match.group(1)))
        style = {"fill": attributes.get("fill", "none")} | dict(_STYLE.findall(attributes.get("style", "")))
        outline = _NUMBER.sub(lambda m: f"{float(m.group()):.1f}".removesuffix(".0"), attributes["d"].strip())
        paint = []
        for key in ("fill", "stroke"):
            colour = style.get(key, "none")
            if colour != "none":
                paint.append(f"{key}:var(--{variables.get(colour.upper(), 'ink')})")
        width = style.get("stroke-width", "").removesuffix("px")
        if "stroke" in style and style["stroke"] != "none" and width:
            paint.append(f"stroke-width:{float(width):g}")
        if style.get("stroke-dasharray", "none") != "none":
            paint.append(f"stroke-dasharray:{style['stroke-dasharray']}")
        if style.get("fill", "none") == "none":
            paint.insert(0, "fill:none")
        parts.append(f'<path style="{";".join(paint)}" d="{outline}"/>')
    return _Symbol(identifier, "".join(parts), float(box.group(1)), float(box.group(2)), atoms)
