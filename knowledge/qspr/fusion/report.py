"""What a fused model has learned of its sources, in numbers and in words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import linalg

from knowledge.qspr.fusion.coregion import BIAS, Coregion, Rows
from knowledge.qspr.fusion.sources import FusedSamples
from knowledge.qspr.kernels import Array
from knowledge.qspr.models.process import Terms
from knowledge.qspr.models.scaling import Target

_DOUBTED = 0.2  # weight below which a value counts as doubted: five times the usual noise variance


@dataclass(frozen=True)
class SourceReport:
    """On the model scale. `bias`: mean of source minus truth over the source's molecules, beyond its `scale` (slope
    against the truth), with its standard uncertainty; `structure`: standard deviation over molecules of the part of the
    deviation that the molecule's structure predicts; `noise`: of the rest; `doubted`: values that heavy tails had to
    explain.
    """

    name: str
    values: int
    scale: float
    bias: float
    bias_std: float
    structure: float
    noise: float
    doubted: int

    def words(self, unit: str = "") -> str:
        """One line, such as "NIST WebBook: bias -0.3 ± 0.1 K, noise 1.8 K (410 values, 12 doubted)"."""
        behind = f" {unit}" if unit else ""
        parts = [] if self.bias_std == 0.0 else [f"bias {self.bias:+.2g} ± {self.bias_std:.2g}{behind}"]
        if abs(self.scale - 1.0) >= 0.01:
            parts.append(f"slope {self.scale:.2f}")
        if self.structure > 0.0:
            parts.append(f"structure-dependent {self.structure:.2g}{behind}")
        parts.append(f"noise {self.noise:.2g}{behind}")
        doubted = f", {self.doubted} doubted" if self.doubted else ""
        return f"{self.name}: {', '.join(parts)} ({self.values} values{doubted})"


def reports(
    data: FusedSamples, target: Target, theta: Coregion, terms: Terms, rows: Rows, factor: Array, alpha: Array
) -> list[SourceReport]:
    """`factor` (N, N) and `alpha` (N,): Cholesky factor of the rows' covariance, and its inverse times the values."""
    kernels = theta.kernels(terms)
    base = theta.row_noise(rows) * rows.weights
    found = []
    for s, name in enumerate(data.names):
        own = np.flatnonzero(rows.source == s)
        heavy = own.size > 0 and bool((rows.weights[own] != 1.0).any())
        bias = bias_std = structure = 0.0
        if s and own.size:
            places = np.ix_(rows.molecule[own], rows.molecule[own])
            deviation = BIAS + sum(d * k[places] for d, k in zip(theta.deltas[s], kernels, strict=True))
            cross = np.zeros((len(rows.y), len(own)))
            cross[own] = deviation
            each = cross.T @ alpha
            half = linalg.solve_triangular(factor, cross.mean(axis=1), lower=True, check_finite=False)
            bias = float(each.mean())
            bias_std = float(np.sqrt(max(float(deviation.mean()) - float(half @ half), 0.0)))
            structure = float(each.std())
        noise = float(np.sqrt(base[own].mean())) if own.size else float(np.sqrt(theta.noises[s]))
        found.append(
            SourceReport(
                name=name,
                values=len(own),
                scale=float(theta.scales[s]),
                bias=bias * target.spread,
                bias_std=bias_std * target.spread,
                structure=structure * target.spread,
                noise=noise * target.spread,
                doubted=int((rows.weights[own] < _DOUBTED).sum()) if heavy else 0,
            )
        )
    return found
