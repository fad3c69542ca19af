"""What an earlier campaign saves, and what a misleading one costs: replayed on a table of several tasks.

    python -m benchmarks.transfer --csv DreherDoyle.csv.gz --smiles-parameters ligand,additive,base \
        --task "aryl halide" --tasks 7: --objective yield:max --batch 3 --budget 50 --seeds 10 --keep halides.jsonl
    python -m benchmarks.transfer --csv direct_arylation.csv.gz --parameters Concentration,Temp_C \
        --smiles-parameters Base_SMILES,Ligand_SMILES,Solvent_SMILES --objective yield:max --seeds 10

Each value of the column --task (a structure) is a task; all have the same space. For every target task and seed,
campaigns start from the same random settings and differ in what they know of earlier ones, `--earlier-size` random
results each:

    none        nothing
    alike       the task whose structure is most like the target's (Tanimoto of ECFP4), whatever its results
    several     the three most alike
    negated     the most alike task, its results turned round: what was best is worst
    relabelled  the most alike task, the options of its parameters permuted: it says nothing
    mixed       alike and negated

Without --task there is one target, and its own results are negated or relabelled. Counted are the experiments, starts
included, until a result reaches 95 and 99 % of the way from the worst to the best one there is; the budget + 1 where
none does. A campaign ends with the batch that reaches 99 %. `ratio` is the sum over targets and seeds against that of
`none`, with a 90 % bootstrap interval (over pairs of target and seed). The last line on stdout is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from rdkit import Chem
from rdkit.Chem import rdFingerprintGenerator
from rdkit.DataStructs import BulkTanimotoSimilarity
from threadpoolctl import threadpool_limits

from benchmarks import machine
from benchmarks.journal import Journal, OtherRun
from knowledge.records.objective import Direction
from knowledge.records.space import Listed, Space
from knowledge.records.trial import Trial
from knowledge.sources.conditions_table import BadConditionsTable, ConditionsTable, read_conditions
from planners.optimize.choosing.goals import Aim
from planners.optimize.process.contract import Earlier
from planners.optimize.propose import propose
from planners.optimize.space.encoding import Encoding

ALONE = ("none", "negated", "relabelled")
VARIANTS = ("none", "alike", "several", "negated", "relabelled", "mixed")
SHARES = (0.95, 0.99)
SEVERAL = 3
RESAMPLED = 2000

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Task:
    """Trials of one task in the space of all, and the rows of that space that were measured."""

    name: str
    trials: tuple[Trial, ...]
    codes: Array
    values: Array


def tasks_of(table: ConditionsTable, task: str | None, outcome: str) -> tuple[Space, list[Task]]:
    """The space without the task's column, and the tasks in the order of their first rows."""
    space = Space(parameters=tuple(p for p in table.space.parameters if p.name != task))
    encoding = Encoding(space)
    rows: dict[str, list[Trial]] = {}
    for trial in table.trials:
        setting = {name: value for name, value in trial.setting.items() if name != task}
        rows.setdefault(str(trial.setting[task]) if task else "", []).append(
            trial.model_copy(update={"setting": setting})
        )
    return space, [
        Task(
            name,
            tuple(trials),
            encoding.encode([t.setting for t in trials]),
            np.array([t.values[outcome] for t in trials]),
        )
        for name, trials in rows.items()
    ]


def most_alike(target: Task, tasks: Sequence[Task]) -> list[Task]:
    """The other tasks, the most alike first."""
    others = [task for task in tasks if task is not target]
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2)
    of = [generator.GetFingerprint(Chem.MolFromSmiles(task.name)) for task in (target, *others)]
    alike = BulkTanimotoSimilarity(of[0], of[1:])
    return [others[i] for i in np.argsort(-np.array(alike), kind="stable")]


def known(variant: str, target: Task, tasks: Sequence[Task], size: int, seed: int) -> list[Earlier]:
    """What a campaign knows beforehand."""
    rng = np.random.default_rng([seed, 1])
    others = most_alike(target, tasks) if len(tasks) > 1 else [target]

    def part(task: Task, name: str, sign: float = 1.0, codes: Array | None = None) -> Earlier:
        some = rng.permutation(len(task.values))[:size]
        return Earlier(name, (task.codes if codes is None else codes)[some], sign * task.values[some])

    if variant == "none":
        return []
    if variant == "several":
        return [part(task, task.name) for task in others[:SEVERAL]]
    if variant == "relabelled":
        codes = others[0].codes.copy()
        for column in range(codes.shape[1]):
            values, place = np.unique(codes[:, column], return_inverse=True)
            codes[:, column] = rng.permutation(values)[place]
        return [part(others[0], "relabelled", codes=codes)]
    found = [part(others[0], others[0].name)] if variant in ("alike", "mixed") else []
    return found + ([part(others[0], "negated", sign=-1.0)] if variant in ("negated", "mixed") else [])


def campaign(
    space: Space,
    target: Task,
    earlier: Sequence[Earlier],
    aim: Aim,
    seed: int,
    *,
    initial: int,
    batch: int,
    budget: int,
) -> dict[str, Any]:
    """Results in the order of the experiments, until 99 % or the budget, and the processor seconds of asking."""
    names = space.names
    place = {tuple(t.setting[name] for name in names): i for i, t in enumerate(target.trials)}
    measured = space.with_rules(Listed(parameters=names, rows=tuple(place)))
    done = np.random.default_rng(seed).permutation(len(target.trials))[:initial].tolist()
    began = time.process_time()
    while len(done) < budget and needed(target.values[done].tolist(), target, aim.sign, SHARES[-1]) > len(done):
        proposal = propose(
            measured,
            [target.trials[i] for i in done],
            aims=[aim],
            batch=min(batch, budget - len(done)),
            seed=seed,
            earlier=earlier,
        )
        done += [place[tuple(choice.setting[name] for name in names)] for choice in proposal.choices]
    return {"values": target.values[done].tolist(), "cpu": round(time.process_time() - began, 1)}


def needed(values: Sequence[float], target: Task, sign: float, share: float) -> int:
    gains = sign * target.values
    enough = gains.min() + share * (gains.max() - gains.min())
    hits = np.flatnonzero(sign * np.array(values) >= enough - 1e-12)
    return int(hits[0]) + 1 if len(hits) else len(values) + 1


def compared(counts: Array, without: Array) -> dict[str, Any]:
    """Of one variant, (pairs,) each: the mean, and the ratio of sums with a bootstrap interval."""
    rng = np.random.default_rng(0)
    some = rng.integers(len(counts), size=(RESAMPLED, len(counts)))
    ratios = counts[some].sum(axis=1) / without[some].sum(axis=1)
    return {
        "mean": round(float(counts.mean()), 2),
        "median": float(np.median(counts)),
        "ratio": round(float(counts.sum() / without.sum()), 3),
        "interval": [round(float(q), 3) for q in np.quantile(ratios, (0.05, 0.95))],
    }


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Raises BadConditionsTable, OtherRun and OSError."""
    outcome, _, direction = arguments.objective.partition(":")
    aim = Aim(
        outcome=outcome,
        unit="dimensionless",
        direction=Direction.MINIMISE if direction == "min" else Direction.MAXIMISE,
    )
    columns = dict.fromkeys(_named(arguments.parameters), "number")
    columns |= dict.fromkeys(
        [*_named(arguments.smiles_parameters), *([arguments.task] if arguments.task else [])], "smiles"
    )
    table = read_conditions(arguments.csv, parameters=columns, outcomes=[outcome])
    space, tasks = tasks_of(table, arguments.task, outcome)
    first, _, last = arguments.tasks.partition(":")
    targets = tasks[int(first or 0) : int(last) if last else None]
    variants = _named(arguments.variants) or list(VARIANTS if len(tasks) > 1 else ALONE)
    shape = {"initial": arguments.initial, "batch": arguments.batch, "budget": arguments.budget}
    settings = {
        "csv": table.file,
        "csv_sha256": table.file_sha256,
        "objective": arguments.objective,
        "task": arguments.task or "",
        "earlier_size": arguments.earlier_size,
        **shape,
    }
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.seeds)
    counts: dict[str, list[list[int]]] = {variant: [] for variant in variants}
    with Journal(arguments.keep, settings, resume=arguments.resume) as journal:
        for seed, target in product(seeds, targets):
            for variant in variants:
                key = f"{target.name} {variant} {seed}"
                fresh = key not in journal.records
                if fresh:
                    earlier = known(variant, target, tasks, arguments.earlier_size, seed)
                    journal.add({"key": key, **campaign(space, target, earlier, aim, seed, **shape)})
                record = journal.records[key]
                counts[variant].append([needed(record["values"], target, aim.sign, share) for share in SHARES])
                if fresh:
                    said = f"{counts[variant][-1]} experiments, {record['cpu']} s"
                    print(f"{target.name or table.file}, seed {seed}, {variant}: {said}", file=sys.stderr, flush=True)
    found = {variant: np.array(each, dtype=float) for variant, each in counts.items()}
    return {
        "benchmark": "transfer",
        **settings,
        "targets": [target.name for target in targets],
        "seeds": list(seeds),
        "variants": {
            variant: {
                f"to_{100 * share:.0f}": compared(each[:, k], found[variants[0]][:, k])
                for k, share in enumerate(SHARES)
            }
            for variant, each in found.items()
        },
        "by_target_to_95": {
            target.name: {
                variant: round(float(each[t :: len(targets), 0].mean()), 1) for variant, each in found.items()
            }
            for t, target in enumerate(targets)
        },
        **machine.described(),
    }


def _named(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def main(given: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--csv", type=Path, required=True, help="a table of measured results; .gz as well")
    parser.add_argument("--parameters", default="", metavar="COLS", help="numbers, separated by commas")
    parser.add_argument("--smiles-parameters", default="", metavar="COLS", help="substances, as SMILES")
    parser.add_argument("--objective", required=True, metavar="COL:max")
    parser.add_argument("--task", metavar="COL", help="the column of structures that tell the tasks apart")
    parser.add_argument("--tasks", default=":", metavar="FROM:TO", help="targets, by the order of their first rows")
    parser.add_argument(
        "--variants", default="", metavar="NAMES", help=f"of {', '.join(VARIANTS)}; the first is the base"
    )
    parser.add_argument("--earlier-size", type=int, default=100, help="results of each earlier campaign")
    parser.add_argument("--initial", type=int, default=5, help="random starts, the same for all variants")
    parser.add_argument("--batch", type=int, default=3)
    parser.add_argument("--budget", type=int, default=50, help="experiments, starts included")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, metavar="FILE", help="write a line for every campaign")
    parser.add_argument("--resume", action="store_true", help="go on with --keep")
    arguments = parser.parse_args(given)
    torch.set_num_threads(1)
    if unknown := [name for name in _named(arguments.variants) if name not in VARIANTS]:
        parser.error(f"there is no variant '{unknown[0]}'; there are: {', '.join(VARIANTS)}")
    try:
        with threadpool_limits(limits=1):
            result = run(arguments)
    except (BadConditionsTable, OtherRun, OSError) as error:
        print(f"transfer: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    print(json.dumps(result))


if __name__ == "__main__":
    main()
