"""How long the choice of a batch takes among a hundred thousand molecules, and how much memory.

    python -m benchmarks.pool --candidates 100000 --observations 500 [--grid] [--processes 2]

Candidates are real, distinct molecules: those of the handbook and of ZINC250k, in a seeded order (the corpus that the
property models' encoder learned from; made once and kept in the cache). Observed are handbook molecules with a boiling
and a melting point. Wanted is a wide liquid range, to boil high and melt low: two objectives, two models, qLogNEHVI.
Each case runs in a process of its own, whose peak memory the kernel tells; those that it starts to read molecules are
counted beside it.

On a small pool the funnel's batch is compared with the one that the acquisition function chooses among all molecules:
how many are the same, and what share of the improvement it keeps. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from benchmarks import machine

if TYPE_CHECKING:
    # Processes that read molecules import this module, as they do whatever a program began with: it stays light.
    from knowledge.records.fact import Fact
    from knowledge.records.objective import Objective
    from planners.optimize.batch import Selection
    from planners.optimize.glance import Glances
    from planners.optimize.goals import Observation
    from planners.optimize.surrogates import Surrogates

GRID_CANDIDATES = (1_000, 10_000, 100_000)
GRID_OBSERVATIONS = (100, 500, 2_000)
BATCH = 4
SMALL = 2_500  # molecules, of which the acquisition function can see every one
SEED = 0
_COLUMNS = {
    "fit_s": "fit",
    "choose_s": "choose",
    "read_s": "read",
    "choose_known_pool_s": "known",
    "total_s": "fit+choose",
}
MEASURED = ("boiling_point", "melting_point")


@cache
def objectives() -> tuple[Objective, ...]:
    from knowledge.records.objective import Direction, Objective

    return (
        Objective(property="boiling_point", direction=Direction.MAXIMISE, unit="K", worst=400.0),
        Objective(property="melting_point", direction=Direction.MINIMISE, unit="K", worst=320.0),
    )


@dataclass(frozen=True)
class Problem:
    """What is known, and the molecules to choose among."""

    facts: dict[str, list[Fact]]
    observed: list[Observation]
    pool: list[str]


@cache
def _candidates() -> list[str]:
    from knowledge.qspr.pretraining.corpus import molecules

    return molecules()


def problem(candidates: int, observations: int) -> Problem:
    """Raises SystemExit where there are fewer molecules or values than asked for."""
    import numpy as np

    from knowledge.sources.handbook import Handbook
    from planners.optimize.goals import Observation

    book = Handbook.full()
    facts = {name: {f.smiles: f for f in book.facts(name)} for name in MEASURED}
    known = sorted(set.intersection(*(set(f) for f in facts.values())))
    if observations > len(known):
        raise SystemExit(f"--observations: the handbook has both properties of {len(known)} molecules")
    chosen = [known[i] for i in np.random.default_rng(SEED).permutation(len(known))[:observations].tolist()]
    left_out = frozenset(chosen)
    pool = [s for s in _candidates() if s not in left_out][:candidates]
    if len(pool) < candidates:
        raise SystemExit(f"--candidates: there are {len(pool)}")
    observed = [Observation(smiles=s, values={name: facts[name][s].value for name in MEASURED}) for s in chosen]
    return Problem({name: [facts[name][s] for s in chosen] for name in MEASURED}, observed, pool)


def choose(models: Surrogates, given: Problem, processes: int, glances: Sequence[Glances] | None) -> list[Selection]:
    from planners.optimize.batch import select

    return select(
        models,
        given.pool,
        observed=given.observed,
        pending=(),
        objectives=objectives(),
        constraints=(),
        q=BATCH,
        seed=SEED,
        processes=processes,
        glances=glances,
    )


def case(candidates: int, observations: int, processes: int) -> dict[str, Any]:
    """Seconds by the clock and of processors, of fitting the models, the first choice, and one that knows the pool."""
    from planners.optimize.glance import each_glance, reading
    from planners.optimize.surrogates import Surrogates, fit_surrogates

    given = problem(candidates, observations)
    warm_up(given)
    spent = _Stopwatch()
    models = fit_surrogates(given.facts, seed=SEED, processes=processes)
    fit = spent.lap()
    chosen = choose(models, given, processes, None)
    first = spent.lap()
    with reading(processes) as crew:
        known = list(each_glance(sorted(set(given.pool)), crew))
    read = spent.lap()
    again = choose(Surrogates(models.models, seed=SEED), given, processes, known)
    second = spent.lap()
    if [s.smiles for s in again] != [s.smiles for s in chosen]:
        raise SystemExit("the batch changed when the pool was known from before")
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024.0
    return {
        "candidates": candidates,
        "observations": observations,
        "fit_s": fit,
        "choose_s": first,
        "read_s": read,
        "choose_known_pool_s": second,
        "total_s": [round(a + b, 2) for a, b in zip(fit, first, strict=True)],
        "peak_memory_mb": round(machine.peak_memory_mb() + (processes * children if processes > 1 else 0.0), 1),
        "batch": [s.smiles for s in chosen],
    }


def warm_up(given: Problem) -> None:
    """Libraries are loaded and compiled once in a program's life."""
    import torch

    from planners.optimize.surrogates import fit_surrogates

    torch.set_num_threads(1)
    few = {name: facts[:20] for name, facts in given.facts.items()}
    choose(fit_surrogates(few, seed=SEED), Problem(few, given.observed[:20], given.pool[:30]), 1, None)


class _Stopwatch:
    """[seconds by the clock, seconds of processors, those of ended child processes too] since the lap before."""

    def __init__(self) -> None:
        self._last = self._now()

    @staticmethod
    def _now() -> tuple[float, float]:
        return time.perf_counter(), sum(os.times()[:4])

    def lap(self) -> list[float]:
        now = self._now()
        gone = [round(a - b, 2) for a, b in zip(now, self._last, strict=True)]
        self._last = now
        return gone


def recall(observations: int) -> dict[str, Any]:
    """The funnel against the acquisition function on every molecule of a small pool, both narrowed as on a large one:
    the same shares of a pool of `SMALL` as of 100,000 would be a handful, so the sieves keep what they keep there.
    """
    from planners.optimize import funnel
    from planners.optimize.surrogates import fit_surrogates

    given = problem(SMALL, observations)
    models = fit_surrogates(given.facts, seed=SEED)
    whole = choose(models, given, 1, None)
    cases = []
    for kept, count in ((SMALL // 4, funnel.FINALISTS), (SMALL // 10, SMALL // 20), (SMALL // 50, SMALL // 100)):
        narrowed = _narrowed(models, given, kept, count)
        cases.append(
            {
                "kept": kept,
                "finalists": count,
                "same": len({s.smiles for s in whole} & {s.smiles for s in narrowed}),
                "of": BATCH,
                "improvement_kept": round(_gain(narrowed) / _gain(whole), 4),
            }
        )
    return {"candidates": SMALL, "observations": observations, "cases": cases}


def _narrowed(models: Surrogates, given: Problem, kept: int, count: int) -> list[Selection]:
    from planners.optimize import funnel
    from planners.optimize.threads import blas_threads

    with blas_threads(None):
        few = funnel.finalists(
            models,
            sorted(given.pool),
            objectives=objectives(),
            constraints=(),
            observed=given.observed,
            seed=SEED,
            kept=kept,
            count=count,
        )
    return choose(models, Problem(given.facts, given.observed, list(few.values())), 1, None)


def _gain(chosen: Sequence[Selection]) -> float:
    """Expected improvement of the whole batch: each step's comes on top of those before it."""
    return float(sum(math.exp(s.acquisition) for s in chosen if s.acquisition is not None))


def _each(cases: list[tuple[int, int, int]]) -> list[dict[str, Any]]:
    """One after another, each in a fresh process."""
    found = []
    for one in cases:
        row = next(iter(machine.crew(_run, [one], jobs=1, start=machine.one_thread, arguments=())))
        print(_shown(row), flush=True)
        found.append(row)
    return found


def _run(one: tuple[int, int, int]) -> dict[str, Any]:
    return case(*one)


def _shown(row: dict[str, Any]) -> str:
    cells = [f"{row['candidates']:>10,}", f"{row['observations']:>6,}"]
    for name in _COLUMNS:
        clock, processor = row[name]
        cells.append(f"{clock:8.1f} ({processor:6.1f})")
    return " ".join([*cells, f"{row['peak_memory_mb']:9.0f}"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--candidates", type=int, default=100_000)
    parser.add_argument("--observations", type=int, default=500)
    parser.add_argument("--grid", action="store_true", help="growth with both")
    parser.add_argument("--processes", type=int, default=2, help="that read molecules")
    parser.add_argument("--no-recall", action="store_true", help="leave out the comparison on a small pool")
    asked = parser.parse_args()
    if asked.candidates < BATCH or asked.observations < 2 or asked.processes < 1:
        parser.error(f"at least {BATCH} candidates, 2 observations and 1 process")
    machine.one_thread()
    print("seconds by the clock (of processors); 'known': the pool was read for an earlier batch", flush=True)
    heads = " ".join(f"{head:>17}" for head in _COLUMNS.values())
    print(f"{'candidates':>10} {'obs.':>6} {heads} {'peak MB':>9}", flush=True)
    sizes = (
        [(c, o) for c in GRID_CANDIDATES for o in GRID_OBSERVATIONS]
        if asked.grid
        else [(asked.candidates, asked.observations)]
    )
    rows = _each([(c, o, asked.processes) for c, o in sizes])
    result: dict[str, Any] = {"benchmark": "pool", "batch": BATCH, "processes": asked.processes, "rows": rows}
    if not asked.no_recall:
        result["recall"] = recall(min(asked.observations, 500))
        for one in result["recall"]["cases"]:
            print(
                f"of {SMALL:,} molecules {one['kept']} kept, {one['finalists']} finalists: {one['same']} of {one['of']}"
                f" the same, {one['improvement_kept']:.1%} of the improvement"
            )
    print(json.dumps({**result, "machine": machine.described(), "load": os.getloadavg()[0]}, ensure_ascii=False))


if __name__ == "__main__":
    main()
