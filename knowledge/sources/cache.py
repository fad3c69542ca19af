"""Where built data lives, and how it gets there: built once, seen whole or not at all.

A cached file is a pure function of the installed packages and of the version in its name, so deleting the folder is
always safe.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ENVIRONMENT_VARIABLE = "ATHANOR_CACHE"


def cache_dir() -> Path:
    """The folder for built data: `$ATHANOR_CACHE`, otherwise `~/.cache/athanor`; created when missing.

    Raises OSError when it cannot be created.
    """
    configured = os.environ.get(ENVIRONMENT_VARIABLE)
    folder = Path(configured).expanduser() if configured else Path.home() / ".cache" / "athanor"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def build_once(name: str, build: Callable[[Path], None]) -> Path:
    """The path of the cached file `name` (plain and versioned); calls `build(temporary_path)` when it is missing.

    Of several processes or threads that ask at once, one builds and the others wait. The file appears by `os.replace`,
    so nobody ever reads half of it; when `build` raises, nothing is left behind and the error passes through.
    """
    if Path(name).name != name:
        raise ValueError(f"'{name}' is not a plain file name")
    folder = cache_dir()
    path = folder / name
    if path.exists():
        return path
    with _locked(folder / f"{name}.lock"):
        # Another process may have finished it while we waited for the lock.
        if not path.exists():
            temporary = folder / f".{name}.{os.getpid()}.tmp"
            try:
                build(temporary)
                with temporary.open("rb") as stream:
                    os.fsync(stream.fileno())
                os.replace(temporary, path)
            finally:
                temporary.unlink(missing_ok=True)
    return path


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """An advisory lock that the kernel releases when the process dies; the lock file itself stays (removing it would
    race).
    """
    with path.open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield
