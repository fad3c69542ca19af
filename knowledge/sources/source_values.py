"""One record for each molecule, property and source: what each of them says, before anybody decides whom to believe.

The consensus of `knowledge.sources.handbook` is one value of many; this is what it was made of, and what calculations
say of the same molecules. Several values of one property go into one model by `knowledge.qspr.fusion`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from importlib import metadata

import numpy as np

from knowledge.qspr.contract import Samples
from knowledge.qspr.priors.prior import Prior
from knowledge.quantum import METHOD, QuantumError, QuantumProperties
from knowledge.records.base import Record
from knowledge.records.fact import Kind
from knowledge.records.molecule import Molecule
from knowledge.records.properties import Scale, get_property
from knowledge.records.quantity import convert
from knowledge.sources.compilation import SCALARS, SOURCES
from knowledge.sources.handbook import Handbook


class SourceValue(Record):
    """`value` and `std` (standard uncertainty, None where the source states none) in `unit`, that of
    `knowledge.records.properties`. Sources of one `family` are not independent. `provenance`: the table and column, or
    the method and its version, that the value can be looked up in again.
    """

    smiles: str
    inchikey: str
    property: str
    source: str
    family: str
    kind: Kind
    value: float
    std: float | None
    unit: str
    provenance: str


def handbook_values(book: Handbook, prop: str) -> list[SourceValue]:
    """Every source's value of every visible molecule, sorted by InChIKey, each molecule's in the order of trust.

    Raises UnknownProperty.
    """
    unit = get_property(prop).unit
    family = {s.name: s.family for s in SOURCES if s.property == prop}
    return [
        SourceValue(
            smiles=fact.smiles,
            inchikey=fact.inchikey,
            property=prop,
            source=fact.source,
            family=family[fact.source],
            kind=fact.kind,
            value=fact.value,
            std=fact.std,
            unit=unit,
            provenance=_provenance(prop, fact.source),
        )
        for molecule in book.molecules()
        for fact in book.sources(molecule.inchikey, prop)
    ]


def prior_values(prior: Prior, molecules: Iterable[Molecule]) -> list[SourceValue]:
    """What a prior says of the molecules that it knows, in the order given. Its error is left to whoever compares.

    Raises UnknownProperty and what the prior raises.
    """
    unit = get_property(prior.property_name).unit
    asked = list(molecules)
    values, known = prior([m.smiles for m in asked])
    return [
        SourceValue(
            smiles=molecule.smiles,
            inchikey=molecule.inchikey,
            property=prior.property_name,
            source=prior.name,
            family=prior.name,
            kind=Kind.CALCULATED,
            value=convert(value, prior.unit, unit),
            std=None,
            unit=unit,
            provenance=f"{prior.name} {prior.version}",
        )
        for molecule, value, sure in zip(asked, values.tolist(), known.tolist(), strict=True)
        if sure
    ]


def hydration_values(outcomes: Sequence[QuantumProperties | QuantumError]) -> list[SourceValue]:
    """Hydration free energies of molecules that quantum chemistry could compute, with the method line of each."""
    unit = get_property("hydration_free_energy").unit
    return [
        SourceValue(
            smiles=outcome.smiles,
            inchikey=outcome.inchikey,
            property="hydration_free_energy",
            source=f"{METHOD}/ALPB",
            family="xTB",
            kind=Kind.CALCULATED,
            value=convert(outcome.solvation_water_kj_mol, "kJ/mol", unit),
            std=None,
            unit=unit,
            provenance=outcome.method,
        )
        for outcome in outcomes
        if isinstance(outcome, QuantumProperties)
    ]


def samples_by_source(values: Sequence[SourceValue], *, stated: bool = True) -> dict[str, Samples]:
    """{source: its values on the model scale}, sources and molecules in the order given.

    `stated` False leaves the sources' own uncertainties out, so that a model learns them. Raises ValueError for several
    properties, for two values of one molecule in one source, or a value <= 0 of a property of logarithmic scale.
    """
    names = {v.property for v in values}
    if len(names) > 1:
        raise ValueError(f"values of several properties: {', '.join(sorted(names))}")
    parts: dict[str, list[SourceValue]] = {}
    for value in values:
        parts.setdefault(value.source, []).append(value)
    return {source: _samples(of_source, stated) for source, of_source in parts.items()}


def _samples(values: Sequence[SourceValue], stated: bool) -> Samples:
    known = get_property(values[0].property)
    numbers = np.array([v.value for v in values])
    stds = np.array([v.std if stated and v.std is not None else 0.0 for v in values])
    if known.scale is Scale.LOG:
        if (numbers <= 0.0).any():
            raise ValueError(f"{known.name} must be positive, {values[0].source} has {numbers.min():g} {known.unit}")
        numbers, stds = np.log(numbers), stds / numbers
    return Samples(tuple(v.smiles for v in values), numbers, stds**2)


@cache
def _provenance(prop: str, source: str) -> str:
    package = f"chemicals {metadata.version('chemicals')}"
    for scalar in SCALARS:
        if (scalar.source.name, scalar.source.property) == (source, prop):
            return f"{package}, {scalar.table}, column {scalar.column}"
    return f"{package}, correlation of {source} at 298.15 K"
