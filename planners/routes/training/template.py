"""Train the template policy, export it, and write pools for a reranker.

`python -m planners.routes.training.template` builds the library, trains (resuming from its checkpoint) and writes
trained/template.safetensors and template.json.gz; `--pools valid` writes the valid split's proposals and prints top-k.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import time
from collections.abc import Iterator

import numpy as np
import torch
from loguru import logger
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional

from planners.routes.single_step import weights
from planners.routes.single_step.templates import library as shipped
from planners.routes.single_step.templates import policy
from planners.routes.single_step.templates.library import TemplateLibrary
from planners.routes.single_step.templates.proposer import TemplateProposer
from planners.routes.single_step.templates.signature import features
from planners.routes.training import uspto
from planners.routes.training.template_labels import labels
from planners.routes.training.template_library import Library, Row, folder, library, plain_rows

SEED = 20
HIDDEN = 832
RANK = 256
EPOCHS = 12
BATCH = 256
WARM = 0.1  # of the training: the learning rate rises
RATE = 1e-3
DECAY = 0.5
DROPOUT = 0.5
SMOOTHING = 0.05  # of the target, spread over all matching templates
MATCHING_SHARE = 0.8  # of the loss: over matching templates; the rest over all, so that raw logits rank too
TEMPERATURE = 1.25  # logits are divided by it when they ship; minimises the valid split's negative log-likelihood
FEATURE_BINS = 2048
FEATURE_SCALE = 4.0
INPUT_DROPOUT = 0.25
CHECKPOINT_SECONDS = 120


class Training(nn.Module):
    """The policy with its output rows made of a free vector and an encoding of the template."""

    table: Tensor

    def __init__(self, templates: list[str], counts: list[int]) -> None:
        super().__init__()
        self.network = policy.PolicyNetwork(len(templates), hidden=HIDDEN, rank=RANK, dropout=DROPOUT)
        nn.init.normal_(self.network.output.weight, std=0.02)
        with torch.no_grad():
            self.network.output.bias.copy_(0.3 * torch.log(torch.tensor(counts, dtype=torch.float)))
        # A bag of features per template: each row is a sum of feature vectors, all rows are one product of matrices.
        self.feature = nn.Parameter(torch.randn(FEATURE_BINS, RANK) * 0.02)
        table = torch.zeros(len(templates), FEATURE_BINS)
        for row, smarts in enumerate(templates):
            for column, count in features(smarts, FEATURE_BINS).items():
                table[row, column] = math.log1p(count)
        table = FEATURE_SCALE * functional.normalize(table)
        self.register_buffer("table", table.to(torch.bfloat16), persistent=False)

    def rows(self) -> Tensor:
        """(templates, RANK)"""
        return self.network.output.weight + self.table @ self.feature.to(torch.bfloat16)

    def forward(self, fingerprints: Tensor) -> Tensor:
        kept = functional.dropout(fingerprints, INPUT_DROPOUT, self.training)
        return functional.linear(self.network.embed(kept), self.rows(), self.network.output.bias)

    @torch.no_grad()
    def baked(self) -> dict[str, Tensor]:
        """The state of the plain network that gives the same logits in evaluation mode."""
        self.eval()
        state = {name: value.detach().clone() for name, value in self.network.state_dict().items()}
        state["output.weight"] = self.rows()
        self.train()
        return state


def fingerprints(rows: list[Row]) -> NDArray[np.float16]:
    """(rows, BITS) of the train split; computed once."""
    path = folder() / "fingerprints.npy"
    if not path.is_file():
        scratch = path.with_suffix(".part.npy")
        np.save(scratch, np.stack([policy.fingerprint(row.product).astype(np.float16) for row in rows]))
        scratch.rename(path)
    return np.load(path)


def loss(logits: Tensor, matching: Tensor, real: Tensor, right: Tensor) -> Tensor:
    """-log of the probability of all right templates together, over the matching and over all templates.

    `logits` (n, templates); `matching` (n, width) indices with `real` and `right` as Labels.batch gives them.
    """
    among = logits.gather(1, matching)
    wanted = among.masked_fill(~right, -math.inf).logsumexp(1)
    possible = among.masked_fill(~real, -math.inf).logsumexp(1)
    spread = among.masked_fill(~real, 0.0).sum(1) / real.sum(1)
    aim = (1 - SMOOTHING) * wanted + SMOOTHING * spread
    return (MATCHING_SHARE * possible + (1 - MATCHING_SHARE) * logits.logsumexp(1) - aim).mean()


def _batches(usable: NDArray[np.int64], first: int) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """(step, rows) of all epochs from step `first` on; the order depends on the seed and the epoch only."""
    per_epoch = len(usable) // BATCH
    for step in range(first, EPOCHS * per_epoch):
        epoch, place = divmod(step, per_epoch)
        if place == 0 or step == first:
            order = np.random.default_rng([SEED, epoch]).permutation(usable)
        yield step, order[place * BATCH : (place + 1) * BATCH]


def rate(progress: float) -> float:
    """Learning rate at a share of the training: up for a tenth of it, then down along a cosine."""
    if progress < WARM:
        return RATE * (0.05 + 0.95 * progress / WARM)
    return RATE * 0.5 * (1 + math.cos(math.pi * min((progress - WARM) / (1 - WARM), 1.0)))


def train(data: Library, minutes: float) -> dict[str, Tensor]:
    """The baked network's state after EPOCHS, or after `minutes` by the clock with the schedule squeezed into them."""
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    marks = labels("train", data.rows, _library(data))
    usable = marks.solvable()
    inputs = torch.from_numpy(fingerprints(data.rows))
    model = Training(data.templates, data.counts)
    optimiser = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=DECAY, fused=True)
    total = EPOCHS * (len(usable) // BATCH)
    first, spent = _resume(model, optimiser)
    saved = time.monotonic()
    started = saved - spent
    running = 0.0
    for step, rows in _batches(usable, first):
        seconds = time.monotonic() - started
        progress = max(step / total, seconds / (60 * minutes))
        if progress >= 1:
            break
        for group in optimiser.param_groups:
            group["lr"] = rate(progress)
        with torch.autocast("cpu", torch.bfloat16):
            logits = model(inputs[torch.from_numpy(rows)].float())
        value = loss(logits.float(), *map(torch.from_numpy, marks.batch(rows)))
        optimiser.zero_grad()
        value.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        running += value.item()
        if step % 50 == 49:
            logger.info("step {} of {}, loss {:.3f}, {:.0f} s", step + 1, total, running / 50, seconds)
            running = 0.0
        if time.monotonic() - saved > CHECKPOINT_SECONDS:
            _save(model, optimiser, step + 1, seconds)
            saved = time.monotonic()
    _save(model, optimiser, total, time.monotonic() - started)
    return model.baked()


def _save(model: Training, optimiser: torch.optim.Optimizer, step: int, seconds: float) -> None:
    state = {f"model.{name}": value for name, value in model.state_dict().items()}
    names = [name for name, _ in model.named_parameters()]
    for name, entry in zip(names, optimiser.state_dict()["state"].values(), strict=True):
        state |= {f"first.{name}": entry["exp_avg"], f"second.{name}": entry["exp_avg_sq"]}
    scratch = folder() / "checkpoint.part"
    save_file({**state, "step": torch.tensor(step), "seconds": torch.tensor(seconds)}, scratch)
    scratch.rename(folder() / "checkpoint.safetensors")


def _resume(model: Training, optimiser: torch.optim.Optimizer) -> tuple[int, float]:
    """(steps done, seconds spent)"""
    path = folder() / "checkpoint.safetensors"
    if not path.is_file():
        return 0, 0.0
    state = load_file(path)
    step = int(state["step"])
    model.load_state_dict({name[6:]: value for name, value in state.items() if name.startswith("model.")})
    for name, parameter in model.named_parameters():
        optimiser.state[parameter] = {
            "step": torch.tensor(float(step)),
            "exp_avg": state[f"first.{name}"],
            "exp_avg_sq": state[f"second.{name}"],
        }
    logger.info("resumed at step {}", step)
    return step, float(state["seconds"])


def _library(data: Library) -> TemplateLibrary:
    return TemplateLibrary(data.templates, data.counts, [tuple(e) for e in data.examples])


def export(data: Library, state: dict[str, Tensor]) -> None:
    """Write what ships: half-precision weights with their shape, and the templates beside them."""
    state = {name: value / TEMPERATURE if name.startswith("output.") else value for name, value in state.items()}
    shape = {"templates": len(data.templates), "hidden": HIDDEN, "rank": RANK}
    halves = {name: value.half().contiguous() for name, value in state.items()}
    weights.folder().mkdir(parents=True, exist_ok=True)
    save_file(halves, weights.folder() / policy.WEIGHTS, metadata={"shape": json.dumps(shape), "seed": str(SEED)})
    content = {"templates": data.templates, "counts": data.counts, "examples": data.examples}
    packed = gzip.compress(json.dumps(content, separators=(",", ":")).encode(), mtime=0)
    (weights.folder() / shipped.FILE).write_bytes(packed)


def pools(split: uspto.Split, limit: int | None = None, k: int = 50) -> dict[str, float]:
    """Write training_dir()/pools/template-SPLIT.jsonl; the share of reactions whose reactants are among the first k."""
    proposer = TemplateProposer()
    path = uspto.training_dir() / "pools" / f"template-{split}.jsonl"
    path.parent.mkdir(exist_ok=True)
    rows = plain_rows(split)[:limit]
    places: list[int] = []
    started = time.process_time()
    with path.with_suffix(".part").open("w", encoding="utf-8") as file:
        for start in range(0, len(rows), 64):
            batch = rows[start : start + 64]
            for row, found in zip(batch, proposer.propose([r.product for r in batch], k), strict=True):
                sets = [tuple(sorted(p.reactants)) for p in found]
                places.append(sets.index(row.reactants) if row.reactants in sets else k)
                proposals = [[p.reactants, round(p.score, 6), p.template] for p in found]
                file.write(json.dumps({"product": row.product, "truth": row.reactants, "proposals": proposals}) + "\n")
    path.with_suffix(".part").rename(path)
    figures = {f"top{n}": round(100 * sum(p < n for p in places) / len(places), 2) for n in (1, 3, 5, 10, 50)}
    speed = len(rows) / (time.process_time() - started)
    return {"n": len(rows), **figures, "molecules_per_second": round(speed, 1), "dropped": proposer.dropped}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pools", choices=uspto.SPLITS, help="write this split's proposals instead of training")
    parser.add_argument("--limit", type=int, help="only the first reactions of the split")
    parser.add_argument("--minutes", type=float, default=math.inf, help="train no longer than this by the clock")
    given = parser.parse_args()
    if given.pools:
        logger.info(json.dumps(pools(given.pools, given.limit)))
        return
    data = library()
    export(data, train(data, given.minutes))


if __name__ == "__main__":
    main()
