"""How likely an experiment is to give something that can be measured, learned from those that gave nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from knowledge.features.fingerprints import CountMorgan
from knowledge.qspr.kernels import Array, tanimoto, unary
from knowledge.records.space import Category
from planners.optimize.insight.classifier import Classifier, fit_classifier
from planners.optimize.space.encoding import Codes, Encoding

LARGEST = 400
"""Labels that a classifier is fitted to; of more, all failures up to half of them and a drawn part of the others."""
_LENGTHS = (0.25, 0.8)  # of numbers, as parts of their range
_COUNTS = 8  # how often an environment is counted at most
_CHUNK = 4096


class Feasibility(Protocol):
    """Of settings, by their codes."""

    def probability(self, codes: Codes) -> Array:
        """(n,), between 0 and 1: that the experiment does not fail."""
        ...


@dataclass(frozen=True)
class Always:
    """Nothing failed so far."""

    def probability(self, codes: Codes) -> Array:
        return np.ones(len(codes))


@dataclass(frozen=True)
class Learned:
    """`codes` (n, p) are the labelled settings."""

    encoding: Encoding
    codes: Codes
    classifier: Classifier

    def probability(self, codes: Codes) -> Array:
        found = np.empty(len(codes))
        for start in range(0, len(codes), _CHUNK):
            part = codes[start : start + _CHUNK]
            columns = _columns(self.encoding, part, self.codes)
            chosen = {s: _structure(columns, s) for s in self.classifier.structures}
            found[start : start + _CHUNK] = self.classifier.probability(chosen, len(part))
        return found


def fit_feasibility(encoding: Encoding, codes: Codes, failed: NDArray[np.bool_], seed: int) -> Feasibility:
    """From (n, p) codes of experiments and which of them (n,) gave nothing.

    A failure may be due to one parameter alone, to their sum or to their combination: each of these is a correlation,
    and the labels weigh them (see `classifier`). A category's options are alike by their structures' fingerprints where
    they are described. Without failures everything is feasible; with few, nearly the base rate everywhere.
    """
    if not failed.any():
        return Always()
    rows = _sample(failed, seed)
    codes, failed = codes[rows], failed[rows]
    columns = _columns(encoding, codes, codes)
    return Learned(
        encoding, codes, fit_classifier([_structure(columns, s) for s in range(_structures(encoding))], failed)
    )


@dataclass(frozen=True)
class MoleculeFeasibility:
    """Of molecules, by their fingerprints. Without failures `classifier` is None."""

    smiles: tuple[str, ...]
    classifier: Classifier | None

    def probability(self, smiles: Sequence[str]) -> Array:
        """(n,), between 0 and 1: that the chemistry gives the molecule. Raises InvalidMolecule."""
        if self.classifier is None:
            return np.ones(len(smiles))
        found = np.empty(len(smiles))
        known = _fingerprints(self.smiles)
        for start in range(0, len(smiles), _CHUNK):
            part = smiles[start : start + _CHUNK]
            alike = tanimoto(_fingerprints(part), known)
            found[start : start + _CHUNK] = self.classifier.probability(dict(enumerate(_powers(alike))), len(part))
        return found


def fit_feasibility_of_molecules(smiles: Sequence[str], failed: NDArray[np.bool_], seed: int) -> MoleculeFeasibility:
    """From molecules whose synthesis was tried and which of them (n,) gave nothing. Raises InvalidMolecule."""
    if not failed.any():
        return MoleculeFeasibility(tuple(smiles), None)
    rows = _sample(failed, seed)
    kept = tuple(smiles[i] for i in rows)
    known = _fingerprints(kept)
    return MoleculeFeasibility(kept, fit_classifier(_powers(tanimoto(known, known)), failed[rows]))


def _powers(alike: Array) -> list[Array]:
    """Broad and narrow: an elementwise power of a positive semi-definite matrix stays one."""
    return [alike, alike**3]


def _fingerprints(smiles: Sequence[str]) -> NDArray[np.float64]:
    return unary(CountMorgan()(smiles), _COUNTS)


def _sample(failed: NDArray[np.bool_], seed: int) -> NDArray[np.intp]:
    """Indices, ascending; shares of failures and of others stay as they are."""
    n = len(failed)
    if n <= LARGEST:
        return np.arange(n)
    draw = np.random.default_rng(seed)
    wrong, right = np.flatnonzero(failed), np.flatnonzero(~failed)
    some = max(1, round(LARGEST * len(wrong) / n))
    kept = [draw.choice(wrong, some, replace=False), draw.choice(right, LARGEST - some, replace=False)]
    return np.sort(np.concatenate(kept))


def _columns(encoding: Encoding, codes: Codes, others: Codes) -> list[list[Array]]:
    """For each parameter its correlations (n, m): one for a category, one for each length of a number."""
    found: list[list[Array]] = []
    for j, parameter in enumerate(encoding.space.parameters):
        if isinstance(parameter, Category):
            found.append([_of_options(parameter, codes[:, j], others[:, j])])
        else:
            apart = codes[:, j : j + 1] - others[:, j][None, :]
            found.append([np.exp(-0.5 * (apart / length) ** 2) for length in _LENGTHS])
    return found


def _of_options(parameter: Category, codes: Array, others: Array) -> Array:
    if not parameter.described:
        return (codes[:, None] == others[None, :]).astype(np.float64)
    mine, at = np.unique(codes.astype(np.intp), return_inverse=True)
    theirs, to = np.unique(others.astype(np.intp), return_inverse=True)
    left, right = ([parameter.options[i].smiles or "" for i in which.tolist()] for which in (mine, theirs))
    alike = 0.5 * tanimoto(_fingerprints(left), _fingerprints(right)) + 0.5 * (mine[:, None] == theirs[None, :])
    return np.asarray(alike[np.ix_(at, to)])


def _structures(encoding: Encoding) -> int:
    return 2 * len(_LENGTHS) + len(encoding.categories) + len(_LENGTHS) * len(encoding.numbers)


def _structure(columns: list[list[Array]], which: int) -> Array:
    """First sums and products over all parameters at each length, then every parameter alone."""
    if which < 2 * len(_LENGTHS):
        length, together = which // 2, which % 2
        parts = np.stack([c[min(length, len(c) - 1)] for c in columns])
        return np.asarray(parts.prod(axis=0) if together else parts.mean(axis=0))
    return [c for column in columns for c in column][which - 2 * len(_LENGTHS)]
