"""Trains the sequence model on the root-aligned scripts of `sequence_data`, on one core, in bf16.

    python -m planners.routes.training.sequence --minutes 60 [--resume]

Parameters and gradients are bf16 in the network; the optimiser keeps an fp32 copy. Matrices of the layers are trained
with Muon (K. Jordan et al. 2024), the rest with AdamW. The learning rate follows the wall clock: warm-up, then cosine.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import time
from pathlib import Path
from typing import Any

import torch
from loguru import logger
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional

from planners.routes.single_step.sequence.inputs import Scripts, Texts
from planners.routes.single_step.sequence.network import SequenceNetwork, Sizes
from planners.routes.training.sequence_batches import batch_of, batches
from planners.routes.training.sequence_data import Shard, folder, make, vocabulary

SEED = 7
SMOOTHING = 0.05
DECAY = 0.99  # of the running average of the parameters, which is what ships
TOKENS = 4000
SHARDS = 6  # writings of each reaction, one an epoch
DTYPE = torch.bfloat16


def loss_of(logits: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy smoothed over what may follow; the mean over what is said."""
    kept = target >= 0
    logits, wanted = logits[kept], target[kept]
    logp = functional.log_softmax(logits, dim=-1)
    hit = logp.gather(1, wanted[:, None])[:, 0]
    possible = torch.isfinite(logp)
    spread = torch.where(possible, logp, 0.0).sum(-1) / possible.sum(-1)
    return -((1 - SMOOTHING) * hit + SMOOTHING * spread).mean()


def logits_of(network: SequenceNetwork, texts: Texts, scripts: Scripts) -> Tensor:
    logits: Tensor = network(texts.source, texts.touch, texts.mask, scripts.said, scripts.last, scripts.first)
    return logits


class Trainer:
    """The bf16 network, its fp32 copy, the running average, and the two optimisers."""

    def __init__(self, sizes: Sizes, rate: float) -> None:
        torch.manual_seed(SEED)
        self.network = SequenceNetwork(sizes)
        named = [(name, p) for name, p in self.network.named_parameters()]
        self.names = [name for name, _ in named]
        self.masters = [torch.nn.Parameter(p.detach().clone().float()) for _, p in named]
        self.average = [p.detach().clone() for p in self.masters]
        self.network.to(DTYPE)
        self.weights = list(self.network.parameters())
        inner = [p for name, p in zip(self.names, self.masters, strict=True) if self._inner(name, p)]
        outer = [p for name, p in zip(self.names, self.masters, strict=True) if not self._inner(name, p)]
        self.optimisers: list[torch.optim.Optimizer] = [
            torch.optim.Muon(inner, lr=rate, weight_decay=0.05, adjust_lr_fn="match_rms_adamw"),
            torch.optim.AdamW(outer, lr=rate, betas=(0.9, 0.98), weight_decay=0.01, fused=True),
        ]
        self.rate = rate
        self.steps = 0
        self.epoch = 0
        self.seen = 0
        self.seconds = 0.0

    @staticmethod
    def _inner(name: str, p: Tensor) -> bool:
        return p.ndim == 2 and name.startswith(("encoder.", "decoder."))

    def step(self, texts: Texts, scripts: Scripts, share: float) -> float:
        """`share` of the time budget gone, 0 to 1; returns the loss."""
        warm = min(1.0, (self.steps + 1) / 100)
        factor = warm * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(share, 1.0))))
        for optimiser in self.optimisers:
            for group in optimiser.param_groups:
                group["lr"] = self.rate * factor
        loss = loss_of(logits_of(self.network, texts, scripts), scripts.target)
        loss.backward()
        for master, weight in zip(self.masters, self.weights, strict=True):
            master.grad = None if weight.grad is None else weight.grad.float()
            weight.grad = None
        torch.nn.utils.clip_grad_norm_(self.masters, 1.0)
        for optimiser in self.optimisers:
            optimiser.step()
        with torch.no_grad():
            torch._foreach_copy_([p.detach() for p in self.weights], [p.detach() for p in self.masters])
            decay = min(DECAY, (1 + self.steps) / (10 + self.steps))
            torch._foreach_lerp_(self.average, [p.detach() for p in self.masters], 1 - decay)
        self.steps += 1
        self.seen += texts.source.shape[0]
        return float(loss.detach())

    def averaged(self) -> SequenceNetwork:
        network = SequenceNetwork(self.network.sizes)
        network.load_state_dict(dict(zip(self.names, self.average, strict=True)))
        return network.to(DTYPE).eval()

    def save(self, path: Path) -> None:
        """Whole or not at all."""
        held = {f"master.{name}": p.detach() for name, p in zip(self.names, self.masters, strict=True)}
        held |= {f"average.{name}": p for name, p in zip(self.names, self.average, strict=True)}
        for o, optimiser in enumerate(self.optimisers):
            for i, state in optimiser.state_dict()["state"].items():
                held |= {f"state.{o}.{i}.{key}": torch.as_tensor(value) for key, value in state.items()}
        progress = {"steps": self.steps, "epoch": self.epoch, "seen": self.seen, "seconds": self.seconds}
        metadata = {"sizes": json.dumps(self.network.sizes.record()), "progress": json.dumps(progress)}
        part = path.with_suffix(".part")
        save_file({name: x.contiguous().clone() for name, x in held.items()}, part, metadata)
        part.replace(path)

    def load(self, path: Path) -> None:
        held = load_file(path)
        with torch.no_grad():
            for name, master, weight, average in zip(self.names, self.masters, self.weights, self.average, strict=True):
                master.copy_(held[f"master.{name}"])
                weight.copy_(master)
                average.copy_(held[f"average.{name}"])
        for o, optimiser in enumerate(self.optimisers):
            state: dict[int, dict[str, Tensor]] = {}
            for name, x in held.items():
                if name.startswith(f"state.{o}."):
                    _, _, i, key = name.split(".", 3)
                    state.setdefault(int(i), {})[key] = x
            optimiser.load_state_dict({**optimiser.state_dict(), "state": state})
        progress: dict[str, Any] = json.loads(metadata_of(path)["progress"])
        self.steps, self.epoch, self.seen = progress["steps"], progress["epoch"], progress["seen"]
        self.seconds = progress["seconds"]


def metadata_of(path: Path) -> dict[str, str]:
    with safe_open(path, "pt") as held:
        return dict(held.metadata())


@torch.no_grad()
def judged(network: SequenceNetwork, shard: Shard, words: int, rows: int) -> tuple[float, float, float]:
    """Mean loss, share of script numbers right, share of whole scripts right (teacher-forced, so greedy too)."""
    losses, right, said, whole = [], 0, 0, 0
    for start in range(0, rows, 64):
        texts, scripts = batch_of(shard, list(range(start, min(start + 64, rows))), words)
        logits = logits_of(network, texts, scripts)
        losses.append(float(loss_of(logits, scripts.target)))
        kept = scripts.target >= 0
        hits = (logits.argmax(-1) == scripts.target) | ~kept
        right += int((hits & kept).sum())
        said += int(kept.sum())
        whole += int(hits.all(dim=1).sum())
    return sum(losses) / len(losses), right / said, whole / rows


def train(minutes: float, resume: bool, name: str, rate: float, sizes: Sizes) -> None:
    path = folder() / f"{name}.safetensors"
    logger.add(folder() / f"{name}.log", format="{time:HH:mm:ss} {message}")
    words = sizes.vocabulary
    trainer = Trainer(sizes, rate)
    if resume and path.exists():
        trainer.load(path)
    valid = Shard.load(make("valid", 0))
    logger.info("{} parameters, {} threads", sum(p.numel() for p in trainer.weights), torch.get_num_threads())
    budget = 60 * minutes
    began = time.monotonic() - trainer.seconds
    saved = judged_at = logged = time.monotonic()
    seen, losses = trainer.seen, [0.0]
    while trainer.seconds < budget:
        shard = Shard.load(make("train", trainer.epoch % SHARDS))
        for rows in batches(shard, TOKENS, random.Random(SEED + trainer.steps)):
            trainer.network.train()
            losses.append(trainer.step(*batch_of(shard, rows, words), trainer.seconds / budget))
            now = time.monotonic()
            trainer.seconds = now - began
            if now - logged > 30:
                speed = (trainer.seen - seen) / (now - logged)
                mean = sum(losses[-200:]) / len(losses[-200:])
                logger.info("epoch {} step {} loss {:.4f}, {:.0f}/s", trainer.epoch, trainer.steps, mean, speed)
                logged, seen = now, trainer.seen
            if now - judged_at > 240:
                figures = judged(trainer.averaged(), valid, words, 512)
                logger.info("VALID {:.0f} s: loss {:.4f} token {:.4f} whole {:.4f}", trainer.seconds, *figures)
                judged_at = time.monotonic()
            if now - saved > 240:
                trainer.save(path)
                saved = time.monotonic()
            if trainer.seconds > budget:
                break
        trainer.epoch += 1
    trainer.save(path)
    figures = judged(trainer.averaged(), valid, words, 2048)
    logger.info("END {} reactions seen: loss {:.4f} token {:.4f} whole {:.4f}", trainer.seen, *figures)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--name", default="sequence")
    parser.add_argument("--rate", type=float, default=2e-3)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    sizes = Sizes(vocabulary=len(vocabulary()))
    train(arguments.minutes, arguments.resume, arguments.name, arguments.rate, sizes)


if __name__ == "__main__":
    main()
