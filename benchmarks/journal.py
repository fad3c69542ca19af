"""Results written one line at a time, so that an interrupted run goes on where it stopped."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import TracebackType
from typing import Any


class OtherRun(ValueError):
    """The file holds results of a run with other settings."""


class Journal:
    """JSON lines: first the settings, then one record per item, each with its "key". Without a path nothing is kept."""

    def __init__(self, path: Path | None, settings: dict[str, Any], *, resume: bool = False) -> None:
        """Raises OtherRun when `resume` meets other settings, FileExistsError for a file that is not to be resumed."""
        self.records: dict[str, dict[str, Any]] = {}
        self._stream = None
        if path is None:
            return
        good = 0
        if path.exists() and path.stat().st_size:
            if not resume:
                raise FileExistsError(f"{path} exists already; --resume goes on with it")
            good = self._read(path, settings)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._stream = path.open("ab")
        self._stream.truncate(good)  # a line that a crash cut short is not a result
        if not good:
            self._line({"settings": settings})

    def _read(self, path: Path, settings: dict[str, Any]) -> int:
        """Fills `records`; how many bytes are whole lines."""
        good = 0
        found: dict[str, Any] | None = None
        with path.open("rb") as stream:
            for line in stream:
                if not line.endswith(b"\n"):
                    break
                try:
                    row = json.loads(line)
                except ValueError:
                    break
                good += len(line)
                if found is None:
                    found = row.get("settings", {})
                else:
                    self.records[row["key"]] = row
        if found is not None and found != settings:
            other = sorted(k for k in {*found, *settings} if found.get(k) != settings.get(k))
            raise OtherRun(f"{path} is of a run with another {', '.join(other)}")
        return good

    def add(self, record: dict[str, Any]) -> None:
        """`record` needs a "key"; it is on disk when this returns."""
        self.records[record["key"]] = record
        self._line(record)

    def _line(self, row: dict[str, Any]) -> None:
        if self._stream is not None:
            self._stream.write(json.dumps(row).encode() + b"\n")
            self._stream.flush()
            os.fsync(self._stream.fileno())

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._stream is not None:
            self._stream.close()
