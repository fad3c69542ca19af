"""Physics priors: published correlations as objects that know where they end. `PRIORS` has one for each property."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from knowledge.qspr.priors.flash_point import CatoireNaudetFlashPoint
from knowledge.qspr.priors.joback import JobackBoilingPoint, JobackCriticalTemperature, JobackMeltingPoint
from knowledge.qspr.priors.literature import Literature
from knowledge.qspr.priors.prior import Prior
from knowledge.qspr.priors.solvation import XtbHydration
from knowledge.qspr.priors.viscosity import JobackViscosity
from knowledge.records.fact import Fact

PRIORS: dict[str, Callable[[], Prior]] = {
    "boiling_point": JobackBoilingPoint,
    "melting_point": JobackMeltingPoint,
    "critical_temperature": JobackCriticalTemperature,
    "flash_point": CatoireNaudetFlashPoint,
    "viscosity": JobackViscosity,
    "hydration_free_energy": XtbHydration,
}
"""Property -> the better of its priors, by error against the handbook. A property that is not here has none."""

LITERATURE_PRIORS: dict[str, Callable[[Callable[[str], Sequence[Fact]]], Prior]] = {
    "flash_point": lambda facts: CatoireNaudetFlashPoint(Literature(facts("boiling_point"), JobackBoilingPoint())),
}
"""Property -> a prior that starts from known values of another property; made with what gives a property's facts."""

__all__ = ["LITERATURE_PRIORS", "PRIORS", "Prior"]
