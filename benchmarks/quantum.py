"""How fast GFN2-xTB answers, and how far its solvation energies are from experiment.

    python -m benchmarks.quantum                                    # thirty common liquids
    python -m benchmarks.quantum --set sizes --relax                # 10, 20 and 40 heavy atoms
    python -m benchmarks.quantum --csv FreeSolv.csv --smiles smiles --limit 60 \\
        --hydration expt --unit kcal/mol --json
    python -m benchmarks.quantum --set test --limit 300 --surrogate --json   # speed and error of the surrogate

Nothing is read from the cache and nothing written to it. Seconds are CPU seconds on one thread, conformer search
included, starting the process not. With --json the last line on stdout is one JSON object.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import hashlib
import io
import json
import random
import sys
import time
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import machine, metrics, quantum_surrogate
from knowledge.quantum import METHOD, SOLVENTS, QuantumError, QuantumUnavailable, Settings, compute
from knowledge.quantum.surrogate import QUANTITIES, WeightsUnusable
from knowledge.records.molecule import InvalidMolecule, Molecule
from knowledge.records.quantity import UnitMismatch, convert

# fmt: off
LIQUIDS = [
    "CO", "CCO", "CC(C)O", "CCCCO", "OCCO", "CC(C)=O", "CCC(C)=O", "O=C1CCCCC1", "CC(=O)O", "CCOC(C)=O",
    "CC(=O)OC(C)C", "O=C1CCCO1", "CCOCC", "C1CCOC1", "C1COCCO1", "COCCOC", "CC#N", "CN(C)C=O", "CS(C)=O", "CCN(CC)CC",
    "c1ccncc1", "CN1CCCC1=O", "Nc1ccccc1", "C[N+](=O)[O-]", "CCCCCC", "C1CCCCC1", "Cc1ccccc1", "Clc1ccccc1", "ClCCl",
    "ClC(Cl)Cl",
]
SIZES = [
    # 10 heavy atoms
    "CCCCCCCCCC", "Cc1ccc(cc1)C(C)C", "COC(=O)c1ccccc1", "c1ccc2ccccc2c1", "CC(C)CCCOC(C)=O",
    # 20
    "CCCCCCCCCCCCCCCCCCCC", "CCCCCCCOC(=O)c1ccccc1C(=O)OC", "COc1ccccc1C(=O)Nc1ccc(cc1)C(=O)O",
    "CC(C)Cc1ccc(cc1)C(C)C(=O)OCCCCC", "O=S(=O)(c1ccc(C)cc1)c1ccc(cc1)OCC=O",
    # 40
    "CCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCC",
    "CC(C)(C)c1cc(CCC(=O)OCCCCCCOC(=O)CCc2cc(C)c(O)c(c2)C(C)(C)C)cc(C)c1O",
]
# fmt: on
SETS = {"liquids": LIQUIDS, "sizes": SIZES}
_EDGES = (5, 10, 15, 20, 30, 40)
_BAD_SHOWN = 10


@dataclass(frozen=True)
class Row:
    """`line` from 1; `smiles` canonical; `hydration` in kJ/mol or None."""

    line: int
    smiles: str
    heavy_atoms: int
    hydration: float | None


class BadFile(ValueError):
    """Nothing of the file can be used; the message says why."""


def read(path: Path, smiles: str | None, hydration: str | None, unit: str) -> tuple[list[Row], list[tuple[int, str]]]:
    """Rows and bad lines (number, reason) of a CSV or TSV with a header, or, without `smiles`, of one SMILES a line.

    Raises BadFile for a missing column, an unknown unit or a file of which no line can be read; OSError.
    """
    data = path.read_bytes()
    text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8-sig", "replace")
    cells: list[tuple[int, str, str | None]] = []
    if smiles is None:
        if hydration is not None:
            raise BadFile("--hydration needs --smiles: the file must be a table")
        lines = enumerate(text.splitlines(), start=1)
        cells = [(n, line.split()[0], None) for n, line in lines if line.strip()]
    else:
        header = text.partition("\n")[0]
        reader = csv.DictReader(io.StringIO(text), delimiter=max(",;\t", key=header.count))
        for column in filter(None, (smiles, hydration)):
            if column not in (reader.fieldnames or ()):
                raise BadFile(f"{path} has no column '{column}'; it has {', '.join(reader.fieldnames or ())}")
        for row in reader:
            cells.append((reader.line_num, row[smiles] or "", row[hydration] if hydration else None))
    rows: list[Row] = []
    bad: list[tuple[int, str]] = []
    for number, cell, value in cells:
        try:
            rows.append(_row(number, cell, None if value is None else convert(float(value), unit, "kJ/mol")))
        except UnitMismatch as error:
            raise BadFile(str(error)) from None
        except ValueError as error:  # no molecule, or no number
            bad.append((number, str(error)))
    if not rows:
        raise BadFile(
            f"{path} holds no molecule that can be read" + (f"; line {bad[0][0]}: {bad[0][1]}" if bad else "")
        )
    return rows, bad


def _row(number: int, smiles: str, hydration: float | None = None) -> Row:
    from rdkit import Chem

    canonical = Molecule.from_smiles(smiles).smiles
    return Row(number, canonical, Chem.MolFromSmiles(canonical).GetNumHeavyAtoms(), hydration)


def chosen(rows: list[Row], limit: int | None, seed: int) -> list[Row]:
    """All, or `limit` drawn without replacement, in the file's order."""
    if limit is None or limit >= len(rows):
        return rows
    return [rows[i] for i in sorted(random.Random(seed).sample(range(len(rows)), limit))]


_settings = Settings()


def _start(settings: Settings) -> None:
    global _settings
    _settings = settings
    compute("O", settings)  # the libraries are loaded, so that the first molecule does not pay for it


def _work(row: Row) -> tuple[dict[str, Any], machine.Worker]:
    began = time.process_time()
    answer: dict[str, Any]
    try:
        found = compute(row.smiles, _settings)
    except QuantumError as error:
        answer = {"failure": type(error).__name__, "reason": str(error)}
    else:
        answer = {
            **{name: getattr(found, name) for name in QUANTITIES},
            **{solvent: getattr(found, f"solvation_{solvent}_kj_mol") for solvent in SOLVENTS},
            "log_p": found.log_p,
        }
    spent = time.process_time() - began
    record = {
        "line": row.line,
        "smiles": row.smiles,
        "heavy_atoms": row.heavy_atoms,
        "hydration": row.hydration,
        "cpu_s": spent,
        **answer,
    }
    return record, machine.worker({})


def sizes(records: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Classes of heavy atoms that have molecules."""
    classes: dict[str, list[dict[str, Any]]] = {}
    lower = 0
    for upper in (*_EDGES, 10**6):
        some = [r for r in records if lower < r["heavy_atoms"] <= upper]
        if some:
            classes[f"{lower + 1}-{upper}" if upper <= _EDGES[-1] else f"over {lower}"] = some
        lower = upper
    return classes


def by_size(records: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Mean CPU milliseconds per molecule in classes of heavy atoms."""
    classes = {label: [float(r["cpu_s"]) for r in some] for label, some in sizes(records).items()}
    return {k: {"n": len(v), "cpu_ms": round(1000.0 * sum(v) / len(v), 1)} for k, v in classes.items()}


def against_experiment(records: list[dict[str, Any]], seed: int) -> dict[str, Any] | None:
    """Computed minus measured free energy of hydration in kJ/mol; None below three molecules."""
    pairs = [(r["water"], r["hydration"]) for r in records if "water" in r and r["hydration"] is not None]
    if len(pairs) < 3:
        return None
    computed, measured = np.array(pairs).T
    error = computed - measured
    slope, intercept = np.polyfit(computed, measured, 1)
    return {
        "n": len(pairs),
        "unit": "kJ/mol",
        "pearson_r": round(float(np.corrcoef(computed, measured)[0, 1]), 3),
        "bias": round(float(error.mean()), 2),
        "mae": round(float(np.abs(error).mean()), 2),
        "mae_ci95": [round(end, 2) for end in metrics.interval([float(e) for e in np.abs(error)], seed)],
        "rmse": round(float(np.sqrt((error**2).mean())), 2),
        "rmse_after_line": round(float(np.sqrt(((slope * computed + intercept - measured) ** 2).mean())), 2),
        "std_measured": round(float(measured.std()), 2),
    }


def run(arguments: argparse.Namespace, rows: list[Row], source: str, sha256: str) -> dict[str, Any]:
    """Raises QuantumUnavailable, WeightsUnusable."""
    settings = Settings(conformers=arguments.conformers, relax=arguments.relax, seed=arguments.seed)
    compute("O", settings)  # a missing package is told here and not by a broken pool
    rows = chosen(rows, arguments.limit, arguments.seed)
    records: list[dict[str, Any]] = []
    workers: dict[int, machine.Worker] = {}
    began = told = time.monotonic()
    for record, worker in machine.crew(_work, rows, jobs=arguments.jobs, start=_start, arguments=(settings,)):
        records.append(record)
        workers[worker.pid] = worker
        if time.monotonic() - told > 10.0:
            told = time.monotonic()
            print(f"{len(records)}/{len(rows)}  {len(records) / (told - began):.2f}/s", file=sys.stderr)
    records.sort(key=lambda record: int(record["line"]))
    if arguments.out is not None:
        arguments.out.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    good = [r for r in records if "failure" not in r]
    cpu = sum(r["cpu_s"] for r in records)
    return {
        "benchmark": "quantum",
        "method": f"{METHOD}, ALPB in {', '.join(SOLVENTS)}",
        "settings": str(settings),
        "n": len(records),
        "failed": len(records) - len(good),
        "failures_first": [r["reason"] for r in records if "failure" in r][:_BAD_SHOWN],
        "molecules_per_second_per_core": round(len(records) / cpu, 3) if cpu else None,
        "cpu_ms_by_heavy_atoms": by_size(records),
        "hydration": against_experiment(good, arguments.seed),
        "surrogate": quantum_surrogate.compared(good, sizes, arguments.seed) if arguments.surrogate and good else None,
        "median": {
            name: metrics.quantile([r[name] for r in good], 0.5)
            for name in ("gap_ev", "dipole_debye", *SOLVENTS, "log_p")
        },
        "limit": arguments.limit,
        "seed": arguments.seed,
        "jobs": arguments.jobs,
        "peak_memory_mb": max((w.peak_memory_mb for w in workers.values()), default=None),
        "data": source,
        "data_sha256": sha256,
        **machine.described(),
        "tblite": _version("tblite"),
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "missing"


def shown(result: dict[str, Any]) -> str:
    """The figures for people."""
    lines = [
        f"{result['method']}; {result['settings']}",
        f"{result['n']} molecules, {result['failed']} failed, "
        f"{result['molecules_per_second_per_core']} molecules per second and core",
    ]
    for label, figures in result["cpu_ms_by_heavy_atoms"].items():
        lines.append(f"  {label:>8} heavy atoms: {figures['cpu_ms']:8.1f} ms each ({figures['n']})")
    if result["hydration"]:
        h = result["hydration"]
        lines.append(f"hydration against experiment (kJ/mol): r {h['pearson_r']}, MAE {h['mae']}, RMSE {h['rmse']}")
    if result["surrogate"]:
        lines += quantum_surrogate.shown(result["surrogate"])
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--csv", type=Path, help="a table, or a file of one SMILES a line; .gz is unpacked")
    source.add_argument(
        "--set", choices=[*sorted(SETS), "test"], default="liquids", help="a built-in choice; test: the surrogate's"
    )
    parser.add_argument("--smiles", help="the column of the table that holds SMILES")
    parser.add_argument("--hydration", help="the column with measured free energies of hydration")
    parser.add_argument("--unit", default="kJ/mol", help="of --hydration")
    parser.add_argument("--limit", type=int, help="draw this many molecules")
    parser.add_argument("--relax", action="store_true", help="optimise geometries with GFN2-xTB")
    parser.add_argument("--conformers", type=int, help="embedded per molecule; decided by flexibility when not given")
    parser.add_argument("--surrogate", action="store_true", help="ask the surrogate as well, and compare")
    parser.add_argument("--seed", type=int, default=0, help="of the draw, the conformers and the intervals")
    parser.add_argument("--jobs", type=int, default=1, help="processes, one thread each")
    parser.add_argument("--out", type=Path, help="write every answer here, as JSON lines")
    parser.add_argument("--json", action="store_true", help="end with one JSON object")
    arguments = parser.parse_args()
    for name in ("limit", "conformers", "jobs"):
        value = getattr(arguments, name)
        if value is not None and value < 1:
            parser.error(f"--{name} must be at least 1")
    if arguments.surrogate and (arguments.relax or arguments.conformers):
        parser.error("the surrogate guesses what GFN2-xTB gives with neither --relax nor --conformers")
    machine.one_thread()
    try:
        if arguments.csv is not None:
            rows, bad = read(arguments.csv, arguments.smiles, arguments.hydration, arguments.unit)
            digest, named = hashlib.sha256(arguments.csv.read_bytes()).hexdigest(), arguments.csv.name
        else:
            texts = SETS[arguments.set] if arguments.set in SETS else quantum_surrogate.test_part()
            rows, bad = [_row(n, text) for n, text in enumerate(texts, start=1)], []
            digest, named = hashlib.sha256("\n".join(texts).encode()).hexdigest(), arguments.set
        for number, reason in bad[:_BAD_SHOWN]:
            print(f"line {number} left out: {reason}", file=sys.stderr)
        result = {**run(arguments, rows, named, digest), "bad_lines": len(bad)}
    except (BadFile, InvalidMolecule, OSError, QuantumUnavailable, WeightsUnusable) as error:
        print(f"quantum: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    print(shown(result))
    if arguments.json:
        print(json.dumps(result))


if __name__ == "__main__":
    main()
