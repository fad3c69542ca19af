"""Raw signals on disk, content-addressed: written beside their place, synced, then renamed; never half there."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

from knowledge.store.database import is_full
from knowledge.store.errors import BrokenLog, StoreFull, StoreReadOnly


class ArtifactFolder:
    """`<folder>/artifacts/ab/abcdef…`; the name is the SHA-256 of the bytes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "artifacts"

    def path(self, sha256: str) -> Path:
        return self.folder / sha256[:2] / sha256

    def put(self, data: bytes) -> str:
        """Write and sync; the address. Raises StoreFull or StoreReadOnly, leaving nothing half written."""
        digest = hashlib.sha256(data).hexdigest()
        target = self.path(digest)
        if target.exists() and target.stat().st_size == len(data):
            return digest
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=target.parent, prefix=".part-")
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(name, target)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
            directory = os.open(target.parent, os.O_RDONLY)
            try:
                os.fsync(directory)
            finally:
                os.close(directory)
        except OSError as error:
            if is_full(error):
                raise StoreFull(
                    f"no room left for a signal of {len(data)} bytes in {self.folder}: free some space, then `resume`"
                ) from None
            raise StoreReadOnly(f"cannot write the signal folder {self.folder}: {error.strerror}") from None
        return digest

    def get(self, sha256: str) -> bytes:
        """The bytes. Raises BrokenLog when they are missing or do not match their address."""
        try:
            data = self.path(sha256).read_bytes()
        except FileNotFoundError:
            raise BrokenLog(f"signal {sha256[:12]} is missing from {self.folder}") from None
        if hashlib.sha256(data).hexdigest() != sha256:
            raise BrokenLog(f"signal {sha256[:12]} in {self.folder} was changed after it was written")
        return data
