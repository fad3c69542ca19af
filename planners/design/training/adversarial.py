"""Train the adversarial generator: python -m planners.design.training.adversarial --minutes 35, then --export.

One thread; the schedule follows the clock, so the budget decides and not a number of epochs. Every few minutes there is
a checkpoint (`--resume` goes on from it), and the averaged generator is judged on held-out molecules: what is exported
is the one nearest to them, not the last.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from loguru import logger
from rdkit import Chem
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional

from knowledge.trainer.trainer import Trainer, averaged, checkpoint_notes, keep_memory
from knowledge.trainer.wheels import training_dir
from planners.design.adversarial.alphabet import LARGEST, Drawing, assembled, drawn
from planners.design.adversarial.critic import Critic
from planners.design.adversarial.decoding import connected
from planners.design.adversarial.drawing import RIVALS, canvas, drawn_anew
from planners.design.adversarial.model import FILE, save
from planners.design.adversarial.network import Canvas, Drafter, Graphs, Shape, Sketch, one_hot, read_off
from planners.design.adversarial.scribbles import Scribbles, smudged
from planners.design.adversarial.weights import folder as weights_folder
from planners.design.training import corpus
from planners.design.training.adversarial_critic import critic_losses
from planners.design.training.adversarial_quality import Crowd, Quality, crowd, described, quality

LIMIT = 60_000  # molecules of the corpus, of which the handbook gives thirty thousand
SMALLEST = 3
SEED = 7
EVERY_S = 120.0  # between checkpoints
JUDGED = 2000
PENALTY, PENALISED = 0.02, 4  # weight of the gradient penalty, and the steps from one to the next
MARGIN, CERTAIN = 0.5, 7.0  # logits
# Weights of the critic, `repair`, `certainty`, `recall` and `kept`.
PULLED, REPAIRED, SURE, RECALLED, KEPT = 1.0, 0.1, 0.1, 0.2, 0.02
WHOLLY = 0.8  # share of graphs drawn from nothing
SLOW = 6  # steps of the critic for one of the generator: the gradient through hard choices is good for little ones
FAINT = 0.6  # level beyond which nothing can be recalled but the mean of everything


class Shelf:
    """Real graphs by size."""

    def __init__(self, drawings: list[Drawing]) -> None:
        sizes = Counter(len(drawing.kinds) for drawing in drawings)
        self.sizes = sorted(sizes)
        self.shares = np.array([sizes[n] for n in self.sizes]) / len(drawings)
        self._graphs = {
            n: Graphs(
                torch.from_numpy(np.stack([d.kinds for d in drawings if len(d.kinds) == n])),
                torch.from_numpy(np.stack([d.orders for d in drawings if len(d.kinds) == n])),
            )
            for n in self.sizes
        }

    def some(self, n: int, count: int, random: np.random.Generator) -> Graphs:
        graphs = self._graphs[n]
        rows = torch.from_numpy(random.integers(len(graphs.kinds), size=count))
        return Graphs(graphs.kinds[rows], graphs.orders[rows])


def smeared(real: Graphs, random: np.random.Generator, noise: int) -> Canvas:
    """Real graphs to draw again: some wholly scribbled over, of the others parts, more or less."""
    batch, n = real.kinds.shape
    wholly = random.random(batch) < WHOLLY
    share = np.where(wholly, 1.0, random.uniform(0.2, 1.0, batch))
    level = np.where(wholly, 1.0, random.uniform(0.1, 1.0, batch))
    opened = random.random((batch, n)) < share[:, None]
    return canvas(random, smudged(random, Scribbles(real.kinds.numpy(), real.orders.numpy()), opened, level), opened,
                  level, noise)  # fmt: skip


def passed_through(sketch: Sketch, graphs: Graphs, on: Canvas) -> tuple[Tensor, Tensor]:
    """The decoded graphs; where they were drawn their gradients are those of the probabilities (straight through)."""
    kinds, bonds = one_hot(graphs)
    soft_kinds = sketch.kinds.softmax(-1) * on.opened[..., None]
    soft_bonds = (sketch.orders.softmax(-1)[..., 1:] * on.pairs[..., None]).permute(0, 3, 1, 2)
    return kinds + soft_kinds - soft_kinds.detach(), bonds + soft_bonds - soft_bonds.detach()


def repair(sketch: Sketch, graphs: Graphs, on: Canvas) -> Tensor:
    """How far the sketch is from saying by itself what decoding made of it, mean over atoms."""
    logits = sketch.orders
    made = logits.gather(-1, graphs.orders[..., None]).squeeze(-1)
    missing = functional.relu(logits.amax(-1) - made + MARGIN * (logits.argmax(-1) != graphs.orders))
    return (missing * on.pairs).triu(1).sum((1, 2)).mean() / logits.shape[1]


def certainty(sketch: Sketch) -> Tensor:
    """Logits beyond `CERTAIN`: where a sketch is too sure, no gradient passes."""
    return torch.stack(
        [functional.relu(x.abs() - CERTAIN).square().mean() for x in (sketch.kinds, sketch.orders)]
    ).sum()


def recall(sketch: Sketch, real: Graphs, on: Canvas) -> Tensor:
    """Cross entropy of what was scribbled over, per open atom; the less was left to see, the less it counts."""
    weight = ((1.0 - on.level) * (on.level < FAINT))[:, None]
    kinds = functional.cross_entropy(sketch.kinds.transpose(1, 2), real.kinds, reduction="none") * on.opened * weight
    bonds = functional.cross_entropy(sketch.orders.permute(0, 3, 1, 2), real.orders, reduction="none")
    bonds = (bonds * on.pairs * weight[..., None]).triu(1)
    return (kinds.sum() + bonds.sum()) / (on.opened * weight).sum().clamp(min=1.0)


def kept(sketch: Sketch, on: Canvas) -> Tensor:
    """Cross entropy of the scribble itself, per atom: what need not be changed is not, and scribbles stay apart."""
    kinds = functional.cross_entropy(sketch.kinds.transpose(1, 2), on.given.kinds, reduction="none") * on.opened
    bonds = functional.cross_entropy(sketch.orders.permute(0, 3, 1, 2), on.given.orders, reduction="none")
    return (kinds.sum() + (bonds * on.pairs).triu(1).sum()) / kinds.numel()


def drawn_by_itself(sketch: Sketch, graphs: Graphs) -> int:
    """Graphs for which decoding changed nothing."""
    n = graphs.kinds.shape[1]
    raw = sketch.orders.argmax(-1).masked_fill(torch.eye(n, dtype=torch.bool), 0)
    same = (raw == graphs.orders).flatten(1).all(1)
    return int((same & connected(graphs.orders).flatten(1).all(1)).sum())


@torch.no_grad()
def judge(
    model: Drafter, critic: Critic, shelf: Shelf, known: frozenset[str], reference: Crowd, rivals: int
) -> Quality:
    random = np.random.default_rng(1)
    mols: list[Chem.Mol | None] = []
    for n, count in zip(shelf.sizes, random.multinomial(JUDGED, shelf.shares), strict=True):
        graphs = drawn_anew(model, critic, random, int(count), n, rivals=rivals)
        pairs = zip(graphs.kinds.numpy(), graphs.orders.numpy(), strict=True)
        mols += [assembled(Drawing(kinds, orders)) for kinds, orders in pairs]
    return quality(mols, known, reference)


def train(minutes: float, size: int, seed: int, resume: bool, penalty: float) -> None:
    torch.manual_seed(seed)
    home = training_dir("design/adversarial")
    logger.add(home / "train.log")
    smiles = corpus.molecules(LARGEST, LIMIT, seed)
    mols = [Chem.MolFromSmiles(text) for text in smiles]
    drawings = [(text, mol, drawn(mol)) for text, mol in zip(smiles, mols, strict=True)]
    usable = [(t, m, d) for t, m, d in drawings if d is not None and len(d.kinds) >= SMALLEST]
    held = [m for t, m, _ in usable if corpus.held_out(t)]
    learnt = [(t, m, d) for t, m, d in usable if not corpus.held_out(t)]
    shelf, known = Shelf([d for _, _, d in learnt]), frozenset(t for t, _, _ in learnt)
    reference = crowd(described(held))
    logger.info("{} molecules, {} usable, {} held out", len(smiles), len(usable), len(held))
    logger.info("the training set itself: {}", quality([m for _, m, _ in learnt[:JUDGED]], frozenset(), reference))
    model, critic = Drafter(Shape()).train(), Critic().train()
    makers = Trainer(model, minutes, peak=2e-4, decay=0.0, clip=5.0, average=0.999, betas=(0.5, 0.95))
    judges = Trainer(critic, minutes, peak=1.5e-3, decay=0.0, clip=5.0, warm=100, average=0.995, betas=(0.5, 0.95))
    files = home / "generator.safetensors", home / "critic.safetensors"
    for trainer, path in zip((makers, judges), files, strict=True):
        if resume and path.is_file():
            trainer.restore(path)
    (home / "shape.json").write_text(json.dumps({"seed": seed, "minutes": minutes, "molecules": len(known)}))
    parameters = [sum(p.numel() for p in net.parameters()) for net in (model, critic)]
    logger.info("{} parameters to draw, {} to judge", *parameters)
    random = np.random.default_rng((seed, makers.step))
    saved, gap, counted = time.monotonic(), 0.0, 0
    best = json.loads((home / "best.json").read_text())["frechet"] if resume and (home / "best.json").is_file() else 1e9
    while not makers.over:
        n = int(random.choice(shelf.sizes, p=shelf.shares))
        real = shelf.some(n, size, random)
        on = smeared(real, random, model.shape.noise)
        moving = judges.step % SLOW == 0
        with torch.set_grad_enabled(moving):
            sketch = model(on)
        graphs = read_off(sketch, on)
        fake, true = passed_through(sketch, graphs, on), one_hot(shelf.some(n, size, random))
        losses = critic_losses(critic, true, fake, penalty * PENALISED if judges.step % PENALISED == 0 else 0.0)
        judges.update(losses.critic)
        gap, counted = gap + losses.gap, counted + 1
        if moving:
            critic.requires_grad_(False)
            pull = functional.softplus(critic(*true) - critic(*fake)).mean()
            critic.requires_grad_(True)
            ease = REPAIRED * repair(sketch, graphs, on) + SURE * certainty(sketch)
            loyal = RECALLED * recall(sketch, real, on) + KEPT * kept(sketch, on)
            makers.update(PULLED * pull + ease + loyal)
        makers.tick()
        if judges.step % 100 == 0:
            logger.info("{} steps of the critic, {:.1f} min: gap {:.3f}, drawn without mending {:.3f}", judges.step,
                        makers.elapsed / 60, gap / counted, drawn_by_itself(sketch, graphs) / size)  # fmt: skip
            gap, counted = 0.0, 0
        if time.monotonic() - saved > EVERY_S or makers.over:
            saved = time.monotonic()
            makers.store(files[0])
            judges.store(files[1])
            best = min(best, compare(model, makers, judges, home, best, shelf, known, reference))


def compare(
    model: Drafter,
    trainer: Trainer,
    judges: Trainer,
    home: Path,
    best: float,
    shelf: Shelf,
    known: frozenset[str],
    reference: Crowd,
) -> float:
    """The Fréchet distance of the averaged generator, which is kept aside when it is below `best`."""
    smooth = Drafter(model.shape).eval()
    smooth.load_state_dict(trainer.average)
    wise = Critic().eval()
    wise.load_state_dict(judges.average)
    logger.info("without the critic: {}", judge(smooth, wise, shelf, known, reference, 1))
    found = judge(smooth, wise, shelf, known, reference, RIVALS)
    logger.info("with the critic: {}", found)
    if found.frechet < best and found.valid >= 0.95:
        trainer.store(home / "best.safetensors")
        judges.store(home / "best-critic.safetensors")
        (home / "best.json").write_text(json.dumps(asdict(found)))
        shares = torch.zeros(LARGEST + 1)
        shares[shelf.sizes] = torch.from_numpy(shelf.shares).float()
        save_file({"sizes": shares}, home / "sizes.safetensors")
    return found.frechet


def training_smiles() -> list[str]:
    """What the shipped weights were trained on."""
    pairs = ((text, drawn(Chem.MolFromSmiles(text))) for text in corpus.molecules(LARGEST, LIMIT, SEED))
    return [t for t, d in pairs if d is not None and len(d.kinds) >= SMALLEST and not corpus.held_out(t)]


def export() -> None:
    """The averaged weights that came nearest as the fp16 file that the generator reads."""
    home = training_dir("design/adversarial")
    notes = json.loads((home / "shape.json").read_text())
    facts = {**checkpoint_notes(home / "best.safetensors"), "seed": str(notes["seed"])}
    weights = {f"drafter.{k}": v for k, v in averaged(home / "best.safetensors").items()}
    weights |= {f"critic.{k}": v for k, v in averaged(home / "best-critic.safetensors").items()}
    save(weights_folder() / FILE, weights, home / "sizes.safetensors", Shape(), facts)
    logger.info("{} {} {}", weights_folder() / FILE, facts, (home / "best.json").read_text())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=35.0)
    parser.add_argument("--batch", type=int, default=48)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--penalty", type=float, default=PENALTY)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--export", action="store_true", help="write the nearest checkpoint's weights and stop")
    given = parser.parse_args()
    torch.set_num_threads(1)
    keep_memory()
    if given.export:
        export()
    else:
        train(given.minutes, given.batch, given.seed, given.resume, given.penalty)


if __name__ == "__main__":
    main()
