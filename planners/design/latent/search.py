"""Bayesian optimisation between points of molecules: Gaussian processes on what was told, Thompson sampling on a cloud.

The cloud lies around the best molecules, within a radius that grows with success and shrinks with failure (Eriksson et
al., NeurIPS 2019: TuRBO). Each proposal follows its own draw of all processes, with its own weights of the goals (Paria
et al., UAI 2020); a draw of feasibility stands beside the goals. Pure functions of arrays and one random generator.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.linalg import cho_solve, cholesky, solve_triangular
from scipy.spatial.distance import cdist

from planners.optimize.threads import blas_threads

Array = npt.NDArray[np.float64]

_LENGTHS = (0.25, 0.5, 1.0, 2.0, 4.0)  # of the kernel, in median distances between the points
_NOISES = (1e-4, 1e-2, 1e-1)  # variance of the noise, in variances of the values
_JITTER = 1e-8
_GROW, _SHRINK = 1.6, 0.7
_SMALLEST, _LARGEST = 0.05, 1.2
FIRST_RADIUS = 0.5


@dataclass(frozen=True)
class Radius:
    """Of the cloud, in standard deviations of molecules' points. A round with an improvement widens it at once."""

    size: float = FIRST_RADIUS

    def after(self, improved: bool) -> Radius:
        size = self.size * (_GROW if improved else _SHRINK)
        # A cloud as small as that holds the best molecule only: begin wide again.
        return Radius(FIRST_RADIUS) if size < _SMALLEST else Radius(min(size, _LARGEST))


class Process:
    """A Gaussian process with a Matérn-5/2 kernel, whose length and noise are the most likely of a small grid.

    points: (n, d).  values: (n,), any scale.
    """

    def __init__(self, points: Array, values: Array) -> None:
        self._points = points
        self._centre = float(values.mean())
        self._scale = float(values.std()) or 1.0
        standard = (values - self._centre) / self._scale
        distances = cdist(points, points)
        typical = float(np.median(distances[distances > 0])) if (distances > 0).any() else 1.0
        best = -np.inf
        for length in _LENGTHS:
            kernel = _matern(distances / (length * typical))
            for noise in _NOISES:
                root = cholesky(kernel + (noise + _JITTER) * np.eye(len(points)), lower=True)
                weights = cho_solve((root, True), standard)
                # The amplitude that fits best is known in closed form; the rest is the profile likelihood.
                amplitude = max(float(standard @ weights) / len(points), 1e-6)
                likelihood = -0.5 * len(points) * np.log(amplitude) - float(np.log(np.diag(root)).sum())
                if likelihood > best:
                    best = likelihood
                    self._length, self._root, self._weights = length * typical, root, weights
                    self._amplitude = amplitude

    def draws(self, points: Array, count: int, rng: np.random.Generator) -> Array:
        """(count, m) values at `points` (m, d), each row one function drawn from the process."""
        across = _matern(cdist(points, self._points) / self._length)
        mean = across @ self._weights
        reduced = solve_triangular(self._root, across.T, lower=True)
        covariance = _matern(cdist(points, points) / self._length) - reduced.T @ reduced
        root = cholesky(self._amplitude * covariance + 1e-6 * np.eye(len(points)), lower=True)
        standard = mean + rng.standard_normal((count, len(points))) @ root.T
        drawn: Array = self._centre + self._scale * standard
        return drawn


def _matern(distances: Array) -> Array:
    scaled = np.sqrt(5.0) * distances
    kernel: Array = (1.0 + scaled + scaled**2 / 3.0) * np.exp(-scaled)
    return kernel


@blas_threads(None)
def chosen(
    told: Array, values: Array, feasible: npt.NDArray[np.bool_], offered: Array, count: int, rng: np.random.Generator
) -> list[int]:
    """Rows of `offered` (m, d), none twice, in the order of choice; at most m.

    told: (n, d) points with `values` (n, k), higher is better, and `feasible` (n,).
    """
    goals = np.stack([Process(told, column).draws(offered, count, rng) for column in values.T], axis=-1)
    low, high = values.min(0), values.max(0)
    goals = (goals - low) / np.where(high > low, high - low, 1.0)
    allowed = np.ones(goals.shape[:2], dtype=np.bool_)
    if not feasible.all():
        # All infeasible: the process then says everywhere the same, and the goals decide.
        allowed = Process(told, feasible.astype(np.float64)).draws(offered, count, rng) > 0.5
    taken: dict[int, None] = {}
    free = np.ones(len(offered), dtype=np.bool_)
    for draw, fits in zip(goals, allowed, strict=True):
        if not free.any():
            break
        worth = np.where(fits, 0.0, -1e3) + scalarised(draw, rng.dirichlet(np.ones(values.shape[1])))
        row = int(np.where(free, worth, -np.inf).argmax())
        free[row] = False
        taken[row] = None
    return list(taken)


def scalarised(goals: Array, weights: Array) -> Array:
    """Augmented Chebyshev: (m,) of (m, k) in 0..1, higher is better. One goal stays as it is."""
    if goals.shape[1] == 1:
        return goals[:, 0]
    worst: Array = (weights * goals).min(1) + 0.05 * (weights * goals).sum(1)
    return worst
