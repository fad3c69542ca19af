"""Is a portfolio of generators worth it: the portfolio against each of its members alone, on one problem.

    python -m benchmarks.design_portfolio                                  # all families, 3 seeds, 300 calls each
    python -m benchmarks.design_portfolio --generators portfolio,genetic --calls 100 --keep runs.jsonl

Every generator begins from the same known molecules, is asked for the same number of molecules in batches of the same
size, and is told what the same judge (models of the handbook, `planners.design.evaluation`) thinks of them. Figures of
a run: the mean score of its ten best feasible molecules (missing ones count 0), the same averaged over the run (a point
after each batch), the hypervolume that its feasible molecules' worths dominate, how many were feasible, and the
process's CPU seconds for asking and telling. A generator that cannot work on the problem is named with its reason.
With --keep each finished run is a line of a file, and is not made again. The last line on stdout is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pymoo.indicators.hv import HV

from agent.problem_file import read_problem
from benchmarks import machine
from planners.design.evaluation.judge import Judge, Judged
from planners.design.evaluation.opening import open_evaluator
from planners.design.families import FAMILIES, open_generator
from planners.design.generator import CannotServe, Generator
from planners.design.genetic.start import known_members
from planners.design.library import LibraryGenerator
from planners.design.portfolio.generator import PortfolioGenerator
from planners.design.problem import Problem

TOP = 10
LIBRARY = "library"


def opened(name: str, problem: Problem, start: Sequence[str], seed: int) -> Generator:
    if name == LIBRARY:
        return LibraryGenerator(problem.space, known_members(problem.space, seed=seed, wanted=5000), seed=seed)
    return open_generator(name, problem, start=start, seed=seed)


def top(judged: Sequence[Judged]) -> float:
    """Mean score of the ten best feasible ones; missing ones count 0."""
    best = sorted((one.score for one in judged if one.feasible), reverse=True)[:TOP]
    return sum(best) / TOP


def volume(judged: Sequence[Judged]) -> float:
    """Of the worths of the feasible ones, above 0 (every goal at its worst); 1 is a molecule perfect in all goals."""
    worths = np.array([one.worths for one in judged if one.feasible and min(one.worths) > 0.0])
    return float(HV(ref_point=np.zeros(worths.shape[1]))(-worths)) if len(worths) else 0.0


def run(name: str, problem: Problem, judge: Judge, calls: int, batch: int, seed: int) -> dict[str, Any]:
    row: dict[str, Any] = {"generator": name, "seed": seed, "calls": calls, "batch": batch}
    clock = time.process_time()
    try:
        generator = opened(name, problem, known_members(problem.space, seed=seed, wanted=200), seed)
    except CannotServe as error:
        return {**row, "cannot": str(error)}
    opening = time.process_time() - clock
    seen: list[Judged] = []
    curve, spent = [], 0.0
    while len(seen) < calls:
        clock = time.process_time()
        candidates = generator.ask(min(batch, calls - len(seen)))
        spent += time.process_time() - clock
        if not candidates:
            break
        judged = judge.judge([candidate.molecule.smiles for candidate in candidates])
        clock = time.process_time()
        generator.tell([one.evaluated() for one in judged])
        spent += time.process_time() - clock
        seen += judged
        curve += [top(seen)] * len(judged)
    row |= {
        "judged": len(seen),
        "feasible": sum(one.feasible for one in seen),
        "top10": round(top(seen), 4),
        "auc_top10": round(sum([*curve, *[top(seen)] * (calls - len(seen))]) / calls, 4),
        "hypervolume": round(volume(seen), 4),
        "best": max((one for one in seen), key=lambda one: (one.feasible, one.score)).smiles if seen else "",
        "opening_s": round(opening, 1),
        "cpu_s": round(spent, 1),
    }
    if isinstance(generator, PortfolioGenerator):
        row["left_out"] = generator.left_out
        row["shares"] = [share.model_dump(mode="json") for share in generator.shares()]
    return row


def summary(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Mean and standard deviation over the seeds, by generator."""
    found: dict[str, Any] = {}
    for name in dict.fromkeys(row["generator"] for row in rows):
        runs = [row for row in rows if row["generator"] == name]
        if "cannot" in runs[0]:
            found[name] = {"cannot": runs[0]["cannot"]}
            continue
        found[name] = {"seeds": len(runs)} | {
            key: [round(float(np.mean([r[key] for r in runs])), 4), round(float(np.std([r[key] for r in runs])), 4)]
            for key in ("top10", "auc_top10", "hypervolume", "feasible", "cpu_s")
        }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--problem", type=Path, default=Path("config/problems/green_solvent.yaml"))
    parser.add_argument(
        "--generators", default=",".join([*sorted(FAMILIES), LIBRARY]), help="names with commas between"
    )
    parser.add_argument("--calls", type=int, default=300)
    parser.add_argument("--batch", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--keep", type=Path, help="JSON lines of the runs made, read and added to")
    given = parser.parse_args()
    problem = read_problem(given.problem)
    rows = (
        [json.loads(line) for line in given.keep.read_text().splitlines()]
        if given.keep and given.keep.is_file()
        else []
    )
    judge = Judge(problem, open_evaluator(problem))
    for seed in range(given.first, given.first + given.seeds):
        for name in given.generators.split(","):
            if any(
                (r["generator"], r["seed"], r["calls"], r["batch"]) == (name, seed, given.calls, given.batch)
                for r in rows
            ):
                continue
            row = run(name, problem, judge, given.calls, given.batch, seed)
            rows.append(row)
            print(json.dumps(row), file=sys.stderr, flush=True)
            if given.keep:
                with given.keep.open("a") as stream:
                    stream.write(json.dumps(row) + "\n")
    print(
        json.dumps({"problem": problem.name, "machine": machine.described(), "generators": summary(rows), "runs": rows})
    )


if __name__ == "__main__":
    main()
