"""Optional packages: installed or not, `doctor` says which there are and what is missing without them."""

from __future__ import annotations

import tomllib
from importlib import metadata
from pathlib import Path

import pytest

from agent import doctor


def test_every_extra_of_the_project_for_users_is_listed() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = project["optional-dependencies"]
    assert set(doctor.EXTRAS) == set(declared) - {"dev", "peers"}  # for those who change and compare it
    for extra, (package, _) in doctor.EXTRAS.items():
        assert declared[extra][0].startswith(package)


def test_a_missing_extra_is_a_note_that_says_what_cannot_be_done(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    there = metadata.version

    def version(name: str) -> str:
        if name == "tblite":
            raise metadata.PackageNotFoundError(name)
        return "1.2.3" if name == "psycopg" else there(name)

    monkeypatch.setattr(doctor.metadata, "version", version)
    checks = {check.what: check for check in doctor.examine(str(tmp_path / "none.sqlite"))}
    quantum = checks["extra quantum"]
    assert quantum.result == "note"
    assert quantum.detail == (
        "tblite is not installed; without it, no quantum-chemical values and descriptors (GFN2-xTB): "
        "pip install 'athanor[quantum]'"
    )
    assert checks["extra postgres"] == doctor.Check("extra postgres", "good", "psycopg 1.2.3")
