"""What the local-template model learns from: templates with their places, extracted once, and their vocabulary."""

from __future__ import annotations

import gzip
import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem

from planners.routes.single_step.graph.molgraph import MolGraph, featurise
from planners.routes.single_step.local.extraction import NoTemplate, extract
from planners.routes.single_step.local.template import LocalTemplate
from planners.routes.structure import parse
from planners.routes.training.uspto import Split, reactions, training_dir

LEAST_COUNT = 2  # a template seen once is as likely a wrong mapping as a reaction


def folder() -> Path:
    path = training_dir() / "local"
    path.mkdir(parents=True, exist_ok=True)
    return path


def extracted(split: Split) -> list[dict[str, object]]:
    """One row per reaction with a template; made once and kept as JSON lines."""
    path = folder() / f"{split}.jsonl"
    if not path.is_file():
        failed: Counter[str] = Counter()
        scratch = path.with_suffix(".part")
        with scratch.open("w", encoding="utf-8") as out:
            for reaction in reactions(split):
                try:
                    found = extract(reaction.reactants, reaction.product)
                except (NoTemplate, ValueError) as error:
                    failed[str(error)[:60]] += 1
                    continue
                row = {
                    "product": found.product,
                    "template": found.template.dump(),
                    "sites": found.sites,
                    "exact": found.exact,
                }
                out.write(json.dumps(row) + "\n")
        scratch.replace(path)
        log(f"{split}: extracted, without template: {dict(failed)}")
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def log(text: str) -> None:
    line = f"{time.strftime('%H:%M:%S')} {text}"
    print(line, flush=True)
    with (folder() / "log.txt").open("a", encoding="utf-8") as out:
        out.write(line + "\n")


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Templates by falling frequency; atom and bond templates number their own columns."""

    atom: tuple[LocalTemplate, ...]
    bond: tuple[LocalTemplate, ...]
    counts: dict[LocalTemplate, int]

    @classmethod
    def of(cls, rows: Sequence[dict[str, object]]) -> Vocabulary:
        counts: Counter[LocalTemplate] = Counter()
        for row in rows:
            counts[LocalTemplate.load(row["template"])] += 1  # type: ignore[arg-type]
        for template in [t for t in counts if t.stereo and counts[t] < LEAST_COUNT]:
            counts[template.with_stereo(())] += counts.pop(template)
        kept = sorted((t for t in counts if counts[t] >= LEAST_COUNT), key=lambda t: (-counts[t], t.id))
        return cls(
            tuple(t for t in kept if len(t.anchor) == 1),
            tuple(t for t in kept if len(t.anchor) == 2),
            {t: counts[t] for t in kept},
        )

    def save(self, path: Path) -> None:
        data = {
            kind: [{"id": t.id, "count": self.counts[t], "template": t.dump()} for t in templates]
            for kind, templates in (("atom", self.atom), ("bond", self.bond))
        }
        with path.open("wb") as raw, gzip.GzipFile(fileobj=raw, mode="wb", mtime=0) as out:
            out.write(json.dumps(data, separators=(",", ":")).encode())


@dataclass(frozen=True, slots=True)
class Example:
    """`places` [p, 2]: row (an atom, or a directed bond) and column of every right pair, atoms when `lone`."""

    graph: MolGraph
    lone: bool
    places: NDArray[np.int64]


def examples(rows: Sequence[dict[str, object]], vocabulary: Vocabulary) -> list[Example | None]:
    """None where the template is not in the vocabulary."""
    columns = {t: i for kind in (vocabulary.atom, vocabulary.bond) for i, t in enumerate(kind)}
    made: list[Example | None] = []
    for row in rows:
        template = LocalTemplate.load(row["template"])  # type: ignore[arg-type]
        if template not in columns and template.stereo:
            template = template.with_stereo(())
        if template not in columns:
            made.append(None)
            continue
        mol = parse(str(row["product"]))
        places = sorted(set(_places(template, mol, row["sites"])))  # type: ignore[arg-type]
        pairs = np.array([(place, columns[template]) for place in places], dtype=np.int64)
        made.append(Example(featurise(mol), len(template.anchor) == 1, pairs))
    return made


def _places(template: LocalTemplate, mol: Chem.Mol, sites: Sequence[Sequence[int]]) -> Iterator[int]:
    """Rows of the anchors and of everything that symmetry makes the same."""
    ranks = list(Chem.CanonicalRankAtoms(mol, breakTies=False))
    anchors = {tuple(ranks[site[p]] for p in template.anchor) for site in sites}
    if len(template.anchor) == 1:
        yield from (i for i, rank in enumerate(ranks) if (rank,) in anchors)
        return
    for bond in mol.GetBonds():
        a, b = ranks[bond.GetBeginAtomIdx()], ranks[bond.GetEndAtomIdx()]
        if (a, b) in anchors:
            yield 2 * bond.GetIdx()
        if (b, a) in anchors:
            yield 2 * bond.GetIdx() + 1
