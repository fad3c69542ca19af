"""Train the encoder: python -m knowledge.qspr.pretraining.encoder --minutes 50, then --export.

One thread; the learning rate follows the clock, so the budget decides and not a number of epochs. A checkpoint every
few minutes, from which a training that was interrupted goes on, and `train.log` in the training folder.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from loguru import logger
from safetensors.torch import save_file
from torch import Tensor, nn

from knowledge.features import molgraph
from knowledge.qspr.models.encoder import FOLDER, NAME, Encoder, GraphRows, Shape, apply
from knowledge.qspr.pretraining import arrays, corpus, reading, targets
from knowledge.quantum.surrogate import QUANTITIES
from knowledge.trainer.trainer import Trainer, averaged, checkpoint_notes, keep_memory

BATCH = 128
WARM, DECAY = 300, 0.01  # steps up to the highest rate; weight decay
QUANTUM = 0.1  # weight of the mean GFN2-xTB loss beside that of descriptors and groups
LIMIT = 65_536  # molecules of the corpus: as many as could be learned from in the time there was
HELD = 2048  # molecules that only tell how the training goes
EVERY_S = 420.0  # between checkpoints


class Learner(nn.Module):
    """The encoder and one linear layer for all targets."""

    def __init__(self, shape: Shape, columns: int) -> None:
        super().__init__()
        self.encoder = Encoder(shape)
        self.head = nn.Linear(shape.width, columns)


class Data:
    """Graphs and standardised targets of the corpus; the first `HELD` molecules are not learned from."""

    def __init__(self, limit: int, workers: int, *, anew: bool) -> None:
        smiles = corpus.molecules()[:limit]
        paths = arrays.build(smiles, workers)
        known = targets.labels(home() / "labels.jsonl", anew=anew)
        inside = set(smiles)
        more = sorted(s for s in known if s not in inside)
        paths += arrays.build(more, workers)
        smiles = smiles + more
        self.graphs, values = arrays.load(paths)
        self.scale = targets.Scale.of(values[HELD:])
        learned = targets.quantum(smiles, known, hidden=False)
        self.quantum_scale = targets.Scale.of(learned) if np.isfinite(learned).any() else None
        self.targets = self._with(values, learned)
        self.hidden = self._with(values, targets.quantum(smiles, known, hidden=True))
        self.labelled = int(np.isfinite(learned[:, 0]).sum())
        names = arrays.columns()
        self.names = [names[i] for i in self.scale.columns]
        if self.quantum_scale is not None:
            self.names += [QUANTITIES[i] for i in self.quantum_scale.columns]

    def _with(self, values: targets.Floats, quantum: targets.Floats) -> targets.Floats:
        parts = [self.scale(values)]
        if self.quantum_scale is not None:
            parts.append(self.quantum_scale(quantum))
        return np.concatenate(parts, axis=1)

    @property
    def plain(self) -> int:
        """How many targets every molecule has; GFN2-xTB values come after them."""
        return len(self.scale.columns)

    def batches(self, rng: np.random.Generator) -> Iterator[npt.NDArray[np.integer]]:
        order = HELD + rng.permutation(len(self.graphs) - HELD)
        for start in range(0, len(order) - BATCH + 1, BATCH):
            yield order[start : start + BATCH]


def loss_of(predicted: Tensor, target: Tensor, plain: int) -> tuple[Tensor, Tensor]:
    """Mean squared errors of standardised targets: of descriptors and groups, and of what GFN2-xTB values there are."""
    first = ((predicted[:, :plain] - target[:, :plain]) ** 2).mean()
    there = torch.isfinite(target[:, plain:])
    apart = torch.where(there, predicted[:, plain:] - target[:, plain:].nan_to_num(), 0.0)
    return first, (apart**2).sum() / there.sum().clamp(min=1)


def predict(learner: Learner, graphs: GraphRows, rows: npt.NDArray[np.integer]) -> Tensor:
    parts = []
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        for start in range(0, len(rows), BATCH):
            parts.append(learner.head(learner.encoder(graphs.take(rows[start : start + BATCH]))).float())
    return torch.cat(parts)


def validate(average: dict[str, Tensor], shape: Shape, data: Data) -> dict[str, float]:
    """Shares of the variance that the averaged weights explain of molecules, and labels, that were not learned from."""
    learner = Learner(shape, data.targets.shape[1])
    learner.load_state_dict(average)
    learner.eval()
    truth = torch.from_numpy(data.targets[:HELD])
    found = predict(learner, data.graphs, np.arange(HELD))
    error = ((found - truth) ** 2)[:, : data.plain].mean(dim=0) / truth[:, : data.plain].var(dim=0).clamp(min=1e-3)
    figures = {"median R2": float(1 - error.median()), "mean R2": float(1 - error.clamp(max=1).mean())}
    rows = np.flatnonzero(np.isfinite(data.hidden[:, data.plain :]).any(axis=1))
    if len(rows):
        truth = torch.from_numpy(data.hidden[rows, data.plain :])
        apart = ((predict(learner, data.graphs, rows)[:, data.plain :] - truth) ** 2).mean(dim=0) / truth.var(dim=0)
        names = data.names[data.plain :]
        figures |= {f"R2 {name}": float(1 - e) for name, e in zip(names, apart, strict=True)}
    return figures


def _said(figures: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.4f}" for name, value in figures.items())


def home() -> Path:
    path = corpus.training_dir() / "encoder"
    path.mkdir(exist_ok=True)
    return path


def train(minutes: float, seed: int, limit: int, workers: int, shape: Shape, *, anew: bool) -> None:
    torch.manual_seed(seed)
    logger.add(home() / "train.log")
    checkpoint = home() / "checkpoint.safetensors"
    going_on = checkpoint.is_file() and not anew
    data = Data(limit, workers, anew=not going_on)
    learner = Learner(shape, data.targets.shape[1])
    trainer = Trainer(learner, minutes, warm=WARM, decay=DECAY)
    if going_on:
        trainer.restore(checkpoint)
    notes = {"seed": seed, "minutes": minutes, "molecules": len(data.graphs) - HELD, "labelled": data.labelled,
             "targets": data.plain, "quantities": data.names[data.plain :],
             "quantum_centre": data.quantum_scale.centre.tolist() if data.quantum_scale else [],
             "quantum_spread": data.quantum_scale.spread.tolist() if data.quantum_scale else [],
             **asdict(shape)}  # fmt: skip
    (home() / "notes.json").write_text(json.dumps(notes))
    logger.info("{} parameters; {}", sum(p.numel() for p in learner.parameters()), notes)
    rng = np.random.default_rng((seed, trainer.step))
    saved = time.monotonic()
    sums = np.zeros(3)
    while trainer.elapsed < trainer.budget:
        for rows in data.batches(rng):
            with torch.autocast("cpu", dtype=torch.bfloat16):
                predicted = learner.head(learner.encoder(data.graphs.take(rows))).float()
            first, second = loss_of(predicted, torch.from_numpy(data.targets[rows]), data.plain)
            trainer.update(first + QUANTUM * second)
            sums += (1.0, float(first.detach()), float(second.detach()))
            if trainer.step % 200 == 0:
                logger.info("step {} epoch {} {:.1f} min loss {:.4f} xtb {:.4f} rate {:.2e}", trainer.step,
                            trainer.epoch, trainer.elapsed / 60, *(sums[1:] / sums[0]), trainer.rate())  # fmt: skip
                sums[:] = 0.0
            if time.monotonic() - saved > EVERY_S or trainer.over:
                saved = time.monotonic()
                trainer.store(checkpoint)
                logger.info("held out: {}", _said(validate(trainer.average, shape, data)))
            if trainer.over:
                break
        trainer.epoch += 1
    trainer.store(checkpoint)


def export(folder: Path) -> None:
    """The averaged weights of the checkpoint as the fp16 file that `knowledge.qspr.models.encoder` reads."""
    notes = json.loads((home() / "notes.json").read_text())
    checkpoint = home() / "checkpoint.safetensors"
    average = {k: v.half() for k, v in averaged(checkpoint).items()}
    state = {k: v for k, v in average.items() if k.startswith("encoder.")}
    network = Encoder(Shape(**{name: int(notes[name]) for name in asdict(Shape())})).eval()
    network.load_state_dict({k.removeprefix("encoder."): v.float() for k, v in state.items()})
    centre, axes = reading.components(apply(network, GraphRows.of(corpus.molecules()[:HELD])).double())
    last = notes["targets"]
    spread, middle = (torch.tensor(notes[key]).double() for key in ("quantum_spread", "quantum_centre"))
    quantum = average["head.weight"][last:].double() * spread.unsqueeze(1)
    offset = average["head.bias"][last:].double() * spread + middle
    refitted = reading.refit(network, quantum, offset, notes["quantities"], home() / "labels.jsonl")
    for name, value in (("centre", centre), ("axes", axes), ("quantum", refitted.weight), ("offset", refitted.offset)):
        state[name] = value.float().contiguous()
    facts = {k: v for k, v in notes.items() if not k.startswith("quantum_")} | checkpoint_notes(checkpoint)
    facts |= {"molgraph": molgraph.VERSION, "quantities": json.dumps(notes["quantities"]), "refitted": refitted.rows}
    folder.mkdir(exist_ok=True)
    save_file(state, folder / NAME, metadata={k: str(v) for k, v in sorted(facts.items())})
    (folder / NAME).chmod(0o644)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=50.0)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--limit", type=int, default=LIMIT, help="so many molecules of the corpus only")
    parser.add_argument("--workers", type=int, default=1, help="processes that make the arrays")
    parser.add_argument("--anew", action="store_true", help="do not go on from the checkpoint")
    parser.add_argument("--export", action="store_true", help="write the checkpoint's averaged weights and stop")
    given = parser.parse_args()
    torch.set_num_threads(1)
    keep_memory()
    if given.export:
        export(FOLDER)
    else:
        train(given.minutes, given.seed, given.limit, given.workers, Shape(), anew=given.anew)


if __name__ == "__main__":
    main()
