"""What blind choice would have found: for the report of a virtual lab, never for the loop.

At every iteration the proposal kept a blind draw from the very pool that the loop chose from. Chance is given every
advantage here: its syntheses never fail and its values carry no noise.
"""

from __future__ import annotations

import numpy as np

from agent.campaign import CampaignSpec
from instruments.simulation.truth import Truth
from knowledge.sources.handbook import Handbook
from planners.optimize.goals import Observation
from planners.optimize.hypervolume import hypervolume

RUNS = 200


def chance(
    spec: CampaignSpec, samples: list[list[str]], sizes: list[int], assume_met: tuple[str, ...] = ()
) -> list[tuple[float, float, float]]:
    """(mean, 10th percentile, 90th percentile) of the hypervolume after each iteration, over RUNS blind campaigns.

    samples: SMILES drawn blindly from each iteration's pool; sizes: how many experiments each iteration had.
    """
    truth = Truth(Handbook.full(), seed=spec.lab.seed, handbook_fraction=spec.lab.handbook_fraction)
    values: dict[str, Observation] = {}
    for smiles in sorted({s for sample in samples for s in sample}):
        known = {name: truth.value(smiles, name).value for name in spec.characterised}
        values[smiles] = Observation(smiles=smiles, values=known if truth.is_liquid(smiles) else {})
    rng = np.random.default_rng(spec.seed)
    curves = np.zeros((RUNS, len(samples)))
    for run in range(RUNS):
        seen: dict[str, Observation] = {}
        for i, (sample, size) in enumerate(zip(samples, sizes, strict=True)):
            fresh = [s for s in sample if s not in seen]
            for j in rng.permutation(len(fresh))[:size]:
                seen[fresh[int(j)]] = values[fresh[int(j)]]
            curves[run, i] = hypervolume(list(seen.values()), spec.objectives, spec.constraints, assume_met=assume_met)
    low, high = np.percentile(curves, [10, 90], axis=0)
    return [(float(m), float(lo), float(hi)) for m, lo, hi in zip(curves.mean(axis=0), low, high, strict=True)]
