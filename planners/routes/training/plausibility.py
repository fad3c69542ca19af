"""The learned part of the forward check: published steps against steps that templates make up.

    python -m planners.routes.training.plausibility [--parts N] [--epochs N]

Positives: N times 500 reactions of USPTO-50k train. Negatives, of the same products: templates read off other train
reactions, drawn by how often they occur, that give other reactants than the true ones; and the other products that the
true reactants' own reaction can give. Each step overlooks its own row of the precedent index.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from loguru import logger
from rdkit import Chem, rdBase
from safetensors.numpy import save_file
from sklearn.metrics import roc_auc_score
from torch import Tensor, manual_seed, nn, no_grad, optim, set_num_threads
from torch import from_numpy as tensor
from torch.nn.functional import binary_cross_entropy_with_logits, embedding_bag

from knowledge.records.molecule import InvalidMolecule
from planners.routes.check.evidence import gather
from planners.routes.check.plausibility import DIFFERENCE, NAME, PRODUCT, SCALARS, inputs
from planners.routes.check.templates import retro_template
from planners.routes.precedents.changes import of_mapping
from planners.routes.precedents.index import PrecedentIndex
from planners.routes.precedents.mapping import assign
from planners.routes.single_step.templates.compiled import compiled, run, substrate
from planners.routes.single_step.weights import folder
from planners.routes.training import uspto
from planners.routes.training.precedents import Reaction, read
from planners.routes.training.uspto import Split

SEED = 20261122
PART, VALID_PARTS = 500, 1  # reactions per file of examples; a run goes on after the last file
LIBRARY = 6000  # reactions the templates are read off
DRAWN = 150  # templates tried per product
WANTED = 3  # template negatives per product
RIVALS = 2  # competing products per reaction
HIDDEN = (256, 32)
Row = tuple[np.ndarray, np.ndarray, int, int]  # columns, values, label, group
Labelled = tuple[str, tuple[str, ...], int, str | None]


def library(reactions: list[Reaction]) -> tuple[list[str], np.ndarray]:
    """Retro templates, one per change and leaving group, and how often each was seen."""
    found: dict[tuple[int, str], str] = {}
    counts: Counter[tuple[int, str]] = Counter()
    for _, product, reactants in reactions:
        mapping = assign(product, ".".join(reactants))
        used = set(mapping.partner)
        rest = [r for r in range(len(mapping.reactants)) if r not in used]
        leaving = Chem.MolFragmentToSmiles(mapping.reactants.mol, rest) if rest else ""
        kind = (of_mapping(mapping).radius1, leaving)
        if kind not in found:
            found[kind] = retro_template(mapping)
        counts[kind] += 1
    kinds = sorted(found)
    return [found[k] for k in kinds], np.array([counts[k] for k in kinds], dtype=np.float64)


def made_up(product: str, truth: tuple[str, ...], templates: list[str], picks: np.ndarray) -> list[tuple[str, ...]]:
    """Reactant sets that drawn templates give for a product; never the true one."""
    target = substrate(product)
    out: list[tuple[str, ...]] = []
    for pick in picks:
        try:
            unit = compiled(templates[int(pick)])
            if not target.matches(unit):
                continue
            sets, _ = run(unit, target)
        except ValueError:
            continue
        fresh = [s for s in sets if s != truth and product not in s and s not in out]
        out.extend(fresh[:1])
        if len(out) >= WANTED:
            break
    return out


def _chosen(split: Split, picks: np.ndarray) -> list[Reaction]:
    rows = list(uspto.reactions(split))
    return [r for pick in picks if (r := read(rows[int(pick)])) is not None and r[1] not in r[2]]


def library_at(store: Path) -> tuple[list[str], np.ndarray]:
    """The library, kept between runs: it takes longer to read than a part of the examples."""
    path = store / "templates.json"
    if not path.is_file():
        picks = np.random.default_rng(SEED).permutation(sum(1 for _ in uspto.reactions("train")))[:LIBRARY]
        found, counts = library(_chosen("train", picks))
        path.write_text(json.dumps({"templates": found, "counts": counts.tolist()}), encoding="utf-8")
    stored = json.loads(path.read_text(encoding="utf-8"))
    return stored["templates"], np.sqrt(np.array(stored["counts"]))


def examples(split: Split, picks: np.ndarray, store: Path, seed: int) -> Iterator[Row]:
    """Feature rows of the reactions picked and of their negatives."""
    index = PrecedentIndex.load()
    templates, weight = library_at(store)
    rng = np.random.default_rng(seed)
    for group, (name, product, truth) in enumerate(_chosen(split, picks)):
        own = name if split == "train" else None
        drawn = rng.choice(len(templates), size=DRAWN, replace=False, p=weight / weight.sum())
        found = gather(product, truth, index, own=own)
        cases: list[Labelled] = [(product, truth, 1, own)]
        cases += [(product, s, 0, own) for s in made_up(product, truth, templates, drawn)]
        cases += [(other, truth, 0, None) for other in found.outcomes.others[:RIVALS]]
        for made, reactants, label, mine in cases:
            try:
                evidence = found.evidence if label else gather(made, reactants, index, own=mine).evidence
                yield (*inputs(made, reactants, evidence), label, group)
            except InvalidMolecule:
                continue


def _part(split: Split, number: int, store: Path) -> dict[str, np.ndarray]:
    """Rows of the `number`th PART reactions of a split, computed once."""
    path = store / f"{split}-{number:03}.npz"
    if not path.is_file():
        order = np.random.default_rng(SEED).permutation(sum(1 for _ in uspto.reactions(split)))
        with rdBase.BlockLogs():
            rows = examples(split, order[number * PART : (number + 1) * PART], store, SEED + number)
            columns, values, labels, groups = zip(*rows, strict=True)
        table = {
            "columns": np.concatenate(columns),
            "values": np.concatenate(values),
            "starts": np.cumsum([0, *map(len, columns[:-1])]),
            "labels": np.array(labels, dtype=np.float32),
            "groups": np.array(groups),
        }
        partial = path.with_suffix(".part.npz")
        np.savez_compressed(partial, allow_pickle=False, **table)
        partial.rename(path)
        logger.info("{}: {} rows", path.name, len(labels))
    with np.load(path) as stored:
        return {key: stored[key] for key in stored.files}


def _joined(parts: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    offsets = np.cumsum([0, *(len(p["columns"]) for p in parts[:-1])])
    starts = np.concatenate([p["starts"] + offset for p, offset in zip(parts, offsets, strict=True)])
    return {"starts": starts} | {k: np.concatenate([p[k] for p in parts]) for k in ("columns", "values", "labels")}


class _Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Parameter(
            nn.init.normal_(nn.Embedding(DIFFERENCE + PRODUCT + SCALARS, HIDDEN[0]).weight, 0, 0.03)
        )
        self.bias = nn.Parameter(self.first.new_zeros(HIDDEN[0]))
        self.second = nn.Linear(HIDDEN[0], HIDDEN[1])
        self.last = nn.Linear(HIDDEN[1], 1)
        self.drop = nn.Dropout(0.4)

    def forward(self, columns: Tensor, starts: Tensor, values: Tensor) -> Tensor:
        hidden = embedding_bag(columns, self.first, starts, mode="sum", per_sample_weights=values) + self.bias
        hidden = self.drop(hidden.relu())
        return self.last(self.drop(self.second(hidden).relu())).squeeze(-1)


def _batch(table: dict[str, np.ndarray], rows: np.ndarray) -> tuple[Tensor, Tensor, Tensor]:
    ends = np.append(table["starts"][1:], len(table["columns"]))
    spans = [np.arange(table["starts"][i], ends[i]) for i in rows]
    starts = np.cumsum([0, *map(len, spans[:-1])])
    flat = np.concatenate(spans)
    return tensor(table["columns"][flat]), tensor(starts), tensor(table["values"][flat])


def _scores(net: _Network, table: dict[str, np.ndarray]) -> np.ndarray:
    net.eval()
    with no_grad():
        parts = [net(*_batch(table, rows)).numpy() for rows in np.array_split(np.arange(len(table["labels"])), 20)]
    return np.concatenate(parts)


def fit(train: dict[str, np.ndarray], valid: dict[str, np.ndarray], epochs: int) -> tuple[_Network, float]:
    """The network of the best epoch and its AUC on the validation rows."""
    manual_seed(SEED)
    rng = np.random.default_rng(SEED)
    net = _Network()
    optimiser = optim.AdamW(net.parameters(), lr=1e-3, weight_decay=1e-2)
    schedule = optim.lr_scheduler.CosineAnnealingLR(optimiser, epochs)
    share = float(train["labels"].mean())
    weight = tensor(np.array([(1 - share) / share], dtype=np.float32))  # as if both kinds were equally many
    best = (0.0, {k: v.clone() for k, v in net.state_dict().items()})
    for epoch in range(epochs):
        net.train()
        for rows in np.array_split(rng.permutation(len(train["labels"])), max(1, len(train["labels"]) // 256)):
            logits = net(*_batch(train, rows))
            target = tensor(train["labels"][rows]) * 0.98 + 0.01
            loss = binary_cross_entropy_with_logits(logits, target, pos_weight=weight)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        schedule.step()
        auc = float(roc_auc_score(valid["labels"], _scores(net, valid)))
        logger.info("epoch {}: loss {:.4f}, valid AUC {:.4f}", epoch, loss.item(), auc)
        if auc > best[0]:
            best = (auc, {k: v.clone() for k, v in net.state_dict().items()})
    net.load_state_dict(best[1])
    return net, best[0]


def _save(net: _Network, path: Path, auc: float) -> None:
    def half(values: Tensor) -> np.ndarray:
        return np.ascontiguousarray(values.detach().numpy().astype(np.float16))

    tensors = {
        "w0": half(net.first),
        "b0": half(net.bias),
        "w1": half(net.second.weight.T),
        "b1": half(net.second.bias),
        "w2": half(net.last.weight.T),
        "b2": half(net.last.bias),
    }
    save_file(tensors, path, metadata={"seed": str(SEED), "valid_auc": f"{auc:.4f}"})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parts", type=int, default=50)
    parser.add_argument("--epochs", type=int, default=9)
    parser.add_argument("--out", type=Path, default=folder())
    given = parser.parse_args()
    set_num_threads(1)
    store = uspto.training_dir() / "plausibility"
    store.mkdir(exist_ok=True)
    valid = _joined([_part("valid", number, store) for number in range(VALID_PARTS)])
    train = _joined([_part("train", number, store) for number in range(given.parts)])
    net, auc = fit(train, valid, given.epochs)
    _save(net, given.out / NAME, auc)


if __name__ == "__main__":
    main()
