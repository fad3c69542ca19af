"""Geometry optimisation with xTB gradients."""

from __future__ import annotations

import numpy as np
from scipy.linalg import solve_triangular
from scipy.optimize import minimize

from knowledge.quantum.conformers import Geometry
from knowledge.quantum.errors import NotConverged
from knowledge.quantum.xtb import Array, Point, Surface

STEPS_MAX = 400
# Largest component of the gradient in the coordinates below, whose square is about twice the energy still to be won in
# Hartree: 5e-4 leaves less than 0.1 kJ/mol.
_GRADIENT = 5e-4
# Force constants in Hartree/Bohr² by how many bonds lie between two atoms: bond, angle, torsion; then a floor for the
# soft motions of the whole. Only the number of steps depends on them, not where they end.
_CONSTANTS = {1: 0.40, 2: 0.10, 3: 0.010}
_FLOOR = 0.03


def relaxed(surface: Surface, geometry: Geometry, start: Array) -> tuple[Array, Point]:
    """Positions (n, 3) in Bohr at the minimum near `start`, and the surface there.

    L-BFGS in coordinates in which a pairwise-spring model of the Hessian is the unit matrix: a third fewer steps than
    in plain Cartesian ones. Raises NotConverged, Unsupported.
    """
    factor = np.linalg.cholesky(_model_hessian(geometry, start))
    count = len(start)

    def cartesian(scaled: Array) -> Array:
        solved: Array = solve_triangular(factor, scaled, trans=1, lower=True)
        return solved.reshape(count, 3)

    def energy(scaled: Array) -> tuple[float, Array]:
        point = surface.at(cartesian(scaled))
        return point.energy, solve_triangular(factor, point.gradient.ravel(), lower=True)

    found = minimize(
        energy,
        factor.T @ start.ravel(),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": STEPS_MAX, "maxfun": 2 * STEPS_MAX, "maxcor": 30, "ftol": 1e-13, "gtol": _GRADIENT},
    )
    # A line search may give up within the noise of the SCF; ten times the tolerance is still a minimum.
    if not found.success and np.abs(found.jac).max() > 10.0 * _GRADIENT:
        raise NotConverged(f"the geometry did not converge in {found.nit} steps")
    positions = cartesian(found.x)
    return positions, surface.at(positions)


def _model_hessian(geometry: Geometry, positions: Array) -> Array:
    """(3n, 3n) in Hartree/Bohr²: springs between near atoms along their distance, plus the floor."""
    count = len(positions)
    hessian = _FLOOR * np.eye(3 * count)
    for i in range(count):
        for j in range(i):
            constant = _CONSTANTS.get(int(geometry.bond_distances[i, j]))
            if constant is None:
                continue
            along = positions[i] - positions[j]
            along = along / max(float(np.linalg.norm(along)), 1e-6)
            block = constant * np.outer(along, along)
            a, b = slice(3 * i, 3 * i + 3), slice(3 * j, 3 * j + 3)
            hessian[a, a] += block
            hessian[b, b] += block
            hessian[a, b] -= block
            hessian[b, a] -= block
    return hessian
