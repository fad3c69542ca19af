"""Hyperparameters that explain the measurements: the best ones, or samples of all that do.

With few measurements many choices explain them nearly as well and disagree about everything else; a mixture over
samples says so, where one best guess would be sure of itself.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import minimize

from planners.optimize.process.contract import Array
from planners.optimize.process.evidence import Evidence


def best(
    evidence: Evidence,
    latents: int,
    starts: int,
    rng: np.random.Generator,
    steps: int = 60,
    also: Sequence[Array] = (),
) -> Array:
    """(starts, latents): the local maxima of the posterior density, the highest first; from `also` as well."""
    found = []
    origins = [np.zeros(latents) if start == 0 else rng.normal(size=latents) for start in range(starts)]
    for origin in (*origins, *also):
        result = minimize(
            lambda x: tuple(-part for part in evidence.posterior(x)),
            origin,
            jac=True,
            method="L-BFGS-B",
            bounds=[(-4.0, 4.0)] * latents,
            options={"maxiter": steps},
        )
        found.append((float(result.fun), result.x))
    found.sort(key=lambda pair: pair[0])
    return np.stack([x for _, x in found])


def sample(evidence: Evidence, origins: Array, sweeps: int, rng: np.random.Generator) -> Array:
    """As many samples as origins (M, latents), each the end of its own chain of `sweeps` elliptical slices.

    Elliptical slice sampling (I. Murray, R. P. Adams and D. J. C. MacKay, AISTATS 2010) of all chains at once.
    """
    state = origins.copy()
    current = evidence(state)
    chains = len(state)
    for _ in range(sweeps):
        direction = rng.normal(size=state.shape)
        threshold = current + np.log(rng.uniform(size=chains))
        angle = rng.uniform(0.0, 2.0 * np.pi, size=chains)
        low, high = angle - 2.0 * np.pi, angle.copy()
        moving = np.arange(chains)
        while len(moving):
            tried = state[moving] * np.cos(angle[moving])[:, None] + direction[moving] * np.sin(angle[moving])[:, None]
            value = evidence(tried)
            accepted = value > threshold[moving]
            done = moving[accepted]
            state[done], current[done] = tried[accepted], value[accepted]
            moving = moving[~accepted]
            # The bracket shrinks towards the present state, which always lies on the slice.
            low[moving] = np.where(angle[moving] < 0.0, angle[moving], low[moving])
            high[moving] = np.where(angle[moving] >= 0.0, angle[moving], high[moving])
            stuck = high[moving] - low[moving] < 1e-9
            moving = moving[~stuck]
            angle[moving] = rng.uniform(low[moving], high[moving])
    return state
