"""What a group adds to a property: sums over group counts, and the curve that makes a property of a sum.

A sum is linear in the counts, so a limit on a property that rises with its sum is a linear constraint, exactly. Learned
contributions come from `contributions.yaml`, written by `planners.design.training.camd` from the handbook; published
ones are computed here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import yaml

from planners.design.camd.groups import BY_NAME, GROUPS, NAMES

Array = npt.NDArray[np.float64]

# Fedors' volumes in cm³/mol at 298 K (R. F. Fedors, Polym. Eng. Sci. 14 (1974) 147, table 5), each of our groups as a
# sum of his; every ring adds 16, a conjugated double bond takes 2.2 (three of them to six aromatic atoms).
# Sulfoxide and sulfone are not in his table: from the densities of dimethyl sulfoxide and sulfolane.
_FEDORS = {
    "acid": 28.5,
    "ring_carbonate": 21.8,
    "carbonate": 21.8,
    "ring_ester": 18.0,
    "ester": 18.0,
    "ring_amide": -7.7,
    "ring_amide_nh": 9.5,
    "amide": -7.7,
    "amide_nh": 9.5,
    "formamide": 11.3,
    "sulfoxide": 4.3,
    "ring_sulfone": 14.7,
    "aldehyde": 22.3,
    "ring_ketone": 10.8,
    "ketone": 10.8,
    "nitrile": 24.0,
    "phenol": 10.0,
    "alcohol": 10.0,
    "ring_ether": 3.8,
    "ether": 3.8,
    "ring_ch2": 16.1,
    "ring_ch": -1.0,
    "ring_c": -19.2,
    "ch3": 33.5,
    "ch2": 16.1,
    "ch": -1.0,
    "c": -19.2,
    "=ch2": 28.5,
    "=ch": 13.5,
    "=c": -5.5,
    "aromatic_ch": 12.4,
    "aromatic_c": -6.6,
    "aromatic_n": 3.9,
    "nh2": 19.2,
    "ring_nh": 4.5,
    "nh": 4.5,
    "ring_n": -9.0,
    "n": -9.0,
    "sulfide": 12.0,
    "fluorine": 18.0,
    "chlorine": 24.0,
}
FEDORS_RING = 16.0


class Form(StrEnum):
    """How a property follows from its sum S.

    linear: S.  logarithm: scale ln S.  exponential: e^S.  share: S over the number of heavy atoms.
    """

    LINEAR = "linear"
    LOGARITHM = "logarithm"
    EXPONENTIAL = "exponential"
    SHARE = "share"


@dataclass(frozen=True)
class Contributions:
    """S = `intercept` + counts · `each` + `per_ring` · rings, and the property as `form` says, in `unit`.

    each: one number for every group of the table; NaN where a group has no contribution.
    scale: of the logarithm, in `unit`.
    """

    property: str
    unit: str
    form: Form
    intercept: float
    each: tuple[float, ...]
    scale: float = 1.0
    per_ring: float = 0.0

    def sums(self, counts: Array, rings: Array) -> Array:
        """Shape (n,), of counts (n, number of groups of the table) and the numbers of rings (n,)."""
        column = np.asarray(self.each)
        missing = np.isnan(column)
        totals: Array = self.intercept + counts @ np.where(missing, 0.0, column) + self.per_ring * rings
        return np.where((counts[:, missing] > 0).any(axis=1), np.nan, totals)

    def sum_at(self, value: float) -> float:
        """The sum at which the property has `value`; of a share, the value itself. Infinite ends stay infinite."""
        if self.form is Form.LOGARITHM:
            return math.exp(min(value / self.scale, 700.0))
        if self.form is Form.EXPONENTIAL:
            return math.log(value) if value > 0.0 else -math.inf
        return value


def rings_of(counts: Array) -> Array:
    """Rings (n,) that the groups must close to be one molecule: the tree condition, solved for the rings."""
    return counts @ _RING_COLUMN + 1.0


_RING_COLUMN = np.array([len(g.ports) / 2.0 - (0.0 if g.ends else 1.0) for g in GROUPS])


def values(used: Contributions, counts: Array) -> Array:
    """The property (n,) of group vectors (n, number of groups); NaN where it has none."""
    rings = rings_of(counts)
    s = used.sums(counts, rings)
    if used.form is Form.LOGARITHM:
        return used.scale * np.log(np.where(s > 0.0, s, np.nan))
    if used.form is Form.EXPONENTIAL:
        return np.exp(s)
    if used.form is Form.SHARE:
        return s / (counts @ heavy_atoms())
    return s


@cache
def heavy_atoms() -> Array:
    column = np.array([g.heavy_atoms for g in GROUPS], dtype=np.float64)
    column.setflags(write=False)
    return column


@cache
def learned() -> dict[str, Contributions]:
    """By property name: fitted to the handbook, see the header of the file."""
    document = yaml.safe_load((Path(__file__).parent / "contributions.yaml").read_text(encoding="utf-8"))
    return {
        name: Contributions(
            property=name,
            unit=entry["unit"],
            form=Form(entry["form"]),
            intercept=float(entry["intercept"]),
            each=tuple(float(entry["groups"][group]) for group in NAMES),
            scale=float(entry.get("scale", 1.0)),
        )
        for name, entry in document["properties"].items()
    }


@cache
def molar_mass() -> Contributions:
    """g/mol, exact: average atomic masses."""
    from rdkit import Chem

    table = Chem.GetPeriodicTable()
    each = []
    for group in GROUPS:
        heavy = sum(n * float(table.GetAtomicWeight(element)) for element, n in group.elements.items())
        each.append(heavy + group.hydrogens * float(table.GetAtomicWeight(1)))
    return Contributions("molar_mass", "g/mol", Form.LINEAR, 0.0, tuple(each))


@cache
def molar_volume() -> Contributions:
    """Of the liquid at 298 K in cm³/mol, by Fedors' groups."""
    each = tuple(_FEDORS[name] for name in NAMES)
    return Contributions("molar_volume", "cm**3/mol", Form.LINEAR, 0.0, each, per_ring=FEDORS_RING)


@cache
def joback(quantity: str) -> Contributions:
    """Sums of Joback's contributions to `quantity` ("Tb", "Tc", "Hvap"), without his constants.

    NaN for groups that his table does not cover.
    """
    from knowledge.features.joback_groups import NAMES as JOBACK
    from knowledge.qspr.priors.joback import contributions

    column = dict(zip(JOBACK, contributions(quantity).tolist(), strict=True))
    each = tuple(sum(n * column[k] for k, n in g.joback.items()) if g.joback else math.nan for g in GROUPS)
    return Contributions(quantity, "dimensionless", Form.LINEAR, 0.0, each)


def vector(counts: dict[str, int]) -> Array:
    """Counts by name as a row of the table."""
    row = np.zeros(len(GROUPS))
    for name, n in counts.items():
        row[NAMES.index(BY_NAME[name].name)] = n
    return row
