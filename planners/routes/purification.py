"""How a product is isolated: the class says how it usually is, the product's own properties overrule it."""

from __future__ import annotations

from collections.abc import Mapping

from knowledge.records.procedure import Basis, Procedure, Remark
from planners.routes.conditions import Conditions
from planners.routes.conditions.table import Method
from planners.routes.structure import parse

ROOM = 298.15
SOLID_ABOVE = 320.0  # K; what melts higher crystallises readily
ATMOSPHERIC_BELOW = 430.0  # K; hotter stills decompose more than they separate
DISTILLABLE_BELOW = 620.0  # K at 101 kPa, about 470 K at 0.1 kPa
LARGEST_DISTILLED = 22  # heavy atoms, where no boiling point is known

_TEXT: dict[Method, str] = {
    "distillation": "fractional distillation under reduced pressure; keep the still below 470 K",
    "recrystallisation": "recrystallise from ethanol/water or ethyl acetate/heptane",
    "chromatography": "silica gel, ethyl acetate in heptane",
}


def choose(conditions: Conditions, product: str, known: Mapping[str, float]) -> Remark:
    """`known` holds boiling_point and melting_point in K where somebody has a value."""
    boiling, melting = known.get("boiling_point"), known.get("melting_point")
    method = conditions.purification
    basis = conditions.basis("purification")
    if melting is not None and melting > SOLID_ABOVE:
        method, basis = "recrystallisation", Basis.RULE
    elif boiling is not None:
        method, basis = ("distillation" if boiling < DISTILLABLE_BELOW else "chromatography"), Basis.RULE
    elif melting is not None and melting < ROOM and method == "recrystallisation":
        method, basis = "distillation", Basis.RULE
    elif method == "distillation" and parse(product).GetNumHeavyAtoms() > LARGEST_DISTILLED:
        method, basis = "chromatography", Basis.DEFAULT
    text = _TEXT[method]
    if method == "distillation" and boiling is not None and boiling < ATMOSPHERIC_BELOW:
        text = f"fractional distillation at atmospheric pressure, fraction near {boiling:.0f} K"
    return Remark(text=f"{method}: {text}", basis=basis)


def written(method: Method, basis: Basis) -> Remark:
    """The remark for a method that somebody chose."""
    return Remark(text=f"{method}: {_TEXT[method]}", basis=basis)


def method_of(procedure: Procedure) -> Method:
    """The method that `choose` wrote at the head of the remark. Raises ValueError for a remark of another origin."""
    head = procedure.purification.text.partition(":")[0]
    if head not in _TEXT:
        raise ValueError(f"'{head}' is not a purification method; known: {', '.join(sorted(_TEXT))}")
    return head
