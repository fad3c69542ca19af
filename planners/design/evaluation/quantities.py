"""What a molecule can be judged by: the measured properties, and what is computed from its structure, in one table."""

from __future__ import annotations

import math
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from knowledge.records.properties import PROPERTIES, REACTION_OUTCOMES, Property, Scale, UnknownProperty


class Kind(StrEnum):
    """Who says the value: a model of measurements, arithmetic on such, arithmetic on the structure, published sums over
    groups, the surrogate of GFN2-xTB, or a model of the user's own.
    """

    MEASURED = "measured"
    DERIVED = "derived"
    COMPUTED = "computed"
    GROUPS = "groups"
    ELECTRONIC = "electronic"
    OWN = "own"


class Reference(StrEnum):
    """What a quantity is relative to."""

    NONE = ""
    HANSEN = "three Hansen parameters in MPa**0.5: dispersion, polar, hydrogen bonds"
    MOLECULE = "a molecule, as SMILES"


class Quantity(NamedTuple):
    """`low`, `high`: between which every value lies by nature, in the property's unit.

    `column`: the name by which whoever computes it knows it. `source`: whose groups a sum is over.
    """

    property: Property
    kind: Kind
    low: float = -math.inf
    high: float = math.inf
    reference: Reference = Reference.NONE
    column: str = ""
    source: str = ""


_JOBACK = "K. G. Joback and R. C. Reid (Chem. Eng. Commun. 57 (1987) 233)"
_FEDORS = "R. F. Fedors (Polym. Eng. Sci. 14 (1974) 147)"
_SAMPLE_ONLY = ("purity", "isolated_mass")  # of a sample or a reaction, not of a molecule


def _computed(
    name: str,
    unit: str,
    symbol: str,
    description: str,
    low: float = -math.inf,
    high: float = math.inf,
    reference: Reference = Reference.NONE,
) -> Quantity:
    prop = Property(name=name, unit=unit, symbol=symbol, description=description)
    return Quantity(prop, Kind.COMPUTED, low, high, reference, name)


def _grouped(name: str, unit: str, symbol: str, description: str, source: str) -> Quantity:
    prop = Property(name=name, unit=unit, symbol=symbol, description=f"{description}, by the groups of {source}")
    return Quantity(prop, Kind.GROUPS, low=0.0, column=name, source=source)


def _electronic(name: str, unit: str, symbol: str, description: str, column: str, low: float = -math.inf) -> Quantity:
    prop = Property(name=name, unit=unit, symbol=symbol, description=f"{description}, as GFN2-xTB has it")
    return Quantity(prop, Kind.ELECTRONIC, low, column=column)


def _measured(prop: Property) -> Quantity:
    derived = prop.name == "hansen_distance"
    return Quantity(
        prop,
        Kind.DERIVED if derived else Kind.MEASURED,
        low=-math.inf if prop.name == "hydration_free_energy" else 0.0,
        reference=Reference.HANSEN if derived else Reference.NONE,
        column=prop.name,
    )


_ALL = (
    *(_measured(p) for p in PROPERTIES.values() if p.name not in (*REACTION_OUTCOMES, *_SAMPLE_ONLY)),
    Quantity(
        Property(
            name="solubility_parameter",
            unit="MPa**0.5",
            symbol="δ",
            description="Hildebrand's solubility parameter at 298.15 K; derived from the three Hansen parameters",
        ),
        Kind.DERIVED,
        low=0.0,
        column="solubility_parameter",
    ),
    _grouped("critical_temperature", "K", "Tc", "critical temperature", _JOBACK),
    _grouped(
        "enthalpy_of_vaporization",
        "kJ/mol",
        "ΔHv",
        "enthalpy of vaporization at 298.15 K, brought there by Watson's rule",
        _JOBACK,
    ),
    _grouped("molar_volume", "cm**3/mol", "Vm", "molar volume of the liquid at 298 K", _FEDORS),
    _computed(
        "logp",
        "dimensionless",
        "log P",
        "partition between octanol and water, Crippen's atom contributions (S. A. Wildman, G. M. Crippen, J. Chem. "
        "Inf. Comput. Sci. 39 (1999) 868)",
    ),
    _computed(
        "tpsa",
        "angstrom**2",
        "TPSA",
        "topological polar surface area, nitrogen and oxygen (P. Ertl et al., J. Med. Chem. 43 (2000) 3714)",
        low=0.0,
    ),
    _computed("molar_mass", "g/mol", "M", "average molar mass", low=1.0),
    _computed(
        "qed",
        "dimensionless",
        "QED",
        "likeness to oral drugs (G. R. Bickerton et al., Nat. Chem. 4 (2012) 90)",
        low=0.0,
        high=1.0,
    ),
    _computed(
        "synthetic_accessibility",
        "dimensionless",
        "SA",
        "how hard it looks to make, 1 easy to 10 (P. Ertl, A. Schuffenhauer, J. Cheminform. 1 (2009) 8)",
        low=1.0,
        high=10.0,
    ),
    _computed("rotatable_bonds", "dimensionless", "nrot", "rotatable bonds, amides not counted", low=0.0),
    _computed(
        "conjugated_atoms",
        "dimensionless",
        "nconj",
        "atoms of the largest system of conjugated bonds",
        low=0.0,
    ),
    _computed(
        "chain_length",
        "dimensionless",
        "ntail",
        "carbon atoms of the longest unbranched saturated open chain that ends in a methyl group",
        low=0.0,
    ),
    _computed(
        "hydrophilic_lipophilic_balance",
        "dimensionless",
        "HLB",
        "of a surfactant, group numbers of J. T. Davies (Proc. 2nd Int. Congr. Surf. Act. 1 (1957) 426)",
    ),
    _computed(
        "similarity",
        "dimensionless",
        "T",
        "Tanimoto similarity to a molecule, circular fingerprints of radius 2 that count",
        low=0.0,
        high=1.0,
        reference=Reference.MOLECULE,
    ),
    _electronic("orbital_gap", "eV", "gap", "LUMO less HOMO, which is not an excitation energy", "gap_ev", low=0.0),
    _electronic("homo_energy", "eV", "HOMO", "energy of the highest occupied orbital", "homo_ev"),
    _electronic("lumo_energy", "eV", "LUMO", "energy of the lowest empty orbital", "lumo_ev"),
    _electronic("dipole_moment", "debye", "µ", "dipole moment", "dipole_debye", low=0.0),
    _electronic(
        "solvation_water", "kJ/mol", "ΔGw", "free energy of transfer from gas to water", "solvation_water_kj_mol"
    ),
    _electronic(
        "solvation_octanol",
        "kJ/mol",
        "ΔGo",
        "free energy of transfer from gas to wet octanol",
        "solvation_octanol_kj_mol",
    ),
    _electronic(
        "solvation_hexane", "kJ/mol", "ΔGh", "free energy of transfer from gas to hexane", "solvation_hexane_kj_mol"
    ),
)
QUANTITIES: MappingProxyType[str, Quantity] = MappingProxyType({q.property.name: q for q in _ALL})


def get_quantity(name: str) -> Quantity:
    """Raises UnknownProperty; the message lists the names that are known."""
    try:
        return QUANTITIES[name]
    except KeyError:
        known = ", ".join(sorted(QUANTITIES))
        own = "`train PROPERTY --csv FILE ...` makes a model of one of your own"
        raise UnknownProperty(f"unknown property '{name}'; known: {known}; {own}") from None


def own_quantity(prop: Property) -> Quantity:
    """Of a property that is not in the table, which a model of the user's own predicts. Raises ValueError for one that
    is.
    """
    if prop.name in QUANTITIES:
        raise ValueError(f"'{prop.name}' is in the table of quantities; a property of your own needs another name")
    return Quantity(prop, Kind.OWN, low=0.0 if prop.scale is Scale.LOG else -math.inf, column=prop.name)
