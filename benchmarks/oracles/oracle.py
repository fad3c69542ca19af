"""An objective: terms of one molecule, put together by a mean."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from rdkit import Chem, rdBase

from benchmarks.oracles.shapes import arithmetic_mean, geometric_mean

Term = Callable[[Chem.Mol], float]


class UnknownOracle(ValueError):
    """A name that is no oracle; the message lists those that are."""


@dataclass(frozen=True)
class Oracle:
    """terms: worths of a molecule, 0..1, cheap ones first.

    mean: of the terms. With the geometric one a term that is 0 decides, and the later ones are not computed.
    """

    name: str
    terms: tuple[Term, ...]
    mean: Literal["geometric", "arithmetic"] = "geometric"

    def score(self, smiles: str) -> float:
        """0..1, higher is better; 0 for what is no molecule."""
        with rdBase.BlockLogs():
            mol = Chem.MolFromSmiles(smiles)
        if mol is None or not mol.GetNumAtoms():
            return 0.0
        return self.of(mol)

    def of(self, mol: Chem.Mol) -> float:
        """Of a sanitised molecule."""
        values: list[float] = []
        for term in self.terms:
            value = term(mol)
            if value == 0.0 and self.mean == "geometric":
                return 0.0
            values.append(value)
        if len(values) == 1:
            return values[0]
        return geometric_mean(values) if self.mean == "geometric" else arithmetic_mean(values)

    def __call__(self, smiles: Iterable[str]) -> list[float]:
        return [self.score(text) for text in smiles]
