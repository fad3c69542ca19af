"""Train the local-template model on USPTO-50k's training split.

python -m planners.routes.training.local --minutes 60          extract, train, write the weights
python -m planners.routes.training.local --minutes 60 --resume go on from the last checkpoint
python -m planners.routes.training.local --pools valid         what the trained model proposes, and its figures
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from rdkit import rdBase
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from planners.routes.single_step.graph.molgraph import Batch, collate
from planners.routes.single_step.local.network import LocalNetwork, log_partition, segment_logsumexp
from planners.routes.single_step.local.proposer import LocalProposer
from planners.routes.single_step.weights import FOLDER
from planners.routes.training.local_data import Example, Vocabulary, examples, extracted, folder, log
from planners.routes.training.pools import path as pool_path
from planners.routes.training.pools import top_k
from planners.routes.training.unmapped import unmapped
from planners.routes.training.uspto import Split, reactions

WIDTH, DEPTH, ATTENTION = 192, 5, (5,)
BATCH = 64
PEAK_RATE = 1e-3
DECAY = 0.01
AVERAGE = 0.999  # of the weights that are shipped
SEED = 7


def loss_of(network: LocalNetwork, chosen: Sequence[Example]) -> torch.Tensor:
    """Mean negative log probability of the right pairs, those of one molecule summed."""
    batch = collate([e.graph for e in chosen])
    with torch.autocast("cpu", torch.bfloat16):
        atoms, bonds = network(batch)
    right = _right(atoms, bonds, batch, chosen)
    return (log_partition(atoms, bonds, batch) - right).mean()


def _right(atoms: torch.Tensor, bonds: torch.Tensor, batch: Batch, chosen: Sequence[Example]) -> torch.Tensor:
    values, owners = [], []
    for lone, logits, first in ((True, atoms, batch.first_atom), (False, bonds, 2 * batch.first_bond)):
        found = [(i, e.places) for i, e in enumerate(chosen) if e.lone == lone]
        if not found:
            continue
        shift = first.numpy()
        rows = torch.from_numpy(np.concatenate([places[:, 0] + shift[i] for i, places in found]))
        columns = torch.from_numpy(np.concatenate([places[:, 1] for _, places in found]))
        values.append(logits[rows, columns])
        owners.append(torch.from_numpy(np.repeat([i for i, _ in found], [len(p) for _, p in found])))
    return segment_logsumexp(torch.cat(values), torch.cat(owners), len(chosen))


def batches(data: Sequence[Example], epoch: int) -> Iterator[list[Example]]:
    """Shuffled, then sorted by size within windows, so that a batch is of like size."""
    rng = np.random.default_rng((SEED, epoch))
    order = rng.permutation(len(data))
    groups = []
    for start in range(0, len(order), BATCH * 50):
        window = sorted(order[start : start + BATCH * 50], key=lambda i: (len(data[i].graph.atoms), i))
        groups += [window[i : i + BATCH] for i in range(0, len(window), BATCH)]
    for g in rng.permutation(len(groups)):
        yield [data[i] for i in groups[g]]


@torch.no_grad()
def pair_accuracy(network: LocalNetwork, data: Sequence[Example | None]) -> tuple[float, float]:
    """Per cent of all (None counts as wrong) whose best pair is right, and the mean loss of the known ones."""
    network.eval()
    known = sorted((e for e in data if e is not None), key=lambda e: len(e.graph.atoms))
    hits, total = 0, 0.0
    for start in range(0, len(known), BATCH):
        chosen = known[start : start + BATCH]
        batch = collate([e.graph for e in chosen])
        with torch.autocast("cpu", torch.bfloat16):
            atoms, bonds = network(batch)
        right = _right(atoms, bonds, batch, chosen)
        rows = torch.cat((atoms.amax(1), bonds.amax(1)))
        owner = torch.cat((batch.molecule, batch.molecule[batch.source]))
        best = torch.full((len(chosen),), -torch.inf).scatter_reduce(0, owner, rows, "amax")
        hits += int((right >= best - 1e-4).sum())
        total += float((log_partition(atoms, bonds, batch) - right).sum())
    network.train()
    return 100.0 * hits / len(data), total / len(known)


def train(minutes: float, *, resume: bool) -> None:
    """Ends when `minutes` of wall time, over all runs together, are used; then writes the weights."""
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    torch.manual_seed(SEED)
    rows = extracted("train")
    vocabulary = Vocabulary.of(rows)
    data = [e for e in examples(rows, vocabulary) if e is not None]
    held = examples(extracted("valid"), vocabulary)
    network = LocalNetwork(vocabulary.atom, vocabulary.bond, WIDTH, DEPTH, ATTENTION)
    average = {name: value.detach().clone() for name, value in network.named_parameters()}
    optimiser = torch.optim.AdamW(network.parameters(), lr=PEAK_RATE, weight_decay=DECAY, fused=True)
    size = sum(p.numel() for p in network.parameters())
    log(
        f"{len(data)} of {len(rows)} reactions, {len(vocabulary.atom)} atom and {len(vocabulary.bond)} bond templates, "
        f"{size} parameters; valid covered {100 * sum(e is not None for e in held) / len(held):.2f} %"
    )
    del rows
    used, epoch, done, step = 0.0, 0, 0, 0
    checkpoint = folder() / "checkpoint.safetensors"
    if resume and checkpoint.is_file():
        used, epoch, done, step = _restore(checkpoint, network, average, optimiser)
    limit, began, saved, seen, running = 60.0 * minutes, time.monotonic() - used, time.monotonic(), 0, 0.0
    while used < limit:
        for index, chosen in enumerate(batches(data, epoch)):
            if index < done:
                continue
            used = time.monotonic() - began
            if used >= limit:
                break
            rate = PEAK_RATE * min(1.0, (step + 1) / 500) * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * used / limit)))
            for group in optimiser.param_groups:
                group["lr"] = rate
            loss = loss_of(network, chosen)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
            step, done, seen = step + 1, index + 1, seen + len(chosen)
            running += float(loss.detach())
            keep = min(AVERAGE, (1 + step) / (10 + step))
            with torch.no_grad():
                torch._foreach_lerp_(list(average.values()), list(network.parameters()), 1 - keep)
            if step % 200 == 0:
                log(f"epoch {epoch} step {step} loss {running / 200:.4f} rate {rate:.2e} {used / 60:.1f} min {seen}")
                running = 0.0
            if time.monotonic() - saved > 180:
                _save(checkpoint, network, average, optimiser, (used, epoch, done, step))
                saved = time.monotonic()
        else:
            epoch, done = epoch + 1, 0
            if epoch % 3 == 0:
                accuracy, nll = _averaged(network, average, held)
                log(f"epoch {epoch} valid best pair {accuracy:.2f} % loss {nll:.4f}")
                export(average, vocabulary)
    accuracy, nll = _averaged(network, average, held)
    log(f"end: epoch {epoch} step {step} valid best pair {accuracy:.2f} % loss {nll:.4f}")
    export(average, vocabulary)


def _averaged(
    network: LocalNetwork, average: dict[str, torch.Tensor], held: Sequence[Example | None]
) -> tuple[float, float]:
    own = {name: value.detach().clone() for name, value in network.named_parameters()}
    network.load_state_dict(average, strict=False)
    figures = pair_accuracy(network, held)
    network.load_state_dict(own, strict=False)
    return figures


def _save(
    path: Path,
    network: LocalNetwork,
    average: dict[str, torch.Tensor],
    optimiser: torch.optim.Optimizer,
    progress: tuple[float, int, int, int],
) -> None:
    state = {f"average.{k}": v for k, v in average.items()}
    for name, parameter in network.named_parameters():
        state[f"network.{name}"] = parameter.detach()
        for key, value in optimiser.state[parameter].items():
            state[f"{key}.{name}"] = value
    scratch = path.with_suffix(".part")
    save_file(state, scratch, metadata={"progress": json.dumps(progress)})
    scratch.replace(path)


def _restore(
    path: Path, network: LocalNetwork, average: dict[str, torch.Tensor], optimiser: torch.optim.Optimizer
) -> tuple[float, int, int, int]:
    state = load_file(path)
    for name, parameter in network.named_parameters():
        parameter.data.copy_(state[f"network.{name}"])
        average[name].copy_(state[f"average.{name}"])
        optimiser.state[parameter] = {key: state[f"{key}.{name}"].clone() for key in ("step", "exp_avg", "exp_avg_sq")}
    with safe_open(path, "pt") as file:
        used, epoch, done, step = json.loads(file.metadata()["progress"])
    log(f"resumed at epoch {epoch} step {step}, {used / 60:.1f} min used")
    return used, epoch, done, step


def export(average: dict[str, torch.Tensor], vocabulary: Vocabulary) -> None:
    """The two files that the proposer reads."""
    weights = {name: value.half().contiguous() for name, value in average.items()}
    shape = {"width": WIDTH, "depth": DEPTH, "attention": list(ATTENTION)}
    scratch = FOLDER / "local.part"
    save_file(weights, scratch, metadata={"network": json.dumps(shape)})
    vocabulary.save(FOLDER / "local.json.gz")
    scratch.replace(FOLDER / "local.safetensors")


def pools(split: Split, first: int | None = None, k: int = 50) -> dict[str, float]:
    """Write what the shipped model proposes for the split (its `first` reactions); figures by exact stereo match."""
    torch.set_num_threads(1)
    proposer = LocalProposer()
    asked = [(unmapped(r.product)[0], list(unmapped(r.reactants))) for r in islice(reactions(split), first)]
    ranks: list[int | None] = []
    began = time.process_time()
    out_path = pool_path("local", split)
    out_path.parent.mkdir(parents=True, exist_ok=True)
    scratch = out_path.with_suffix(".part")
    with scratch.open("w", encoding="utf-8") as out:
        for start in range(0, len(asked), 256):
            chunk = asked[start : start + 256]
            answers = proposer.propose([product for product, _ in chunk], k)
            for (product, truth), found in zip(chunk, answers, strict=True):
                proposals = [[list(p.reactants), p.score, p.template] for p in found]
                out.write(json.dumps({"product": product, "truth": truth, "proposals": proposals}) + "\n")
                ranks.append(next((i for i, p in enumerate(found) if list(p.reactants) == truth), None))
    speed = len(asked) / (time.process_time() - began)
    if first is None:
        scratch.replace(out_path)
    return {"n": len(asked), **top_k(ranks), "molecules_per_cpu_second": round(speed, 1)}


def main() -> None:
    rdBase.DisableLog("rdApp.*")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--pools", choices=("valid", "test"))
    parser.add_argument("--first", type=int, help="only the first reactions of the split; the pool is not kept")
    arguments = parser.parse_args()
    if arguments.pools:
        print(json.dumps(pools(arguments.pools, arguments.first)))
    else:
        train(arguments.minutes, resume=arguments.resume)


if __name__ == "__main__":
    main()
