"""A cheap model of a score: a Gaussian process on what a molecule looks like and on what it is made of.

Kernel: a mixture of the min-max similarity of count fingerprints (`knowledge.qspr.kernels`) and a radial kernel of
descriptors, in proportions that the marginal likelihood chooses (C. E. Rasmussen and C. K. I. Williams, "Gaussian
Processes for Machine Learning", 2006, ch. 2 and 5). Similarity knows fragments, descriptors know composition,
lipophilicity and polarity; scores of molecules are made of both.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from rdkit import Chem
from rdkit.Chem import rdFingerprintGenerator, rdMolDescriptors
from scipy import linalg, sparse
from scipy.special import ndtri
from scipy.stats import rankdata

from knowledge.qspr.kernels import coded, squared_distance, tanimoto

Array = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]

_BITS = 4096
_MORGAN = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=_BITS)
_LEVELS = 8  # counts above this are alike
# Cheap ones only; of these, Crippen's logP takes two thirds of the time.
_DESCRIPTORS = (
    "NumHeavyAtoms",
    "NumAtoms",
    "NumHBD",
    "NumHBA",
    "NumRings",
    "NumAromaticRings",
    "FractionCSP3",
    "CrippenClogP",
    "tpsa",
)
_ELEMENTS = ("N", "O", "S", "P", "F", "Cl", "Br")
_COUNTED = re.compile(r"([A-Z][a-z]?)(\d*)")
_PROPERTIES = rdMolDescriptors.Properties(_DESCRIPTORS)
_SHARES = (0.2, 0.5, 0.8)  # of similarity in the kernel; the rest is the radial kernel's
_LENGTHS = (2.0, 4.0)  # of the radial kernel, on standardised descriptors
_NOISES = (1e-3, 1e-2, 1e-1)  # as a part of the signal's variance
_TUNED_ON = 350


@dataclass(frozen=True)
class Looks:
    """n molecules. counts: unary-coded fingerprints, n rows.  numbers: descriptors, shape (n, d)."""

    counts: sparse.csr_array
    numbers: Array

    def __len__(self) -> int:
        return len(self.numbers)

    def take(self, rows: Indices) -> Looks:
        return Looks(self.counts[rows], self.numbers[rows])


def looks(mols: Sequence[Chem.Mol]) -> Looks:
    """Of sanitised molecules."""
    found = [_MORGAN.GetCountFingerprint(mol).GetNonzeroElements() for mol in mols]
    occurrences = [
        (
            np.fromiter(each.keys(), dtype=np.int32, count=len(each)),
            np.fromiter(each.values(), dtype=np.float64, count=len(each)),
        )
        for each in found
    ]
    numbers = np.array([_numbers(mol) for mol in mols]).reshape(len(mols), len(_DESCRIPTORS) + len(_ELEMENTS))
    return Looks(coded(occurrences, _BITS, _LEVELS), numbers)


def joined(parts: Sequence[Looks]) -> Looks:
    return Looks(
        sparse.vstack([part.counts for part in parts], format="csr"), np.concatenate([part.numbers for part in parts])
    )


def _numbers(mol: Chem.Mol) -> list[float]:
    # From the formula: a walk over the atoms took a third of all the time of a search.
    counts = {symbol: float(count or 1) for symbol, count in _COUNTED.findall(rdMolDescriptors.CalcMolFormula(mol))}
    return [*_PROPERTIES.ComputeProperties(mol), *(counts.get(symbol, 0.0) for symbol in _ELEMENTS)]


def evened(values: Array) -> Array:
    """Standardised values plus their normal scores: most scores crowd at one end of their range, where ranks still
    tell good from better, and where they do not, the distances count too.
    """
    spread = float(values.std())
    if spread == 0.0:
        return np.zeros(len(values))
    normal = ndtri((rankdata(values) - 0.5) / len(values))
    result: Array = 0.5 * (normal + (values - values.mean()) / spread)
    return result


class ScoreModel:
    """Fitted to `values` (n,), standardised or `evened`; `looks` of the same molecules."""

    def __init__(self, looks: Looks, values: Array) -> None:
        self._looks = looks
        self._centre = looks.numbers.mean(axis=0)
        spread = looks.numbers.std(axis=0)
        self._spread = np.where(spread > 0.0, spread, 1.0)
        self._inputs = self._scaled(looks)
        # Ranks at even distances: the best are what matters, the worst say what to avoid.
        places = np.unique(np.linspace(0, len(values) - 1, min(_TUNED_ON, len(values))).astype(np.intp))
        self._share, self._length, noise = self._tuned(np.argsort(-values, kind="stable")[places], values)
        gram = self._mixed(tanimoto(looks.counts, looks.counts), squared_distance(self._inputs, self._inputs))
        gram[np.diag_indices_from(gram)] += noise
        factor = linalg.cholesky(gram, lower=True, check_finite=False)
        inverse = linalg.solve_triangular(factor, np.eye(len(values)), lower=True, check_finite=False)
        self._alpha = inverse.T @ (inverse @ values)
        self._signal = max(float(values @ self._alpha) / len(values), 1e-12)
        self._inverse = inverse.astype(np.float32)  # single precision is enough for the variance

    def predict(self, looks: Looks) -> tuple[Array, Array]:
        """(mean, standard deviation), each (m,), on the scale of the values."""
        cross = self._cross(looks)
        explained = self._explained(cross)
        variance = np.maximum(1.0 - (explained * explained).sum(axis=1), 1e-8)
        return cross @ self._alpha, np.sqrt(self._signal * variance)

    def joint(self, looks: Looks) -> tuple[Array, Array]:
        """(mean (m,), covariance (m, m)): what is uncertain about several molecules together."""
        cross = self._cross(looks)
        explained = self._explained(cross)
        inputs = self._scaled(looks)
        prior = self._mixed(tanimoto(looks.counts, looks.counts), squared_distance(inputs, inputs))
        covariance: Array = self._signal * (prior - explained @ explained.T)
        return cross @ self._alpha, covariance

    def _scaled(self, looks: Looks) -> Array:
        numbers: Array = (looks.numbers - self._centre) / self._spread
        return numbers

    def _explained(self, cross: Array) -> Array:
        return np.asarray(cross.astype(np.float32) @ self._inverse.T, dtype=np.float64)

    def _cross(self, looks: Looks) -> Array:
        return self._mixed(
            tanimoto(looks.counts, self._looks.counts), squared_distance(self._scaled(looks), self._inputs)
        )

    def _mixed(self, similarity: Array, distance: Array) -> Array:
        return _mixture(similarity, distance, self._share, self._length)

    def _tuned(self, rows: Indices, values: Array) -> tuple[float, float, float]:
        """Share, length and noise of the highest marginal likelihood on a part of the data."""
        part, inputs, y = self._looks.take(rows), self._inputs[rows], values[rows]
        similarity, distance = tanimoto(part.counts, part.counts), squared_distance(inputs, inputs)
        best = (-np.inf, _SHARES[0], _LENGTHS[0], _NOISES[-1])
        for share in _SHARES:
            for length in _LENGTHS:
                gram = _mixture(similarity, distance, share, length)
                for noise in _NOISES:
                    likelihood = _log_likelihood(gram, noise, y)
                    if likelihood > best[0]:
                        best = (likelihood, share, length, noise)
        return best[1:]


def _mixture(similarity: Array, distance: Array, share: float, length: float) -> Array:
    mixed: Array = share * similarity + (1.0 - share) * np.exp(distance / (-2.0 * length * length))
    return mixed


def _log_likelihood(gram: Array, noise: float, y: Array) -> float:
    """Marginal log-likelihood with the signal's variance at its best value, up to a constant."""
    n = len(y)
    try:
        factor = linalg.cholesky(gram + noise * np.eye(n), lower=True, check_finite=False)
    except linalg.LinAlgError:
        return -np.inf
    white = linalg.solve_triangular(factor, y, lower=True, check_finite=False)
    return float(-0.5 * n * np.log(max(float(white @ white) / n, 1e-12)) - np.log(np.diag(factor)).sum())
