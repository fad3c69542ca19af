"""Many steps back: how many targets are traced to stock, how soon, and whether the published route is among the best.

    python -m benchmarks.multi_step --targets ref-lin-600.json.gz --stock paroutes_stock_inchikeys.txt.gz --seconds 30
    python -m benchmarks.multi_step --targets my.smi --stock builtin --limit 50 --jobs 2 --out mine.jsonl

`--stock` may be given several times: the union counts. `--out` keeps every target's result; `--resume` goes on with an
interrupted run. The last line on stdout is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks import machine, metrics, models, stocks, targets
from benchmarks.journal import Journal, OtherRun
from benchmarks.reactions import BadFile
from benchmarks.searches import Searcher
from benchmarks.targets import Target
from knowledge.records.molecule import InvalidMolecule
from knowledge.stock import Stock
from planners.routes.search.supply import FlatMatches, StockLike, Supply

_searcher: Searcher | None = None


def _start(keys: Path | None, flat: bool, proposer: str, second: str | None, options: dict[str, Any]) -> None:
    global _searcher
    stock = Stock.builtin() if keys is None else Stock.from_file(keys)
    _searcher = Searcher(FlatMatches(stock) if flat else stock, proposer, second, **options)


def _work(target: Target) -> tuple[dict[str, Any], machine.Worker]:
    if _searcher is None:
        raise RuntimeError("the process was not prepared")
    record = {"key": target.key, "smiles": target.smiles}
    busy = time.process_time()
    try:
        result = _searcher.search(target.smiles)
    except (InvalidMolecule, ValueError, RuntimeError) as error:
        # One molecule that breaks the search must not cost a night's run; it counts as unsolved and is reported.
        return {**record, "error": f"{type(error).__name__}: {error}"}, machine.worker({})
    rank = targets.reference_rank(target, result.routes)
    best = result.routes[0] if result.routes else None
    return {
        **record,
        "solved": result.solved,
        "validated": result.validated,
        "routes": len(result.routes),
        "unsupported": result.unsupported,
        "best_steps": None if best is None else len(best.steps),
        "reference_rank": rank,
        "first_route_s": result.first_solution_seconds,
        "seconds": round(result.seconds, 3),
        "cpu_s": round(time.process_time() - busy, 3),
        "expansions": result.expansions,
        "molecules": result.molecules,
        "why_stopped": result.why_stopped,
    }, machine.worker(models.counts(_searcher.proposer))


def figures(records: list[dict[str, Any]], asked: list[Target], seed: int) -> dict[str, Any]:
    """The figures of a run from its records. Raises ValueError when there are none."""
    known = {t.key for t in asked if t.reference is not None}
    with_reference = [r for r in records if r["key"] in known]
    hits = {
        "stock_solved": [bool(r.get("solved")) for r in records],
        "validated_solved": [bool(r.get("validated")) for r in records],
    }
    if with_reference:
        ranks = [r.get("reference_rank") for r in with_reference]
        hits |= {f"reference_{name}": h for name, h in metrics.top_k(ranks, (1, 3, 10)).items()}
    first = [r["first_route_s"] for r in records if r.get("first_route_s") is not None]
    seconds, cpu = (sum(r.get(what, 0.0) for r in records) for what in ("seconds", "cpu_s"))
    expansions = sum(r.get("expansions", 0) for r in records)
    return {
        "n": len(records),
        "unit": "per cent of n (of those with a reference for reference_*), 95 % bootstrap intervals",
        **metrics.shares(hits, seed),
        "with_reference": len(with_reference),
        "median_first_route_s": metrics.quantile(first, 0.5),
        "p90_first_route_s": metrics.quantile(first, 0.9),
        "expansions_per_second": round(expansions / seconds, 2) if seconds else None,
        "expansions_per_cpu_second": round(expansions / cpu, 2) if cpu else None,
        "mean_seconds": round(seconds / len(records), 2),
        "errors": [{"target": r["key"], "error": r["error"]} for r in records if "error" in r][:10],
    }


def reachable(asked: list[Target], stock: StockLike) -> set[str]:
    """Targets whose published route starts from nothing but stock: no planner recovers the others'."""
    supply = Supply(stock)
    known = (t for t in asked if t.reference is not None)
    return {t.key for t in known if all(supply.find(leaf) is not None for leaf in t.leaves)}


def run(arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Raises BadFile, InvalidMolecule, OtherRun, FileExistsError, FileNotFoundError, ModelUnavailable."""
    found = targets.read(arguments.targets)
    for key, reason in found.bad[:10]:
        print(f"target {key} left out: {reason}", file=sys.stderr)
    asked = found.targets
    if arguments.limit is not None and arguments.limit < len(asked):
        draw = random.Random(arguments.seed).sample(range(len(asked)), arguments.limit)
        asked = [asked[i] for i in sorted(draw)]
    stock = stocks.open_stock(arguments.stock, folder)
    used = [name for name in (arguments.proposer, arguments.second) if name]
    for name in used:
        models.load(name)  # missing weights are told at once
    options = {
        "algorithm": arguments.algorithm,
        "seconds": arguments.seconds,
        "max_steps": arguments.max_steps,
        "routes": arguments.routes,
        "enough": arguments.enough,
        "judged": not arguments.unjudged,
        "clock": arguments.clock,
    }
    settings = {
        "benchmark": "multi_step",
        "targets_sha256": found.sha256,
        "stock_sha256": stock.sha256,
        "proposer": arguments.proposer,
        "second": arguments.second,
        "flat": arguments.flat,
        "weights": models.fingerprints(*used, *([] if arguments.unjudged else ["check"])),
        **options,
    }
    workers: dict[int, machine.Worker] = {}
    with Journal(arguments.out, settings, resume=arguments.resume) as journal:
        todo = [t for t in asked if t.key not in journal.records]
        resumed, told = len(asked) - len(todo), 0.0
        for record, worker in machine.crew(
            _work,
            todo,
            jobs=arguments.jobs,
            start=_start,
            arguments=(stock.keys, arguments.flat, arguments.proposer, arguments.second, options),
        ):
            journal.add(record)
            workers[worker.pid] = worker
            if time.monotonic() - told > 10.0:
                told = time.monotonic()
                records = journal.records.values()
                solved, valid = (sum(bool(r.get(k)) for r in records) for k in ("solved", "validated"))
                print(f"{len(records)}/{len(asked)}  solved {solved}  validated {valid}", file=sys.stderr)
        measured = [journal.records[t.key] for t in asked]
    within = reachable(asked, FlatMatches(stock.stock) if arguments.flat else stock.stock)
    recovered = sum((r.get("reference_rank") or 99) <= 10 for r in measured if r["key"] in within)
    return {
        "benchmark": "multi_step",
        **figures(measured, asked, arguments.seed),
        "reference_within_stock": len(within),
        "reference_top10_of_these": round(100.0 * recovered / len(within), 2) if within else None,
        "resumed": resumed,
        "bad_targets": len(found.bad),
        "limit": arguments.limit,
        "seed": arguments.seed,
        "jobs": arguments.jobs,
        "stock": stock.names,
        "stock_bad_lines": stock.bad_lines,
        "stock_size": len(stock.stock),
        "targets": found.source,
        "stock_wanted_by_targets": found.stock_name,
        "peak_memory_mb_per_process": max((w.peak_memory_mb for w in workers.values()), default=None),
        "model_counts": machine.total(workers.values()),
        **settings,
        **machine.described(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--targets", required=True, help="RetroCast JSON or SMILES lines; .gz is unpacked")
    parser.add_argument("--stock", action="append", required=True, help="'builtin', or a file of InChIKeys or SMILES")
    parser.add_argument("--flat", action="store_true", help="a molecule without stereo is supplied by any stereoisomer")
    parser.add_argument("--seconds", type=float, default=30.0, help="per target")
    parser.add_argument(
        "--clock", choices=("wall", "cpu"), default="wall", help="cpu: seconds of own computing instead"
    )
    parser.add_argument("--limit", type=int, help="draw this many targets")
    parser.add_argument("--seed", type=int, default=0, help="of the draw and of the intervals")
    parser.add_argument("--jobs", type=int, default=1, help="processes, one thread each; at most one per core")
    parser.add_argument("--algorithm", choices=("retro*", "mcts"), default="retro*")
    parser.add_argument("--proposer", choices=sorted(models.MODELS), default="template")
    parser.add_argument("--second", choices=sorted(models.MODELS), help="asked where the first has too little to say")
    parser.add_argument("--max-steps", type=int, default=10, help="reactions in a route")
    parser.add_argument("--routes", type=int, default=10, help="routes kept per target")
    parser.add_argument(
        "--enough", type=int, help="stop a target when it has this many routes; else the time is used up"
    )
    parser.add_argument("--unjudged", action="store_true", help="do not check steps: validated_solved is then 0")
    parser.add_argument("--out", type=Path, help="keep every target's result here, as JSON lines")
    parser.add_argument("--resume", action="store_true", help="go on with the file of --out")
    arguments = parser.parse_args()
    for name in ("jobs", "seconds", "routes", "max_steps"):
        if not getattr(arguments, name) > 0:
            parser.error(f"--{name.replace('_', '-')} must be positive")
    if arguments.limit is not None and arguments.limit < 1:
        parser.error("--limit must be at least 1")
    machine.one_thread()
    try:
        with stocks.scratch() as folder:
            result = run(arguments, Path(folder))
    except (BadFile, InvalidMolecule, OtherRun, FileExistsError, FileNotFoundError, models.ModelUnavailable) as error:
        print(f"multi_step: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    print(json.dumps(result))


if __name__ == "__main__":
    main()
