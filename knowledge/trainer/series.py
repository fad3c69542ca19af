"""Scripts one after the other, each in a process of its own; what ended well is not run again."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path


def run_series(
    room: str, scripts: Sequence[tuple[str, ...]], done: Path, *, anew: bool, tell: Callable[[str], None]
) -> None:
    """Each of `scripts` is a module of `room` with its arguments; `done` is the file that remembers who ended well.

    anew: forget what earlier runs finished.  Raises SystemExit, naming the script, when one fails.
    """
    if anew:
        done.unlink(missing_ok=True)
    finished = set(done.read_text().splitlines()) if done.is_file() else set()
    for script in scripts:
        words = " ".join(script)
        if words in finished:
            tell(f"{words}: done before")
            continue
        started = time.monotonic()
        tell(f"{words} ...")
        code = subprocess.run([sys.executable, "-m", f"{room}.{script[0]}", *script[1:]], check=False).returncode
        if code:
            sys.exit(f"{words} ended with code {code}; run this command again to go on from its checkpoint")
        with done.open("a") as lines:
            lines.write(words + "\n")
        tell(f"{words}: {(time.monotonic() - started) / 60:.0f} min")
