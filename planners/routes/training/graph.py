"""Train the graph edit model: python -m planners.routes.training.graph --minutes 70, then --export, --pools valid.

One thread; the schedule follows the clock, so the budget decides and not a number of epochs. A checkpoint every few
minutes (`--resume` goes on from it) and a log line each 200 steps in the training folder under graph/.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from loguru import logger
from safetensors.torch import load_file

from knowledge.trainer.trainer import Trainer, averaged, checkpoint_notes, keep_memory
from planners.routes.single_step.graph.model import EditModel, Shape, save
from planners.routes.single_step.weights import folder as weights_folder
from planners.routes.training import graph_data
from planners.routes.training.graph_batches import Example, batches, examples, losses
from planners.routes.training.graph_pools import write_pools

NAME = "graph.safetensors"
LEAST = 3  # a rarer word cannot be learned
EVERY_S = 240.0  # between checkpoints


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
    saved, seen, total = time.monotonic(), 0, 0.0
    while trainer.elapsed < trainer.budget:
        for chosen, prefixes, weights in batches(data, size, random):
            loss, _ = losses(model, chosen, prefixes)
            value = (loss * weights).sum() / len(chosen)
            trainer.update(value)
            seen, total = seen + len(chosen), total + float(value.detach()) * len(chosen)
            if trainer.step % 200 == 0:
                logger.info("step {} epoch {} {:.1f} min loss {:.4f} rate {:.2e}", trainer.step, trainer.epoch,
                            trainer.elapsed / 60, total / seen, trainer.rate())  # fmt: skip
                seen, total = 0, 0.0
            if time.monotonic() - saved > EVERY_S or trainer.over:
                saved = time.monotonic()
                trainer.store(checkpoint)
                smooth = EditModel(model.shape, words)
                smooth.load_state_dict(trainer.average, strict=False)
                loss_v, first = validate(smooth, held)
                logger.info("valid: loss {:.4f}, first site {:.4f}", loss_v, first)
            if trainer.over:
                break
        trainer.epoch += 1
    trainer.store(checkpoint)


def export(shape: Shape) -> None:
    """The averaged weights of the checkpoint as the fp16 file that the proposer reads."""
    home = graph_data.folder()
    notes = json.loads((home / "shape.json").read_text())
    checkpoint = home / "checkpoint.safetensors"
    facts = {"seed": str(notes["seed"]), **checkpoint_notes(checkpoint)}
    save(weights_folder() / NAME, averaged(checkpoint), shape, notes["words"], facts)


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
