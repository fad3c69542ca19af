"""The forms of the world's physical models: what `fit` fits and `property_models` evaluates, in one place.

Every property is linear in group counts, diluted by the size of the molecule: c + Σ n·a / N^power, N heavy atoms. The
coefficients are our own fit (see `fit`), only the forms follow the literature:

- boiling_point (K): Nannoolal, Rarey, Ramjugernath, Cordes, Fluid Phase Equilib. 226 (2004) 45.
- melting_point (K): the same, with a count of equivalent atoms, because symmetric molecules melt higher (Carnelley's
  rule: R. J. C. Brown, R. F. C. Brown, J. Chem. Educ. 77 (2000) 724).
- flash_point (K): adds b·Tb; linear in the boiling point as Patil, Fire Mater. 12 (1988) 127.
- viscosity (ln mPa*s at 298.15 K): logarithms add up over groups, as van Velzen, Cardozo, Langenkamp, AIChE J. 18
  (1972) 1270. `hydroxyls_beyond_first` and `chelated_hydroxyls` are the interaction terms of the polyols.
- hansen_* (MPa^0.5): Stefanis, Panayiotou, Int. J. Thermophys. 29 (2008) 568, groups on the parameters themselves.
"""

from __future__ import annotations

import math
from typing import NamedTuple


class Form(NamedTuple):
    """`power` dilutes the group sum. `low` and `high` bound the property itself; beyond them the model is not believed.

    With `logarithm` the linear form stands for the logarithm. With `per_boiling` it has a term in Tb, and `low` and
    `high` are fractions of Tb.
    """

    power: float
    low: float
    high: float
    logarithm: bool = False
    per_boiling: bool = False


FORMS: dict[str, Form] = {
    "boiling_point": Form(0.6, 110.0, 1000.0),
    "melting_point": Form(0.5, 60.0, 700.0),
    "flash_point": Form(0.5, 0.45, 0.92, per_boiling=True),
    "viscosity": Form(0.0, 0.2, 1000.0, logarithm=True),
    "hansen_dispersion": Form(1.0, 11.0, 25.0),
    "hansen_polar": Form(0.5, 0.0, 30.0),
    "hansen_hydrogen": Form(0.5, 0.0, 45.0),
}


def finished(name: str, linear: float, boiling_point_k: float = 1.0) -> float:
    """The property from the value of its linear form: logarithm undone, bounds kept."""
    form = FORMS[name]
    scale = boiling_point_k if form.per_boiling else 1.0
    if form.logarithm:
        linear = math.exp(min(linear, 100.0))  # far beyond any bound, and no overflow
    return min(max(linear, form.low * scale), form.high * scale)
