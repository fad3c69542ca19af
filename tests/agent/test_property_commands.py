"""`properties`, `train`, `predict`: from handbook values to predictions, as text, JSON, HTML; bad input in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.agent.command_line import CommandLine

FLASH = ["--property", "flash_point"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shelf with one small model: the process alone, on forty molecules."""
    from agent.training import Training, train
    from knowledge.qspr.shelf import Shelf

    folder = tmp_path_factory.mktemp("models")
    train(Training("flash_point", rows=40, models=("gp",)), Shelf(folder))
    return folder


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> CommandLine:
    return CommandLine(capsys, monkeypatch, tmp_path)


def test_train_publishes_every_model_that_was_tried(call: CommandLine, tmp_path: Path) -> None:
    done = call("train", "flash_point", "--rows", "30", "--models", "gp,gp+prior", "--folder", tmp_path, "--json")
    assert done.code == 0, done.err
    answer = done.document
    assert [row["model"].partition("+")[0] for row in answer["table"]] == ["gp", "gp"]
    assert answer["model"] in {row["model"] for row in answer["table"]}
    assert all(0.0 < row["mae"] < 60.0 for row in answer["table"])
    assert (answer["molecules"], answer["unit"]) == (30, "K")
    assert Path(answer["file"]).is_file()
    asked = call("predict", "CCCCO", *FLASH, "--folder", tmp_path, "--json")
    assert asked.code == 0, asked.err
    assert asked.document["model"] == answer["model"]


def test_a_prediction_says_what_it_goes_by(call: CommandLine, folder: Path) -> None:
    done = call("predict", "CCCCCO", "Ic1ccc(I)cc1", *FLASH, "--folder", folder, "--json")
    assert done.code == 0, done.err
    near, far = done.document["predictions"]
    assert near["low"] < near["value"] < near["high"]
    assert near["value"] == pytest.approx(near["known"]["value"], abs=30.0)
    assert near["known"]["property"] == "flash_point"
    assert len(near["neighbours"]) == 3
    assert far["high"] - far["low"] > near["high"] - near["low"]
    assert not far["in_domain"]
    assert "no training molecule holds I" in far["reason"]


def test_a_wider_level_gives_a_wider_interval(call: CommandLine, folder: Path) -> None:
    widths = []
    for level in ("0.5", "0.9"):
        one = call("predict", "CCCCCO", *FLASH, "--level", level, "--folder", folder, "--json").document["predictions"][
            0
        ]
        widths.append(one["high"] - one["low"])
    assert widths[0] < widths[1]


def test_text_and_page(call: CommandLine, folder: Path, tmp_path: Path) -> None:
    html = tmp_path / "p.html"
    done = call("predict", "CCCCCO", *FLASH, "--folder", folder, "--html", html)
    assert done.code == 0, done.err
    assert "predicted" in done.out
    assert "known" in done.out
    page = html.read_text()
    assert "<script" not in page
    assert "CCCCCO" in page


def test_what_can_be_read_is_answered_all_the_same(call: CommandLine, folder: Path) -> None:
    done = call("predict", "CCCCCO", "C1CC", "[Na+].[Cl-]", *FLASH, "--folder", folder, "--json")
    assert done.code == 2
    assert done.err.count("\n") == 1
    assert "C1CC" in done.err
    assert "2 molecules" in done.err
    answers = done.document["predictions"]
    assert ["problem" in a for a in answers] == [False, True, True]


def test_the_list_says_what_is_trained(call: CommandLine, folder: Path) -> None:
    rows = {row["property"]: row for row in call("properties", "--folder", folder, "--json").document}
    assert rows["flash_point"]["trained"]["molecules"] == 40
    assert rows["boiling_point"]["trained"] is None
    assert rows["boiling_point"]["molecules"] > 1000
    assert "flash_point" in call("properties", "--folder", folder).out


def test_bad_input_in_one_line(call: CommandLine, folder: Path, tmp_path: Path) -> None:
    assert "boiling_point" in call("predict", "CCO", "--property", "smell", "--folder", folder).complaint
    assert (
        "`train boiling_point`" in call("predict", "CCO", "--property", "boiling_point", "--folder", folder).complaint
    )
    assert "gp+prior" in call("train", "flash_point", "--models", "oracle", "--folder", tmp_path, "--json").complaint
    assert "scaffold" in call("train", "flash_point", "--split", "time", "--folder", tmp_path, "--json").complaint
    assert "has no property" in call("train", "purity", "--folder", tmp_path, "--json").complaint
    (tmp_path / "flash_point.safetensors").write_bytes(b"not a model")
    assert "safetensors" in call("predict", "CCO", *FLASH, "--folder", tmp_path).complaint
