"""Group-contribution estimates of K. G. Joback and R. C. Reid, Chem. Eng. Commun. 57 (1987) 233.

Contributions are read from the `thermo` package at run time. A molecule is known only when it is one component, every
heavy atom is in exactly one group and every group has a contribution to the property.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from knowledge.features.joback_groups import NAMES, JobackGroups, joback_fragmentation
from knowledge.qspr.kernels import Array
from knowledge.qspr.priors.prior import Known, masked

_COUNTS = JobackGroups()
# Where 0.584 + 0.965 s - s² has its maximum: beyond it a larger molecule would get a larger Tc/Tb again.
_LARGEST_CRITICAL_SUM = 0.965 / 2.0


@cache
def contributions(quantity: str) -> NDArray[np.float64]:
    """Of the 41 groups to `quantity` (thermo's attribute: Tb, Tm, Tc, Hvap, mua, mub), (41,); NaN for none."""
    # Imported late: thermo takes a second.
    from thermo.group_contribution.joback import JOBACK_GROUPS

    values = [getattr(JOBACK_GROUPS[number], quantity) for number in NAMES]
    column: NDArray[np.float64] = np.array([np.nan if v is None else v for v in values], dtype=np.float64)
    column.setflags(write=False)
    return column


def covered(smiles: Sequence[str]) -> Known:
    """Whether Joback's method applies to each molecule (n,). Raises InvalidMolecule."""
    return np.array([joback_fragmentation(s).complete and "." not in s for s in smiles], dtype=np.bool_)


def group_sum(smiles: Sequence[str], quantity: str) -> tuple[Array, Known]:
    """Sum of the contributions to `quantity`, (n,), and whether it is known, (n,)."""
    counts = _COUNTS(smiles)
    column = contributions(quantity)
    missing = np.isnan(column)
    sums = counts @ np.where(missing, 0.0, column)
    return masked(sums, covered(smiles) & ~(counts[:, missing] > 0).any(axis=1))


def group_terms(smiles: str, quantity: str) -> dict[str, float]:
    """What each group of the molecule adds to the sum: name -> count times contribution. Empty where it is unknown."""
    if not group_sum([smiles], quantity)[1][0]:
        return {}
    column = dict(zip(NAMES, contributions(quantity).tolist(), strict=True))
    return {NAMES[number]: count * column[number] for number, count in joback_fragmentation(smiles).counts.items()}


class JobackBoilingPoint:
    """Tb = 198.2 K + sum. Joback's own error: 12.9 K on 438 compounds; much too high above 15 heavy atoms."""

    name = "joback_boiling_point"
    version = "1"
    property_name = "boiling_point"
    unit = "K"

    def __call__(self, smiles: Sequence[str]) -> tuple[Array, Known]:
        sums, known = group_sum(smiles, "Tb")
        return masked(198.2 + sums, known)

    def terms(self, smiles: str) -> dict[str, float]:
        """Group name -> its share of Tb in K, beyond the constant 198.2 K; empty where the prior is off."""
        return group_terms(smiles, "Tb")


class JobackMeltingPoint:
    """Tm = 122.5 K + sum. Joback's own error: 22.6 K on 388 compounds; it knows nothing of packing."""

    name = "joback_melting_point"
    version = "1"
    property_name = "melting_point"
    unit = "K"

    def __call__(self, smiles: Sequence[str]) -> tuple[Array, Known]:
        sums, known = group_sum(smiles, "Tm")
        return masked(122.5 + sums, known)

    def terms(self, smiles: str) -> dict[str, float]:
        """Group name -> its share of Tm in K, beyond the constant 122.5 K; empty where the prior is off."""
        return group_terms(smiles, "Tm")


class JobackCriticalTemperature:
    """Tc = Tb / (0.584 + 0.965 s - s²), s the sum of the groups' terms and Tb Joback's own.

    Off where s is beyond the parabola's maximum (an alkane of about 25 carbons): there the formula turns round.
    """

    name = "joback_critical_temperature"
    version = "1"
    property_name = "critical_temperature"
    unit = "K"

    def __call__(self, smiles: Sequence[str]) -> tuple[Array, Known]:
        boiling, boiling_known = JobackBoilingPoint()(smiles)
        ratio, known = critical_ratio(smiles)
        return masked(boiling * ratio, known & boiling_known)


def critical_ratio(smiles: Sequence[str]) -> tuple[Array, Known]:
    """Tc/Tb, (n,), always above 1.22; for those who know a better boiling point than Joback's."""
    s, known = group_sum(smiles, "Tc")
    return masked(1.0 / (0.584 + 0.965 * s - s**2), known & (s <= _LARGEST_CRITICAL_SUM))


class JobackVaporization:
    """Enthalpy of vaporization at the normal boiling point, 15.30 kJ/mol + sum; off where that is not positive."""

    name = "joback_vaporization"
    version = "1"
    property_name = "enthalpy_of_vaporization"
    unit = "kJ/mol"

    def __call__(self, smiles: Sequence[str]) -> tuple[Array, Known]:
        sums, known = group_sum(smiles, "Hvap")
        return masked(15.30 + sums, known & (15.30 + sums > 0.0))

    def terms(self, smiles: str) -> dict[str, float]:
        """Group name -> its share in kJ/mol, beyond the constant 15.30; empty where the prior is off."""
        return group_terms(smiles, "Hvap")
