"""A small handbook and ready-made operations for the tests of this room."""

from __future__ import annotations

from instruments.simulation.sample import molar_mass
from knowledge.records.fact import Fact, Kind
from knowledge.records.molecule import Molecule
from knowledge.records.procedure import Basis, Charge, Role
from knowledge.records.protocol import (
    Dispense,
    InjectGC,
    MeasureBoilingPoint,
    MeasureFlashPoint,
    MeasureSolvency,
    MeasureViscosity,
    Operation,
    Purify,
    React,
    WorkUp,
)
from knowledge.records.quantity import Quantity

ESTER = "CCCCCCOC(C)=O"  # hexyl acetate
NMP = "CN1CCCC1=O"
SOLID = "O=C(O)c1ccccc1"  # benzoic acid

# Tb, Tm, Tf / K, viscosity / mPa*s, Hansen / MPa^0.5: common textbook values, rounded.
_VALUES: dict[str, tuple[float | None, ...]] = {
    ESTER: (444.7, 192.3, 331.0, 1.08, 15.8, 2.9, 5.9),
    NMP: (475.2, 249.0, 364.0, 1.67, 18.0, 12.3, 7.2),
    "CCCCCCO": (430.2, 228.6, 333.0, 4.58, 15.9, 5.8, 12.5),
    "CC(=O)O": (391.1, 289.8, 313.0, 1.13, 14.5, 8.0, 13.5),
    "Cc1ccccc1": (383.8, 178.2, 277.0, 0.56, 18.0, 1.4, 2.0),
    "OCCO": (470.5, 260.2, 384.0, 16.1, 17.0, 11.0, 26.0),
    SOLID: (522.4, 395.5, 394.0, None, 21.8, 6.9, 9.8),
}
NAMES = (
    "boiling_point",
    "melting_point",
    "flash_point",
    "viscosity",
    "hansen_dispersion",
    "hansen_polar",
    "hansen_hydrogen",
)


class SmallHandbook:
    """The method of `knowledge.sources.handbook.Handbook` that a virtual lab needs."""

    def __init__(self) -> None:
        self._facts: dict[tuple[str, str], Fact] = {}
        for smiles, values in _VALUES.items():
            molecule = Molecule.from_smiles(smiles)
            for name, value in zip(NAMES, values, strict=True):
                if value is not None:
                    self._facts[(molecule.inchikey, name)] = Fact(
                        smiles=molecule.smiles, inchikey=molecule.inchikey, property=name, value=value, std=0.0,
                        source="test table", kind=Kind.EXPERIMENTAL,
                    )  # fmt: skip

    def fact(self, inchikey: str, property: str) -> Fact | None:
        return self._facts.get((inchikey, property))


def charge(smiles: str, role: Role, mol: float, equivalents: float | None = None) -> Charge:
    canonical = Molecule.from_smiles(smiles).smiles
    grams = mol * molar_mass(canonical)
    return Charge(
        smiles=canonical, name=canonical, role=role, equivalents=equivalents, amount=Quantity(value=mol, unit="mol"),
        mass=Quantity(value=grams, unit="g"), volume=Quantity(value=grams, unit="mL"), basis=Basis.RULE,
    )  # fmt: skip


def esterification(sample: str, mol: float = 0.2) -> React:
    return React(
        sample=sample,
        product=ESTER,
        reaction_class="fischer_esterification",
        charges=(
            charge("CCCCCCO", Role.REACTANT, mol, 1.0),
            charge("CC(=O)O", Role.REACTANT, 1.3 * mol, 1.3),
            charge("O=S(=O)(O)O", Role.CATALYST, 0.02 * mol, 0.02),
            charge("Cc1ccccc1", Role.SOLVENT, 2.0 * mol),
        ),
        temperature=Quantity(value=354.0, unit="K"),
        duration=Quantity(value=8.0, unit="hour"),
        vessel_volume=Quantity(value=250.0, unit="mL"),
    )


def dispense(sample: str, smiles: str = ESTER, grams: float = 20.0) -> Dispense:
    return Dispense(sample=sample, smiles=smiles, mass=Quantity(value=grams, unit="g"))


def characterise(sample: str, target: str) -> tuple[Operation, ...]:
    return (
        InjectGC(sample=sample, target=target),
        MeasureViscosity(sample=sample),
        MeasureBoilingPoint(sample=sample),
        MeasureFlashPoint(sample=sample),
        MeasureSolvency(sample=sample),
    )


def experiment(sample: str) -> tuple[Operation, ...]:
    """Hexyl acetate from beginning to end."""
    return (
        esterification(sample),
        WorkUp(sample=sample, text="wash with bicarbonate, dry, evaporate"),
        Purify(sample=sample, product=ESTER, method="distillation"),
        *characterise(sample, ESTER),
    )
