"""Molecules as SVG symbols: each drawn once, at one scale, in colours that follow the page's."""

from __future__ import annotations

import re
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


class Structures:
    """Draws on demand and remembers; `definitions` holds every molecule drawn so far, once."""

    def __init__(self) -> None:
        self._symbols: dict[str, _Symbol | None] = {}

    def draw(self, smiles: str, scale: float = 1.0) -> Markup:
        """An SVG that shows the molecule; its SMILES as text when it cannot be read."""
        if smiles not in self._symbols:
            self._symbols[smiles] = _symbol(smiles, f"m{len(self._symbols)}")
        symbol = self._symbols[smiles]
        if symbol is None:
            return Markup('<code class="smiles">{}</code>').format(smiles)
        return Markup(
            f'<svg class="mol" role="img" width="{symbol.width * scale:.0f}" height="{symbol.height * scale:.0f}" '
            f'viewBox="0 0 {symbol.width:g} {symbol.height:g}"><title>{escape(smiles)}</title>'
            f'<use href="#{symbol.id}"/></svg>'
        )

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
    return _compact(drawing.GetDrawingText(), identifier)


def _rgb(colour: str) -> tuple[float, float, float]:
    red, green, blue = (int(colour[i : i + 2], 16) / 255.0 for i in (1, 3, 5))
    return red, green, blue


def _compact(svg: str, identifier: str) -> _Symbol:
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
    return _Symbol(identifier, "".join(parts), float(box.group(1)), float(box.group(2)))
