"""`quantum`: real molecules through the surrogate, and what it will not answer."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from tests.agent.command_line import CommandLine


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> CommandLine:
    return CommandLine(capsys, monkeypatch, tmp_path)


def test_benzene_and_cyclohexane_are_told_apart(call: CommandLine) -> None:
    done = call("quantum", "c1ccccc1", "C1CCCCC1", "--json")
    assert done.code == 0, done.err
    benzene, cyclohexane = done.document
    assert benzene["values"]["gap_ev"]["value"] < cyclohexane["values"]["gap_ev"]["value"]
    assert {benzene["origin"], cyclohexane["origin"]} <= {"surrogate", "xtb"}
    told = call("quantum", "CCO")
    assert told.code == 0
    assert "water, kJ/mol" in told.out


@pytest.mark.skipif(importlib.util.find_spec("tblite") is None, reason="needs the extra 'quantum'")
def test_what_the_surrogate_refuses_is_computed(call: CommandLine) -> None:
    (ammonium,) = call("quantum", "C[NH3+]", "--json").document
    assert ammonium["origin"] == "xtb"
    assert ammonium["why"]


def test_no_molecule_is_one_line(call: CommandLine) -> None:
    done = call("quantum", "not a molecule")
    assert done.code == 2
    assert done.err.strip().count("\n") == 0
    assert "not a molecule" in done.err
