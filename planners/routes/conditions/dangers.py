"""What is dangerous about one step: energetic and pyrophoric groups, substances that must not meet, heat."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from rdkit import Chem

from knowledge.hazards import assess, incompatible
from knowledge.records.hazard import Severity
from knowledge.records.procedure import Charge, Role
from planners.routes.structure import parse

# Codes of knowledge.hazard_rules that matter on the day; toxicity in the long run is said by the candidate's report.
_ACUTE = ("energetic:", "pyrophoric:", "oxygen-balance")
# What heats a flask by itself when it is added: one pattern per kind of reagent, and what to do about it.
_HEATING: tuple[tuple[str, str], ...] = (
    ("[#6;!$(C#N)][Li,Mg,Zn]", "exothermic: add the organometallic slowly, cooled and under inert gas"),
    ("[$([Al-;!H0]),$([Al;!H0])]", "exothermic: add to the hydride slowly; the quench sets hydrogen free"),
    ("[$([H-]),$([#1-])]", "exothermic: hydrogen is set free; keep the vent open"),
    ("P(=O)([Cl,Br])([Cl,Br])[Cl,Br]", "exothermic quench: add to ice, never water to it"),
    ("S(=O)([Cl])[Cl]", "exothermic: acid gases; add slowly and scrub"),
    ("[OX2][OX2]", "exothermic: dose the peroxide at the rate at which it is used up"),
    ("[OX2;H1][N+](=O)[O-]", "exothermic: dose the nitric acid below 300 K"),
    ("[$([Mg;D0]),$([Mg+2])]", "exothermic after an induction period: start the reaction before dosing on"),
    ("C(=O)[Cl,Br]", "exothermic: add the acyl halide at 273 K"),
)


@cache
def _heating() -> tuple[tuple[Chem.Mol, str], ...]:
    return tuple((Chem.MolFromSmarts(smarts), text) for smarts, text in _HEATING)


def dangers(product: str, charges: Sequence[Charge]) -> tuple[str, ...]:
    """Words in the order: energetic or pyrophoric substances, incompatible pairs, heat. () is no statement of safety.

    A pair counts when it is meant as an alert, not when chemists handle it daily. Raises InvalidMolecule.
    """
    named = {charge.smiles: charge.name for charge in charges} | {product: "the product"}
    found: dict[str, None] = {}
    for smiles, name in named.items():
        for alert in assess(smiles).alerts:
            if alert.severity is Severity.ALERT and alert.code.startswith(_ACUTE):
                found[f"{name}: {alert.text}"] = None
    for alert in incompatible([charge.smiles for charge in charges]):
        if alert.severity is Severity.ALERT:
            found[f"incompatible: {alert.text}"] = None
    for pattern, text in _heating():
        if any(parse(c.smiles).HasSubstructMatch(pattern) for c in charges if c.role is not Role.SOLVENT):
            found[text] = None
    return tuple(found)
