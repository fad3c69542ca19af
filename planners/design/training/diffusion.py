"""Train the network that flow matching and diffusion share, on QM9.

    python -m planners.design.training.diffusion --minutes 85      # goes on where it was interrupted
    python -m planners.design.training.diffusion --export          # averaged weights so far, beside the generator

One thread. A checkpoint a minute in the training folder.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from knowledge.trainer.trainer import Trainer, averaged, checkpoint_notes, keep_memory
from knowledge.trainer.wheels import training_dir
from planners.design.diffusion.network import BONDS, ELEMENTS, MOST_ATOMS, Clean, Network, Noisy
from planners.design.diffusion.noise import Scales, corrupted
from planners.design.diffusion.weights import PATH, Trained, read, write
from planners.design.diffusion.wishes import PROPERTIES
from planners.design.training.diffusion_card import write_card
from planners.design.training.qm9 import Molecules, molecules, split

BATCH = 96
SEED = 17
PEAK = 1.5e-3
FORGET = 0.15  # share of molecules whose wishes are all hidden, for guidance without a classifier
LATE = 1.8  # times are drawn as u ** (1 / LATE): valences are decided late
WEIGHTS = {"x": 1.0, "atoms": 0.4, "bonds": 2.0}
CHECKPOINT = "diffusion.checkpoint.safetensors"
EVERY_S = 60.0


def measured(data: Molecules) -> Scales:
    """Lengths, frequencies, moments and sizes of the training molecules."""
    sizes = np.bincount(data.size, minlength=MOST_ATOMS + 1)
    atoms, bonds = np.zeros(len(ELEMENTS)), np.zeros(BONDS)
    square = 0.0
    for n in np.flatnonzero(sizes):
        rows = data.size == n
        first, second = np.triu_indices(int(n), 1)
        atoms += np.bincount(data.atoms[rows, :n].ravel(), minlength=len(ELEMENTS))
        bonds += np.bincount(data.bonds[rows][:, first, second].ravel(), minlength=BONDS)
        square += float((data.x[rows].astype(np.float64) ** 2).sum())
    return Scales(
        length=float(np.sqrt(square / 3 / atoms.sum())),
        atoms=torch.tensor(atoms / atoms.sum(), dtype=torch.float32),
        bonds=torch.tensor(bonds / bonds.sum(), dtype=torch.float32),
        mean=torch.from_numpy(data.values.mean(axis=0)),
        std=torch.from_numpy(data.values.std(axis=0)),
        sizes=torch.from_numpy(sizes),
    )


class Batches:
    """Molecules of one size and their noise, the same for the same step."""

    def __init__(self, data: Molecules, scales: Scales) -> None:
        self._data, self._scales = data, scales
        self._rows = {n: np.flatnonzero(data.size == n) for n in range(MOST_ATOMS + 1)}
        self._share = np.bincount(data.size, minlength=MOST_ATOMS + 1) / len(data)

    def __call__(self, step: int, size: int = BATCH) -> tuple[Noisy, Tensor, Tensor, Tensor]:
        """What the network sees, and the clean coordinates, elements and bonds."""
        rng = np.random.default_rng([SEED, step])
        n = int(rng.choice(MOST_ATOMS + 1, p=self._share))
        rows = rng.choice(self._rows[n], size)
        dice = torch.Generator().manual_seed(int(rng.integers(2**62)))
        x = torch.from_numpy(self._data.x[rows, :n]) / self._scales.length
        atoms = torch.from_numpy(self._data.atoms[rows, :n].astype(np.int64))
        bonds = torch.from_numpy(self._data.bonds[rows][:, :n, :n].astype(np.int64))
        moment = torch.rand(size, generator=dice) ** (1 / LATE)
        mode = (torch.rand(size, generator=dice) < 0.5).float()
        wanted = (torch.from_numpy(self._data.values[rows]) - self._scales.mean) / self._scales.std
        given = torch.rand(size, len(PROPERTIES), generator=dice) < torch.rand(size, 1, generator=dice)
        given &= torch.rand(size, 1, generator=dice) >= FORGET
        seen = corrupted(x, atoms, bonds, moment, mode, self._scales, dice)
        return Noisy(*seen, moment, mode, wanted, given.float()), x, atoms, bonds


def losses(guess: Clean, x: Tensor, atoms: Tensor, bonds: Tensor) -> dict[str, Tensor]:
    n = x.shape[1]
    first, second = torch.triu_indices(n, n, 1)
    of_bonds = functional.nll_loss(
        guess.bonds[:, first, second].reshape(-1, BONDS), bonds[:, first, second].reshape(-1)
    )
    return {
        "x": (guess.x - x).square().mean(),
        "atoms": functional.nll_loss(guess.atoms.reshape(-1, len(ELEMENTS)), atoms.reshape(-1)),
        "bonds": of_bonds,
    }


def train(minutes: float, path: Path) -> None:
    """Until the budget is spent; what is in `path` is gone on with."""
    torch.set_num_threads(1)
    keep_memory()
    data, _, _ = split(molecules())
    scales = measured(data)
    torch.manual_seed(SEED)
    network = Network(len(PROPERTIES))
    trainer = Trainer(network, minutes, peak=PEAK, warm=300, decay=0.01, average=0.999)
    if path.exists():
        trainer.restore(path)
    batches = Batches(data, scales)
    stored, seen = time.monotonic(), []
    while not trainer.over:
        noisy, *clean = batches(trainer.step)
        before = None
        if trainer.step % 2:
            with torch.no_grad():
                before = network(noisy)
        parts = losses(network(noisy, before), *clean)
        total = sum((WEIGHTS[k] * v for k, v in parts.items()), torch.zeros(()))
        if not torch.isfinite(total):
            raise FloatingPointError(f"the loss is not finite at step {trainer.step}")
        trainer.update(total)
        seen.append([float(v.detach()) for v in parts.values()])
        if trainer.step % 200 == 0:
            mean = dict(zip(parts, np.mean(seen, axis=0).round(4).tolist(), strict=True))
            cpu = time.process_time()
            print(f"step {trainer.step} {trainer.elapsed:.0f} s (cpu {cpu:.0f} s) {mean}", flush=True)
            seen = []
        if time.monotonic() - stored > EVERY_S:
            trainer.store(path)
            stored = time.monotonic()
    trainer.store(path)


def checked(trained: Trained, apart: Batches) -> dict[str, float]:
    """Losses on molecules that were kept apart, self-conditioned, averaged over times."""
    rows = []
    for step in range(20):
        noisy, *clean = apart(step)
        guess = trained.network(noisy, trained.network(noisy))
        rows.append({k: float(v) for k, v in losses(guess, *clean).items()})
    return {k: float(np.mean([row[k] for row in rows])) for k in rows[0]}


def export(path: Path, to: Path) -> None:
    """The averaged weights of a checkpoint, in half precision, with what was measured on the data, and their card."""
    torch.set_num_threads(1)
    notes = checkpoint_notes(path)
    data, develop, _ = split(molecules())
    scales = measured(data)
    write(averaged(path), scales, to, {k: notes[k] for k in ("step", "elapsed")})
    trained = read(to)
    write_card(trained, checked(trained, Batches(develop, scales)), BATCH, to.parent / "MODEL_CARD.md")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=85.0, help="wall clock, summed over interruptions")
    parser.add_argument("--export", action="store_true", help="write the weights of the checkpoint and stop")
    chosen = parser.parse_args(arguments)
    path = training_dir("design") / CHECKPOINT
    if not chosen.export:
        train(chosen.minutes, path)
    export(path, PATH)


if __name__ == "__main__":
    main()
