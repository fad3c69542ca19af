"""Train the graph edit model: python -m planners.routes.training.graph --minutes 70, then --export, --pools valid.

One thread; the schedule follows the clock, so the budget decides and not a number of epochs. A checkpoint every few
minutes (`--resume` goes on from it) and a log line each 200 steps in the training folder under graph/.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import math
import os
import time
from pathlib import Path

import numpy as np
import torch
from loguru import logger
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from planners.routes.single_step.graph.model import EditModel, Shape, save
from planners.routes.single_step.weights import folder as weights_folder
from planners.routes.training import graph_data
from planners.routes.training.graph_batches import Example, batches, examples, losses
from planners.routes.training.graph_pools import write_pools

NAME = "graph.safetensors"
LEAST = 3  # a rarer word cannot be learned
PEAK, WARM, DECAY, CLIP = 1e-3, 400, 0.02, 1.0
AVERAGE = 0.999  # of the weights, per step
EVERY_S = 240.0  # between checkpoints


def keep_memory() -> None:
    """Let glibc keep freed blocks: returning each tensor to the system costs more time than computing it."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        for option, value in ((-4, 0), (-1, 2**31 - 1), (-2, 1 << 28)):  # M_MMAP_MAX, M_TRIM_THRESHOLD, M_TOP_PAD
            libc.mallopt(option, value)


class Trainer:
    """Model, AdamW, averaged weights and the clock, as one thing that can be saved and gone on with."""

    def __init__(self, model: EditModel, minutes: float) -> None:
        self.model, self.budget = model, minutes * 60
        plain = [p for p in model.parameters() if p.ndim < 2]
        matrices = [p for p in model.parameters() if p.ndim >= 2]
        groups = [{"params": matrices, "weight_decay": DECAY}, {"params": plain, "weight_decay": 0.0}]
        self.optimiser = torch.optim.AdamW(groups, lr=PEAK, betas=(0.9, 0.98), fused=True)
        self.average = {k: v.detach().clone() for k, v in model.named_parameters()}
        self.step, self.elapsed, self.epoch = 0, 0.0, 0

    def rate(self) -> float:
        done = min(1.0, self.elapsed / self.budget)
        return PEAK * min(1.0, (self.step + 1) / WARM) * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * done)))

    def update(self, loss: Tensor) -> None:
        """One step down; `loss` is a scalar."""
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate()
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), CLIP)
        self.optimiser.step()
        self.optimiser.zero_grad()
        self.step += 1
        keep = min(AVERAGE, (1 + self.step) / (10 + self.step))
        now = dict(self.model.named_parameters())
        torch._foreach_lerp_(list(self.average.values()), [now[k].detach() for k in self.average], 1 - keep)

    def store(self, path: Path) -> None:
        tensors = {f"average.{k}": v for k, v in self.average.items()}
        for name, parameter in self.model.named_parameters():
            tensors[f"model.{name}"] = parameter.detach()
            for key, value in self.optimiser.state[parameter].items():
                tensors[f"{key}.{name}"] = value
        notes = {"step": self.step, "elapsed": self.elapsed, "epoch": self.epoch}
        scratch = path.with_suffix(f".{os.getpid()}")
        save_file(tensors, scratch, metadata={k: str(v) for k, v in notes.items()})
        scratch.replace(path)

    def restore(self, path: Path) -> None:
        tensors = load_file(path)
        with torch.no_grad():
            for name, parameter in self.model.named_parameters():
                parameter.copy_(tensors[f"model.{name}"])
                self.average[name].copy_(tensors[f"average.{name}"])
                self.optimiser.state[parameter] = {
                    key: tensors[f"{key}.{name}"].clone() for key in ("step", "exp_avg", "exp_avg_sq")
                }
        with safe_open(path, framework="pt") as file:
            notes = file.metadata()
        self.step, self.elapsed, self.epoch = int(notes["step"]), float(notes["elapsed"]), int(notes["epoch"])


def warm(model: EditModel, path: Path) -> None:
    """Start the trunk from another model's encoder, as far as names and shapes agree."""
    mine, given = model.trunk.state_dict(), load_file(path)
    fits = {}
    for name, value in given.items():
        short = name.rpartition("encoder.")[2]
        if short in mine and mine[short].shape == value.shape:
            fits[short] = value.float()
    model.trunk.load_state_dict(mine | fits)
    logger.info("warm start: {} of {} tensors from {}", len(fits), len(mine), path.name)


@torch.no_grad()
def validate(model: EditModel, data: list[Example]) -> tuple[float, float]:
    """Mean negative log probability of a whole edit sequence, share of first sites right."""
    model.eval()
    total = right = 0.0
    for chosen, prefixes, _ in batches(data, 64, None):
        loss, hit = losses(model, chosen, prefixes)
        total += float(loss.sum())
        first = torch.tensor([not p.bonds and not p.atoms for p in prefixes])
        right += float(hit[first].sum())
    model.train()
    return total / len(data), right / len(data)


def train(minutes: float, size: int, seed: int, resume: bool, start_from: Path | None, shape: Shape) -> None:
    torch.manual_seed(seed)
    home = graph_data.folder()
    logger.add(home / "train.log")
    train_set, valid_set = graph_data.derived("train"), graph_data.derived("valid")
    words = graph_data.words(train_set, LEAST)
    logger.info("{} words; they spell {:.4f} of train, {:.4f} of valid", len(words),
                graph_data.coverage(train_set, words), graph_data.coverage(valid_set, words))  # fmt: skip
    data, held = examples(train_set, words), examples(valid_set, words)[:600]
    model = EditModel(shape, words).train()
    if start_from is not None:
        warm(model, start_from)
    trainer, checkpoint = Trainer(model, minutes), home / "checkpoint.safetensors"
    if resume and checkpoint.is_file():
        trainer.restore(checkpoint)
    (home / "shape.json").write_text(json.dumps({"words": words, "seed": seed, "minutes": minutes}))
    logger.info("{} parameters, {} reactions", sum(p.numel() for p in model.parameters()), len(data))
    random = np.random.default_rng((seed, trainer.step))
    clock, saved, seen, total = time.monotonic(), time.monotonic(), 0, 0.0
    while trainer.elapsed < trainer.budget:
        for chosen, prefixes, weights in batches(data, size, random):
            loss, _ = losses(model, chosen, prefixes)
            value = (loss * weights).sum() / len(chosen)
            trainer.update(value)
            now = time.monotonic()
            trainer.elapsed, clock = trainer.elapsed + now - clock, now
            seen, total = seen + len(chosen), total + float(value.detach()) * len(chosen)
            if trainer.step % 200 == 0:
                logger.info("step {} epoch {} {:.1f} min loss {:.4f} rate {:.2e}", trainer.step, trainer.epoch,
                            trainer.elapsed / 60, total / seen, trainer.rate())  # fmt: skip
                seen, total = 0, 0.0
            if now - saved > EVERY_S or trainer.elapsed >= trainer.budget:
                saved = now
                trainer.store(checkpoint)
                averaged = EditModel(model.shape, words)
                averaged.load_state_dict(trainer.average, strict=False)
                loss_v, first = validate(averaged, held)
                logger.info("valid: loss {:.4f}, first site {:.4f}", loss_v, first)
            if trainer.elapsed >= trainer.budget:
                break
        trainer.epoch += 1
    trainer.store(checkpoint)


def export(shape: Shape) -> None:
    """The averaged weights of the checkpoint as the fp16 file that the proposer reads."""
    home = graph_data.folder()
    notes = json.loads((home / "shape.json").read_text())
    tensors = load_file(home / "checkpoint.safetensors")
    state = {k.removeprefix("average."): v for k, v in tensors.items() if k.startswith("average.")}
    with safe_open(home / "checkpoint.safetensors", framework="pt") as file:
        facts = {k: v for k, v in file.metadata().items() if k in ("step", "elapsed", "epoch")}
    save(weights_folder() / NAME, state, shape, notes["words"], {"seed": str(notes["seed"]), **facts})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=70.0)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--warm", type=Path)
    parser.add_argument("--export", action="store_true", help="write the checkpoint's averaged weights and stop")
    parser.add_argument("--pools", choices=("valid", "test"), help="write the proposals for a split and stop")
    parser.add_argument("--limit", type=int, help="with --pools: so many reactions only")
    given = parser.parse_args()
    torch.set_num_threads(1)
    keep_memory()
    if given.export:
        export(Shape())
    elif given.pools:
        write_pools(given.pools, given.limit)
    else:
        train(given.minutes, given.batch, given.seed, given.resume, given.warm, Shape())


if __name__ == "__main__":
    main()
