"""Reactions from anybody's file: plain lines or a table, either direction, atom-mapped or not.

    CCOC(C)=O>>CC(=O)O.CCO                 product first
    CC(=O)O.CCO>>CCOC(C)=O                 reactants first
    CC(=O)O.CCO>OS(=O)(=O)O>CCOC(C)=O      agents in the middle; they are left out
    id,class,reactants>reagents>production  CSV, TSV or semicolons, with or without a header

Files that end in .gz are unpacked. `uspto-50k:test` and `uspto-50k:valid` name the splits of the public set.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from rdkit import Chem, rdBase

from knowledge.records.molecule import InvalidMolecule
from planners.routes.structure import canonical

Side = Literal["left", "right"]
_MAP = re.compile(r":(\d+)\]")
_SPLITS = {"uspto-50k:test": "test", "uspto-50k:valid": "valid"}


@dataclass(frozen=True, slots=True)
class Reaction:
    """`product` and sorted `reactants` as `settled` SMILES without atom maps; `line` as in the file, from 1."""

    line: int
    product: str
    reactants: tuple[str, ...]


@dataclass(slots=True)
class Reading:
    """What a file held. `bad`: line and reason; `direction`: how the side of the product was told, in words."""

    source: str
    sha256: str
    reactions: list[Reaction] = field(default_factory=list)
    bad: list[tuple[int, str]] = field(default_factory=list)
    direction: str = ""
    agents_dropped: int = 0


class BadFile(ValueError):
    """Nothing of the file can be used; the message says why."""


def settled(smiles: str) -> str:
    """Canonical isomeric SMILES that a further round trip leaves alone. Raises InvalidMolecule.

    RDKit's canonical form is not always its own canonical form (stereo of bridged rings); comparing needs a fixed
    point.
    """
    now = canonical(smiles)
    for _ in range(3):
        again = canonical(now)
        if again == now:
            break
        now = again
    return now


def read(source: str, *, column: str | None = None, product: Side | None = None) -> Reading:
    """All reactions of a file or of a named split; bad lines are collected, not raised.

    `product` overrides the detection for lines whose atom maps do not tell. Raises BadFile when no line is a reaction
    or the column is missing, OSError, RuntimeError when a named split cannot be fetched.
    """
    rows: Iterable[tuple[int, str]]
    if source in _SPLITS:
        rows, digest = _split(source)
        product = "right"
    else:
        data = Path(source).read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        text = (gzip.decompress(data) if source.endswith(".gz") else data).decode("utf-8-sig", "replace")
        rows = _cells(text, column)
    reading = Reading(source=source, sha256=digest)
    parts: list[tuple[int, str, str, bool]] = []
    for number, cell in rows:
        pieces = cell.split(">")
        if len(pieces) != 3 or not pieces[0] or not pieces[2]:
            reading.bad.append((number, f"'{_short(cell)}' is not LEFT>>RIGHT"))
        else:
            parts.append((number, pieces[0], pieces[2], bool(pieces[1])))
    mapped = {n: _by_maps(left, right) for n, left, right, _ in parts}
    common, reading.direction = (product, f"given: {product}") if product else _majority(parts, mapped)
    for number, left, right, _ in parts:
        side = mapped[number] or common
        sides = (left, right) if side == "left" else (right, left)
        try:
            reaction, dropped = _reaction(number, *sides)
        except (InvalidMolecule, ValueError) as error:
            reading.bad.append((number, str(error)))
            continue
        reading.reactions.append(reaction)
        reading.agents_dropped += dropped
    reading.bad.sort()
    if not reading.reactions:
        first = f"; line {reading.bad[0][0]}: {reading.bad[0][1]}" if reading.bad else ""
        raise BadFile(f"{source} holds no reaction that can be read{first}")
    return reading


def _split(name: str) -> tuple[list[tuple[int, str]], str]:
    from planners.routes.training import uspto

    found = uspto.reactions("test" if _SPLITS[name] == "test" else "valid")
    rows = [(i, f"{r.reactants}>>{r.product}") for i, r in enumerate(found, start=1)]
    return rows, hashlib.sha256("\n".join(cell for _, cell in rows).encode()).hexdigest()


def _cells(text: str, column: str | None) -> Iterator[tuple[int, str]]:
    """(line number, reaction) of a plain file or of the column that holds reactions. Raises BadFile."""
    lines = [(i, line) for i, line in enumerate(text.splitlines(), start=1) if line.strip()]
    if not lines:
        raise BadFile("the file is empty")
    delimiter = _delimiter([line for _, line in lines[:20]])
    rows = [(n, next(csv.reader([line], delimiter=delimiter))) for n, line in lines]
    head = [cell.strip() for cell in rows[0][1]]
    has_header = not any(_looks(cell) for cell in head) and any(_looks(c) for _, row in rows[1:50] for c in row)
    if column is not None:
        if column not in head:
            raise BadFile(f"there is no column '{column}'; the first line has {', '.join(head)}")
        place, has_header = head.index(column), True
    else:
        counts = Counter(i for _, row in rows[:200] for i, cell in enumerate(row) if _looks(cell))
        place = min(counts, key=lambda i: (-counts[i], i)) if counts else 0
    for number, row in rows[1:] if has_header else rows:
        words = row[place].split() if place < len(row) else []
        # What follows the first blank is a name or a CXSMILES extension.
        if not (words and words[0].startswith("#")):
            yield number, words[0] if words else ""


def _delimiter(lines: Sequence[str]) -> str:
    if any("\t" in line for line in lines):
        return "\t"
    # SMILES have no commas or semicolons, so one before the blank that starts a CXSMILES extension splits cells.
    plain = [line.split(" |")[0] for line in lines]
    return next((d for d in (",", ";") if any(d in line for line in plain)), "\t")


def _looks(cell: str) -> bool:
    """Whether the cell is a reaction SMILES; a header such as "reactants>reagents>production" is not."""
    pieces = (cell.split() or [""])[0].split(">")
    if len(pieces) != 3 or not pieces[0] or not pieces[2]:
        return False
    with rdBase.BlockLogs():
        return all(Chem.MolFromSmiles(p, sanitize=False) is not None for p in (pieces[0], pieces[2]))


def _by_maps(left: str, right: str) -> Side | None:
    """The side that is one molecule with every heavy atom mapped, when only one side is."""
    if not (_MAP.search(left) and _MAP.search(right)):
        return None
    whole = [_wholly_mapped(side) for side in (left, right)]
    if whole[0] == whole[1]:
        return None
    return "left" if whole[0] else "right"


def _wholly_mapped(side: str) -> bool:
    if "." in side:
        return False
    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(side, sanitize=False)
    return mol is not None and all(a.GetAtomMapNum() for a in mol.GetAtoms() if a.GetAtomicNum() > 1)


def _majority(parts: Sequence[tuple[int, str, str, bool]], mapped: dict[int, Side | None]) -> tuple[Side, str]:
    """The side of the product in most lines, by the strongest evidence the file has."""
    maps = Counter(side for side in mapped.values() if side)
    if maps:
        side = _winner(maps)
        return side, f"{side}, by atom maps ({maps[side]} of {maps.total()} that tell)"
    if any(agents for *_, agents in parts):
        return "right", "right, because agents stand between reactants and product"
    single = Counter[Side]()
    weight = Counter[Side]()
    for _, left, right, _ in parts:
        if ("." in left) != ("." in right):
            single["right" if "." in left else "left"] += 1
        elif "." not in left:
            heavier = _heavy(left) - _heavy(right)
            if heavier:
                weight["left" if heavier > 0 else "right"] += 1
    for votes, reason in ((single, "a single molecule on that side"), (weight, "the heavier side")):
        if votes:
            side = _winner(votes)
            return side, f"{side}, guessed: {reason} ({votes[side]} of {votes.total()} that tell); --product overrides"
    return "right", "right, by custom: nothing in the file tells; --product overrides"


def _winner(votes: Counter[Side]) -> Side:
    return "left" if votes["left"] > votes["right"] else "right"


def _heavy(smiles: str) -> int:
    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(smiles, sanitize=False)
    return 0 if mol is None else sum(a.GetAtomicNum() > 1 for a in mol.GetAtoms())


def _reaction(line: int, product: str, reactants: str) -> tuple[Reaction, int]:
    """The reaction without maps, and how many mapped-side molecules were left out because they give no atom."""
    pieces = product.split(".")
    numbers = {n for p in pieces for n in _MAP.findall(p)}
    if len(pieces) > 1:
        pieces = [p for p in pieces if _MAP.search(p)] or pieces
    if len(pieces) != 1:
        raise ValueError(f"the product side '{_short(product)}' is {len(pieces)} molecules")
    givers = reactants.split(".")
    kept = [r for r in givers if not numbers or not numbers.isdisjoint(_MAP.findall(r))]
    if not kept:
        raise ValueError("no reactant shares an atom map with the product")
    made = _unmapped(pieces[0])
    sources = tuple(sorted(_unmapped(r) for r in kept))
    if sources == (made,):
        raise ValueError("product and reactant are the same")
    return Reaction(line, made, sources), len(givers) - len(kept)


def _unmapped(smiles: str) -> str:
    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(smiles)
    if mol is None or mol.GetNumAtoms() == 0:
        raise InvalidMolecule(f"cannot read '{_short(smiles)}' as a SMILES")
    for atom in mol.GetAtoms():
        atom.SetAtomMapNum(0)
    return settled(Chem.MolToSmiles(mol))


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."
