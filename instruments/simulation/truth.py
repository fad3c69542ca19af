"""The truth of the virtual world: what a molecule is really like, and who says so.

An experimental value of the handbook where there is one, the physical models of this package otherwise. Nothing outside
`instruments.simulation` may ask it, except benchmarks and the report that judge a campaign afterwards.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Protocol

from instruments.simulation import property_models as models
from instruments.simulation.chance import uniform
from knowledge.records.base import Record
from knowledge.records.fact import Fact
from knowledge.records.measurement import Source
from knowledge.records.molecule import Molecule
from knowledge.records.properties import HANSEN, UnknownProperty

ROOM_K = 298.15


class FactSource(Protocol):
    """The part of `knowledge.sources.handbook.Handbook` that the world needs."""

    def fact(self, inchikey: str, property: str) -> Fact | None: ...


class TrueValue(Record):
    """`value` in the unit of `knowledge.records.properties`; `detail` names the handbook's source or the model."""

    property: str
    value: float
    source: Source
    detail: str


class Truth:
    """Answers are cached; they hang on (handbook, seed, handbook_fraction) only."""

    def __init__(self, handbook: FactSource, *, seed: int = 0, handbook_fraction: float = 1.0) -> None:
        self._handbook = handbook
        self._seed = seed
        self._fraction = handbook_fraction
        self.value = lru_cache(maxsize=65536)(self._value)

    def _value(self, smiles: str, property: str) -> TrueValue:
        """Raises InvalidMolecule, UnknownProperty."""
        if property not in models.MODEL_NAMES:
            raise UnknownProperty(f"the world has no '{property}'; it has: {', '.join(sorted(models.MODEL_NAMES))}")
        molecule = Molecule.from_smiles(smiles)
        if uniform(self._seed, "handbook", molecule.connectivity) < self._fraction:
            fact = self._handbook.fact(molecule.inchikey, property)
            if fact is not None:
                return TrueValue(property=property, value=fact.value, source=Source.HANDBOOK, detail=fact.source)
        return TrueValue(
            property=property,
            value=self._modelled(molecule.smiles, property),
            source=Source.MODEL,
            detail=models.MODEL_NAMES[property],
        )

    def _modelled(self, smiles: str, property: str) -> float:
        if property in HANSEN:
            return models.hansen(smiles)[HANSEN.index(property)]
        if property == "boiling_point":
            return models.boiling_point(smiles)
        if property == "flash_point":
            return models.flash_point(smiles, self.value(smiles, "boiling_point").value)
        if property == "viscosity":
            return models.viscosity(smiles)
        # A liquid whose viscosity at room temperature somebody measured cannot be a solid there.
        measured_liquid = self.value(smiles, "viscosity").source is Source.HANDBOOK
        ceiling = ROOM_K - 1.0 if measured_liquid else 0.92 * self.value(smiles, "boiling_point").value
        return min(models.melting_point(smiles), ceiling)

    def hansen(self, smiles: str) -> tuple[tuple[float, float, float], Source, str]:
        """((δD, δP, δH) in MPa^0.5, source, detail); from the handbook only when all three are."""
        three = [self.value(smiles, name) for name in HANSEN]
        values = (three[0].value, three[1].value, three[2].value)
        source = Source.HANDBOOK if all(t.source is Source.HANDBOOK for t in three) else Source.MODEL
        return values, source, " / ".join(dict.fromkeys(t.detail for t in three))

    def is_liquid(self, smiles: str) -> bool:
        """At 298.15 K and 101.325 kPa. A measured viscosity there outweighs a melting point that contradicts it."""
        melted = self.value(smiles, "melting_point").value <= ROOM_K
        flows = self.value(smiles, "viscosity").source is Source.HANDBOOK
        return (melted or flows) and self.value(smiles, "boiling_point").value > ROOM_K
