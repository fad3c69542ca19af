"""A mixture of Gaussians fitted to points: where in a latent space molecules lie."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.linalg import cholesky, solve_triangular
from scipy.special import logsumexp

Array = npt.NDArray[np.float64]

_SHRUNK = 0.05  # of each covariance towards that of all points: parts may hold few points for so many directions
_MEANS, _ROUNDS = 8, 12


def fitted(points: Array, parts: int, seed: int) -> tuple[Array, Array, Array]:
    """Shares (k,), means (k, d) and lower roots of the covariances (k, d, d) of points (n, d), by a few rounds of
    k-means and of expectation and maximisation (Dempster, Laird, Rubin, J. R. Stat. Soc. B 1977, 39, 1).
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    centres = points[rng.choice(len(points), parts, replace=False)]
    near = np.zeros(len(points), dtype=np.int64)
    for _ in range(_MEANS):
        near = (np.square(centres).sum(1) - 2 * points @ centres.T).argmin(1)
        centres = np.stack([points[near == k].mean(0) if (near == k).any() else centres[k] for k in range(parts)])
    whole = np.cov(points.T)
    duty = np.eye(parts)[near]
    shares, means, roots = _maximised(points, duty, whole)
    for _ in range(_ROUNDS):
        logs = np.stack([_density(points, *part) for part in zip(shares, means, roots, strict=True)], axis=1)
        duty = np.exp(logs - logsumexp(logs, axis=1, keepdims=True))
        shares, means, roots = _maximised(points, duty, whole)
    return shares, means, roots


def _maximised(points: Array, duty: Array, whole: Array) -> tuple[Array, Array, Array]:
    counts = duty.sum(0) + 1e-9
    means = duty.T @ points / counts[:, None]
    roots = []
    for k, count in enumerate(counts):
        apart = points - means[k]
        own = (apart * duty[:, k, None]).T @ apart / count
        # With fewer points than directions a covariance says little: the fewer, the nearer to the whole.
        share = max(_SHRUNK, points.shape[1] / (points.shape[1] + count))
        roots.append(cholesky((1 - share) * own + share * whole, lower=True))
    return counts / counts.sum(), means, np.stack(roots)


def _density(points: Array, share: float, mean: Array, root: Array) -> Array:
    """Logarithm of share times density, less a constant, (n,)."""
    white = solve_triangular(root, (points - mean).T, lower=True)
    density: Array = np.log(share) - np.log(np.diag(root)).sum() - 0.5 * np.square(white).sum(0)
    return density
