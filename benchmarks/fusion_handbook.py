"""Handbooks as noisy sources of one property: the bias and noise that fusion learns of each, and what it is worth.

    python -m benchmarks.fusion_handbook --property boiling_point --train-size 200 --seeds 5

The primary source is the most trusted table. Test molecules are those on which two independent sources agree; no source
says anything of them in training. Against fusion stand a process on the primary source alone, on the handbook's
consensus (which leaves out what is contradictory or implausible), and both with the property's prior. The last line on
stdout is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks import machine
from knowledge.qspr.contract import Model, Samples
from knowledge.qspr.fusion import ComputedSource, FittedFusion, Fusion, TableSource
from knowledge.qspr.models.gp import GaussianProcess
from knowledge.qspr.priors import PRIORS
from knowledge.qspr.priors.residual import WithPrior
from knowledge.records.fact import Fact
from knowledge.records.properties import Scale, get_property
from knowledge.sources.compilation import PROPERTIES, SOURCES
from knowledge.sources.handbook import Handbook
from knowledge.sources.source_values import SourceValue, handbook_values, samples_by_source

_FEWEST = 200  # values that make a source worth a bias and a noise of its own


def independent(values: list[SourceValue]) -> list[SourceValue]:
    """Sources with enough values, the most trusted of each family alone: a copy is not a second witness."""
    counts: dict[str, int] = {}
    for value in values:
        counts[value.source] = counts.get(value.source, 0) + 1
    first: dict[str, str] = {}
    for source in SOURCES:  # in the order of trust
        if source.property == values[0].property and counts.get(source.name, 0) >= _FEWEST:
            first.setdefault(source.family, source.name)
    order = list(first.values())
    return sorted((v for v in values if v.source in order), key=lambda v: order.index(v.source))


def competitors(prop: str, primary: str, tables: dict[str, Samples]) -> dict[str, tuple[str, Callable[[], Model]]]:
    """Name -> what it is trained on ("primary" or "consensus") and a new model."""
    witnesses = [TableSource.witness(name, part) for name, part in tables.items() if name != primary]
    found: dict[str, tuple[str, Callable[[], Model]]] = {
        "gp, primary source": ("primary", GaussianProcess),
        "gp, consensus": ("consensus", GaussianProcess),
        "fusion": ("primary", lambda: Fusion(*witnesses, primary=primary)),
    }
    if prop in PRIORS:
        prior = PRIORS[prop]()
        found["gp on prior's residual, consensus"] = ("consensus", lambda: WithPrior(GaussianProcess(), prior))
        found["fusion with prior"] = ("primary", lambda: Fusion(*witnesses, ComputedSource(prior), primary=primary))
    return found


def consensus(facts: list[Fact], prop: str) -> Samples:
    to_model = get_property(prop).to_model
    return Samples(tuple(f.smiles for f in facts), np.array([to_model(f.value) for f in facts]), np.zeros(len(facts)))


def run(prop: str, *, train_size: int, test_size: int, seeds: int) -> dict[str, Any]:
    book = Handbook.full()
    tables = samples_by_source(independent(handbook_values(book, prop)), stated=False)
    primary = next(iter(tables))
    facts = {f.smiles: f for f in book.facts(prop)}
    agreed = sorted(s for s, f in facts.items() if " + " in f.source)
    place = {s: i for i, s in enumerate(tables[primary].smiles)}
    known = competitors(prop, primary, tables)
    records: dict[str, list[dict[str, float]]] = {name: [] for name in known}
    learned: dict[str, list[str]] = {}
    unit = get_property(prop).unit if get_property(prop).scale is Scale.LINEAR else "of the natural logarithm"
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        test = [facts[agreed[i]] for i in rng.permutation(len(agreed))[:test_size]]
        tested = {f.smiles for f in test}
        pool = [s for s in tables[primary].smiles if s not in tested]
        drawn = [pool[i] for i in np.sort(rng.permutation(len(pool))[:train_size])]
        data = {
            "primary": tables[primary].take([place[s] for s in drawn]),
            "consensus": consensus([facts[s] for s in drawn if s in facts], prop),
        }
        truth = consensus(test, prop)
        for name, (kind, make) in known.items():
            began = time.perf_counter()
            fitted = make().fit(data[kind], seed=seed)
            belief = fitted.predict(truth.smiles)
            error = np.abs(belief.mean - truth.values)
            record = {
                "mae": float(error.mean()),
                "rmse": float(np.sqrt((error**2).mean())),
                "raw_coverage": float((error <= 1.645 * belief.total).mean()),
                "seconds": time.perf_counter() - began,
            }
            records[name].append(record)
            print(f"seed {seed}  {name}  MAE {record['mae']:.4g}  RMSE {record['rmse']:.4g}", file=sys.stderr)
            if isinstance(fitted, FittedFusion) and seed == 0:
                learned[name] = [line.words(unit) for line in fitted.report()]
                print(*(f"  {line}" for line in learned[name]), sep="\n", file=sys.stderr)
    return {
        "benchmark": "fusion_handbook",
        "property": prop,
        "unit": unit,
        "primary": primary,
        "values": {name: len(part) for name, part in tables.items()},
        "n_train": train_size,
        "n_test": min(test_size, len(agreed)),
        "seeds": seeds,
        "models": {
            name: {
                key: {
                    "mean": round(float(np.mean([r[key] for r in part])), 4),
                    "std": round(float(np.std([r[key] for r in part], ddof=1)), 4) if len(part) > 1 else None,
                }
                for key in part[0]
            }
            for name, part in records.items()
        },
        "learned": learned,
        **machine.described(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--property", default="boiling_point", choices=PROPERTIES)
    parser.add_argument("--train-size", type=int, default=200)
    parser.add_argument("--test-size", type=int, default=400)
    parser.add_argument("--seeds", type=int, default=5, help="draws, numbered from 0")
    arguments = parser.parse_args()
    with threadpool_limits(limits=1):
        result = run(
            arguments.property,
            train_size=arguments.train_size,
            test_size=arguments.test_size,
            seeds=arguments.seeds,
        )
    print(json.dumps(result))


if __name__ == "__main__":
    main()
