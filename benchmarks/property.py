"""Property models on a user's table: error, calibration and time of each model and of the one that selection takes.

    python -m benchmarks.property --csv FILE --smiles COL --target COL --split scaffold --seeds 5
    python -m benchmarks.property --csv FILE --smiles COL --target COL --split random --models gp --train-size 100
    python -m benchmarks.property --csv FILE --smiles COL --target COL --split random --prior-column calc
    python -m benchmarks.property --csv FILE --smiles COL --target COL --split random --property flash_point

Nested: for every seed the test molecules are set apart first; models are chosen and intervals calibrated by
cross-validation on the remaining ones alone. `--out` keeps every prediction; `--resume` goes on with an interrupted
run. The last line on stdout is one JSON object.

Models with a prior take part where there is one: `--property NAME` says which property the table is about, and
`--prior-column` names a column of estimates. Both are inputs, known of test molecules too, as is the handbook that
`+literature` looks into.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import machine
from benchmarks.journal import Journal, OtherRun
from knowledge.qspr import scores
from knowledge.qspr.candidates import UnknownModel, candidates, names, usual
from knowledge.qspr.contract import Model, Samples
from knowledge.qspr.domain import Domain
from knowledge.qspr.priors.column import ColumnPrior
from knowledge.qspr.selection import FOLDS, LEVEL
from knowledge.qspr.splits import TEST_SHARE, Fold, SplitKind, hold_out, k_fold
from knowledge.qspr.trials import Familiarity, NoModel, Trial, Unseen, calibrate, choose, familiarity, validate
from knowledge.records.base import sha256_text
from knowledge.sources.property_table import BadTable, PropertyTable, read

SELECTED = "selected"
_BAD_SHOWN = 10


def outer(samples: Samples, *, split: str, seed: int, share: float, train_size: int | None) -> tuple[Samples, Samples]:
    """Training and test molecules of one seed; of a training part larger than `train_size`, a seeded draw."""
    fold: Fold = hold_out(samples.smiles, split, seed=seed, share=share)
    train = list(fold.train)
    if train_size is not None and train_size < len(train):
        drawn = sorted(train, key=lambda i: sha256_text(f"train:{seed}:{samples.smiles[i]}"))[:train_size]
        train = sorted(drawn)
    return samples.take(train), samples.take(fold.test)


def measure(name: str, seed: int, samples: Samples, settings: dict[str, Any]) -> dict[str, Any]:
    """One model on one split: what it said of every training molecule unseen and, fitted again, of the test molecules,
    with the interval that its cross-validation gives. "failure" instead where it cannot be fitted.
    """
    train, test = _parts(samples, seed, settings)
    model = made(name, settings)
    folds = k_fold(train.smiles, settings["inner"], seed=seed, count=settings["folds"])
    trial = validate(model, train, folds, familiarity(train, folds), seed=seed)
    record: dict[str, Any] = {"key": f"{seed}/{name}", "seed": seed, "model": name, "version": model.version}
    if trial.unseen is None:
        return {**record, "failure": trial.failure, "cv_s": round(trial.seconds, 3)}
    began = time.perf_counter()
    fitted = model.fit(train, seed=seed)
    fitted_at = time.perf_counter()
    belief = fitted.predict(test.smiles)
    predicted_at = time.perf_counter()
    domain = Domain.of(train)
    near = domain.similarity(test.smiles)
    new = domain.new_scaffolds(test.smiles)
    low, high = calibrate(trial.unseen, train).interval(belief.mean, belief.total, near, new, LEVEL)
    return {
        **record,
        "cv_mean": _short(trial.unseen.mean),
        "cv_std": _short(trial.unseen.stds),
        "mean": _short(belief.mean),
        "std": _short(belief.total),
        "low": _short(low),
        "high": _short(high),
        "in_domain": [bool(s >= domain.threshold) for s in near],
        "cv_s": round(trial.seconds, 3),
        "fit_s": round(fitted_at - began, 3),
        "predict_s": round(predicted_at - fitted_at, 3),
    }


def column(settings: dict[str, Any]) -> ColumnPrior | None:
    """The table's own estimates."""
    if not settings["prior"]:
        return None
    return ColumnPrior(settings["property"] or settings["target"], settings["unit"], settings["prior"])


def made(name: str, settings: dict[str, Any]) -> Model:
    """A new model. Raises UnknownModel."""
    return candidates(settings["property"], [name], column(settings))[0]


def figures(records: dict[str, dict[str, Any]], samples: Samples, settings: dict[str, Any]) -> dict[str, Any]:
    """The figures of every model and of the selected one, over all seeds. Raises NoModel."""
    named: dict[str, list[dict[str, Any]]] = {name: [] for name in [*settings["models"], SELECTED]}
    chosen: list[str] = []
    values: dict[int, np.ndarray[Any, np.dtype[np.float64]]] = {}
    for seed in range(settings["seeds"]):
        train, test = _parts(samples, seed, settings)
        values[seed] = test.values
        of_seed = [records[f"{seed}/{name}"] for name in settings["models"]]
        trials = [_trial(record, train) for record in of_seed]
        best = of_seed[choose(trials, train, settings["inner"], seed=seed)]
        chosen.append(best["model"])
        for record in of_seed:
            named[record["model"]].append(record)
        # Choosing costs the cross-validation of all.
        named[SELECTED].append({**best, "cv_s": sum(r["cv_s"] for r in of_seed)})
    return {
        "models": {name: _summary(of_model, values) for name, of_model in named.items()},
        "chosen": chosen,
        "n_train": [len(_parts(samples, seed, settings)[0]) for seed in range(settings["seeds"])],
        "n_test": [len(values[seed]) for seed in range(settings["seeds"])],
    }


def _summary(records: list[dict[str, Any]], values: dict[int, Any]) -> dict[str, Any]:
    """Means over seeds with their standard deviations, and the same figures over all test predictions together with
    95 % bootstrap intervals.
    """
    good = [r for r in records if "failure" not in r]
    failures = sorted({r["failure"] for r in records if "failure" in r})
    if not good:
        return {"seeds": 0, "failures": failures}
    each = [_score(values[r["seed"]], [r], resamples=1) for r in good]
    everything = _score(np.concatenate([values[r["seed"]] for r in good]), good, resamples=scores.RESAMPLES)
    result: dict[str, Any] = {"seeds": len(good), "failures": failures}
    for name in ("mae", "rmse", "r2", "coverage", "width", "spearman", "nll"):
        over = [f for f in (getattr(s, name).value for s in each) if f is not None]
        figure = getattr(everything, name)
        result[name] = {
            "mean": round(float(np.mean(over)), 4) if over else None,
            "std": round(float(np.std(over, ddof=1)), 4) if len(over) > 1 else None,
            "ci95": None if figure.low is None else [round(figure.low, 4), round(figure.high, 4)],
        }
    inside = np.concatenate([np.array(r["in_domain"], dtype=bool) for r in good])
    error = np.abs(np.concatenate([values[r["seed"]] - np.array(r["mean"]) for r in good]))
    result["in_domain_share"] = round(float(inside.mean()), 4)
    result["mae_in_domain"] = round(float(error[inside].mean()), 4) if inside.any() else None
    result["mae_out_of_domain"] = round(float(error[~inside].mean()), 4) if not inside.all() else None
    result["seconds"] = {k: round(float(np.mean([r[k] for r in good])), 3) for k in ("cv_s", "fit_s", "predict_s")}
    return result


def _score(values: Any, records: list[dict[str, Any]], *, resamples: int) -> scores.Scores:
    mean, stds, low, high = (np.concatenate([r[k] for r in records]) for k in ("mean", "std", "low", "high"))
    return scores.score(values, mean, stds, low, high, seed=0, resamples=resamples)


def _trial(record: dict[str, Any], train: Samples) -> Trial:
    """The trial that `validate` gave, for `choose`; what choosing does not look at is left out."""
    if "failure" in record:
        return Trial(record["model"], record["version"], None, None, None, None, record["cv_s"], record["failure"])
    unseen = Unseen(np.array(record["cv_mean"]), np.array(record["cv_std"]), Familiarity(np.zeros(0), ()))
    return Trial(record["model"], record["version"], unseen, None, None, None, record["cv_s"])


def _parts(samples: Samples, seed: int, settings: dict[str, Any]) -> tuple[Samples, Samples]:
    return outer(
        samples,
        split=settings["split"],
        seed=seed,
        share=settings["test_share"],
        train_size=settings["train_size"],
    )


def _short(values: Any) -> list[float]:
    return [float(f"{v:.7g}") for v in values]


_samples: Samples | None = None
_settings: dict[str, Any] = {}


def _start(samples: Samples, settings: dict[str, Any]) -> None:
    global _samples, _settings
    _samples, _settings = samples, settings
    if "torch" in sys.modules:
        import torch

        torch.set_num_threads(1)


def _work(item: tuple[int, str]) -> tuple[dict[str, Any], machine.Worker]:
    if _samples is None:
        raise RuntimeError("the process was not prepared")
    seed, name = item
    return measure(name, seed, _samples, _settings), machine.worker({})


def run(arguments: argparse.Namespace, table: PropertyTable) -> dict[str, Any]:
    """Raises OtherRun, FileExistsError, NoModel, and BadTable for a table that cannot be split."""
    samples = table.samples
    settings: dict[str, Any] = {
        "benchmark": "property",
        "data_hash": samples.data_hash,
        "target": arguments.target,
        "property": arguments.property,
        "unit": table.report.unit,
        "prior": dict(table.prior),
        "split": arguments.split,
        "inner": arguments.inner or arguments.split,
        "seeds": arguments.seeds,
        "folds": arguments.folds,
        "train_size": arguments.train_size,
        "test_share": arguments.test_share,
    }
    chosen = arguments.models or usual(settings["property"], column(settings))
    candidates(settings["property"], chosen, column(settings))  # an unknown one is told at once
    # The simplest first, which selection needs, whatever the order of the command.
    settings["models"] = [name for name in names(settings["property"], column(settings)) if name in chosen]
    settings["versions"] = {name: made(name, settings).version for name in settings["models"]}
    try:
        for seed in range(arguments.seeds):
            _parts(samples, seed, settings)
    except ValueError as error:  # told at once, not by a broken pool
        raise BadTable(f"{table.report.file}: {error}") from None
    workers: dict[int, machine.Worker] = {}
    with Journal(arguments.out, settings, resume=arguments.resume) as journal:
        items = [(seed, name) for seed in range(arguments.seeds) for name in settings["models"]]
        todo = [(seed, name) for seed, name in items if f"{seed}/{name}" not in journal.records]
        answers = machine.crew(_work, todo, jobs=arguments.jobs, start=_start, arguments=(samples, settings))
        for record, worker in answers if todo else ():
            journal.add(record)
            workers[worker.pid] = worker
            told = f"failed: {record['failure']}" if "failure" in record else _told(record, samples, settings)
            print(
                f"{len(journal.records)}/{len(items)}  seed {record['seed']}  {record['model']}  {told}",
                file=sys.stderr,
            )
        found = figures(journal.records, samples, settings)
    return {
        "benchmark": "property",
        "unit": table.report.unit or "not given",
        "target": arguments.target,
        "n": len(samples),
        **found,
        **{k: settings[k] for k in ("split", "inner", "seeds", "folds", "train_size", "test_share", "versions")},
        "level": LEVEL,
        "ci95": "over all test predictions of all seeds",
        "notes": list(table.report.notes),
        "bad_rows": len(table.report.bad_rows),
        "bad_rows_first": [row.model_dump() for row in table.report.bad_rows[:_BAD_SHOWN]],
        "resumed": len(items) - len(todo),
        "jobs": arguments.jobs,
        "peak_memory_mb": max((w.peak_memory_mb for w in workers.values()), default=None),
        "data": table.report.file,
        "data_sha256": table.report.file_sha256,
        **machine.described(),
    }


def _told(record: dict[str, Any], samples: Samples, settings: dict[str, Any]) -> str:
    values = _parts(samples, record["seed"], settings)[1].values
    error = values - np.array(record["mean"])
    inside = (values >= record["low"]) & (values <= record["high"])
    rmse = float(np.sqrt((error**2).mean()))
    return f"RMSE {rmse:.4g}  MAE {np.abs(error).mean():.4g}  coverage {100.0 * inside.mean():.1f} %"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--csv", required=True, type=Path, help="the table; .gz as well")
    parser.add_argument("--smiles", required=True, metavar="COL", help="the column of SMILES")
    parser.add_argument("--target", required=True, metavar="COL", help="the column of values")
    parser.add_argument("--unit", default="", help="the unit wanted, and that of values without one")
    parser.add_argument("--unit-column", metavar="COL", help="the column of units")
    parser.add_argument("--uncertainty", metavar="COL", help="the column of standard uncertainties")
    parser.add_argument("--parent", action="store_true", help="take the largest organic fragment of salts")
    parser.add_argument("--split", required=True, choices=[kind.value for kind in SplitKind])
    parser.add_argument(
        "--inner", choices=[k.value for k in SplitKind], help="of cross-validation; as --split when not given"
    )
    parser.add_argument("--seeds", type=int, default=5, help="splits, numbered from 0")
    parser.add_argument("--models", nargs="+", default=[], metavar="NAME", help="as `train` of the program takes them")
    parser.add_argument("--property", default="", help="the property's name, for models that start from its priors")
    parser.add_argument("--prior-column", metavar="COL", help="a column of estimates, for models that start from it")
    parser.add_argument("--folds", type=int, default=FOLDS, help="of cross-validation")
    parser.add_argument("--train-size", type=int, help="draw this many training molecules")
    parser.add_argument("--test-share", type=float, default=TEST_SHARE)
    parser.add_argument("--jobs", type=int, default=1, help="processes, one thread each")
    parser.add_argument("--out", type=Path, help="keep every prediction here, as JSON lines")
    parser.add_argument("--resume", action="store_true", help="go on with the file of --out")
    arguments = parser.parse_args()
    for name, least in (("seeds", 1), ("folds", 2), ("jobs", 1)):
        if getattr(arguments, name) < least:
            parser.error(f"--{name} must be at least {least}")
    if arguments.train_size is not None and arguments.train_size < 2:
        parser.error("--train-size must be at least 2")
    machine.one_thread()
    try:
        table = read(
            arguments.csv,
            smiles=arguments.smiles,
            target=arguments.target,
            unit=arguments.unit,
            unit_column=arguments.unit_column,
            uncertainty_column=arguments.uncertainty,
            prior_column=arguments.prior_column,
            parent=arguments.parent,
        )
        for note in table.report.notes:
            print(note, file=sys.stderr)
        result = run(arguments, table)
    except (BadTable, OtherRun, NoModel, UnknownModel, OSError) as error:
        print(f"property: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    print(json.dumps(result))


if __name__ == "__main__":
    main()
