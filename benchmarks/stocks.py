"""Stock for a benchmark: the built-in one, or files of InChIKeys or SMILES, plain, tabular or gzipped."""

from __future__ import annotations

import gzip
import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.reactions import BadFile
from knowledge.stock import Stock

BUILTIN = "builtin"


@dataclass(frozen=True, slots=True)
class StockFile:
    """`keys`: InChIKeys, one per line, sorted, as another program can read them; None for the built-in stock."""

    stock: Stock
    names: tuple[str, ...]
    sha256: str
    keys: Path | None


def open_stock(sources: Sequence[str], folder: Path) -> StockFile:
    """The union of `sources`; files are unpacked into `folder`, which must live as long as the stock is read.

    A first line whose first word is "inchikey", "inchi_key" or "smiles" is a header. Raises BadFile for an empty stock
    or for "builtin" beside files, InvalidMolecule naming the line, OSError.
    """
    if list(sources) == [BUILTIN]:
        return StockFile(Stock.builtin(), (BUILTIN,), BUILTIN, None)
    if BUILTIN in sources or not sources:
        raise BadFile("a stock is 'builtin' or files, not both")
    digest = hashlib.sha256()
    words: set[str] = set()
    for source in sources:
        data = Path(source).read_bytes()
        digest.update(hashlib.sha256(data).digest())
        text = (gzip.decompress(data) if source.endswith(".gz") else data).decode("utf-8-sig", "replace")
        rows = [line.replace(",", " ").split() for line in text.splitlines()]
        entries = [row[0] for row in rows if row and not row[0].startswith("#")]
        words.update(entries[1:] if entries and entries[0].lower() in {"inchikey", "inchi_key", "smiles"} else entries)
    if not words:
        raise BadFile(f"no substance in {', '.join(sources)}")
    keys = folder / "stock.txt"
    keys.write_text("\n".join(sorted(_keys(words))) + "\n", encoding="utf-8")
    return StockFile(Stock.from_file(keys), tuple(Path(s).name for s in sources), digest.hexdigest(), keys)


def _keys(words: set[str]) -> set[str]:
    from knowledge.records.molecule import Molecule

    return {
        w if len(w) == 27 and w.count("-") == 2 and w.isupper() else Molecule.from_smiles(w).inchikey for w in words
    }


def scratch() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="athanor-benchmark-")
