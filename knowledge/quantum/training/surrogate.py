"""Train the surrogate on the labels there are, calibrate it and measure it on molecules kept apart.

    python -m knowledge.quantum.training.surrogate --epochs 150

One thread. A checkpoint a minute in the training folder, from which an interrupted run goes on; the finished weights
are written beside the surrogate, and the last line printed is what the test part says of them, as JSON.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from safetensors.numpy import save_file
from safetensors.torch import load_file
from safetensors.torch import save_file as save_tensors
from torch import Tensor, nn
from torch.nn import functional

from knowledge.quantum.calibration import Calibration, Signs
from knowledge.quantum.familiarity import Familiarity
from knowledge.quantum.graphs import VERSION
from knowledge.quantum.network import Network, Tensors
from knowledge.quantum.surrogate import QUANTITIES, WEIGHTS, Array, Surrogate, with_gap
from knowledge.quantum.training.examples import Example, examples, tensors, together
from knowledge.quantum.training.labels import folder, read
from knowledge.records.base import sha256_text

BATCH = 64
PEAK, WARM, DECAY, CLIP = 2e-3, 100, 0.01, 2.0
AVERAGE = 0.995  # of the weights, per step
CHARGES = 1.5  # weight of the charges' error, which only helps the network to see electrons
SCALES = 0.1  # weight of the scales' likelihood, which does not move the means
CHECKPOINT = "surrogate.checkpoint.safetensors"
EVERY_S = 60.0


class Trainer:
    """Network, optimiser, averaged weights and the place in the data, as one thing that can be stored."""

    def __init__(self, width: int, depth: int, train: Sequence[Example], epochs: int, seed: int) -> None:
        torch.manual_seed(seed)
        self.train, self.epochs, self.seed = train, epochs, seed
        self.network = Network(width, depth)
        self.optimiser = torch.optim.AdamW(self.network.parameters(), lr=PEAK, weight_decay=DECAY)
        self.average = {k: v.detach().clone() for k, v in self.network.named_parameters()}
        values = np.stack([example.values for example in train])
        self.centre = torch.from_numpy(np.median(values[:, 1:], axis=0))
        self.spread = torch.from_numpy(values.std(axis=0))
        self.epoch = self.step = 0
        self.key = sha256_text(json.dumps([width, depth, epochs, seed, [e.inchikey for e in train]]))

    def rate(self) -> float:
        total = self.epochs * math.ceil(len(self.train) / BATCH)
        return (
            PEAK * min(1.0, (self.step + 1) / WARM) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * self.step / total)))
        )

    def run(self, path: Path) -> None:
        stored = began = time.monotonic()
        while self.epoch < self.epochs:
            order = np.random.default_rng([self.seed, self.epoch]).permutation(len(self.train)).tolist()
            losses = [
                self.update([self.train[i] for i in order[start : start + BATCH]])
                for start in range(0, len(order), BATCH)
            ]
            self.epoch += 1
            if time.monotonic() - stored > EVERY_S:
                stored = time.monotonic()
                self.store(path)
            if self.epoch % 10 == 0:
                print(f"epoch {self.epoch}: loss {np.mean(losses):.4f}, {time.monotonic() - began:.0f} s", flush=True)
        self.store(path)

    def update(self, chosen: Sequence[Example]) -> float:
        graph, values, charges = tensors(chosen)
        mean, log_scale, _, charge = self.network(graph)
        error = (with_gap(mean * self.spread[1:] + self.centre) - values) / self.spread
        loss = functional.smooth_l1_loss(error, torch.zeros_like(error), beta=0.1)
        likelihood = (error.detach().abs() * torch.exp(-log_scale) + log_scale).mean()
        whole = loss + CHARGES * (charge - charges).abs().mean() + SCALES * likelihood
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate()
        whole.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), CLIP)
        self.optimiser.step()
        self.optimiser.zero_grad()
        self.step += 1
        keep = min(AVERAGE, (1 + self.step) / (10 + self.step))
        now = dict(self.network.named_parameters())
        torch._foreach_lerp_(list(self.average.values()), [now[k].detach() for k in self.average], 1 - keep)
        return float(loss.detach())

    def store(self, path: Path) -> None:
        kept: dict[str, Tensor] = {f"average.{k}": v for k, v in self.average.items()}
        for name, parameter in self.network.named_parameters():
            kept[f"network.{name}"] = parameter.detach()
            kept.update({f"{key}.{name}": value for key, value in self.optimiser.state[parameter].items()})
        notes = {"key": self.key, "epoch": str(self.epoch), "step": str(self.step)}
        temporary = path.with_suffix(".tmp")
        save_tensors({k: v.contiguous() for k, v in kept.items()}, temporary, metadata=notes)
        temporary.replace(path)

    def resume(self, path: Path) -> None:
        """Goes on where the same training stopped; does nothing when there is none."""
        if not path.exists():
            return
        with safe_open(path, framework="pt") as stored:
            notes = stored.metadata()
        if notes["key"] != self.key:
            return
        kept = load_file(path)
        self.network.load_state_dict({k: kept[f"network.{k}"] for k in self.average})
        self.average = {k: kept[f"average.{k}"] for k in self.average}
        for name, parameter in self.network.named_parameters():
            self.optimiser.state[parameter] = {
                key: kept[f"{key}.{name}"] for key in ("step", "exp_avg", "exp_avg_sq") if f"{key}.{name}" in kept
            }
        self.epoch, self.step = int(notes["epoch"]), int(notes["step"])


def guessed(surrogate: Surrogate, chosen: Sequence[Example]) -> tuple[Array, Signs]:
    """Means (n, 7) and the signs of their errors."""
    rows = [surrogate.raw(together(chosen[i : i + BATCH])) for i in range(0, len(chosen), BATCH)]
    signs = [sign for _, sign in rows]
    return np.concatenate([mean for mean, _ in rows]), Signs(
        np.concatenate([s.log_scale for s in signs]),
        np.concatenate([s.rarity for s in signs]),
        np.concatenate([s.leverage for s in signs]),
        np.concatenate([s.atoms for s in signs]),
    )


def whitening(network: Network, chosen: Sequence[Example]) -> Tensor:
    """(d, d): the squared length of features times this is a molecule's leverage on a linear fit to all `chosen`, in
    units of their mean (the variance of a Bayesian last layer, D. MacKay, Neural Comput. 1992, 4, 448).
    """
    with torch.inference_mode():
        features = torch.cat(
            [network(Tensors.of(together(chosen[i : i + BATCH])))[2] for i in range(0, len(chosen), BATCH)]
        ).double()
    gram = features.T @ features / len(features)
    gram += 1e-3 * gram.diagonal().mean() * torch.eye(len(gram), dtype=gram.dtype)
    root = torch.linalg.inv(torch.linalg.cholesky(gram)).T
    scaled: Tensor = root / (features @ root).square().sum(dim=1).mean().sqrt()
    return scaled.float().contiguous()


def write(trainer: Trainer, parts: dict[str, list[Example]], path: Path) -> None:
    """Weights in half precision, then, with exactly these, the calibration on the validation part."""
    familiarity = Familiarity.of(together(parts["train"]))
    width, depth = trainer.network.start.out_features, len(trainer.network.layers)
    halved = {k: v.half() for k, v in trainer.average.items()}
    network = Network(width, depth).eval()
    network.load_state_dict(halved)
    arrays: dict[str, Any] = {f"network.{k}": v.numpy() for k, v in halved.items()}
    arrays["surroundings"] = familiarity.keys
    arrays["surroundings.molecules"] = familiarity.counts.astype(np.int32)
    arrays["types.molecules"] = familiarity.types.astype(np.int32)
    arrays["whitening"] = whitening(network, parts["train"]).numpy()
    counts = {name: len(chosen) for name, chosen in parts.items()}
    about = {
        "graphs": VERSION,
        "width": width,
        "depth": depth,
        "centre": [round(float(v), 4) for v in trainer.centre],
        "spread": [round(float(v), 4) for v in trainer.spread],
        "atoms_max": max(example.atoms for example in parts["train"]),
        "molecules": counts,
        "epochs": trainer.epochs,
        "seed": trainer.seed,
        "labels_sha256": sha256_text("\n".join(sorted(e.inchikey for chosen in parts.values() for e in chosen))),
    }
    none = Calibration(np.zeros((len(QUANTITIES), 5)), (), np.ones((1, len(QUANTITIES))))
    validation = parts["validation"]
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    save_file(arrays, temporary, metadata={"about": json.dumps(about | {"calibration": none.plain()})})
    mean, signs = guessed(Surrogate(temporary), validation)
    error = np.stack([e.values for e in validation]) - mean
    calibration = Calibration.fit(error, signs)
    print("validation:", dict(zip(QUANTITIES, np.abs(error).mean(axis=0).round(3).tolist(), strict=True)))
    save_file(arrays, temporary, metadata={"about": json.dumps(about | {"calibration": calibration.plain()})})
    temporary.chmod(0o644)
    temporary.replace(path)


def measured(surrogate: Surrogate, chosen: Sequence[Example]) -> dict[str, Any]:
    """Mean absolute error, correlation, coverage and mean half-width of the 90 % intervals of each quantity."""
    guesses = surrogate.guess([example.smiles for example in chosen])
    values = np.stack([example.values for example in chosen])
    error = guesses.mean - values
    inside = np.abs(error) <= guesses.half
    told = np.isfinite(guesses.half).all(axis=1)
    strange = told & (guesses.rarity >= 1.0)
    return {
        "n": len(chosen),
        "strange": int(strange.sum()),
        "no_interval": int((~told).sum()),
        "quantities": {
            name: {
                "mae": round(float(np.abs(error[:, k]).mean()), 3),
                "r": round(float(np.corrcoef(guesses.mean[:, k], values[:, k])[0, 1]), 4),
                "coverage_90": round(float(inside[told, k].mean()), 3),
                "coverage_90_strange": round(float(inside[strange, k].mean()), 3) if strange.any() else None,
                "half_width": round(float(np.median(guesses.half[:, k])), 3),
                "half_width_strange": round(float(np.median(guesses.half[strange, k])), 3) if strange.any() else None,
            }
            for k, name in enumerate(QUANTITIES)
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=150)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--depth", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--limit", type=int, help="only the first so many labels, so that the file may grow meanwhile")
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    parts = examples(read(folder() / "labels.jsonl")[: arguments.limit])
    print({name: len(chosen) for name, chosen in parts.items()}, flush=True)
    trainer = Trainer(arguments.width, arguments.depth, parts["train"], arguments.epochs, arguments.seed)
    checkpoint = folder() / CHECKPOINT
    trainer.resume(checkpoint)
    trainer.run(checkpoint)
    write(trainer, parts, arguments.out)
    tested = "".join(f"{example.smiles}\n" for example in parts["test"])
    arguments.out.with_suffix(".test.smi").write_text(tested, encoding="ascii")
    print(json.dumps(measured(Surrogate(arguments.out), parts["test"])))


if __name__ == "__main__":
    main()
