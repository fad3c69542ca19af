"""For each reaction: the templates that match its product, and those of them that give its true reactants."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from loguru import logger
from numpy.typing import NDArray
from rdkit import Chem

from planners.routes.single_step.templates.compiled import compiled, run, substrate
from planners.routes.single_step.templates.library import TemplateLibrary
from planners.routes.structure import parse
from planners.routes.training.template_library import Row, folder

_Change = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Labels:
    """Template indices of all reactions end to end: reaction i has the places starts[i] to starts[i + 1].

    `matching` (places,) holds the templates that match the product; `right` (places,) says which give the truth.
    """

    matching: NDArray[np.int16]
    right: NDArray[np.bool_]
    starts: NDArray[np.int64]

    def solvable(self) -> NDArray[np.int64]:
        """Reactions with at least one right template."""
        rights = np.concatenate([[0], np.cumsum(self.right)])[self.starts]
        return np.nonzero(np.diff(rights))[0]

    def batch(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]]:
        """(rows, width) template indices padded with 0, whether each is no padding, and whether it is right."""
        begin, lengths = self.starts[rows], self.starts[rows + 1] - self.starts[rows]
        columns = np.arange(lengths.max())[None, :]
        real = columns < lengths[:, None]
        places = np.where(real, begin[:, None] + columns, 0)
        return np.where(real, self.matching[places], 0).astype(np.int64), real, real & self.right[places]


def _heavy(mol: Chem.Mol) -> Counter[int]:
    return Counter(a.GetAtomicNum() for a in mol.GetAtoms() if a.GetAtomicNum() > 1)


def _change(before: Counter[int], after: Counter[int]) -> _Change:
    return tuple(sorted((e, after[e] - before[e]) for e in {*before, *after} if after[e] != before[e]))


def _template_change(smarts: str) -> _Change:
    product, reactants = (
        _heavy(Chem.MolFromSmarts(side[1:-1] if side.startswith("(") else side)) for side in smarts.split(">>")
    )
    return _change(product, reactants)


def labels(split: str, rows: Sequence[Row], library: TemplateLibrary) -> Labels:
    """Of every row; computed once for a split, then read from `training_dir()`."""
    path = folder() / f"labels-{split}.npz"
    if not path.is_file():
        computed = _compute(rows, library)
        scratch = path.with_suffix(".part.npz")
        np.savez(scratch, matching=computed.matching, right=computed.right, starts=computed.starts)
        scratch.rename(path)
    with np.load(path) as file:
        return Labels(file["matching"], file["right"], file["starts"])


def _compute(rows: Sequence[Row], library: TemplateLibrary) -> Labels:
    # Only a template that adds exactly the atoms which the true reactants have more than the product can give them.
    changes = [_template_change(smarts) for smarts in library.templates]
    matching: list[NDArray[np.int64]] = []
    right: list[bool] = []
    for number, row in enumerate(rows):
        found = library.matching(row.product)
        wanted = _change(_heavy(parse(row.product)), _heavy(parse(".".join(row.reactants))))
        target = substrate(row.product)
        matching.append(found)
        right += [
            changes[index] == wanted
            and (index == row.template or row.reactants in run(compiled(library.templates[index]), target)[0])
            for index in found.tolist()
        ]
        if number % 5000 == 4999:
            logger.info("{} of {} products matched", number + 1, len(rows))
    starts = np.cumsum([0, *(len(found) for found in matching)])
    return Labels(np.concatenate(matching).astype(np.int16), np.array(right), starts)
