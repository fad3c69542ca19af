"""Pools on disk: what each model proposed for each product of a split, one JSON line per reaction."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from planners.routes.single_step.ensemble.pool import MODELS, Entry, merge
from planners.routes.single_step.proposal import Proposal
from planners.routes.training.uspto import Split, training_dir


@dataclass(frozen=True, slots=True)
class Query:
    product: str
    truth: tuple[str, ...]
    entries: list[Entry]

    @property
    def hit(self) -> int | None:
        """Position of the true precursor set in `entries`; None when no model found it."""
        return next((i for i, e in enumerate(self.entries) if e.reactants == self.truth), None)


def path(model: str, split: Split) -> Path:
    return training_dir() / "pools" / f"{model}-{split}.jsonl"


def _lines(model: str, split: Split) -> Iterator[tuple[str, tuple[str, ...], list[Proposal]]]:
    with path(model, split).open(encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            found = [
                Proposal(tuple(sorted(reactants)), "", template, score, model)
                for reactants, score, template in row["proposals"]
            ]
            yield row["product"], tuple(sorted(row["truth"])), found


def queries(split: Split, models: Sequence[str] = MODELS) -> list[Query]:
    """Every reaction of the split with the models' merged proposals. Raises ValueError when the pools disagree."""
    columns = [list(_lines(model, split)) for model in models]
    if len({len(column) for column in columns}) != 1:
        sizes = ", ".join(f"{m} {len(c)}" for m, c in zip(models, columns, strict=True))
        raise ValueError(f"the pools of {split} differ in length: {sizes}; make them anew")
    made: list[Query] = []
    for rows in zip(*columns, strict=True):
        products = {(product, truth) for product, truth, _ in rows}
        if len(products) != 1:
            raise ValueError(f"the pools of {split} disagree about reaction {len(made)}; make them anew")
        answers: Mapping[str, list[Proposal]] = dict(zip(models, (found for _, _, found in rows), strict=True))
        made.append(Query(rows[0][0], rows[0][1], merge(answers)))
    return made


def top_k(ranks: Sequence[int | None], ks: Sequence[int] = (1, 3, 5, 10, 50)) -> dict[str, float]:
    """Per cent of `ranks` (None: not found) below each k."""
    return {f"top{k}": round(100.0 * sum(r is not None and r < k for r in ranks) / len(ranks), 2) for k in ks}
