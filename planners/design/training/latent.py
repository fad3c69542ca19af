"""Train the autoencoder of molecules, and write its weights.

    python -m planners.design.training.latent --minutes 75
    python -m planners.design.training.latent --export

One thread. A checkpoint every third minute in the training folder, from which the next run goes on unless `--anew`.
`--export` puts the averaged weights of the checkpoint beside the code, with what held-out molecules say of them.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from knowledge.trainer.trainer import Trainer, averaged, keep_memory
from knowledge.trainer.wheels import training_dir
from planners.design.latent.model import Autoencoder, Shape
from planners.design.latent.properties import PROPERTIES
from planners.design.latent.tokens import END, PAD
from planners.design.training.latent_data import ROOM, Data, Examples, batches, data
from planners.design.training.latent_export import export

BATCH = 256
PEAK = 1.2e-3
# Weight of the divergence, which rises over a share of the budget. At 0.6 the decoder still reads 26 nats from a point;
# at 1.0 it gave up reading within six minutes, and nothing came back.
KL_LOW, KL_HIGH, KL_RISE = 0.02, 0.5, 0.35
FORESIGHT = 0.5  # weight of the properties' squared error, in standard deviations, summed
SEED = 5
EVERY_S = 180.0
PROBED = 200  # held-out molecules of the figures on the way


def checkpoint() -> Path:
    return training_dir(ROOM) / "checkpoint.safetensors"


def shape(given: Data) -> Shape:
    return Shape(len(given.vocabulary), given.vocabulary.longest, properties=len(PROPERTIES))


def standard(examples: Examples) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of the properties, (p,) each."""
    values = torch.from_numpy(examples.properties)
    return values.mean(0), values.std(0)


class Loss:
    """The evidence lower bound with a weight on the divergence (Higgins et al., ICLR 2017), and the properties."""

    def __init__(self, given: Data) -> None:
        self.examples = given.train
        self.centre, self.spread = standard(given.train)

    def __call__(
        self, model: Autoencoder, rows: np.ndarray, weight: float, noise: Tensor
    ) -> tuple[Tensor, list[float]]:
        """The scalar to descend on and its parts by molecule: words in nats, divergence in nats, properties."""
        longest = int(self.examples.lengths[rows].max())
        numbers = torch.from_numpy(self.examples.numbers[rows, :longest].astype(np.int64))
        wanted = (torch.from_numpy(self.examples.properties[rows]) - self.centre) / self.spread
        n = len(rows)
        before = torch.cat([torch.full((n, 1), END), numbers], dim=1)
        after = torch.cat([numbers, torch.full((n, 1), PAD)], dim=1)
        after[torch.arange(n), torch.from_numpy(self.examples.lengths[rows])] = END
        with torch.autocast("cpu", torch.bfloat16):
            mean, spread = model.encode(numbers)
            point = mean + spread.exp() * noise[:n]
            logits = model.decode(point, before)
        words = functional.cross_entropy(
            logits.float().flatten(0, 1), after.flatten(), ignore_index=PAD, reduction="sum"
        )
        divergence = 0.5 * (mean.square() + (2 * spread).exp() - 1 - 2 * spread).sum()
        properties = (model.properties(mean) - wanted).square().sum()
        total = (words + weight * divergence + FORESIGHT * properties) / n
        return total, [float(part.detach()) / n for part in (words, divergence, properties)]


def divergence_weight(trainer: Trainer) -> float:
    risen = min(1.0, trainer.elapsed / trainer.budget / KL_RISE)
    return float(KL_LOW * (KL_HIGH / KL_LOW) ** risen)


def endless(trainer: Trainer, examples: Examples) -> Iterator[np.ndarray]:
    while True:
        yield from batches(examples.lengths, BATCH, np.random.default_rng((SEED, trainer.epoch)))
        trainer.epoch += 1


@torch.no_grad()
def rebuilt(model: Autoencoder, given: Data, examples: Examples) -> float:
    """Share of molecules that come back from the means of their points."""
    model.eval()
    hits = 0
    for at in range(0, len(examples), 200):
        part = slice(at, at + 200)
        mean, _ = model.encode(torch.from_numpy(examples.numbers[part].astype(np.int64)))
        texts = [given.vocabulary.smiles(row) for row in model.write(mean).tolist()]
        hits += sum(text == smiles for text, smiles in zip(texts, examples.smiles[part], strict=True))
    model.train()
    return hits / len(examples)


def train(given: Data, minutes: float, anew: bool) -> None:
    torch.set_num_threads(1)
    keep_memory()
    torch.manual_seed(SEED)
    model = Autoencoder(shape(given))
    trainer = Trainer(model, minutes, peak=PEAK)
    if anew:
        checkpoint().unlink(missing_ok=True)
    if checkpoint().is_file():
        trainer.restore(checkpoint())
    loss = Loss(given)
    dice = torch.Generator().manual_seed(SEED + trainer.step)
    probe = given.test.of(np.arange(min(PROBED, len(given.test))))
    stored, sums = time.monotonic(), np.zeros(4)
    for rows in endless(trainer, given.train):
        if trainer.over:
            break
        noise = torch.randn(len(rows), model.shape.latent, generator=dice)
        total, parts = loss(model, rows, divergence_weight(trainer), noise)
        trainer.update(total)
        sums += np.array([*parts, 1.0])
        if time.monotonic() - stored > EVERY_S:
            trainer.store(checkpoint())
            watched = Autoencoder(model.shape)
            watched.load_state_dict(trainer.average)
            line = {
                "step": trainer.step,
                "epoch": trainer.epoch,
                "minutes": round(trainer.elapsed / 60, 1),
                **dict(zip(("words", "divergence", "properties"), (sums[:3] / sums[3]).round(3).tolist(), strict=True)),
                "weight": round(divergence_weight(trainer), 4),
                "rebuilt": round(rebuilt(watched, given, probe), 3),
            }
            print(json.dumps(line), flush=True)
            stored, sums = time.monotonic(), np.zeros(4)
    trainer.store(checkpoint())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=75.0, help="of training, summed over interruptions")
    parser.add_argument("--anew", action="store_true", help="forget the checkpoint")
    parser.add_argument("--export", action="store_true", help="write the weights of the checkpoint and measure them")
    given = parser.parse_args()
    examples = data()
    if given.export:
        model = Autoencoder(shape(examples))
        model.load_state_dict(averaged(checkpoint()))
        print(json.dumps(export(model, examples, standard(examples.train), checkpoint())))
    else:
        train(examples, given.minutes, given.anew)


if __name__ == "__main__":
    main()
