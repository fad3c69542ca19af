"""The header and the lines of a comma-, semicolon- or tab-separated file, gzipped or not."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
from collections.abc import Iterator
from dataclasses import dataclass

_LOOKED_AT = 4096  # characters
_ARCHIVE = b"PK\x03\x04"  # of zip files, and so of Excel's


class NotText(ValueError):
    """A file that is no table of text; one line says what it is instead."""


@dataclass(frozen=True)
class Delimited:
    """`lines`: cells of every line that is not empty, with its number in the file, from 1; they can be read once and
    raise NotText. `notes`: what had to be assumed.
    """

    header: tuple[str, ...]
    lines: Iterator[tuple[int, list[str]]]
    notes: tuple[str, ...]


def delimited(name: str, content: bytes) -> Delimited:
    """`name` of the file: gzip where it ends in .gz. The delimiter is what the first line holds most of.

    Raises NotText for an empty file and for one that is not text.
    """
    text, notes = _text(name, content)
    if not text.strip():
        raise NotText(f"{name} is empty")
    first = text.lstrip().split("\n", 1)[0]
    delimiter = max((",", ";", "\t"), key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)

    def numbered() -> Iterator[tuple[int, list[str]]]:
        try:
            for cells in reader:
                if any(cell.strip() for cell in cells):
                    yield reader.line_num, cells
        except csv.Error as error:
            raise NotText(f"{name}, line {reader.line_num}: {error}") from None

    lines = numbered()
    header = next(lines, (0, []))[1]
    return Delimited(tuple(" ".join(cell.split()) for cell in header), lines, notes)


def _text(name: str, content: bytes) -> tuple[str, tuple[str, ...]]:
    try:
        plain = gzip.decompress(content) if name.endswith(".gz") else content
    except (OSError, EOFError) as error:
        raise NotText(f"{name} is no whole gzip file: {error}") from None
    if plain.startswith(_ARCHIVE):
        raise NotText(f"{name} is no text but an archive; save a spreadsheet as CSV")
    notes: tuple[str, ...] = ()
    try:
        wide = plain.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        text = plain.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError:
        text = plain.decode("cp1252", errors="replace")
        notes = ("the file is not UTF-8; it was read as Windows-1252",)
    if any(ord(c) < 32 and c not in "\t\r\n\f" for c in text[:_LOOKED_AT]):
        raise NotText(f"{name} is no text: it holds control characters; a table is CSV")
    return text, notes
