"""A cheap, optimistic ranking of a large pool: who deserves a route search and a look by the acquisition function."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from knowledge.records.molecule import Molecule
from knowledge.records.objective import Constraint, Objective
from planners.optimize.goals import Observation, feasible, utilities
from planners.optimize.outlook import Outlook
from planners.optimize.surrogates import Surrogates
from planners.optimize.threads import blas_threads

OPTIMISM = 1.0  # standard deviations above the mean


def rank(
    surrogates: Surrogates,
    pool: Sequence[str],
    *,
    objectives: Sequence[Objective],
    constraints: Sequence[Constraint],
    observed: Sequence[Observation] = (),
    seed: int,
    weights: int = 8,
    threads: int | None = None,
) -> list[int]:
    """All indices of `pool`, the most promising first.

    For each of `weights` random directions of the Pareto front, molecules are ordered by (optimistic gain over the best
    feasible observation) * (probability of feasibility); the orders are then interleaved, so that the top holds
    compromises of every kind. The gain is measured by hypervolume scalarisation, min_k (u_k / w_k), whose average over
    directions is the hypervolume (R. Zhang, D. Golovin, ICML 2020). The ranking follows molecules, not positions; equal
    molecules stay together. Raises InvalidMolecule, MissingSurrogate.
    """
    if not pool:
        return []
    if not objectives:
        raise ValueError("there is no objective to rank by")
    molecules = [Molecule.from_smiles(s) for s in pool]
    keys = [m.inchikey for m in molecules]
    with blas_threads(threads):
        outlook = Outlook.of(surrogates, [m.smiles for m in molecules], objectives, constraints)
    optimistic = outlook.utility + OPTIMISM * outlook.utility_std
    known = reached(observed, objectives, constraints)
    orders = []
    for direction in directions(len(objectives), weights, seed):
        best = max(0.0, float((known / direction).min(axis=1).max(initial=0.0)))
        gain = (optimistic / direction).min(axis=1) - best
        # Where nothing is gained the order still runs from near misses to hopeless ones.
        score = np.where(gain > 0.0, gain * outlook.feasibility, gain - (1.0 - outlook.feasibility))
        ranked = sorted(zip(np.round(-score, 12).tolist(), keys, range(len(pool)), strict=True))
        orders.append([i for _, _, i in ranked])
    return interleave(orders)


def reached(
    observed: Sequence[Observation], objectives: Sequence[Objective], constraints: Sequence[Constraint]
) -> np.ndarray:
    """Utilities (n, k) of the observations that meet the constraints."""
    known = [
        utilities(o.values, objectives)
        for o in observed
        if feasible(o.values, constraints, _unmeasured(constraints, observed))
    ]
    return np.array([u for u in known if u is not None]).reshape(-1, len(objectives))


def _unmeasured(constraints: Sequence[Constraint], observed: Sequence[Observation]) -> frozenset[str]:
    """Constrained properties that this lab has never measured: they cannot disqualify an observation here."""
    return frozenset(c.property for c in constraints if not any(c.property in o.values for o in observed))


def directions(k: int, count: int, seed: int) -> list[np.ndarray]:
    """Unit vectors of the positive orthant; one objective has one direction."""
    if k == 1:
        return [np.ones(1)]
    drawn = np.abs(np.random.default_rng(seed).normal(size=(count, k)))
    drawn = np.maximum(drawn, 0.05)
    return list(drawn / np.linalg.norm(drawn, axis=1, keepdims=True))


def interleave(orders: Sequence[Sequence[int]]) -> list[int]:
    """Each index once: the first of every order, then the second, and so on."""
    taken: dict[int, None] = {}
    for row in zip(*orders, strict=True):
        for i in row:
            taken.setdefault(i)
    return list(taken)
