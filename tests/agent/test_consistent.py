"""What is predicted of melting and boiling points agrees, whichever is asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.agent.command_line import CommandLine

# K. Melting points of high-melting, boiling points of low-boiling molecules: models trained on these must disagree
# about what lies between.
MELTING = {
    "c1ccc(-c2ccc(-c3ccccc3)cc2)cc1": 486.0,
    "c1ccc2cc3ccccc3cc2c1": 489.0,
    "O=C(O)c1ccc(C(=O)O)cc1": 575.0,
    "c1ccc2ccccc2c1": 353.4,
    "OC(=O)c1ccccc1": 395.6,
    "Oc1ccc(O)cc1": 445.0,
}
BOILING = {
    "c1ccccc1": 353.2,
    "Cc1ccccc1": 383.8,
    "CCc1ccccc1": 409.3,
    "Fc1ccccc1": 357.9,
    "c1ccncc1": 388.4,
    "CCO": 351.4,
}


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> CommandLine:
    return CommandLine(capsys, monkeypatch, tmp_path)


def train(call: CommandLine, folder: Path, prop: str, values: dict[str, float]) -> None:
    path = folder / f"{prop}.csv"
    path.write_text("smiles,T (K)\n" + "".join(f"{s},{v}\n" for s, v in values.items()), encoding="utf-8")
    words = ["--csv", path, "--smiles", "smiles", "--target", "T (K)", "--models", "gp", "--split", "random", "--json"]
    done = call("train", prop, *words, "--folder", "models")
    assert done.code == 0, done.err


def test_melting_is_below_boiling_and_what_was_moved_is_said(call: CommandLine, tmp_path: Path) -> None:
    asked = ["Oc1ccccc1", "CCO", "Cc1ccc(C)cc1"]

    def ask(prop: str) -> list[dict[str, float | str]]:
        words = ["--property", prop, "--folder", "models", "--no-explain", "--json"]
        answers: list[dict[str, float | str]] = call("predict", *asked, *words).document["predictions"]
        return answers

    train(call, tmp_path, "boiling_point", BOILING)
    alone = ask("boiling_point")
    assert {one["moved_by"] for one in alone} == {0.0}
    train(call, tmp_path, "melting_point", MELTING)
    boiling, melting = ask("boiling_point"), ask("melting_point")
    assert any(one["moved_by"] for one in melting)
    for before, tb, tm in zip(alone, boiling, melting, strict=True):
        assert tm["value"] < tb["value"]
        assert tm["low"] <= tm["value"] <= tm["high"]
        assert tb["value"] == pytest.approx(before["value"] + tb["moved_by"])
        if tm["moved_by"]:
            assert tm["moved_by"] < 0.0
            assert f"a boiling point of {tb['value']:.1f} K" in str(tm["moved"])
    text = call("predict", *asked, "--property", "melting_point", "--folder", "models", "--no-explain").out
    assert "to agree with a boiling point" in text
