"""Our search beside AiZynthFinder's: the same policy, templates, stock, depth, seconds and core.

    python -m benchmarks.versus_aizynthfinder --targets FILE --stock FILE --seconds 30 --limit 50

AiZynthFinder 4.4.1 (S. Genheden et al., J. Cheminf. 2020, 12, 70) runs in an environment of its own, made at the first
run, with our policy exported to ONNX and our templates applied by its own RDChiral code. The programs take turns on one
core, target by target. It runs twice: `plain`, its usual cut-off over all templates, and `matching`, where the cut-off
takes the best templates that match, which is what our policy was trained to rank.

An expansion is one molecule given to the policy and its templates applied; an answer from a cache of earlier targets
does not count. AiZynthFinder's MCTS asks again for every molecule of a state and applies templates only when it visits
a child, so there its expansions are an upper bound and distinct molecules tell more. Neither program checks steps here.
The last line on stdout is one JSON object.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import select
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import aizynthfinder_setup, machine, metrics, models, stocks, targets
from benchmarks.aizynthfinder_setup import SetupFailed
from benchmarks.journal import Journal, OtherRun
from benchmarks.reactions import BadFile
from knowledge.records.molecule import InvalidMolecule
from knowledge.stock import hash64
from planners.routes.search.supply import COMMON_REAGENTS

_STARTING = 600.0  # s until a worker must be ready; the built-in stock may have to be made first
_PATIENCE = 4.0  # times the seconds of a search: one long step of a program is not its death
ROOT = Path(__file__).resolve().parent.parent
VARIANTS = ("plain", "matching")
_RATES = ("expansions_per_second", "expansions_per_cpu_second", "distinct_molecules_per_second")


class WorkerDied(RuntimeError):
    """A worker process ended; its last words are on stderr."""


class Worker:
    """A program that answers one line of JSON per line of JSON; started anew when it does not answer in time."""

    def __init__(self, command: list[str]) -> None:
        self._command = command
        self._start()

    def _start(self) -> None:
        self._process = subprocess.Popen(self._command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.about = self._read(_STARTING)

    def ask(self, request: dict[str, Any], patience: float) -> dict[str, Any]:
        """The answer, or an error when there is none after `patience` seconds. Raises WorkerDied."""
        if self._process.stdin is None:
            raise WorkerDied("the worker has no input")
        with contextlib.suppress(BrokenPipeError):  # the reading tells
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
        try:
            return self._read(patience)
        except TimeoutError as error:
            self.close()
            self._start()
            return {"error": str(error), "seconds": patience}

    def _read(self, patience: float) -> dict[str, Any]:
        """Raises TimeoutError, WorkerDied."""
        stream = self._process.stdout
        # One line is under way at a time, so nothing hides in the buffer when the pipe is empty.
        if stream is None or not select.select([stream], [], [], patience)[0]:
            raise TimeoutError(f"no answer after {patience:.0f} s")
        line = stream.readline()
        if not line:
            raise WorkerDied(f"{' '.join(self._command)} ended with code {self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


@contextlib.contextmanager
def contenders(arguments: argparse.Namespace, folder: Path, stock: stocks.StockFile) -> Iterator[dict[str, Worker]]:
    """Both programs, ready, by name. Raises SetupFailed, ModelUnavailable, WorkerDied."""
    core = max(os.sched_getaffinity(0)) if arguments.core is None else arguments.core
    common = {"core": core, "depth": arguments.depth, "cutoff": arguments.cutoff}
    theirs = {**common, **_policy(folder), **_their_stock(stock, folder)}
    ours = {**common, "proposer": "template", "keys": None if stock.keys is None else str(stock.keys)}
    machine.one_thread()
    python = aizynthfinder_setup.environment()
    workers: dict[str, Worker] = {}
    try:
        workers["athanor"] = _worker([sys.executable, "-m", "benchmarks.athanor_worker"], ours, folder / "ours.json")
        for variant in arguments.variants:
            settings = {**theirs, "prefilter": variant == "matching"}
            script = [str(python), str(ROOT / "benchmarks" / "aizynthfinder_worker.py")]
            workers[f"aizynthfinder-{variant}"] = _worker(script, settings, folder / f"{variant}.json")
        yield workers
    finally:
        for worker in workers.values():
            worker.close()


def _worker(command: list[str], settings: dict[str, Any], file: Path) -> Worker:
    file.write_text(json.dumps(settings), encoding="utf-8")
    return Worker([*command, str(file)])


def _policy(folder: Path) -> dict[str, str | int]:
    models.load("template")
    from planners.routes.single_step.templates import library, policy

    return aizynthfinder_setup.export_policy(policy.load(), library.load().templates, folder)


def _their_stock(stock: stocks.StockFile, folder: Path) -> dict[str, str]:
    """The same substances, with the reagents that our search takes from any shelf."""
    reagents = targets.inchikeys(list(COMMON_REAGENTS))
    if stock.keys is None:
        file = folder / "hashes.npy"
        np.save(
            file, np.union1d(stock.stock.hashes, np.array([hash64(r) for r in reagents], np.uint64)), allow_pickle=False
        )
        return {"stock_hashes": str(file)}
    file = folder / "their-stock.txt"
    file.write_text(stock.keys.read_text(encoding="utf-8") + "\n".join(reagents) + "\n", encoding="utf-8")
    return {"stock": str(file)}


def figures(records: list[dict[str, Any]], seed: int) -> dict[str, Any]:
    """By "program algorithm": solved, expansions per second, time to first route; and our rates over theirs.

    Raises ValueError when there are no records.
    """
    names = sorted({name for record in records for name in record["answers"]})
    by_name = {name: [r["answers"][name] for r in records] for name in names}
    result: dict[str, Any] = {"n": len(records), "contenders": {}}
    for name, answers in by_name.items():
        first = [a["first_route_s"] for a in answers if a.get("first_route_s") is not None]
        seconds = sum(a.get("seconds", 0.0) for a in answers)
        result["contenders"][name] = {
            **metrics.shares({"solved": [bool(a.get("solved")) for a in answers]}, seed),
            "expansions_per_second": _rate(answers, "expansions", seconds),
            "expansions_per_cpu_second": _rate(answers, "expansions", sum(a.get("cpu_s", 0.0) for a in answers)),
            "distinct_molecules_per_second": _rate(answers, "distinct_molecules", seconds),
            "reactions_per_distinct_molecule": _per_molecule(answers),
            "median_first_route_s": metrics.quantile(first, 0.5),
            "p90_first_route_s": metrics.quantile(first, 0.9),
            "mean_seconds": round(seconds / len(answers), 2),
            "peak_memory_mb": max((a.get("peak_memory_mb", 0.0) for a in answers), default=None),
            "errors": sum("error" in a for a in answers),
        }
    result["athanor_over"] = {}
    for name, theirs in result["contenders"].items():
        program, algorithm = name.split(" ")
        ours = result["contenders"].get(f"athanor {algorithm}")
        if program == "athanor" or not ours:
            continue
        result["athanor_over"][name] = {
            what: round(ours[what] / theirs[what], 2) for what in _RATES if ours[what] and theirs[what]
        }
    return result


def _rate(answers: list[dict[str, Any]], what: str, seconds: float) -> float | None:
    return round(sum(a.get(what, 0) for a in answers) / seconds, 2) if seconds else None


def _per_molecule(answers: list[dict[str, Any]]) -> float | None:
    """Disconnections that the search got for each molecule; None where the program does not make them all."""
    counted = [a for a in answers if a.get("reactions") is not None]
    molecules = sum(a["distinct_molecules"] for a in counted)
    return round(sum(a["reactions"] for a in counted) / molecules, 2) if molecules else None


def run(arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Raises BadFile, InvalidMolecule, OtherRun, FileExistsError, ModelUnavailable, SetupFailed, WorkerDied."""
    found = targets.read(arguments.targets)
    asked = found.targets
    if arguments.limit is not None and arguments.limit < len(asked):
        draw = random.Random(arguments.seed).sample(range(len(asked)), arguments.limit)
        asked = [asked[i] for i in sorted(draw)]
    stock = stocks.open_stock(arguments.stock, folder)
    settings = {
        "benchmark": "versus_aizynthfinder",
        "targets_sha256": found.sha256,
        "stock_sha256": stock.sha256,
        "seconds": arguments.seconds,
        "depth": arguments.depth,
        "cutoff": arguments.cutoff,
        "algorithms": arguments.algorithms,
        "variants": arguments.variants,
        "weights": models.fingerprints("template"),
    }
    sizes: dict[str, int] = {}
    with Journal(arguments.out, settings, resume=arguments.resume) as journal:
        todo = [t for t in asked if t.key not in journal.records]
        nobody: contextlib.AbstractContextManager[dict[str, Worker]] = contextlib.nullcontext({})
        with contenders(arguments, folder, stock) if todo else nobody as workers:
            sizes = {name: worker.about["stock"] for name, worker in workers.items()}
            for number, target in enumerate(todo):
                turn = list(workers) if number % 2 == 0 else list(workers)[::-1]
                answers = {}
                for algorithm in arguments.algorithms:
                    for name in turn:
                        request = {"smiles": target.smiles, "seconds": arguments.seconds, "algorithm": algorithm}
                        answers[f"{name} {algorithm}"] = workers[name].ask(
                            request, _PATIENCE * arguments.seconds + 60.0
                        )
                journal.add({"key": target.key, "smiles": target.smiles, "answers": answers})
                told = {k: (bool(a.get("solved")), a.get("expansions"), a.get("error")) for k, a in answers.items()}
                print(f"{number + 1}/{len(todo)} {target.key} (solved, expansions, error) {told}", file=sys.stderr)
        measured = [journal.records[t.key] for t in asked]
    return {
        **figures(measured, arguments.seed),
        "stock_sizes": sizes,
        "stock": stock.names,
        "stock_bad_lines": stock.bad_lines,
        "targets": found.source,
        "limit": arguments.limit,
        "seed": arguments.seed,
        **settings,
        "aizynthfinder": aizynthfinder_setup.versions(),
        **machine.described(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--targets", required=True, help="RetroCast JSON or SMILES lines; .gz is unpacked")
    parser.add_argument("--stock", action="append", required=True, help="'builtin', or a file of InChIKeys or SMILES")
    parser.add_argument("--seconds", type=float, default=30.0, help="wall clock per target and program")
    parser.add_argument("--limit", type=int, help="draw this many targets")
    parser.add_argument("--seed", type=int, default=0, help="of the draw and of the intervals")
    parser.add_argument("--algorithms", nargs="+", choices=("retro*", "mcts"), default=["retro*"])
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS), help="of AiZynthFinder")
    parser.add_argument("--depth", type=int, default=10, help="reactions in a route")
    parser.add_argument(
        "--cutoff", type=int, default=50, help="templates (AiZynthFinder), proposals (ours) per molecule"
    )
    parser.add_argument("--core", type=int, help="the core that both run on; the last one when not given")
    parser.add_argument("--out", type=Path, help="keep every answer here, as JSON lines")
    parser.add_argument("--resume", action="store_true", help="go on with the file of --out")
    arguments = parser.parse_args()
    failures = (
        BadFile, InvalidMolecule, OtherRun, FileExistsError, FileNotFoundError,
        models.ModelUnavailable, SetupFailed, WorkerDied, TimeoutError,
    )  # fmt: skip
    try:
        with stocks.scratch() as folder:
            result = run(arguments, Path(folder))
    except failures as error:
        print(f"versus_aizynthfinder: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    print(json.dumps(result))


if __name__ == "__main__":
    main()
