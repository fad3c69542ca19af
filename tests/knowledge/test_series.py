"""Scripts in turn: what ended well is not run again, what failed is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from knowledge.trainer.series import run_series


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two scripts: one leaves a line for each run, one fails until a file is there."""
    package = tmp_path / "kitchen"
    package.mkdir()
    (package / "__init__.py").write_text("")
    count = "import sys\nwith open('runs.txt', 'a') as lines:\n    lines.write(' '.join(sys.argv[1:]) + '\\n')\n"
    (package / "count.py").write_text(count)
    (package / "need.py").write_text("import pathlib, sys\nsys.exit(0 if pathlib.Path('there').is_file() else 3)\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return tmp_path


def test_a_series_goes_on_behind_what_ended_well(room: Path) -> None:
    scripts, done, told = (("count", "first"), ("need",), ("count", "last")), room / "done.txt", []
    with pytest.raises(SystemExit, match=r"need ended with code 3"):
        run_series("kitchen", scripts, done, anew=False, tell=told.append)
    assert (room / "runs.txt").read_text() == "first\n"
    (room / "there").touch()
    run_series("kitchen", scripts, done, anew=False, tell=told.append)
    assert (room / "runs.txt").read_text() == "first\nlast\n"
    assert "count first: done before" in told
    run_series("kitchen", scripts, done, anew=True, tell=told.append)
    assert (room / "runs.txt").read_text() == "first\nlast\nfirst\nlast\n"
