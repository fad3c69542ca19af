"""Calling the command line inside the test process, as `python run_agent.py ...` would."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from agent.cli import main

CAMPAIGN = """\
name: tiny
title: Thin liquids
seed: 2
objectives:
  - {property: viscosity, direction: minimise, unit: mPa*s, worst: 20.0}
constraints:
  - {property: viscosity, maximum: 15 mPa*s}
budget: {experiments: 2, batch: 2}
references: {share: 0.5}
search: {generations: 1, population: 8, checked: 4, generators: [library]}
space: {elements: [C, H, O], min_heavy_atoms: 7, max_heavy_atoms: 9}
lab: {failure_rate: 0.0}
"""
"""One ether to make and one to buy: real routes, a real batch choice and real signals in a few seconds."""


class Answer(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)

    @property
    def complaint(self) -> str:
        """The one line on stderr of a command that could not be done."""
        assert self.code == 2, self
        assert self.out == "", self.out
        assert self.err.count("\n") == 1, self.err
        assert self.err.endswith("\n")
        for word in ("Traceback", "internal error"):
            assert word not in self.err
        return self.err.strip()


class CommandLine:
    """Runs commands in a folder of their own."""

    def __init__(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self._capsys, self._monkeypatch = capsys, monkeypatch
        monkeypatch.chdir(folder)
        monkeypatch.delenv("ATHANOR_STORE", raising=False)

    def __call__(self, *words: object) -> Answer:
        self._monkeypatch.setattr(sys, "argv", ["run_agent.py", *(str(w) for w in words)])
        self._capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            main()
        shown = self._capsys.readouterr()
        return Answer(int(stop.value.code or 0), shown.out, shown.err)


def write_campaign(folder: Path, text: str = CAMPAIGN, name: str = "tiny.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path
