"""Objective values, limits and the front, against numbers worked out by hand."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.report import words
from agent.report.data import ExperimentReport
from agent.report.figures import interval
from agent.report.results import Verdict, evaluate, front, objective_value, usable
from knowledge.records.measurement import Measurement, Source
from knowledge.records.quantity import Estimate
from tests.report.campaign import GOAL, experiments


def _measured(
    name: str, value: float, std: float = 0.0, source: Source = Source.HANDBOOK, flag: str | None = None
) -> Measurement:
    return Measurement(property=name, value=value, std=std, analysis="test/1", signals=(), source=source, qc_flag=flag)


def _solvent(
    label: str, d: float, p: float, h: float, viscosity: float, boiling: float = 470.0, flash: float = 350.0
) -> ExperimentReport:
    template = experiments()[0]
    values = {
        "hansen_dispersion": d, "hansen_polar": p, "hansen_hydrogen": h, "viscosity": viscosity,
        "boiling_point": boiling, "flash_point": flash,
    }  # fmt: skip
    return template.model_copy(
        update={"label": label, "measurements": tuple(_measured(n, v, 0.1) for n, v in values.items())}
    )


def test_uncertainty_of_a_hansen_distance() -> None:
    """δD off by 1, the rest at the reference: Ra = 2, and only δD's uncertainty counts to first order, doubled."""
    found = {
        "hansen_dispersion": _measured("hansen_dispersion", 19.0, 0.2),
        "hansen_polar": _measured("hansen_polar", 12.3, 0.0),
        "hansen_hydrogen": _measured("hansen_hydrogen", 7.2, 0.0),
    }
    value = objective_value(GOAL.objectives[0], found)
    assert value is not None
    assert value.value == pytest.approx(2.0)
    assert value.std == pytest.approx(0.4)


def test_a_distance_of_zero_still_has_an_uncertainty() -> None:
    found = {
        n: _measured(n, v, 0.3)
        for n, v in zip(("hansen_dispersion", "hansen_polar", "hansen_hydrogen"), (18.0, 12.3, 7.2), strict=True)
    }
    value = objective_value(GOAL.objectives[0], found)
    assert value is not None
    assert value.value == 0.0
    assert value.std == pytest.approx(math.sqrt(0.6**2 + 2 * 0.3**2))


def test_a_flagged_measurement_counts_for_nothing() -> None:
    assert usable([_measured("viscosity", 1.0), _measured("flash_point", 300.0, flag="drift")]).keys() == {"viscosity"}


def test_limits_decide_what_may_stand_on_the_front() -> None:
    rows = [
        _solvent("A", 18.0, 12.3, 8.2, 2.0),  # Ra 1
        _solvent("B", 18.0, 12.3, 9.2, 1.0),  # Ra 2
        _solvent("C", 18.0, 12.3, 9.7, 1.5),  # Ra 2.5, beaten by B
        _solvent("D", 18.0, 12.3, 7.3, 0.5, flash=300.0),  # best of all, but burns too easily
    ]
    results = evaluate(GOAL, rows)
    assert [r.feasible for r in results] == [True, True, True, False]
    assert results[3].limits == (Verdict.MET, Verdict.MISSED, Verdict.UNKNOWN)
    assert [r.label for r in front(GOAL, results)] == ["A", "B"]


def test_a_missing_value_that_others_have_leaves_feasibility_open() -> None:
    whole = _solvent("A", 18.0, 12.3, 8.2, 2.0)
    partial = whole.model_copy(
        update={"label": "B", "measurements": tuple(m for m in whole.measurements if m.property != "flash_point")}
    )
    results = evaluate(GOAL, [whole, partial])
    assert [r.feasible for r in results] == [True, None]
    assert [r.label for r in front(GOAL, results)] == ["A"]


@given(st.lists(st.tuples(st.floats(7.0, 12.0), st.floats(0.3, 4.0)), min_size=1, max_size=8))
def test_no_member_of_the_front_is_beaten_and_everybody_else_is(points: list[tuple[float, float]]) -> None:
    rows = [_solvent(f"P{i}", 18.0, 12.3, 7.2 + h, eta) for i, (h, eta) in enumerate(points)]
    results = evaluate(GOAL, rows)
    members = {r.label for r in front(GOAL, results)}
    assert members
    values = {r.label: tuple(v.value for v in r.objectives if v is not None) for r in results}
    for label, mine in values.items():
        beaten = any(o != mine and o[0] <= mine[0] and o[1] <= mine[1] for o in values.values())
        assert (label in members) is not beaten


def test_ninety_percent_of_a_logarithmic_property_stays_positive() -> None:
    low, high = interval("viscosity", Estimate(mean=1.0, std=1.2, unit="mPa*s"))
    assert 0 < low < 1 < high
    assert low * high == pytest.approx(1.0)
    assert interval("boiling_point", Estimate(mean=470.0, std=10.0, unit="K")) == pytest.approx(
        (453.55, 486.45), abs=0.01
    )


@pytest.mark.parametrize(
    "value, std, text",
    [
        (498.04, 0.8, "498.0 ± 0.8"),
        (1.684, 0.39, "1.7 ± 0.4"),
        (1.684, 0.034, "1.684 ± 0.034"),
        (-3.2, 12.0, "−3 ± 12"),
        (463.0, 0.0, "463"),
    ],
)
def test_uncertainties_are_rounded_as_chemists_do(value: float, std: float, text: str) -> None:
    assert words.plus_minus(value, std) == text


def test_fractions_are_percent_and_temperatures_also_celsius() -> None:
    assert words.measured("purity", 0.991, 0.002) == "99.10 ± 0.20 %"
    assert words.limits(GOAL.constraints[1]) == "at least 333 K (60 °C)"
