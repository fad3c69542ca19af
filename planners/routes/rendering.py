"""Procedures as text for people."""

from __future__ import annotations

from collections.abc import Sequence

from knowledge.records.procedure import Basis, Charge, Procedure, Role

_VESSELS = {"open": "vessel", "reflux": "vessel with reflux condenser", "sealed": "pressure vessel"}


def _mark(basis: Basis) -> str:
    return "" if basis is Basis.RULE else f" [{basis.value}]"


def _charge_line(charge: Charge) -> str:
    parts = [f"{charge.mass.value:.3g} g"]
    if charge.volume is not None:
        parts.append(f"{charge.volume.value:.3g} mL")
    parts.append(f"{charge.amount.value * 1000.0:.3g} mmol")
    if charge.equivalents is not None:
        parts.append(f"{charge.equivalents:.3g} eq")
    role = "" if charge.role is Role.REACTANT else f", {charge.role.value}"
    return f"  - {charge.name} ({', '.join(parts)}{role}){_mark(charge.basis)}"


def render(procedures: Sequence[Procedure]) -> str:
    """One numbered paragraph per step; values that are guesses are marked [default]."""
    if not procedures:
        return "Purchased; nothing to make."
    lines: list[str] = []
    for number, p in enumerate(procedures, start=1):
        title = p.reaction_class.replace("_", " ")
        temperature = f"{p.temperature.quantity}{_mark(p.temperature.basis)}"
        duration = f"{p.duration.quantity}{_mark(p.duration.basis)}"
        expected = f"{p.expected_yield.quantity.value:.0%}{_mark(p.expected_yield.basis)}"
        lines += [
            f"Step {number}: {title}",
            f"  {'.'.join(p.reactants)}>>{p.product}",
            f"  Charge into a {p.vessel_volume.value:g} mL {_VESSELS.get(p.vessel, 'vessel')}:",
            *(_charge_line(c) for c in p.charges),
            f"  Hold at {temperature} for {duration}.",
            *([f"  Quench: {p.quench.text}{_mark(p.quench.basis)}"] if p.quench else []),
            f"  Work-up: {p.workup.text}{_mark(p.workup.basis)}",
            f"  Purification, {p.purification.text}{_mark(p.purification.basis)}",
            f"  Expected: {p.product_mass.value:.3g} g, yield {expected}",
        ]
        if p.side_products:
            lines.append(f"  Side products: {'; '.join(p.side_products)}")
        if p.competing:
            lines.append(f"  The same reaction at other sites gives: {'; '.join(p.competing)}")
        if p.precedents:
            named = "; ".join(f"{q.id} (similarity {q.similarity:.2f})" for q in p.precedents)
            lines.append(f"  Precedents: {named}")
        if p.notes:
            lines.append(f"  Notes: {'; '.join(p.notes)}")
        if p.hazards:
            lines.append(f"  Hazards: {'; '.join(p.hazards)}")
        lines.append("")
    return "\n".join(lines).rstrip()
