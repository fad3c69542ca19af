"""One step back: how often a model's proposals hold the published reactants.

    python -m benchmarks.single_step --reactions FILE --model ensemble --top 50
    python -m benchmarks.single_step --reactions uspto-50k:test --model template --out template.jsonl

A hit is the same multiset of reactants, each by canonical isomeric SMILES. `--out` keeps every answer; `--resume` goes
on with an interrupted run. The last line on stdout is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from pathlib import Path
from typing import Any

from rdkit import Chem, rdBase

from benchmarks import machine, metrics, models
from benchmarks.journal import Journal, OtherRun
from benchmarks.reactions import BadFile, Reaction, Reading, read, settled
from knowledge.records.molecule import InvalidMolecule
from planners.routes.single_step.proposal import Proposal, Proposer

_BAD_SHOWN = 10


def rank_of(truth: tuple[str, ...], proposals: list[Proposal]) -> int | None:
    """Rank from 1 of the first proposal with exactly these `settled` reactants; None when there is none."""
    for rank, proposal in enumerate(proposals, start=1):
        try:
            if tuple(sorted(settled(r) for r in proposal.reactants)) == truth:
                return rank
        except InvalidMolecule:
            continue
    return None


def valid(proposal: Proposal) -> bool:
    """Whether RDKit reads and sanitises every reactant."""
    with rdBase.BlockLogs():
        return bool(proposal.reactants) and all(Chem.MolFromSmiles(r) is not None for r in proposal.reactants)


def measure(proposer: Proposer, batch: list[Reaction], top: int) -> list[dict[str, Any]]:
    """One record per reaction: rank, proposals, how many of them are valid, CPU seconds of the model alone."""
    start = time.process_time()
    answers = proposer.propose([r.product for r in batch], top)
    seconds = (time.process_time() - start) / len(batch)
    return [
        {
            "key": str(reaction.line),
            "product": reaction.product,
            "rank": rank_of(reaction.reactants, proposals),
            "proposals": len(proposals),
            "valid": sum(valid(p) for p in proposals),
            "cpu_s": round(seconds, 6),
        }
        for reaction, proposals in zip(batch, answers, strict=True)
    ]


_proposer: Proposer | None = None
_top = 0


def _start(model: str, top: int) -> None:
    global _proposer, _top
    _proposer, _top = models.load(model), top
    if "torch" in sys.modules:
        import torch

        torch.set_num_threads(1)


def _work(batch: list[Reaction]) -> tuple[list[dict[str, Any]], machine.Worker]:
    if _proposer is None:
        raise RuntimeError("the process was not prepared")
    return measure(_proposer, batch, _top), machine.worker(models.counts(_proposer))


def figures(records: list[dict[str, Any]], top: int, seed: int) -> dict[str, Any]:
    """The figures of a run from its records. Raises ValueError when there are none."""
    proposals = sum(r["proposals"] for r in records)
    cpu = sum(r["cpu_s"] for r in records)
    return {
        "n": len(records),
        "unit": "per cent of n, 95 % bootstrap intervals",
        **metrics.shares(metrics.top_k([r["rank"] for r in records], [k for k in metrics.TOPS if k <= top]), seed),
        "validity": round(sum(r["valid"] for r in records) / proposals, 5) if proposals else None,
        "mean_proposals": round(proposals / len(records), 2),
        "without_proposals": sum(not r["proposals"] for r in records),
        "molecules_per_second_per_core": round(len(records) / cpu, 2) if cpu else None,
    }


def chosen(reactions: list[Reaction], limit: int | None, seed: int) -> list[Reaction]:
    """All, or `limit` drawn without replacement, in the file's order."""
    if limit is None or limit >= len(reactions):
        return reactions
    return [reactions[i] for i in sorted(random.Random(seed).sample(range(len(reactions)), limit))]


def run(arguments: argparse.Namespace, reading: Reading) -> dict[str, Any]:
    """Raises ModelUnavailable, OtherRun, FileExistsError."""
    models.load(arguments.model)  # missing weights are told at once, not by a broken pool
    reactions = chosen(reading.reactions, arguments.limit, arguments.seed)
    settings = {
        "benchmark": "single_step",
        "data_sha256": reading.sha256,
        "model": arguments.model,
        "weights": models.fingerprints(arguments.model),
        "top": arguments.top,
        "limit": arguments.limit,
        "seed": arguments.seed,
        "batch": arguments.batch,
    }
    workers: dict[int, machine.Worker] = {}
    with Journal(arguments.out, settings, resume=arguments.resume) as journal:
        todo = [r for r in reactions if str(r.line) not in journal.records]
        resumed = len(reactions) - len(todo)
        batches = [todo[i : i + arguments.batch] for i in range(0, len(todo), arguments.batch)]
        began = told = time.monotonic()
        for records, worker in machine.crew(
            _work, batches, jobs=arguments.jobs, start=_start, arguments=(arguments.model, arguments.top)
        ):
            for record in records:
                journal.add(record)
            workers[worker.pid] = worker
            if time.monotonic() - told > 10.0:
                told = time.monotonic()
                done = len(journal.records)
                first = sum(r["rank"] == 1 for r in journal.records.values())
                rate = (done - resumed) / (told - began)
                print(f"{done}/{len(reactions)}  top-1 {100.0 * first / done:.1f} %  {rate:.2f}/s", file=sys.stderr)
        wanted = {str(r.line) for r in reactions}
        measured = [r for key, r in journal.records.items() if key in wanted]
    return {
        "benchmark": "single_step",
        "model": arguments.model,
        **figures(measured, arguments.top, arguments.seed),
        "top": arguments.top,
        "limit": arguments.limit,
        "seed": arguments.seed,
        "match": "multiset of canonical isomeric SMILES",
        "product_side": reading.direction,
        "agents_dropped": reading.agents_dropped,
        "bad_lines": len(reading.bad),
        "bad_lines_first": [{"line": n, "reason": reason} for n, reason in reading.bad[:_BAD_SHOWN]],
        "model_counts": machine.total(workers.values()),
        "resumed": resumed,
        "jobs": arguments.jobs,
        "batch": arguments.batch,
        "peak_memory_mb": max((w.peak_memory_mb for w in workers.values()), default=None),
        "data": reading.source,
        "data_sha256": reading.sha256,
        "weights": settings["weights"],
        **machine.described(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reactions", required=True, help="a file, or uspto-50k:test or uspto-50k:valid")
    parser.add_argument("--model", required=True, choices=sorted(models.MODELS))
    parser.add_argument("--top", type=int, default=50, help="proposals asked for each product")
    parser.add_argument("--limit", type=int, help="draw this many reactions")
    parser.add_argument("--seed", type=int, default=0, help="of the draw and of the intervals")
    parser.add_argument("--column", help="the column that holds the reactions; found when not given")
    parser.add_argument("--product", choices=("left", "right"), help="the product's side; found when not given")
    parser.add_argument("--batch", type=int, default=16, help="products per call of the model")
    parser.add_argument("--jobs", type=int, default=1, help="processes, one thread each")
    parser.add_argument("--out", type=Path, help="keep every answer here, as JSON lines")
    parser.add_argument("--resume", action="store_true", help="go on with the file of --out")
    arguments = parser.parse_args()
    for name in ("top", "batch", "jobs"):
        if getattr(arguments, name) < 1:
            parser.error(f"--{name} must be at least 1")
    if arguments.limit is not None and arguments.limit < 1:
        parser.error("--limit must be at least 1")
    machine.one_thread()
    try:
        reading = read(arguments.reactions, column=arguments.column, product=arguments.product)
        for number, reason in reading.bad[:_BAD_SHOWN]:
            print(f"line {number} left out: {reason}", file=sys.stderr)
        result = run(arguments, reading)
    except (BadFile, OtherRun, FileExistsError, FileNotFoundError, models.ModelUnavailable) as error:
        print(f"single_step: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    print(json.dumps(result))


if __name__ == "__main__":
    main()
