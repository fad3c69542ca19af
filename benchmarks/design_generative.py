"""What the trained generators draw: valid, unique, novel, sound, how fast, and how well they know their own data.

    python -m benchmarks.design_generative --model vae --n 10000

vae: also the share of held-out molecules that come back, by encoding to the mean and writing the most probable words.
flow, diffusion: also how far geometries are from the minima of GFN2-xTB next to them (of `--relax` samples), and the
error of equivariance. gan: samples only. Molecules per second are those of processor time, one thread.
The training set is made again from the packages by the committed scripts; `training_sha256` says which it was.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import torch

from benchmarks import machine
from benchmarks.generative_geometry import summary
from benchmarks.generative_metrics import quality
from planners.design.latent.sampling import shipped
from planners.design.training.latent_data import data

# Model: module whose `sample` draws from the shipped weights, module whose `training_smiles` says what they learned.
MODELS = {
    "vae": ("planners.design.latent.sampling", "planners.design.training.latent_data"),
    "gan": ("planners.design.adversarial.sampling", "planners.design.training.adversarial"),
    "flow": ("planners.design.diffusion.sampling", "planners.design.training.qm9"),
    "diffusion": ("planners.design.diffusion.sampling", "planners.design.training.qm9"),
}
IN_SPACE = ("flow", "diffusion")


def measured(model: str, n: int, seed: int, relax: int) -> dict[str, Any]:
    """The figures of one model, whose weights are the shipped ones. Raises CannotServe when they are missing."""
    sampler, training = (import_module(name) for name in MODELS[model])
    road = {"road": model} if model in IN_SPACE else {}
    sampler.sample(8, seed=seed, **road)  # weights are read and libraries warm
    started = time.process_time()
    drawn = sampler.sample(n, seed=seed, **road)
    seconds = time.process_time() - started
    known = sorted(training.training_smiles())
    found = quality(drawn.smiles, known)
    figures: dict[str, Any] = {
        "tries": found.tries,
        "valid": round(found.valid, 4),
        "unique": round(found.unique, 4),
        "novel": round(found.novel, 4),
        "sound": round(found.sound, 4),
        "distance_to_data": round(found.distance, 4),
        "molecules_per_cpu_s": round(n * found.valid / seconds, 1),
        "training_molecules": len(known),
        "training_sha256": hashlib.sha256("\n".join(known).encode()).hexdigest()[:16],
    }
    if model == "vae":
        figures |= rebuilt()
    if model in IN_SPACE:
        figures["xtb"] = summary([text for text in drawn.geometries if text][:relax])
        figures["equivariance_error"] = float(sampler.equivariance_error(seed=seed))
    return figures


def rebuilt() -> dict[str, Any]:
    """Of molecules that the autoencoder never saw: the share that comes back, by their heavy atoms."""
    space, test = shipped(), data().test
    means, _ = space.encode(test.smiles)
    back = space.decode(means)
    hits = [a == b for a, b in zip(back, test.smiles, strict=True)]
    return {"held_out": len(hits), "rebuilt": round(sum(hits) / len(hits), 4)}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=sorted(MODELS), required=True)
    parser.add_argument("--n", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--relax", type=int, default=200, help="geometries that GFN2-xTB relaxes")
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    figures = measured(given.model, given.n, given.seed, given.relax)
    for name, value in figures.items():
        print(f"{name:24s} {value}")
    print(json.dumps({"model": given.model, "seed": given.seed, **figures, "machine": machine.described()}))


if __name__ == "__main__":
    main()
