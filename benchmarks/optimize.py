"""How many experiments an optimiser of conditions needs, replayed on measured tables or on emulated problems.

    python -m benchmarks.optimize --csv direct_arylation.csv.gz --parameters Concentration,Temp_C \
        --smiles-parameters Base_SMILES,Ligand_SMILES,Solvent_SMILES --objective yield:max \
        --initial 5 --batch 5 --budget 50 --seeds 20 --versus random,baybe,ax --keep arylation.jsonl --resume
    python -m benchmarks.optimize --csv DreherDoyle.csv.gz --smiles-parameters ligand,additive,base \
        --where "aryl halide=ClC1=NC=CC=C1" --objective yield:max --seeds 10 --versus random,baybe,ax
    python -m benchmarks.optimize --olympus snar --data olympus/ --budget 30 --seeds 10 --versus random,baybe,ax

For every seed all optimisers get the same random starts and the same settings to choose among (a table's rows, those
with equal settings averaged; or any setting of an emulated problem), and are asked for batches, each from all results
so far. A score says how much of what can be found was found: with one objective the place of the best so far between
the worst and the best value there is, with two the hypervolume so far over that of the best front. Regret is 1 - score.
"To 99 %" is the first experiment that brought the score there, the budget + 1 where none did. Seconds are processor
time of asking, on one thread; setting up is left out.

--keep writes a line for every campaign; records carry the version of their optimiser (Athanor's: a digest of its
sources), so that --resume takes none that is stale. The last line on stdout is one JSON object.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from benchmarks import machine
from benchmarks.journal import Journal, OtherRun
from benchmarks.optimize_emulator import olympus
from benchmarks.optimize_figures import reached, scores
from benchmarks.optimize_problem import BadProblem, Goal, Problem, Values, key, table_problem
from benchmarks.peers import PEERS, Optimiser, peer, quietly, released
from knowledge.records.space import Setting
from knowledge.records.trial import Trial

OURS = "athanor"
SHARES = (0.95, 0.99)
_SOURCES = Path(__file__).resolve().parent.parent / "planners" / "optimize"
_PARTS = ("propose.py", "choosing", "process", "space")
_VERSIONS = ("baybe", "ax-platform", "botorch", "gpytorch", "scikit-fingerprints", "mordredcommunity")


class Ours:
    """planners.optimize.propose with its defaults: no limits, no costs, no earlier campaign."""

    def __init__(self, problem: Problem, seed: int) -> None:
        self.notes: dict[str, int] = {}
        self._problem = problem
        self._seed = seed
        self._trials: list[Trial] = []

    def tell(self, settings: Sequence[Setting], values: Values) -> None:
        outcomes = [goal.outcome for goal in self._problem.goals]
        self._trials += [
            Trial(setting=setting, values=dict(zip(outcomes, row, strict=True)))
            for setting, row in zip(settings, values.tolist(), strict=True)
        ]

    def ask(self, count: int) -> list[Setting]:
        from knowledge.records.objective import Direction
        from planners.optimize.choosing.goals import Aim
        from planners.optimize.propose import propose

        aims = [
            Aim(
                outcome=goal.outcome,
                direction=Direction.MAXIMISE if goal.maximise else Direction.MINIMISE,
                unit="dimensionless",
            )
            for goal in self._problem.goals
        ]
        proposal = propose(self._problem.space, self._trials, aims=aims, batch=count, seed=self._seed)
        return [choice.setting for choice in proposal.choices]


def current(name: str) -> str:
    """The version of an optimiser that its results hold for. Raises BadProblem where it is not installed."""
    if name != OURS:
        return released(name)
    digest = hashlib.sha256()
    for part in _PARTS:
        place = _SOURCES / part
        for path in [place] if place.is_file() else sorted(place.rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:8]


def campaign(
    optimiser: Optimiser, problem: Problem, seed: int, *, initial: int, batch: int, budget: int
) -> dict[str, Any]:
    """One campaign from the starts of `seed` until `budget` experiments. Raises BadProblem for a batch that is short or
    repeats a row.
    """
    settings: list[Setting] = problem.starts(initial, seed)
    values = problem.measure(settings)
    optimiser.tell(settings, values)
    spent: list[float] = []
    while len(settings) < budget:
        count = min(batch, budget - len(settings))
        began = time.process_time()
        asked = optimiser.ask(count)
        spent.append(round(time.process_time() - began, 3))
        known = {key(setting) for setting in settings}
        if len(asked) != count or (problem.rows and len(known | {key(s) for s in asked}) < len(known) + count):
            raise BadProblem(f"{problem.name}, seed {seed}: {count} new settings were asked for, {asked} came")
        measured = problem.measure(asked)
        optimiser.tell(asked, measured)
        settings += asked
        values = np.vstack([values, measured])
    return {
        "settings": [list(setting.values()) for setting in settings],
        "values": values.tolist(),
        "cpu": spent,
        "notes": optimiser.notes,
    }


def summary(records: Sequence[dict[str, Any]], problem: Problem, *, initial: int, batch: int) -> dict[str, Any]:
    """One optimiser over its seeds: by number of experiments, and what each seed needed."""
    values = [np.array(record["values"]) for record in records]
    found = np.array([scores(v, problem.best, problem.worst, problem.volume) for v in values])
    budget = found.shape[1]
    marks = sorted({*range(initial, budget + 1, batch), budget // 2, budget})
    figures: dict[str, Any] = {
        "version": records[0]["version"],
        "regret": {str(m): round(float(1.0 - found[:, m - 1].mean()), 4) for m in marks},
        "median_regret": {str(m): round(float(1.0 - np.median(found[:, m - 1])), 4) for m in marks},
    }
    if len(problem.goals) == 1:
        sign = problem.goals[0].sign
        best = np.array([sign * np.maximum.accumulate(sign * v[:, 0]) for v in values])
        figures["best"] = {str(m): round(float(best[:, m - 1].mean()), 4) for m in marks}
        figures["median_best"] = {str(m): round(float(np.median(best[:, m - 1])), 4) for m in marks}
    else:
        figures["hypervolume"] = {str(m): round(float(found[:, m - 1].mean()), 4) for m in marks}
    for share in SHARES:
        each = [reached(score, share) for score in found]
        figures[f"to_{100 * share:.0f}"] = {"median": float(np.median(each)), "each": each}
    figures["each_half"] = [round(float(s), 4) for s in found[:, budget // 2 - 1]]
    figures["each_full"] = [round(float(s), 4) for s in found[:, -1]]
    figures["cpu_seconds"] = round(float(np.mean([sum(record["cpu"]) for record in records])), 2)
    notes: dict[str, int] = {}
    for record in records:
        for name, count in record["notes"].items():
            notes[name] = notes.get(name, 0) + count
    figures["notes"] = notes
    return figures


def duel(mine: Sequence[float], others: Sequence[float]) -> dict[str, int]:
    """Seeds won, even (to 0.0001 of the score) and lost."""
    gaps = [a - b for a, b in zip(mine, others, strict=True)]
    lost, won = sum(g < -1e-4 for g in gaps), sum(g > 1e-4 for g in gaps)
    return {"won": won, "even": len(gaps) - won - lost, "lost": lost}


def lines(problem: Problem, found: dict[str, Any], duels: dict[str, Any]) -> list[str]:
    """The result for people."""
    figure = "best" if len(problem.goals) == 1 else "hypervolume"
    marks = list(next(iter(found.values()))[figure])
    text = [
        f"{problem.name}: mean {figure} by experiments; median experiments to 95 % and 99 %; CPU seconds a campaign"
    ]
    if problem.r2:
        text.append(f"emulated ({problem.about['model']}); cross-validated R2 {', '.join(map(str, problem.r2))}")
    text.append(f"{'':10}" + "".join(f"{m:>9}" for m in marks) + f"{'to 95':>9}{'to 99':>9}{'s':>9}")
    for name, f in found.items():
        means = "".join(f"{f[figure][m]:9.4g}" for m in marks)
        text.append(f"{name:10}{means}{f['to_95']['median']:9g}{f['to_99']['median']:9g}{f['cpu_seconds']:9.1f}")
    for other, when in duels.items():
        half, full = when["half"], when["full"]
        text.append(
            f"{OURS} against {other}: won {half['won']}, lost {half['lost']} at half of the budget; "
            f"won {full['won']}, lost {full['lost']} at all of it"
        )
    return text


def run(arguments: argparse.Namespace, problem: Problem, names: Sequence[str]) -> dict[str, Any]:
    """Raises BadProblem, OtherRun and OSError."""
    shape = {"initial": arguments.initial, "batch": arguments.batch}
    goals = {goal.outcome: "max" if goal.maximise else "min" for goal in problem.goals}
    settings = {"problem": problem.name, **problem.about, "goals": goals, **shape, "budget": arguments.budget}
    versions = {name: current(name) for name in names}
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.seeds)
    records: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    with Journal(arguments.keep, settings, resume=arguments.resume) as journal:
        for seed in seeds:
            for name in names:
                place = f"{name} {versions[name]} {seed}"
                if place not in journal.records:
                    optimiser = Ours(problem, seed) if name == OURS else peer(name, problem, seed)
                    outcome = campaign(optimiser, problem, seed, budget=arguments.budget, **shape)
                    journal.add({"key": place, "optimiser": name, "version": versions[name], "seed": seed, **outcome})
                    score = scores(np.array(outcome["values"]), problem.best, problem.worst, problem.volume)
                    print(
                        f"{problem.name}, seed {seed}, {name}: score {score[arguments.budget // 2 - 1]:.4f} at half, "
                        f"{score[-1]:.4f} at the end, 99 % after {reached(score, 0.99)}, "
                        f"{sum(outcome['cpu']):.1f} s",
                        file=sys.stderr,
                        flush=True,
                    )
                records[name].append(journal.records[place])
    found = {name: summary(records[name], problem, **shape) for name in names}
    duels = {
        other: {when: duel(found[OURS][f"each_{when}"], found[other][f"each_{when}"]) for when in ("half", "full")}
        for other in names
        if OURS in names and other != OURS
    }
    described = machine.described()
    for package in _VERSIONS:
        try:
            described["versions"][package] = version(package)
        except PackageNotFoundError:
            described["versions"][package] = "missing"
    return {
        "benchmark": "optimize",
        **settings,
        "seeds": list(seeds),
        "best_there_is": list(problem.best),
        "worst": list(problem.worst),
        "r2": list(problem.r2),
        "optimisers": found,
        "athanor_against": duels,
        **described,
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--csv", type=Path, help="a table of measured results; .gz as well")
    parser.add_argument("--parameters", default="", metavar="COLS", help="numbers and names, separated by commas")
    parser.add_argument("--smiles-parameters", default="", metavar="COLS", help="substances, as SMILES")
    parser.add_argument("--objective", default="", metavar="COL:max[,COL2:min]")
    parser.add_argument("--where", action="append", default=[], metavar="COL=VALUE", help="only these rows")
    parser.add_argument("--olympus", metavar="NAME", help="an emulated problem instead of a table")
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="of the Olympus problems")
    parser.add_argument("--initial", type=int, default=5, help="random starts, the same for all")
    parser.add_argument("--batch", type=int, default=5)
    parser.add_argument("--budget", type=int, default=50, help="experiments, starts included")
    parser.add_argument("--seeds", type=int, default=10, help="campaigns")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--versus", default="", metavar="NAMES", help=f"of {', '.join(PEERS)}")
    parser.add_argument("--only", default="", metavar="NAMES", help="run these instead of athanor and --versus")
    parser.add_argument("--keep", type=Path, metavar="FILE", help="write a line for every campaign")
    parser.add_argument("--resume", action="store_true", help="go on with --keep")
    parser.add_argument("--json", action="store_true", help="only the JSON line")
    return parser


def _named(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _goals(text: str) -> tuple[Goal, ...]:
    goals = []
    for part in _named(text):
        outcome, _, direction = part.rpartition(":")
        if not outcome or direction not in ("max", "min"):
            raise BadProblem(f"'{part}' is no objective; write COLUMN:max or COLUMN:min")
        goals.append(Goal(outcome, direction == "max"))
    return tuple(goals)


def _problem(arguments: argparse.Namespace) -> Problem:
    """Raises BadProblem and OSError."""
    goals = _goals(arguments.objective)
    if len(goals) > 2:
        raise BadProblem("at most two objectives are compared")
    if (arguments.csv is None) == (arguments.olympus is None):
        raise BadProblem("give either --csv or --olympus")
    if arguments.olympus is not None:
        if arguments.data is None:
            raise BadProblem("--olympus needs --data, the folder of the problems")
        return olympus(arguments.data, arguments.olympus, goals=goals)
    where = dict(part.partition("=")[::2] for part in arguments.where)
    parameters, smiles = _named(arguments.parameters), _named(arguments.smiles_parameters)
    if not goals or not (parameters or smiles):
        raise BadProblem("--csv needs --objective, and --parameters or --smiles-parameters")
    return table_problem(arguments.csv, parameters=parameters, smiles=smiles, goals=goals, where=where)


def main(given: Sequence[str] | None = None) -> None:
    arguments = _parser().parse_args(given)
    torch.set_num_threads(1)
    names = _named(arguments.only) or [OURS, *_named(arguments.versus)]
    try:
        if unknown := [name for name in names if name != OURS and name not in PEERS]:
            raise BadProblem(f"there is no optimiser '{unknown[0]}'; there are: {OURS}, {', '.join(PEERS)}")
        if not 1 <= arguments.initial < arguments.budget or arguments.batch < 1 or arguments.seeds < 1:
            raise BadProblem("--initial, --batch and --seeds are at least 1, and --budget is more than --initial")
        with threadpool_limits(limits=1):
            problem = _problem(arguments)
            if problem.rows and len(problem.rows) < arguments.budget:
                raise BadProblem(f"a budget of {arguments.budget} is more than the {len(problem.rows)} rows there are")
            if any(name != OURS for name in names):
                quietly()
            result = run(arguments, problem, names)
    except (BadProblem, OtherRun, OSError) as error:
        print(f"optimize: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    if not arguments.json:
        print("\n".join(lines(problem, result["optimisers"], result["athanor_against"])))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
