"""Stock for a benchmark: the built-in one, or files of InChIKeys or SMILES, plain, tabular or gzipped."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.reactions import BadFile
from knowledge import stock_file
from knowledge.stock import Stock

BUILTIN = "builtin"


@dataclass(frozen=True, slots=True)
class StockFile:
    """`keys`: InChIKeys, one per line, sorted, as another program can read them; None for the built-in stock.

    `bad_lines`: lines that could not be read.
    """

    stock: Stock
    names: tuple[str, ...]
    sha256: str
    keys: Path | None
    bad_lines: int


def open_stock(sources: Sequence[str], folder: Path) -> StockFile:
    """The union of `sources`; what is written goes into `folder`, which must live as long as the stock is read.

    Raises BadFile for "builtin" beside files and when a file holds no substance, OSError.
    """
    if list(sources) == [BUILTIN]:
        return StockFile(Stock.builtin(), (BUILTIN,), BUILTIN, None, 0)
    if BUILTIN in sources or not sources:
        raise BadFile("a stock is 'builtin' or files, not both")
    digest = hashlib.sha256()
    found: set[str] = set()
    bad = 0
    for source in sources:
        digest.update(hashlib.sha256(Path(source).read_bytes()).digest())
        try:
            contents = stock_file.read(Path(source), strict=False)
        except stock_file.EmptyStock as error:
            raise BadFile(str(error)) from error
        found.update(contents.found)
        bad += len(contents.bad_lines)
    keys = folder / "stock.txt"
    keys.write_text("\n".join(sorted(found)) + "\n", encoding="utf-8")
    names = tuple(Path(source).name for source in sources)
    return StockFile(Stock.from_file(keys), names, digest.hexdigest(), keys, bad)


def scratch() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="athanor-benchmark-")
