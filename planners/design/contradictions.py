"""Which entries of a problem can never hold together, found before anything is designed.

Each goal and requirement says between which values a property is worth something; two entries conflict when nature
leaves no pair of values for them. What is not proven here may still be impossible.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

from knowledge.records.properties import HANSEN
from planners.design.evaluation.quantities import Quantity
from planners.design.space import ATOMIC_NUMBER, DesignSpace, lock_as_molecule

if TYPE_CHECKING:
    from planners.design.problem import Goal, Requirement

_ORDER = (
    ("melting_point", "boiling_point", "a substance melts below its boiling point"),
    ("flash_point", "boiling_point", "a liquid flashes below its boiling point"),
    ("boiling_point", "critical_temperature", "a liquid boils below its critical temperature"),
)
# Counts that no molecule has more of than heavy atoms.
_COUNTED = ("conjugated_atoms", "chain_length", "rotatable_bonds")

Found = tuple[tuple[str | int, ...], str]
"""Where in the problem, and what is wrong."""


class Entry(NamedTuple):
    at: tuple[str | int, ...]
    what: str
    property: str
    key: str
    low: float
    high: float
    reference: object

    @property
    def where(self) -> str:
        return f"{self.at[0]}[{self.at[1]}]"


def lies_outside(known: Quantity, low: float, high: float | None = None) -> bool:
    """Whether nature allows no value of the property from `low` to `high` (its unit)."""
    return low > known.high or (low if high is None else high) < known.low


def first_contradiction(goals: Sequence[Goal], requirements: Sequence[Requirement], space: DesignSpace) -> Found | None:
    """The first conflict, or None; it is told at the later of the two entries."""
    entries = [_entry(("goals", i), goal) for i, goal in enumerate(goals)]
    entries += [_entry(("requirements", i), one) for i, one in enumerate(requirements)]
    for first, second in combinations(entries, 2):
        why = _between(first, second)
        if why is not None:
            return second.at, f"contradicts {first.where} ({first.what}): {why}"
    return next(iter((*_hansen(entries), *_sizes(entries, space))), None)


def _entry(at: tuple[str | int, ...], one: Goal | Requirement) -> Entry:
    low, high = one.span
    return Entry(at, str(one), one.property, one.key, low, high, one.reference)


def _between(first: Entry, second: Entry) -> str | None:
    """Why both can never hold, or None."""
    if first.key == second.key:
        apart = first.low > second.high or second.low > first.high
        return f"this wants {second.what}" if apart else None
    for lower, upper, law in _ORDER:
        for one, other in ((first, second), (second, first)):
            if (one.property, other.property) == (lower, upper) and one.low > other.high:
                return f"this wants {second.what}, and {law}"
    return None


def _hansen(entries: Sequence[Entry]) -> Iterator[Found]:
    """A box of Hansen parameters that lies farther from a reference than allowed."""
    box = dict.fromkeys(HANSEN, (-math.inf, math.inf))
    named: dict[str, None] = {}
    for entry in entries:
        if entry.property in box:
            low, high = box[entry.property]
            box[entry.property] = (max(low, entry.low), min(high, entry.high))
            named[entry.where] = None
    for entry in entries:
        if entry.property != "hansen_distance" or not isinstance(entry.reference, tuple):
            continue
        away = [max(low - r, r - high, 0.0) for r, (low, high) in zip(entry.reference, box.values(), strict=True)]
        nearest = math.sqrt(4.0 * away[0] ** 2 + away[1] ** 2 + away[2] ** 2)
        if nearest > entry.high:
            others = " and ".join(named)
            yield (
                entry.at,
                f"contradicts {others}: what meets them is at least {nearest:.3g} MPa**0.5 from the reference",
            )


def _sizes(entries: Sequence[Entry], space: DesignSpace) -> Iterator[Found]:
    """Molar masses and counts that the space's size cannot give."""
    for entry in entries:
        if entry.property == "molar_mass":
            lightest, heaviest = _masses(space)
            if entry.low > heaviest:
                words = f"space.max_heavy_atoms {space.max_heavy_atoms}: with {', '.join(space.elements)} no molecule"
                yield entry.at, f"{entry.what} contradicts {words} is heavier than {heaviest:.0f} g/mol"
            if entry.high < lightest:
                words = f"space.min_heavy_atoms {space.min_heavy_atoms}" if not space.locked else "the space"
                yield entry.at, f"{entry.what} contradicts {words}: no molecule is lighter than {lightest:.0f} g/mol"
        elif entry.property in _COUNTED and entry.low > space.max_heavy_atoms:
            yield entry.at, f"{entry.what} contradicts space.max_heavy_atoms {space.max_heavy_atoms}"


def _masses(space: DesignSpace) -> tuple[float, float]:
    """Bounds, g/mol, of every molecule of the space: of carbon's four hydrogens per atom at most, and of its locks."""
    from rdkit import Chem
    from rdkit.Chem.Descriptors import HeavyAtomMolWt

    table = Chem.GetPeriodicTable()
    weights = [float(table.GetAtomicWeight(ATOMIC_NUMBER[e])) for e in space.elements if e != "H"]
    locked = [m for m in map(lock_as_molecule, space.locked) if m is not None]
    lightest = max([space.min_heavy_atoms * min(weights), *(float(HeavyAtomMolWt(m)) for m in locked)])
    return lightest, space.max_heavy_atoms * (max(weights) + 4 * float(table.GetAtomicWeight(1)))
