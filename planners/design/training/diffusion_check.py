"""How far drawn molecules move towards a property that is asked for.

    python -m planners.design.training.diffusion_check --road flow --n 100

For each property, n molecules each are asked to lie `--far` standard deviations above and below the mean of the
training data. What they have is computed from their structure, or guessed (`planners.design.diffusion.wishes`: the
surrogate of GFN2-xTB stands in for B3LYP, which it follows with correlations of 0.70 to 0.86). `followed` is the
difference between the two groups divided by the difference asked for: 1 would be perfect obedience, 0 none; for a
guessed property even real molecules of QM9 would reach only what the guess resolves, and that is told as `real`.
The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence

import numpy as np
import torch

from planners.design.diffusion.sampling import sample
from planners.design.diffusion.walking import Road, Settings, Wishes
from planners.design.diffusion.weights import shipped
from planners.design.diffusion.wishes import PROPERTIES, Array, possessed
from planners.design.training.qm9 import Molecules, molecules, split


def shifts(road: Road, n: int, far: float, seed: int, settings: Settings | None = None) -> dict[str, dict[str, float]]:
    """By property. Raises WeightsUnusable."""
    scales = shipped().scales
    mean, std = scales.mean.double().numpy(), scales.std.double().numpy()
    real = _real(split(molecules())[1], mean, std)
    figures = {}
    for k, name in enumerate(PROPERTIES):
        values = torch.zeros(2 * n, len(PROPERTIES))
        given = torch.zeros_like(values)
        values[:n, k], values[n:, k], given[:, k] = far, -far, 1.0
        made = sample(2 * n, seed=seed, road=road, wishes=Wishes(values, given), settings=settings).smiles
        above, below = (
            possessed([text for text in part if text is not None], mean, std)[:, k] for part in (made[:n], made[n:])
        )
        figures[name] = {
            "asked": 2 * far,
            "above": round(float(above.mean()), 3),
            "below": round(float(below.mean()), 3),
            "followed": round(float(above.mean() - below.mean()) / (2 * far), 3),
            "real": round(real[k], 3),
            "valid": round((len(above) + len(below)) / (2 * n), 3),
        }
    return figures


def _real(develop: Molecules, mean: Array, std: Array) -> list[float]:
    """Slope of what is guessed of real molecules on what they have, by property."""
    some = develop.take(np.arange(500))
    had = (some.values - mean) / std
    guessed = possessed([str(text) for text in some.smiles], mean, std)
    return [float(np.polyfit(had[:, k], guessed[:, k], 1)[0]) for k in range(len(PROPERTIES))]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--road", choices=("flow", "diffusion"), default="flow")
    parser.add_argument("--n", type=int, default=100, help="molecules above and as many below, for each property")
    parser.add_argument("--far", type=float, default=1.5, help="standard deviations of the training data")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args(arguments)
    torch.set_num_threads(1)
    started = time.process_time()
    figures = shifts(chosen.road, chosen.n, chosen.far, chosen.seed)
    for name, row in figures.items():
        print(f"{name:22s} {row}")
    print(json.dumps({"road": chosen.road, "cpu_s": round(time.process_time() - started), **figures}))


if __name__ == "__main__":
    main()
