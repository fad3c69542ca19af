"""Computed molecules, remembered on disk for every process and every later run.

One SQLite file in the folder of built data, JSON inside. What is remembered is a pure function of its key, so two
processes that compute the same molecule write the same row, and deleting the file is always safe.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

from knowledge.quantum.errors import KINDS, QuantumError
from knowledge.quantum.properties import QuantumProperties
from knowledge.records.base import canonical_json
from knowledge.records.molecule import Molecule
from knowledge.sources.cache import cache_dir

Outcome = QuantumProperties | QuantumError

FILE = "quantum_v1.sqlite"
_WAIT_SECONDS = 60.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS outcome (
    inchikey TEXT NOT NULL,
    smiles TEXT NOT NULL,
    method TEXT NOT NULL,
    kind TEXT NOT NULL,
    content TEXT NOT NULL,
    PRIMARY KEY (inchikey, smiles, method)
) WITHOUT ROWID
"""
_VALUE = "QuantumProperties"


class QuantumCacheBroken(OSError):
    """The cache file cannot be used; the message names it. It may be deleted."""


class QuantumCache:
    """The key is InChIKey, canonical SMILES and method line. The SMILES is needed beside the InChIKey because the
    standard InChI gives one key to tautomers such as 2-pyridone and 2-hydroxypyridine, whose values differ.

    Failures that will always be the same are remembered like values. Each call opens the file anew, so an instance may
    be shared between threads and inherited by forked processes; writers wait for each other up to a minute. Raises
    OSError when the folder cannot be made, QuantumCacheBroken for a file that is not ours or cannot be written.
    """

    def __init__(self, path: Path | None = None) -> None:
        """`path` None: `quantum_v1.sqlite` in `$ATHANOR_CACHE`, otherwise in `~/.cache/athanor`."""
        self.path = path or cache_dir() / FILE

    def get(self, molecules: Iterable[Molecule], method: str) -> dict[str, Outcome]:
        """{canonical SMILES: outcome} of those that are known."""
        wanted = {m.smiles: m.inchikey for m in molecules}
        # The keys go in as one JSON array, because SQLite limits the number of variables.
        with self._open() as db:
            rows = db.execute(
                "SELECT inchikey, smiles, kind, content FROM outcome WHERE method = ? AND inchikey IN "
                "(SELECT value FROM json_each(?))",
                (method, json.dumps(list(wanted.values()))),
            ).fetchall()
        try:
            return {
                smiles: _read(kind, content)
                for inchikey, smiles, kind, content in rows
                if wanted.get(smiles) == inchikey
            }
        except (KeyError, ValueError) as error:
            raise QuantumCacheBroken(f"the cache {self.path} holds an unreadable row; it may be deleted") from error

    def put(self, molecule: Molecule, method: str, outcome: Outcome) -> None:
        """The first to write stays: later ones hold the same."""
        kind, content = _written(outcome)
        with self._open() as db, db:
            db.execute(
                "INSERT OR IGNORE INTO outcome VALUES (?, ?, ?, ?, ?)",
                (molecule.inchikey, molecule.smiles, method, kind, content),
            )

    def count(self) -> int:
        """How many molecules and methods are known, failures included."""
        with self._open() as db:
            return int(db.execute("SELECT COUNT(*) FROM outcome").fetchone()[0])

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(sqlite3.connect(self.path, timeout=_WAIT_SECONDS)) as db:
                db.execute(_SCHEMA)
                yield db
        except sqlite3.Error as error:
            raise QuantumCacheBroken(f"cannot use the cache {self.path}: {error}; it may be deleted") from error


def _written(outcome: Outcome) -> tuple[str, str]:
    if isinstance(outcome, QuantumProperties):
        return _VALUE, outcome.canonical()
    return type(outcome).__name__, canonical_json({"message": str(outcome)})


def _read(kind: str, content: str) -> Outcome:
    if kind == _VALUE:
        return QuantumProperties.from_canonical(content)
    stored: Mapping[str, str] = json.loads(content)
    return KINDS[kind](stored["message"])
