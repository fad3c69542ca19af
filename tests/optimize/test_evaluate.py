from __future__ import annotations

import math

import pytest

from knowledge.qspr.estimates import to_estimate
from knowledge.records.properties import get_property
from knowledge.records.quantity import Estimate
from planners.optimize.evaluate import prospective_errors

TB = {"boiling_point": Estimate(mean=450.0, std=10.0, unit="K")}


def test_errors_are_by_property_in_its_unit() -> None:
    eta = {"viscosity": to_estimate(math.log(2.0), 0.3, get_property("viscosity"))}
    found = prospective_errors(
        [{**TB, **eta}, TB, TB], [{"boiling_point": 460.0, "viscosity": 3.0}, {"boiling_point": 420.0}, {}]
    )
    tb, viscosity = found["boiling_point"], found["viscosity"]
    assert (tb.n, tb.mae, tb.coverage90) == (2, 20.0, 0.5)
    assert tb.rmse == pytest.approx(math.sqrt(500.0))
    assert tb.mae_ln is None
    assert (viscosity.n, viscosity.unit) == (1, "mPa*s")
    assert viscosity.mae == pytest.approx(1.0)
    assert viscosity.mae_ln == pytest.approx(math.log(1.5))
    assert viscosity.coverage90 == 1.0  # ln 1.5 = 0.41 < 1.645 * 0.3, though 1.5-fold


def test_the_instruments_noise_widens_the_interval() -> None:
    measured = [{"boiling_point": 470.0}]
    assert prospective_errors([TB], measured)["boiling_point"].coverage90 == 0.0
    assert prospective_errors([TB], measured, measured_std=[{"boiling_point": 8.0}])["boiling_point"].coverage90 == 1.0


def test_nothing_measured_gives_nothing_and_bad_input_is_refused() -> None:
    assert prospective_errors([TB], [{}]) == {}
    with pytest.raises(ValueError, match=r"shorter|longer"):
        prospective_errors([TB], [])
    with pytest.raises(ValueError, match="positive"):
        prospective_errors([{"viscosity": Estimate(mean=1.0, std=0.1, unit="mPa*s")}], [{"viscosity": 0.0}])
