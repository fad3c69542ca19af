"""Train the reranker on the validation pools: `python -m planners.routes.training.ensemble`.

The single models have not seen these 2,717 reactions. Figures are out of fold (five folds over reactions); the shipped
booster is then fitted on all of them, with as many rounds as the folds asked for.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import lightgbm
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from planners.routes.single_step.ensemble.features import NAMES, Background, matrix, popularity_key
from planners.routes.single_step.ensemble.pool import SLOW, Entry, without
from planners.routes.single_step.ensemble.proposer import SCORED
from planners.routes.single_step.ensemble.ranker import FILE, Calibration, Ranker
from planners.routes.single_step.weights import FOLDER
from planners.routes.training.pools import Query, queries, top_k
from planners.routes.training.unmapped import unmapped
from planners.routes.training.uspto import Split, reactions, training_dir

FOLDS = 5
ROUNDS = 600
SEED = 20
SETTINGS = {
    "objective": "lambdarank",
    "lambdarank_truncation_level": 15,
    "learning_rate": 0.05,
    "num_leaves": 31,
    "min_data_in_leaf": 60,
    "feature_fraction": 0.6,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 5.0,
    "verbosity": -1,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
    "seed": SEED,
}


@dataclass(frozen=True)
class Case:
    """One ranking task: [n, len(NAMES)] rows, and which of them is right (None: none of them)."""

    reaction: int
    rows: NDArray[np.float32]
    hit: int | None


def popularity() -> dict[str, int]:
    """How often a molecule is a reactant in the training split, for those seen at least twice."""
    counts = Counter(name for r in reactions("train") for name in unmapped(r.reactants))
    return {popularity_key(smiles): n for smiles, n in sorted(counts.items()) if n >= 2}


def likelihoods(split: Split, found: Sequence[Query]) -> list[list[float | None]]:
    """By the sequence model, kept on disk: reading 100,000 candidates takes minutes."""
    from planners.routes.single_step.sequence.proposer import SequenceProposer

    store = training_dir() / "pools" / f"likelihood-{split}.json"
    wanted = [[list(e.reactants) for e in q.entries[:SCORED]] for q in found]
    if store.is_file():
        kept = json.loads(store.read_text())
        if kept["candidates"] == wanted:
            return [_padded(row, len(q.entries)) for row, q in zip(kept["scores"], found, strict=True)]
    reader = SequenceProposer()
    scores: list[list[float]] = []
    for start in range(0, len(found), 64):
        batch = found[start : start + 64]
        pairs = [(q.product, e.reactants) for q in batch for e in q.entries[:SCORED]]
        read = iter(reader.score(pairs))
        scores += [[next(read) for _ in q.entries[:SCORED]] for q in batch]
    store.write_text(json.dumps({"candidates": wanted, "scores": scores}))
    return [_padded(row, len(q.entries)) for row, q in zip(scores, found, strict=True)]


def _padded(row: Sequence[float], size: int) -> list[float | None]:
    return [*row, *[None] * (size - len(row))]


def background(known: dict[str, int]) -> Background:
    from planners.routes.single_step.local.proposer import LocalProposer
    from planners.routes.single_step.templates.proposer import TemplateProposer

    return Background(known, TemplateProposer().frequency, LocalProposer().frequency)


def cases(
    found: Sequence[Query], read: Sequence[Sequence[float | None]], known: Background, *, quick: bool
) -> list[Case]:
    """Full pools, or (`quick`) what is left when the slow models are not asked."""
    made = []
    for number, (query, likelihood) in enumerate(zip(found, read, strict=True)):
        entries: list[Entry] = query.entries
        if quick:
            entries = without(entries, SLOW)
            likelihood = [None] * len(entries)
        hit = next((i for i, e in enumerate(entries) if e.reactants == query.truth), None)
        made.append(Case(number, matrix(query.product, entries, known, likelihood), hit))
    return made


def _dataset(chosen: Iterable[Case]) -> lightgbm.Dataset:
    used = [c for c in chosen if c.hit is not None]
    labels = [np.arange(len(c.rows)) == c.hit for c in used]
    return lightgbm.Dataset(
        np.concatenate([c.rows for c in used]),
        np.concatenate(labels).astype(np.int8),
        group=[len(c.rows) for c in used],
        feature_name=list(NAMES),
        free_raw_data=False,
    )


def _rank(case: Case, scores: NDArray[np.float64]) -> int | None:
    if case.hit is None:
        return None
    order = np.lexsort((np.arange(len(scores)), -scores))
    return int(np.nonzero(order == case.hit)[0][0])


def _scores(booster: lightgbm.Booster, case: Case, rounds: int | None = None) -> NDArray[np.float64]:
    if not len(case.rows):
        return np.zeros(0)
    return np.asarray(booster.predict(case.rows, num_iteration=rounds, num_threads=1), dtype=np.float64)


Scores = list[NDArray[np.float64]]


def out_of_fold(full: list[Case], quick: list[Case]) -> tuple[int, Scores, Scores]:
    """The best number of rounds over all folds, and with it each case's scores by a booster that never saw it."""
    fold = np.random.default_rng(SEED).permutation(len(full)) % FOLDS
    boosters = []
    for held in range(FOLDS):
        train = [c for part in (full, quick) for c in part if fold[c.reaction] != held]
        boosters.append(lightgbm.train(SETTINGS, _dataset(train), num_boost_round=ROUNDS))
    grid = range(50, ROUNDS + 1, 50)

    def quality(rounds: int) -> float:
        ranks = [_rank(c, _scores(boosters[fold[c.reaction]], c, rounds)) for c in full]
        return sum(1 / (1 + r) for r in ranks if r is not None)

    best = max(grid, key=quality)
    return (
        best,
        [_scores(boosters[fold[c.reaction]], c, best) for c in full],
        [_scores(boosters[fold[c.reaction]], c, best) for c in quick],
    )


def calibrate(chosen: Sequence[Case], scores: Scores) -> Calibration:
    """Temperature and the weight of "none of these" by maximum likelihood on out-of-fold scores."""

    def loss(x: NDArray[np.float64]) -> float:
        calibration = Calibration(math.exp(x[0]), x[1])
        total = 0.0
        for case, own in zip(chosen, scores, strict=True):
            p = calibration.probabilities(own)
            right = 1.0 - float(p.sum()) if case.hit is None else float(p[case.hit])
            total -= math.log(max(right, 1e-9))
        return total / len(chosen)

    found = minimize(loss, np.zeros(2), method="Nelder-Mead")
    return Calibration(math.exp(found.x[0]), float(found.x[1]))


def reliability(
    calibration: Calibration, chosen: Sequence[Case], scores: Scores, bins: int = 5
) -> list[dict[str, float]]:
    """For the first proposals in `bins` equal parts by their probability: mean promise and share that is right."""
    first = []
    for case, own in zip(chosen, scores, strict=True):
        if len(own):
            first.append((float(calibration.probabilities(own).max()), float(_rank(case, own) == 0)))
    first.sort()
    return [
        {"promised": round(float(np.mean(part[:, 0])), 3), "right": round(float(np.mean(part[:, 1])), 3)}
        for part in np.array_split(np.asarray(first), bins)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args()
    started = time.perf_counter()
    found = queries("valid")
    known = popularity()
    usual = background(known)
    read = likelihoods("valid", found)
    full = cases(found, read, usual, quick=False)
    quick = cases(found, read, usual, quick=True)
    rounds, full_scores, quick_scores = out_of_fold(full, quick)
    calibration = calibrate([*full, *quick], [*full_scores, *quick_scores])
    booster = lightgbm.train(SETTINGS, _dataset([*full, *quick]), num_boost_round=rounds)
    Ranker(booster, calibration, known).write(FOLDER / FILE)
    gain = dict(zip(NAMES, booster.feature_importance("gain").tolist(), strict=True))
    report = {
        "date": datetime.now(UTC).date().isoformat(),
        "n": len(found),
        "rounds": rounds,
        "pool": top_k([q.hit for q in found]),
        "pool_size": round(float(np.mean([len(q.entries) for q in found])), 1),
        "recall": round(100.0 * float(np.mean([q.hit is not None for q in found])), 2),
        "ensemble": top_k([_rank(c, s) for c, s in zip(full, full_scores, strict=True)]),
        "template+local": top_k([_rank(c, s) for c, s in zip(quick, quick_scores, strict=True)]),
        "calibration": {"temperature": calibration.temperature, "none": calibration.none},
        "reliability": reliability(calibration, full, full_scores),
        "gain": [name for name, _ in sorted(gain.items(), key=lambda item: -item[1])[:12]],
        "seconds": round(time.perf_counter() - started),
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
