"""What is in a vessel: amounts by species, kept so that mass is conserved."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import lru_cache
from typing import Any, Self

from knowledge.records.base import Record


class Stage(StrEnum):
    CHARGED = "charged"
    REACTED = "reacted"
    WORKED_UP = "worked_up"
    ISOLATED = "isolated"
    LOST = "lost"


class Portion(Record):
    """`mol` moles of a species of `molar_mass` g/mol."""

    mol: float
    molar_mass: float

    @property
    def grams(self) -> float:
        return self.mol * self.molar_mass


class Contents(Record):
    """A vessel's contents. Keys of `species`: canonical SMILES, or a name starting with '~' for what nobody identified.

    `theoretical` is the amount in mol of `product` that the limiting reactant of the last reaction could give.
    """

    species: dict[str, Portion] = {}
    stage: Stage = Stage.CHARGED
    product: str | None = None
    theoretical: float = 0.0

    @property
    def grams(self) -> float:
        return sum(portion.grams for portion in self.species.values())

    def mol(self, species: str) -> float:
        portion = self.species.get(species)
        return 0.0 if portion is None else portion.mol

    def scaled(self, factor: float) -> Self:
        """The same composition, `factor` times as much."""
        return self.kept(dict.fromkeys(self.species, factor))

    def kept(self, factors: Mapping[str, float]) -> Self:
        """Each species times its factor (1 when not named); what falls below a picomole is dropped."""
        species = {
            name: Portion(mol=portion.mol * factors.get(name, 1.0), molar_mass=portion.molar_mass)
            for name, portion in sorted(self.species.items())
        }
        return self.model_copy(update={"species": {k: v for k, v in species.items() if v.mol > 1e-12}})

    def with_added(self, name: str, mol: float, molar_mass: float) -> Self:
        species = dict(self.species)
        species[name] = Portion(mol=self.mol(name) + mol, molar_mass=molar_mass)
        return self.model_copy(update={"species": dict(sorted(species.items()))})

    def merged(self, other: Contents) -> Self:
        result = self
        for name, portion in sorted(other.species.items()):
            result = result.with_added(name, portion.mol, portion.molar_mass)
        return result

    def mass_fractions(self) -> dict[str, float]:
        total = self.grams
        return {name: portion.grams / total for name, portion in self.species.items()} if total > 0 else {}


@lru_cache(maxsize=8192)
def molar_mass(smiles: str) -> float:
    """g/mol. Raises InvalidMolecule."""
    from rdkit.Chem import Descriptors, MolFromSmiles

    from knowledge.records.molecule import Molecule

    weigh: Callable[[Any], float] = Descriptors.MolWt  # type: ignore[attr-defined]
    return float(weigh(MolFromSmiles(Molecule.from_smiles(smiles).smiles)))
