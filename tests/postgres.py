"""A PostgreSQL server for the tests: Debian's, installed when it is missing, run from a temporary folder.

`python -m tests.postgres` does the installing alone and says what it found; `make test` calls it before the tests.
"""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path("/usr/lib/postgresql")
START_DEADLINE_S = 60.0
INSTALL_DEADLINE_S = 300.0


class Unavailable(RuntimeError):
    """No PostgreSQL can be had here; the message says why."""


def find() -> Path | None:
    """The folder of Debian's newest PostgreSQL server programs, or None."""
    found = [p.parent for p in ROOT.glob("*/bin/postgres") if (p.parent / "initdb").exists()]
    return max(found, key=lambda p: int(p.parent.name) if p.parent.name.isdigit() else -1, default=None)


def ensure() -> Path:
    """Find the server programs, installing Debian's package when this is root on a Debian. Raises Unavailable."""
    if (bin_dir := find()) is not None:
        return bin_dir
    if shutil.which("apt-get") is None:
        raise Unavailable("PostgreSQL is not installed, and there is no apt-get to install it with")
    if os.geteuid() != 0:
        raise Unavailable("PostgreSQL is not installed, and only root can: apt-get install postgresql")
    # Test processes run side by side: one installs, the others wait for it.
    with (Path(tempfile.gettempdir()) / "athanor-apt.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if find() is None:
            _apt_install()
    bin_dir = find()
    if bin_dir is None:
        raise Unavailable(f"apt-get installed postgresql, but there is no server under {ROOT}")
    return bin_dir


def _apt_install() -> None:
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "-y", "--no-install-recommends", "postgresql"]
    # A fresh image has no package lists, so the first try may fail for want of an update.
    for command in (install, ["apt-get", "update"], install):
        try:
            result = subprocess.run(
                command, env=environment, capture_output=True, text=True, timeout=INSTALL_DEADLINE_S, check=False
            )
        except subprocess.TimeoutExpired:
            raise Unavailable(f"{' '.join(command)} took longer than {INSTALL_DEADLINE_S:g} s") from None
        if command is install and result.returncode == 0:
            return
    last = (result.stderr.strip().splitlines() or ["no message"])[-1]
    raise Unavailable(f"apt-get install postgresql failed: {last}")


class Server:
    """A running server that listens on a Unix socket only; `fresh_database` gives each test one of its own."""

    def __init__(self, bin_dir: Path, folder: Path, user: str) -> None:
        self._bin = bin_dir
        self._folder = folder
        self._user = user
        self._numbers = itertools.count(1)

    def url(self, database: str) -> str:
        """SQLAlchemy URL of a database."""
        return f"postgresql+psycopg://{self._user}@/{database}?host={self._folder}"

    def fresh_database(self) -> str:
        """Make an empty database and return its URL."""
        name = f"t{next(self._numbers)}"
        _run([str(self._bin / "createdb"), "-h", str(self._folder), "-U", self._user, name], self._user)
        return self.url(name)

    def drop(self, url: str) -> None:
        """Remove a database, cutting off whoever is still connected to it."""
        name = url.split("@/", 1)[1].split("?", 1)[0]
        _run([str(self._bin / "dropdb"), "--force", "-h", str(self._folder), "-U", self._user, name], self._user)


@contextlib.contextmanager
def running() -> Iterator[Server]:
    """Start a server in a temporary folder; stop it and remove the folder at the end. Raises Unavailable."""
    bin_dir = ensure()
    user = _server_user()
    # Short and outside pytest's folders: a Unix socket's path may hold 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="athanor-pg-"))
    try:
        if os.geteuid() == 0:
            owner = pwd.getpwnam(user)
            os.chown(folder, owner.pw_uid, owner.pw_gid)
        options = ["-U", user, "--auth=trust", "-E", "UTF8", "--locale=C", "--no-sync"]
        _run([str(bin_dir / "initdb"), "-D", str(folder / "data"), *options], user)
        with _process(bin_dir, folder, user):
            yield Server(bin_dir, folder, user)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _process(bin_dir: Path, folder: Path, user: str) -> Iterator[None]:
    settings = {
        "listen_addresses": "",
        "unix_socket_directories": str(folder),
        # The data is thrown away: no power cut is survived here, so that the tests are quick.
        "fsync": "off",
        "synchronous_commit": "off",
        "full_page_writes": "off",
        "max_connections": "40",
        "shared_buffers": "32MB",
    }
    command = [str(bin_dir / "postgres"), "-D", str(folder / "data")]
    for key, value in settings.items():
        command += ["-c", f"{key}={value}"]
    log = folder / "server.log"
    uid, gid, groups = _ids(user)
    with log.open("wb") as out:
        server = subprocess.Popen(
            command, stdout=out, stderr=subprocess.STDOUT, cwd=folder, user=uid, group=gid, extra_groups=groups
        )
    try:
        deadline = time.monotonic() + START_DEADLINE_S
        ready = [str(bin_dir / "pg_isready"), "-q", "-h", str(folder)]
        while subprocess.run(ready, check=False).returncode != 0:
            if server.poll() is not None or time.monotonic() > deadline:
                raise Unavailable(f"PostgreSQL did not start: {_last_line(log)}")
            time.sleep(0.05)
        yield
    finally:
        server.send_signal(signal.SIGINT)  # PostgreSQL's "fast" shutdown: clients are cut off, none is waited for
        server.wait(timeout=30)


def _server_user() -> str:
    """PostgreSQL refuses to run as root, so root runs it as Debian's `postgres` user."""
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid()).pw_name
    try:
        return pwd.getpwnam("postgres").pw_name
    except KeyError:
        raise Unavailable("PostgreSQL refuses to run as root, and there is no user 'postgres' to run it as") from None


def _ids(user: str) -> tuple[int | None, int | None, list[int] | None]:
    """Popen's `user`, `group` and `extra_groups` to become `user`; three None when this is the user already."""
    if os.geteuid() != 0:
        return None, None, None
    entry = pwd.getpwnam(user)
    return entry.pw_uid, entry.pw_gid, []


def _run(command: list[str], user: str) -> None:
    uid, gid, groups = _ids(user)
    result = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd="/", user=uid, group=gid, extra_groups=groups
    )
    if result.returncode != 0:
        last = (result.stderr.strip().splitlines() or ["no message"])[-1]
        raise Unavailable(f"{Path(command[0]).name} failed: {last}")


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "no message"


def main() -> None:
    try:
        message = f"PostgreSQL for the store tests: {ensure()}"
    except Unavailable as reason:
        message = f"The store tests run on SQLite only: {reason}"
    sys.stdout.write(message + "\n")


if __name__ == "__main__":
    main()
