"""What went wrong with a synthesis, as far as balance and chromatogram tell.

The rule, in a chemist's words. Nothing, or next to nothing, on the balance: there was no conversion. As much on the
balance as the product should weigh, and it is not the product: it was not parted from its solvent or from what it was
made of. A sample that is not pure, whose foreign peaks mostly come before the target's: starting material, which is
smaller, is left. Mostly after it: by-products, which are larger; the reaction went too far.
"""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from knowledge.records.base import Record

MASS_IS_THERE = 0.5  # of the theoretical mass; with no product in it, it is something else
MORE_THAN_ALL = 1.1  # of the theoretical mass: no product weighs that much


class Fault(StrEnum):
    NO_CONVERSION = "no conversion"
    NOT_PARTED = "the product was not parted from what came along"
    INCOMPLETE = "starting material was left"
    OVERDONE = "by-products had formed"


class Seen(Record):
    """What the lab saw of one step. None: not measured.

    `mass_yield`: isolated mass over the theoretical one, impurities included. `purity`: mass fraction of the target,
    of the last step's sample only. `no_product`: the robot found hardly any product. `early`: share of the foreign
    peaks' area that elutes before the target.
    """

    mass_yield: float | None = Field(default=None, ge=0.0)
    purity: float | None = Field(default=None, ge=0.0)
    no_product: bool = False
    early: float | None = Field(default=None, ge=0.0, le=1.0)

    @property
    def pure_yield(self) -> float:
        """Product isolated, over theory, as far as it is known to be product; 0 to 1."""
        if self.no_product or self.mass_yield is None:
            return 0.0
        return min(self.mass_yield * (1.0 if self.purity is None else self.purity), 1.0)


def diagnose(seen: Seen, *, below: float, minimum_purity: float) -> Fault | None:
    """None: the step gave what it should. `below`: the yield under which it counts as failed."""
    mass = seen.mass_yield
    if seen.no_product:
        return Fault.NOT_PARTED if mass is not None and mass >= MASS_IS_THERE else Fault.NO_CONVERSION
    impure = seen.purity is not None and seen.purity < minimum_purity
    if (mass is not None and mass < below) or (seen.purity is not None and seen.pure_yield < below):
        return Fault.NO_CONVERSION
    if mass is not None and mass > MORE_THAN_ALL and (impure or seen.purity is None):
        return Fault.NOT_PARTED
    if not impure:
        return None
    if seen.early is None:
        return Fault.NOT_PARTED
    return Fault.INCOMPLETE if seen.early >= 0.5 else Fault.OVERDONE
