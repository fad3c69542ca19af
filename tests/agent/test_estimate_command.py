"""`estimate`: a campaign's cost before it starts, from a calibration that really runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.agent.command_line import CAMPAIGN, CommandLine
from tests.agent.conditions import write_conditions


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> CommandLine:
    return CommandLine(capsys, monkeypatch, tmp_path)


def test_a_campaign_of_molecules_is_estimated(call: CommandLine) -> None:
    Path("one.yaml").write_text(CAMPAIGN, encoding="utf-8")
    done = call("estimate", "one.yaml", "--json")
    assert done.code == 0, done.err
    told = done.document
    assert told["estimate"] is True
    assert told["kind"] == "molecules"
    assert told["batches"] == 1
    assert told["space"]["size"] > 0
    assert 0.0 < told["seconds"]["first"] <= told["seconds"]["total"]
    assert 100 < told["memory_mb"] < 20_000
    assert {p["name"] for p in told["parts"]} == {"models", "predictions", "route checks"}


def test_more_batches_cost_more_and_people_are_told(call: CommandLine) -> None:
    Path("long.yaml").write_text(CAMPAIGN.replace("experiments: 2", "experiments: 20"), encoding="utf-8")
    told = call("estimate", "long.yaml", "--json").document
    assert told["batches"] == 10
    assert told["seconds"]["total"] > told["seconds"]["first"]
    shown = call("estimate", "long.yaml")
    assert shown.code == 0
    assert "20 in 10 batches" in shown.out
    assert "an estimate" in shown.out


def test_a_campaign_of_conditions_is_estimated(call: CommandLine, tmp_path: Path) -> None:
    path = write_conditions(tmp_path)
    done = call("estimate", path, "--json")
    assert done.code == 0, done.err
    told = done.document
    assert told["kind"] == "conditions"
    assert told["space"]["size"] == 48
    assert told["batches"] == 4
    assert told["parts"][0]["size"] == 10
    assert 0.0 <= told["seconds"]["first"] <= told["seconds"]["last"] <= told["seconds"]["total"]


@pytest.mark.parametrize("content", ["name: [", "name: tiny\n", "- a list\n"])
def test_a_bad_file_is_one_line(call: CommandLine, content: str) -> None:
    Path("bad.yaml").write_text(content, encoding="utf-8")
    assert "bad.yaml" in call("estimate", "bad.yaml", "--json").complaint


def test_a_missing_file_is_one_line(call: CommandLine) -> None:
    assert "nowhere.yaml" in call("estimate", "nowhere.yaml").complaint
