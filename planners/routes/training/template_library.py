"""The templates of USPTO-50k's train split: cut, merged by signature, and kept when they regenerate their reaction."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from loguru import logger

from planners.routes.single_step.templates.compiled import apply
from planners.routes.single_step.templates.extraction import extract, reactant_set, unmapped
from planners.routes.single_step.templates.signature import signature
from planners.routes.training import uspto

EXAMPLES = 3  # patents kept per template


@dataclass(frozen=True, slots=True)
class Row:
    """A reaction without maps: canonical product, canonical sorted reactants, patent number, template or -1."""

    product: str
    reactants: tuple[str, ...]
    patent: str
    template: int


@dataclass(frozen=True, slots=True)
class Library:
    """`templates` by falling frequency; `rows` in the split's order."""

    templates: list[str]
    counts: list[int]
    examples: list[list[str]]
    rows: list[Row]


def folder() -> Path:
    path = uspto.training_dir() / "template"
    path.mkdir(exist_ok=True)
    return path


def plain_rows(split: uspto.Split) -> list[Row]:
    """The split's reactions without maps and templates, in its order."""
    return [Row(unmapped(r.product), reactant_set(r.reactants), r.id, -1) for r in uspto.reactions(split)]


def library() -> Library:
    """Built once, then read from `training_dir()`."""
    path = folder() / "library.json.gz"
    if not path.is_file():
        built = _build()
        content = [built.templates, built.counts, built.examples]
        rows = [[r.product, list(r.reactants), r.patent, r.template] for r in built.rows]
        scratch = path.with_suffix(".part")
        scratch.write_bytes(gzip.compress(json.dumps([*content, rows]).encode(), mtime=0))
        scratch.rename(path)
    templates, counts, examples, rows = json.loads(gzip.decompress(path.read_bytes()))
    return Library(templates, counts, examples, [Row(p, tuple(r), i, t) for p, r, i, t in rows])


def _build() -> Library:
    rows = plain_rows("train")
    written: Counter[str] = Counter()
    of_row: list[str | None] = []
    for reaction in uspto.reactions("train"):
        template = extract(reaction.reactants, reaction.product)
        of_row.append(template)
        if template is not None:
            written[template] += 1
    logger.info("{} of {} reactions give {} templates as written", sum(written.values()), len(rows), len(written))
    # The commonest spelling stands for all spellings of a template.
    spoken_for: dict[str, str] = {}
    stands_for: dict[str, str] = {}
    for template, _ in sorted(written.items(), key=lambda item: (-item[1], item[0])):
        stands_for[template] = spoken_for.setdefault(signature(template), template)
    logger.info("{} templates after merging spellings", len(spoken_for))
    kept: list[str | None] = []
    for row, template in zip(rows, of_row, strict=True):
        chosen = None if template is None else stands_for[template]
        kept.append(chosen if chosen is not None and row.reactants in apply(chosen, row.product) else None)
    counts = Counter(t for t in kept if t is not None)
    order = sorted(counts, key=lambda t: (-counts[t], t))
    logger.info("{} templates regenerate {} reactions", len(order), sum(counts.values()))
    number = {template: i for i, template in enumerate(order)}
    examples: list[list[str]] = [[] for _ in order]
    numbered = []
    for row, chosen in zip(rows, kept, strict=True):
        index = -1 if chosen is None else number[chosen]
        numbered.append(Row(row.product, row.reactants, row.patent, index))
        if index >= 0 and len(examples[index]) < EXAMPLES and row.patent not in examples[index]:
            examples[index].append(row.patent)
    return Library(order, [counts[t] for t in order], examples, numbered)
