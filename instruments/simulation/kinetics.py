"""Yields of the virtual world: rate laws integrated with SciPy, failures included.

One main reaction, three ways to lose: a starting material goes astray, the product reacts on, the product decays.
All are Arrhenius; the rate constants carry a factor for the molecules (crowding, and scatter seeded by the reaction)
and for the solvent. Amounts are moles, so mass is conserved by construction: what a step consumes it turns into
something of the same mass.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import product as combinations

import numpy as np
from rdkit import Chem
from scipy.integrate import solve_ivp

from instruments.simulation.chance import normal, uniform
from instruments.simulation.reaction_classes import Family, family_of
from instruments.simulation.sample import Contents, Stage, molar_mass
from knowledge.records.base import Record

GAS_CONSTANT = 8.314462618e-3  # kJ/(mol K)
HEATING_K_PER_S = 3.0 / 60.0
ROOM_K = 298.15
_CROWDED = Chem.MolFromSmarts("[C;X4;H1]([#6])([#6])[#6]")
_CROWDED_MORE = Chem.MolFromSmarts("[C;X4;H0]([#6])([#6])([#6])[#6]")
_POOR_ARENE = Chem.MolFromSmarts("c[$([N+](=O)[O-]),$(C#N),$(C(F)(F)F)]")
#: By-products that a mass balance can name, by molar mass in g/mol.
_KNOWN_BYPRODUCTS = (
    ("O", 18.015), ("CO", 32.042), ("CCO", 46.069), ("Cl", 36.458), ("Br", 80.912), ("N", 17.031), ("CC(=O)O", 60.052),
    ("O=C=O", 44.009), ("I", 127.912),
)  # fmt: skip


class Reaction(Record):
    """What is meant to happen: `reactants` SMILES -> moles that each mole of product takes."""

    product: str
    reaction_class: str
    reactants: dict[str, int]
    solvents: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Names the reaction itself, whatever the conditions."""
        return f"{self.reaction_class}|{'.'.join(sorted(self.reactants))}>>{self.product}"


class Conditions(Record):
    temperature_k: float
    duration_s: float
    volume_l: float

    @property
    def heating_s(self) -> float:
        """How long the mixture warms up; a cold reaction is charged into a vessel that is cold already."""
        return max(self.temperature_k - ROOM_K, 0.0) / HEATING_K_PER_S

    def temperature_at(self, seconds: float) -> float:
        """Ramp from room temperature, then hold."""
        if self.heating_s <= 0.0 or seconds >= self.heating_s:
            return self.temperature_k
        return ROOM_K + (self.temperature_k - ROOM_K) * seconds / self.heating_s


class Rates(Record):
    """Rate constants at the family's reference temperature, 1/h (at 1 mol/L for second order)."""

    main: float
    side: float
    over: float
    decay: float


@lru_cache(maxsize=8192)
def _elements(smiles: str) -> Counter[str]:
    return Counter(atom.GetSymbol() for atom in Chem.MolFromSmiles(smiles).GetAtoms() if atom.GetAtomicNum() > 1)


def stoichiometry(product: str, reactants: Sequence[str], reagents: Sequence[str]) -> dict[str, int]:
    """The smallest whole numbers (1..4) of each reactant that supply the product's heavy atoms, wasting fewest.

    Elements that a reagent brings along need not come from reactants. Where nothing fits, one of each.
    """
    names = sorted(set(reactants))
    brought = {element for reagent in reagents for element in _elements(reagent)}
    need = {element: n for element, n in _elements(product).items() if element not in brought}
    weight = {name: sum(_elements(name).values()) for name in names}
    choices = sorted(
        combinations(range(1, 5), repeat=len(names)),
        key=lambda ns: (sum(ns), sum(n * weight[name] for n, name in zip(ns, names, strict=True)), ns),
    )
    for numbers in choices:
        have: Counter[str] = Counter()
        for name, number in zip(names, numbers, strict=True):
            for element, count in _elements(name).items():
                have[element] += number * count
        if all(have[element] >= count for element, count in need.items()):
            return dict(zip(names, numbers, strict=True))
    return dict.fromkeys(names, 1)


@lru_cache(maxsize=8192)
def _crowding(smiles: str) -> float:
    mol = Chem.MolFromSmiles(smiles)
    branched = len(mol.GetSubstructMatches(_CROWDED)) + 2 * len(mol.GetSubstructMatches(_CROWDED_MORE))
    return 0.25 * branched + 0.2 * len(mol.GetSubstructMatches(_POOR_ARENE))


def fails(reaction: Reaction, seed: int, failure_rate: float) -> bool:
    """Whether this reaction is one of those that hardly work, for reasons nobody foresees."""
    return uniform(seed, "failure", reaction.key) < failure_rate


def rates(reaction: Reaction, seed: int, failure_rate: float) -> Rates:
    """Rate constants of this reaction in this world."""
    family = family_of(reaction.reaction_class)
    crowding = sum(_crowding(name) for name in reaction.reactants)
    solvent = sum(0.25 * normal(seed, "solvent", reaction.reaction_class, name) for name in reaction.solvents)
    scatter = 0.5 * normal(seed, "rate", reaction.key)
    main = math.log(2.0) / family.half_life_h * math.exp(min(max(scatter + solvent - crowding, -1.8), 1.5))
    base = math.log(2.0) / family.half_life_h
    astray = 1.0
    if fails(reaction, seed, failure_rate):
        main *= 0.004
        astray = 4.0
    return Rates(
        main=main,
        side=base * family.side * astray * math.exp(0.7 * normal(seed, "side", reaction.key)),
        over=base * family.over * math.exp(0.7 * normal(seed, "over", reaction.key)),
        decay=base * family.decay * math.exp(0.7 * normal(seed, "decay", reaction.key)),
    )


def _arrhenius(activation: float, temperature: float, reference: float) -> float:
    exponent = -activation / GAS_CONSTANT * (1.0 / temperature - 1.0 / reference)
    return math.exp(min(max(exponent, -60.0), 25.0))


def extents(
    amounts: Mapping[str, float], reaction: Reaction, family: Family, k: Rates, conditions: Conditions
) -> tuple[float, float, float, float]:
    """Moles turned over by (main, side, over, decay), integrated over the temperature programme.

    The reactant that goes astray is the scarcest, the one that the product reacts on with the second scarcest.
    """
    names = sorted(reaction.reactants, key=lambda name: (amounts[name] / reaction.reactants[name], name))
    numbers = [reaction.reactants[name] for name in names]
    start = [amounts[name] / conditions.volume_l for name in names]
    total_h = (conditions.heating_s + conditions.duration_s) / 3600.0
    partner = 1 if len(names) > 1 else 0

    def slope(hours: float, progress: Sequence[float]) -> list[float]:
        temperature = conditions.temperature_at(hours * 3600.0)
        main, side, over, decay = progress
        left = [max(c - n * main, 0.0) for c, n in zip(start, numbers, strict=True)]
        left[0] = max(left[0] - side, 0.0)
        left[partner] = max(left[partner] - over, 0.0)
        product = max(main - over - decay, 0.0)
        # First order in the two scarcest reactants; any further one only matters when it runs out.
        forward = left[0] * (left[1] if len(left) > 1 else 1.0)
        for further in left[2:]:
            forward *= further / (0.1 + further)
        rate = k.main * forward * _arrhenius(family.activation, temperature, family.reference_k)
        if family.equilibrium is not None and start[0] > 0.0:
            # Nine tenths of the by-product leave as it forms (distillation, drying agent).
            rate *= 1.0 - min(1.0, 0.1 * product * max(main, 0.0) / (family.equilibrium * max(forward, 1e-9)))
        lost = k.side * left[0] * _arrhenius(family.side_activation, temperature, family.reference_k)
        more = k.over * product * left[partner] * _arrhenius(family.over_activation, temperature, family.reference_k)
        gone = k.decay * product * _arrhenius(family.decay_activation, temperature, family.reference_k)
        return [rate, lost, more, gone]

    solution = solve_ivp(slope, (0.0, total_h), [0.0] * 4, method="LSODA", rtol=1e-5, atol=1e-8)
    if not solution.success:
        raise ArithmeticError(f"the kinetics of {reaction.key} could not be integrated: {solution.message}")
    end = np.maximum(solution.y[:, -1], 0.0)
    # Rounding of the integrator must not create matter: each extent is limited by what feeds it.
    main = min(float(end[0]), min(c / n for c, n in zip(start, numbers, strict=True)))
    side = min(float(end[1]), max(start[0] - numbers[0] * main, 0.0))
    room = start[partner] - numbers[partner] * main - (side if partner == 0 else 0.0)
    over = min(float(end[2]), max(room, 0.0), main)
    decay = min(float(end[3]), max(main - over, 0.0))
    volume = conditions.volume_l
    return main * volume, side * volume, over * volume, decay * volume


def react(
    vessel: Contents,
    reaction: Reaction,
    conditions: Conditions,
    reagents: Sequence[str],
    seed: int,
    failure_rate: float,
) -> Contents:
    """The vessel's contents after the reaction. `theoretical` is set from the scarcest reactant.

    What the product weighs beyond its reactants comes from the reagents and, when these run out, from the gas line.
    """
    amounts = {name: vessel.mol(name) for name in reaction.reactants}
    theoretical = min(amounts[name] / number for name, number in reaction.reactants.items())
    result = vessel.model_copy(update={"stage": Stage.REACTED, "product": reaction.product, "theoretical": theoretical})
    if theoretical <= 0.0:
        return result
    family = family_of(reaction.reaction_class)
    main, side, over, decay = extents(amounts, reaction, family, rates(reaction, seed, failure_rate), conditions)
    names = sorted(reaction.reactants, key=lambda name: (amounts[name] / reaction.reactants[name], name))
    partner = names[min(1, len(names) - 1)]
    weight = molar_mass(reaction.product)
    for name, number in reaction.reactants.items():
        used = number * main + (side if name == names[0] else 0.0) + (over if name == partner else 0.0)
        factor = max(1.0 - used / amounts[name], 0.0)
        result = result.kept({name: factor})
    surplus = sum(number * molar_mass(name) for name, number in reaction.reactants.items()) - weight
    if surplus >= 0.0:
        result = result.with_added(*_byproduct(surplus, main)) if surplus > 0.5 else result
    else:
        result = _draw_mass(result, reagents, -surplus * main)
    result = result.with_added(reaction.product, main - over - decay, weight)
    result = result.with_added(f"~astray:{names[0]}", side, molar_mass(names[0]))
    result = result.with_added(f"~over:{reaction.product}", over, weight + molar_mass(partner))
    result = result.with_added(f"~decayed:{reaction.product}", decay, weight)
    return result.kept({})


def _byproduct(surplus: float, mol: float) -> tuple[str, float, float]:
    for name, mass in _KNOWN_BYPRODUCTS:
        if abs(mass - surplus) < 0.05:
            return name, mol, surplus
    return "~byproduct", mol, surplus


def _draw_mass(vessel: Contents, reagents: Sequence[str], grams: float) -> Contents:
    available = {name: vessel.species[name].grams for name in sorted(set(reagents)) if name in vessel.species}
    total = sum(available.values())
    if total <= 0.0:
        return vessel
    factor = max(1.0 - grams / total, 0.0)
    return vessel.kept(dict.fromkeys(available, factor))
