"""`predict --property vapour_pressure --temperature T`: from known or predicted boiling points, with honest limits."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from knowledge.qspr.priors.vapour_pressure import ATMOSPHERE, pressure_range
from tests.agent.command_line import CommandLine

ASKED = ["--property", "vapour_pressure", "--folder", "models", "--json"]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> CommandLine:
    return CommandLine(capsys, monkeypatch, tmp_path)


def test_the_range_is_narrow_at_the_boiling_point_and_wide_far_below() -> None:
    exact = pressure_range((350.0, 350.0, 350.0), 35.0, 350.0, 0.9)
    assert exact == pytest.approx((ATMOSPHERE,) * 3)
    near, far = (pressure_range((350.0, 345.0, 355.0), 35.0, t, 0.9) for t in (340.0, 280.0))
    assert near is not None
    assert far is not None
    for value, low, high in (near, far):
        assert low < value < high < ATMOSPHERE
    assert math.log(far[2] / far[1]) > 2.0 * math.log(near[2] / near[1])
    wide = pressure_range((350.0, 345.0, 355.0), 35.0, 280.0, 0.99)
    assert wide is not None
    assert wide[1] < far[1] < far[2] < wide[2]
    assert pressure_range((350.0, 345.0, 355.0), 35.0, 40.0, 0.9) is None  # below the pole, 48.5 K
    with pytest.raises(ValueError, match="level between 0 and 1"):
        pressure_range((350.0, 345.0, 355.0), 35.0, 300.0, 1.0)


def test_known_liquids(call: CommandLine) -> None:
    from chemicals.vapor_pressure import Psat_data_AntoinePoling as poling

    measured = {}
    for smiles, cas in {"Cc1ccccc1": "108-88-3", "CCCCCC": "110-54-3", "CCCCO": "71-36-3"}.items():
        a, b, c = (float(poling.at[cas, name]) for name in "ABC")
        measured[smiles] = 10.0 ** (a - b / (305.0 + c)) / 1000.0
    done = call("predict", *measured, *ASKED, "--temperature", "305")
    assert done.code == 0, done.err
    assert (done.document["property"], done.document["unit"]) == ("vapour_pressure", "kPa")
    for one, value in zip(done.document["predictions"], measured.values(), strict=True):
        assert one["low"] < value < one["high"]
        assert one["value"] == pytest.approx(value, rel=0.6)
        assert "a boiling point of" in one["basis"]
    hotter = call("predict", *measured, *ASKED, "--temperature", "320").document["predictions"]
    for cold, hot in zip(done.document["predictions"], hotter, strict=True):
        assert cold["value"] < hot["value"]
    text = call("predict", "CCCCO", "--property", "vapour_pressure", "--folder", "models", "--temperature", "298")
    assert "kPa, from" in text.out
    assert "trained on" not in text.out


def test_where_there_is_no_answer_it_says_why(call: CommandLine) -> None:
    unknown, odd = "CCCC(C)(O)CC(C)CCF", "C[Si](C)(C)C"
    done = call("predict", unknown, odd, "CCCCCC", *ASKED, "--temperature", "600")
    assert done.code == 2
    problems = [one["problem"] for one in done.document["predictions"]]
    assert "`train boiling_point` makes one" in problems[0]
    assert "Joback's groups do not cover it" in problems[1]
    assert "above its critical temperature, about 5" in problems[2]
    cold = call("predict", "CCCCCC", *ASKED, "--temperature", "200").document["predictions"][0]
    assert not cold["in_domain"]
    assert "tested from 0.7 to 1.1" in cold["reason"]


def test_a_temperature_is_needed_and_goes_with_nothing_else(call: CommandLine) -> None:
    assert "which needs one" in call("predict", "CCO", *ASKED[:-1]).complaint
    words = ["--property", "boiling_point", "--temperature", "300"]
    assert "vapour_pressure" in call("predict", "CCO", *words).complaint
