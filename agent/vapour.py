"""Vapour pressures at a temperature: from the boiling point, known or predicted, and Joback's heat of vaporization."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from agent.predicting import Answer, Predicted, read_molecule
from knowledge.records.molecule import Molecule
from knowledge.records.properties import Property, Scale

if TYPE_CHECKING:
    from knowledge.qspr.shelf import Shelf

NAME = "vapour_pressure"


class _Boiling(NamedTuple):
    """K; `doubt`: why it may be wrong, or ""."""

    value: float
    low: float
    high: float
    doubt: str


def vapour_pressures(smiles: Sequence[str], shelf: Shelf, *, temperature: float, level: float = 0.9) -> Answer:
    """At `temperature` in K, in kPa. The handbook's boiling point is used where there is one, else that of the model on
    the shelf; without either, the molecule's problem says so. Raises Unreadable, OSError.
    """
    from knowledge.qspr.priors.joback import JobackVaporization, critical_ratio

    asked = [read_molecule(text) for text in smiles]
    molecules = {m.smiles: m for m in asked if isinstance(m, Molecule)}
    boiling, how = _boiling(molecules, shelf, level)
    heats = dict(zip(molecules, zip(*JobackVaporization()(list(molecules)), strict=True), strict=True))
    ratios = dict(zip(molecules, zip(*critical_ratio(list(molecules)), strict=True), strict=True))

    def answered(one: Molecule | Predicted) -> Predicted:
        if not isinstance(one, Molecule):
            return one
        tb = boiling.get(one.smiles)
        heat, covered = heats[one.smiles]
        ratio, limited = ratios[one.smiles]
        if tb is None:
            why = "its boiling point is not known, and there is no model of it; `train boiling_point` makes one"
        elif not covered:
            why = "Joback's groups do not cover it, so its heat of vaporization is not known"
        elif limited and temperature >= ratio * tb.value:
            why = f"{temperature:g} K is above its critical temperature, about {ratio * tb.value:.0f} K"
        else:
            return _pressure(one, tb, float(heat), temperature, level)
        return Predicted(one.smiles, problem=f"{one.smiles}: {why}")

    about = f"vapour pressure of the liquid at {temperature:g} K"
    prop = Property(name=NAME, unit="kPa", scale=Scale.LOG, symbol="p", description=about)
    return Answer(
        prop, f"Antoine's equation from the boiling point ({how})", 0, "handbook", level, tuple(map(answered, asked))
    )


def _pressure(one: Molecule, tb: _Boiling, heat: float, temperature: float, level: float) -> Predicted:
    from knowledge.qspr.priors.vapour_pressure import TESTED, pressure_range

    found = pressure_range((tb.value, tb.low, tb.high), heat, temperature, level)
    if found is None:
        return Predicted(one.smiles, problem=f"{one.smiles}: {temperature:g} K is too far below its boiling point")
    value, low, high = found
    doubts = [tb.doubt] if tb.doubt else []
    share = temperature / tb.value
    if not TESTED[0] <= share <= TESTED[1]:
        doubts.append(f"T is {share:.2f} of the boiling point; the equation was tested from {TESTED[0]} to {TESTED[1]}")
    return Predicted(
        smiles=one.smiles,
        inchikey=one.inchikey,
        value=value,
        low=low,
        high=high,
        in_domain=not doubts,
        reason="; ".join(doubts),
        basis=f"a boiling point of {tb.value:.1f} K and a heat of vaporization of {heat:.1f} kJ/mol",
    )


def _boiling(molecules: Mapping[str, Molecule], shelf: Shelf, level: float) -> tuple[dict[str, _Boiling], str]:
    """By SMILES, and where from."""
    from scipy import special

    from knowledge.qspr.shelf import NoSuchModel
    from knowledge.sources.handbook import Handbook

    book, width = Handbook.full(), float(special.ndtri(0.5 * (1.0 + level)))
    found: dict[str, _Boiling] = {}
    for smiles, molecule in molecules.items():
        fact = book.fact(molecule.inchikey, "boiling_point")
        if fact is not None:
            found[smiles] = _Boiling(fact.value, fact.value - width * fact.std, fact.value + width * fact.std, "")
    rest = [smiles for smiles in molecules if smiles not in found]
    if not rest:
        return found, "known"
    try:
        shelved = shelf.get("boiling_point")
    except NoSuchModel:
        return found, "known"
    for one in shelved.selected.predict(rest, level=level):
        found[one.smiles] = _Boiling(one.mean, one.low, one.high, one.reason)
    return found, f"known, or by {shelved.selected.model}"
