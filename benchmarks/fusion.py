"""What other sources of a property are worth: as a residual, as a feature, or fused, against a model without them.

    python -m benchmarks.fusion --csv FreeSolv.csv --smiles smiles --target expt --unit kcal/mol --source calc:MD \
        --prior xtb_hydration --split random --train-size 100 --seeds 10
    python -m benchmarks.fusion --csv FreeSolv.csv --smiles smiles --target expt --unit kcal/mol --source calc:MD \
        --prior xtb_hydration --split scaffold --seeds 5
    (--test-share 0.844 --train-size 100 tests on all of FreeSolv that is not among the 100)

Source columns hold calculated values in the unit of the target, known of test molecules too; they are never measured
ones. Nested: for every seed the test molecules are set apart first, and intervals are calibrated by cross-validation on
the remaining ones alone. The last line on stdout is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks import machine
from benchmarks.property import outer
from knowledge.qspr.conformal import Calibrator
from knowledge.qspr.contract import Fitted, Model, Samples
from knowledge.qspr.domain import Domain
from knowledge.qspr.fusion import ComputedSource, FittedFusion, Fusion, Source, TableSource
from knowledge.qspr.models.gp import GaussianProcess
from knowledge.qspr.priors.column import ColumnPrior
from knowledge.qspr.priors.feature import PriorFeature
from knowledge.qspr.priors.prior import Prior
from knowledge.qspr.priors.residual import WithPrior
from knowledge.qspr.priors.solvation import PriorUnavailable, XtbHydration
from knowledge.qspr.selection import FOLDS, LEVEL
from knowledge.qspr.splits import TEST_SHARE, SplitKind, k_fold
from knowledge.qspr.trials import calibrate, familiarity, validate
from knowledge.records.quantity import UnitMismatch
from knowledge.sources.property_table import BadTable, PropertyTable, read

PRIORS: dict[str, Callable[[str], Prior]] = {"xtb_hydration": lambda unit: XtbHydration(unit=unit)}


def competitors(columns: dict[str, Samples], priors: dict[str, Prior], unit: str) -> dict[str, Callable[[], Model]]:
    """Model name -> a new model. Of every source: on what it leaves over, and with it as a feature; fused alone, and
    fused with all others.
    """
    as_priors = {
        **{n: ColumnPrior("", unit, dict(zip(s.smiles, s.values.tolist(), strict=True))) for n, s in columns.items()},
        **priors,
    }
    sources: dict[str, Source] = {
        **{name: TableSource.calculated(name, samples) for name, samples in columns.items()},
        **{name: ComputedSource(prior) for name, prior in priors.items()},
    }
    middle = {name: float(np.median(samples.values)) for name, samples in columns.items()}
    found: dict[str, Callable[[], Model]] = {"gp": GaussianProcess}
    for name, prior in as_priors.items():
        found[f"residual({name})"] = lambda prior=prior: WithPrior(GaussianProcess(), prior)
    for name, prior in as_priors.items():
        feature = PriorFeature(prior, stand_in=middle.get(name, 0.0))
        found[f"feature({name})"] = lambda feature=feature: GaussianProcess(extra=(feature,))
    for name, source in sources.items():
        found[f"fusion({name})"] = lambda source=source: Fusion(source)
    if len(sources) > 1:
        found[f"fusion({'+'.join(sources)})"] = lambda: Fusion(*sources.values())
    return found


def measure(model: Model, train: Samples, test: Samples, *, inner: str, folds: int, seed: int) -> dict[str, Any]:
    """One model on one split. Raises ValueError where it cannot be fitted."""
    parts = k_fold(train.smiles, inner, seed=seed, count=folds)
    trial = validate(model, train, parts, familiarity(train, parts), seed=seed)
    if trial.unseen is None:
        raise ValueError(f"{model.name}: {trial.failure}")
    began = time.perf_counter()
    fitted = model.fit(train, seed=seed)
    record = tested(fitted, calibrate(trial.unseen, train), train, test)
    record["cv_rmse"] = trial.rmse
    record["seconds"] = time.perf_counter() - began
    if isinstance(fitted, FittedFusion):
        record["report"] = fitted.report()
    return record


def tested(fitted: Fitted, calibrator: Calibrator, train: Samples, test: Samples) -> dict[str, Any]:
    belief = fitted.predict(test.smiles)
    domain = Domain.of(train)
    near, new = domain.similarity(test.smiles), domain.new_scaffolds(test.smiles)
    low, high = calibrator.interval(belief.mean, belief.total, near, new, LEVEL)
    error = test.values - belief.mean
    return {
        "rmse": float(np.sqrt((error**2).mean())),
        "mae": float(np.abs(error).mean()),
        "coverage": float(((test.values >= low) & (test.values <= high)).mean()),
        "width": float((high - low).mean()),
    }


def summary(records: list[dict[str, Any]]) -> dict[str, Any]:
    """Mean and standard deviation over seeds of each figure."""
    found: dict[str, Any] = {}
    for name in ("rmse", "mae", "coverage", "width", "cv_rmse", "seconds"):
        each = np.array([r[name] for r in records if name in r])
        if len(each):
            spread = float(each.std(ddof=1)) if len(each) > 1 else None
            found[name] = {"mean": round(float(each.mean()), 4), "std": None if spread is None else round(spread, 4)}
    return found


def run(arguments: argparse.Namespace, table: PropertyTable, columns: dict[str, Samples]) -> dict[str, Any]:
    """Raises BadTable for a table that cannot be split, ValueError where a model cannot be fitted, PriorUnavailable."""
    samples, unit = table.samples, table.report.unit or arguments.unit
    known = competitors(columns, {name: PRIORS[name](unit) for name in arguments.prior}, unit)
    if unknown := [name for name in arguments.models if name not in known]:
        raise BadTable(f"there is no model '{unknown[0]}'; there are: {', '.join(known)}")
    if arguments.models:
        known = {name: make for name, make in known.items() if name in arguments.models}
    records: dict[str, list[dict[str, Any]]] = {name: [] for name in known}
    sizes = []
    for seed in range(arguments.seeds):
        try:
            train, test = outer(
                samples, split=arguments.split, seed=seed, share=arguments.test_share, train_size=arguments.train_size
            )
        except ValueError as error:
            raise BadTable(f"{table.report.file}: {error}") from None
        sizes.append((len(train), len(test)))
        for name, make in known.items():
            record = measure(make(), train, test, inner=arguments.split, folds=arguments.folds, seed=seed)
            records[name].append(record)
            print(
                f"seed {seed}  {name}  RMSE {record['rmse']:.4g}  MAE {record['mae']:.4g}  "
                f"coverage {100.0 * record['coverage']:.1f} %  width {record['width']:.4g}",
                file=sys.stderr,
            )
            if seed == 0:
                for line in record.get("report", ()):
                    print(f"  {line.words(unit)}", file=sys.stderr)
    return {
        "benchmark": "fusion",
        "target": arguments.target,
        "unit": unit or "not given",
        "n": len(samples),
        "n_train": [a for a, _ in sizes],
        "n_test": [b for _, b in sizes],
        "sources": {name: len(part) for name, part in columns.items()},
        "models": {name: summary(part) for name, part in records.items()},
        "learned": {
            name: [line.words(unit) for line in part[0]["report"]]
            for name, part in records.items()
            if "report" in part[0]
        },
        "split": arguments.split,
        "seeds": arguments.seeds,
        "folds": arguments.folds,
        "level": LEVEL,
        "data": table.report.file,
        "data_sha256": table.report.file_sha256,
        **machine.described(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--csv", required=True, type=Path, help="the table; .gz as well")
    parser.add_argument("--smiles", required=True, metavar="COL", help="the column of SMILES")
    parser.add_argument("--target", required=True, metavar="COL", help="the column of measured values")
    parser.add_argument("--unit", default="", help="of the target and of the sources")
    parser.add_argument("--source", action="append", default=[], metavar="COL[:NAME]", help="a column of calculations")
    parser.add_argument(
        "--prior", action="append", default=[], choices=sorted(PRIORS), help="computed for any molecule"
    )
    parser.add_argument("--split", required=True, choices=[kind.value for kind in SplitKind])
    parser.add_argument("--models", nargs="+", default=[], metavar="NAME", help="of those that the result lists")
    parser.add_argument("--train-size", type=int, help="draw this many training molecules")
    parser.add_argument("--test-share", type=float, default=TEST_SHARE)
    parser.add_argument("--seeds", type=int, default=5, help="splits, numbered from 0")
    parser.add_argument("--folds", type=int, default=FOLDS, help="of cross-validation, for the intervals")
    arguments = parser.parse_args()
    if arguments.prior and not arguments.unit:
        parser.error("--prior needs --unit, so that its values can be converted")
    named = [text.partition(":") for text in arguments.source]
    wanted = {name or column: column for column, _, name in named}
    if len({*wanted, *arguments.prior}) < len(named) + len(arguments.prior) or not (named or arguments.prior):
        parser.error("name at least one --source or --prior, and each differently")
    try:
        read_columns = {"smiles": arguments.smiles, "unit": arguments.unit}
        table = read(arguments.csv, target=arguments.target, **read_columns)
        columns = {n: read(arguments.csv, target=column, **read_columns).samples for n, column in wanted.items()}
        with threadpool_limits(limits=1):
            result = run(arguments, table, columns)
    except (BadTable, UnitMismatch, PriorUnavailable, OSError) as error:
        print(f"fusion: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    print(json.dumps(result))


if __name__ == "__main__":
    main()
