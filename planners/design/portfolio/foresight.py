"""What told molecules say about others: Gaussian processes on fingerprints, and a batch that does not repeat itself."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
from scipy.linalg import cho_solve, cholesky, solve_triangular

from knowledge.features.fingerprints import CountMorgan
from knowledge.qspr.kernels import coded, tanimoto
from planners.design.generator import Evaluated
from planners.optimize.threads import blas_threads

Array = npt.NDArray[np.float64]

ENOUGH = 20  # told molecules below which nothing is foreseen
MOST = 300  # told molecules that a process looks at: the best half and the latest
_NOISES = (1e-3, 1e-2, 1e-1, 0.5)  # variance, in amplitudes of the process
_LEVELS = 8  # counts of one environment that are told apart
_OPTIMISM = 1.0  # standard deviations above the mean
_REFUSED = 10.0  # ranges of the values by which a molecule that looks infeasible falls behind


@cache
def _fingerprints() -> CountMorgan:
    return CountMorgan(radius=2, bits=2048)


@dataclass(frozen=True)
class _Process:
    """Its noise is the most likely of a small grid, its amplitude the one that fits best, in closed form."""

    root: Array
    weights: Array
    centre: float
    amplitude: float
    noise: float

    @staticmethod
    def of(kernel: Array, values: Array) -> _Process:
        best: tuple[float, _Process] | None = None
        centre = float(values.mean())
        for noise in _NOISES:
            root = cholesky(kernel + (noise + 1e-8) * np.eye(len(values)), lower=True)
            weights = cho_solve((root, True), values - centre)
            amplitude = max(float((values - centre) @ weights) / len(values), 1e-12)
            likelihood = -0.5 * len(values) * np.log(amplitude) - float(np.log(np.diag(root)).sum())
            if best is None or likelihood > best[0]:
                best = likelihood, _Process(root, weights, centre, amplitude, noise)
        assert best is not None  # the grid is not empty
        return best[1]

    def posterior(self, across: Array, prior: Array) -> tuple[Array, Array]:
        """Mean (m,) and covariance (m, m) without noise, of `across` (n, m) and `prior` (m, m)."""
        reduced = solve_triangular(self.root, across, lower=True)
        return self.centre + across.T @ self.weights, self.amplitude * (prior - reduced.T @ reduced)


def remembered(told: Sequence[Evaluated]) -> list[Evaluated]:
    """At most `MOST` of what was told in this order: the best of all, and the latest."""
    if len(told) <= MOST:
        return list(told)
    latest = told[-(MOST // 2) :]
    others = sorted(told[: -(MOST // 2)], key=lambda e: (not e.feasible, -e.score, e.smiles))
    chosen = {e.smiles for e in (*others[: MOST - MOST // 2], *latest)}
    return [e for e in told if e.smiles in chosen]


@blas_threads(None)
def picked(
    told: Sequence[Evaluated],
    offered: Sequence[str],
    count: int,
    rng: np.random.Generator,
    quotas: Sequence[tuple[Collection[int], int]] = (),
) -> list[int]:
    """Indices of at most `count` of the offered molecules in the order of choice, none twice.

    quotas: groups of indices, and how many of each are to be chosen first; what quotas leave free is anybody's.

    Each is the most promising (mean and one standard deviation) for its own weights of the goals, drawn from `rng`,
    given that those chosen before will be measured: that lowers the deviation of what is like them (T. Desautels et
    al., J. Mach. Learn. Res. 2014, 15, 3873). Fewer than `ENOUGH` told: in the order of `offered`.
    """
    told = [e for e in remembered(told) if np.isfinite((e.score, *e.objectives)).all()]
    count = min(count, len(offered))
    turns = _Turns(len(offered), count, quotas)
    if len(told) < ENOUGH:
        while turns.left:
            turns.take(int(turns.open().argmax()))
        return turns.chosen
    bits = _fingerprints()
    known, new = (
        coded(bits.occurrences(list(smiles)), bits.bits, _LEVELS) for smiles in ([e.smiles for e in told], offered)
    )
    kernel, across, prior = tanimoto(known, known), tanimoto(known, new), tanimoto(new, new)
    means, covariances, noises = [], [], []
    for column in _columns(told).T:
        process = _Process.of(kernel, column)
        mean, covariance = process.posterior(across, prior)
        low, span = float(column.min()), float(np.ptp(column)) or 1.0
        means.append((mean - low) / span)
        covariances.append(covariance / span**2)
        noises.append(process.amplitude * process.noise / span**2 + 1e-9)
    mean, covariance = np.stack(means, -1), np.stack(covariances)
    mean = mean - _REFUSED * _doubt(told, kernel, across, prior)[:, None]
    while turns.left:
        spread = np.sqrt(np.maximum(np.diagonal(covariance, axis1=1, axis2=2), 0.0)).T
        worth = _scalarised(mean + _OPTIMISM * spread, rng.dirichlet(np.ones(mean.shape[1])))
        at = int(np.where(turns.open(), worth, -np.inf).argmax())
        turns.take(at)
        for k, noise in enumerate(noises):
            shared = covariance[k, :, at].copy()
            covariance[k] -= np.outer(shared, shared) / (shared[at] + noise)
    return turns.chosen


class _Turns:
    """Who may be chosen next: members of groups with a quota left; when no such is left, anybody."""

    def __init__(self, offered: int, count: int, quotas: Sequence[tuple[Collection[int], int]]) -> None:
        self.chosen: list[int] = []
        self.left = min(count, offered)
        self._free = np.ones(offered, dtype=np.bool_)
        self._groups = [(np.isin(np.arange(offered), list(group)), quota) for group, quota in quotas]

    def open(self) -> npt.NDArray[np.bool_]:
        """Shape (offered,); never all False while something is `left`."""
        wanted = [group & self._free for group, quota in self._groups if quota > 0]
        named = np.any(wanted, axis=0) if wanted else np.zeros_like(self._free)
        return named if named.any() else self._free

    def take(self, at: int) -> None:
        self.chosen.append(at)
        self.left -= 1
        self._free[at] = False
        self._groups = [(group, quota - int(group[at])) for group, quota in self._groups]


def _columns(told: Sequence[Evaluated]) -> Array:
    """Objectives where all have as many, else scores, (n, k)."""
    widths = {len(e.objectives) for e in told}
    if len(widths) == 1 and widths != {0}:
        return np.array([e.objectives for e in told], dtype=np.float64)
    return np.array([[e.score] for e in told], dtype=np.float64)


def _doubt(told: Sequence[Evaluated], kernel: Array, across: Array, prior: Array) -> Array:
    """How much likelier than not each offered molecule is infeasible, (m,), 0 where it is not."""
    feasible = np.array([float(e.feasible) for e in told])
    if feasible.min() == feasible.max():
        return np.zeros(across.shape[1])
    mean, _ = _Process.of(kernel, feasible).posterior(across, prior)
    return np.maximum(0.0, 0.5 - mean)


def _scalarised(values: Array, weights: Array) -> Array:
    """Augmented Chebyshev (Knowles, IEEE Trans. Evol. Comput. 2006, 10, 50), (m,) of (m, k); one column stays."""
    if values.shape[1] == 1:
        return values[:, 0]
    worth: Array = (weights * values).min(1) + 0.05 * (weights * values).sum(1)
    return worth
