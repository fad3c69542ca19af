"""What values of molecules look like, whoever gives them; and several givers asked as one, each molecule once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

REMEMBERED = 200_000  # molecules; a row of ten values takes some 0.5 kB
_BLOCK = 1024  # molecules asked at one time


class CannotEvaluate(ValueError):
    """A value that nobody here can give, with the reason in words: no model and no data to fit one, ..."""


@dataclass(frozen=True)
class Values:
    """Of n molecules and k names, each (n, k).

    mean, std: in the properties' units; std is that of the molecule's true value, 0 for what is computed from the
        structure. Of a property on a logarithmic scale they are median and half width of the central 68 %
        (`knowledge.qspr.estimates.to_estimate`). Where nothing can be said, mean is NaN and std infinite.
    in_domain: whether whoever gave the value knows molecules like this one.
    """

    mean: Array
    std: Array
    in_domain: Flags

    @staticmethod
    def exact(mean: Array) -> Values:
        """Of what is computed: NaN where nothing can be said."""
        known = np.isfinite(mean)
        return Values(mean, np.where(known, 0.0, np.inf), known)


@runtime_checkable
class Evaluator(Protocol):
    """Gives values of molecules. The same SMILES give the same values, whatever they are asked together with."""

    @property
    def names(self) -> tuple[str, ...]:
        """What the columns are: keys as in `Problem.wanted`."""
        ...

    def __call__(self, smiles: Sequence[str]) -> Values:
        """`smiles` canonical. Raises InvalidMolecule for what is no molecule."""
        ...


class Together:
    """Several evaluators as one; what was told once is remembered, by SMILES.

    names: the columns in the order wanted, each of some part.
    """

    def __init__(self, parts: Sequence[Evaluator], names: Sequence[str]) -> None:
        self.names = tuple(names)
        self._parts = tuple(parts)
        given = [name for part in parts for name in part.names]
        self._order = [given.index(name) for name in names]
        self._rows: dict[str, tuple[Array, Array, Flags]] = {}

    def __call__(self, smiles: Sequence[str]) -> Values:
        missing = [text for text in dict.fromkeys(smiles) if text not in self._rows]
        if len(self._rows) + len(missing) > REMEMBERED:
            self._rows.clear()
            missing = list(dict.fromkeys(smiles))
        for start in range(0, len(missing), _BLOCK):
            block = missing[start : start + _BLOCK]
            told = [part(block) for part in self._parts]
            mean = np.concatenate([values.mean for values in told], axis=1)[:, self._order]
            std = np.concatenate([values.std for values in told], axis=1)[:, self._order]
            domain = np.concatenate([values.in_domain for values in told], axis=1)[:, self._order]
            self._rows.update(zip(block, zip(mean, std, domain, strict=True), strict=True))
        if not smiles:
            empty = np.zeros((0, len(self.names)))
            return Values(empty, empty.copy(), np.zeros(empty.shape, dtype=np.bool_))
        rows = [self._rows[text] for text in smiles]
        return Values(
            np.stack([row[0] for row in rows]), np.stack([row[1] for row in rows]), np.stack([row[2] for row in rows])
        )
