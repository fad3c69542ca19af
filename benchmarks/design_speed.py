"""How many new molecules a second of processor time brings: our genetic generator and mol_ga, by turns in one process.

    python -m benchmarks.design_speed --seconds 20 --rounds 10

Both breed from the same molecules of ZINC250k, all of them equally good, by their own operators: mol_ga by its blended
graph edits, ours twice, as drafts for a fast inner loop ("breed", all filters passed) and as candidates with InChIKey
and provenance ("ask"). Every turn lasts the same processor time. A molecule counts when RDKit reads it and it occurred
neither among the starts nor before in the same turns; reading is not timed. Ratios are medians over rounds, so that
another process that heats the caches for a while does not decide. The last line on stdout is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from statistics import median
from typing import Any

from rdkit import Chem, rdBase

from benchmarks import machine
from benchmarks.design_rivals import MOL_GA, SPACE, NoRival, released, start_set
from planners.design.genetic import GeneticGenerator

Maker = Callable[[], list[str]]
_CHUNK = 100


def _breed(start: Sequence[str], seed: int) -> Maker:
    generator = GeneticGenerator(SPACE, start, seed=seed)
    return lambda: [child.smiles for child in generator.breed(_CHUNK)]


def _ask(start: Sequence[str], seed: int) -> Maker:
    generator = GeneticGenerator(SPACE, start, seed=seed)
    return lambda: [candidate.molecule.smiles for candidate in generator.ask(_CHUNK)]


def _mol_ga(start: Sequence[str], seed: int) -> Maker:
    rng = random.Random(seed)
    offspring: Callable[..., set[str]] = import_module("mol_ga.graph_ga.gen_candidates").graph_ga_blended_generation
    parents = list(start)
    return lambda: list(offspring(rng.choices(parents, k=2 * _CHUNK), _CHUNK, rng))


class Runner:
    """One generator's turns: processor seconds, and the new molecules they brought."""

    def __init__(self, make: Maker, start: Sequence[str]) -> None:
        self._make = make
        self._known = {_canonical(smiles) for smiles in start}
        self.seconds: list[float] = []
        self.new: list[int] = []
        self.made = 0

    def turn(self, seconds: float) -> None:
        made: list[str] = []
        began = time.process_time()
        while time.process_time() - began < seconds:
            made += self._make()
        self.seconds.append(time.process_time() - began)
        before = len(self._known)
        self._known |= {text for text in map(_canonical, made) if text is not None}
        self.new.append(len(self._known) - before)
        self.made += len(made)

    @property
    def rates(self) -> list[float]:
        return [new / seconds for new, seconds in zip(self.new, self.seconds, strict=True)]

    def figures(self) -> dict[str, Any]:
        return {
            "per_cpu_second": round(sum(self.new) / sum(self.seconds), 1),
            "each_round": [round(rate, 1) for rate in self.rates],
            "new": sum(self.new),
            "made": self.made,
            "cpu_seconds": round(sum(self.seconds), 2),
        }


def _canonical(smiles: str) -> str | None:
    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(smiles)
    return None if mol is None else str(Chem.MolToSmiles(mol))


def measured(*, seconds: float, rounds: int, size: int, seed: int) -> dict[str, Any]:
    """Raises NoRival when mol_ga is not installed."""
    start = start_set(size, seed)
    makers = {"breed": _breed(start, seed), "ask": _ask(start, seed), MOL_GA: _mol_ga(start, seed)}
    runners = {name: Runner(make, start) for name, make in makers.items()}
    for make in makers.values():
        make()  # what is made once and kept is not a matter of speed
    for _ in range(rounds):
        for runner in runners.values():
            runner.turn(seconds / rounds)
    rates = {name: runner.rates for name, runner in runners.items()}
    return {
        "benchmark": "design_speed",
        "start": len(start),
        "seed": seed,
        "rounds": rounds,
        "versions": {"genetic": released("genetic"), MOL_GA: released(MOL_GA)},
        "generators": {name: runner.figures() for name, runner in runners.items()},
        "times_mol_ga": {
            name: round(median(ours / theirs for ours, theirs in zip(rates[name], rates[MOL_GA], strict=True)), 2)
            for name in ("breed", "ask")
        },
        "machine": machine.described(),
    }


def main(given: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.design_speed", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--seconds", type=float, default=20.0, help="processor seconds of each generator")
    parser.add_argument("--rounds", type=int, default=10, help="turns of each")
    parser.add_argument("--start", type=int, default=1000, help="molecules of ZINC250k to breed from")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="print the JSON line only")
    arguments = parser.parse_args(given)
    # mol_ga returns sets of SMILES, whose order changes with the seed of Python's hashes.
    if given is None and os.environ.get("PYTHONHASHSEED") != "0":
        command = [sys.executable, "-m", "benchmarks.design_speed", *sys.argv[1:]]
        os.execve(sys.executable, command, {**os.environ, "PYTHONHASHSEED": "0"})
    if arguments.seconds <= 0 or min(arguments.rounds, arguments.start) < 1:
        parser.error("--seconds, --rounds and --start are more than 0")
    try:
        result = measured(seconds=arguments.seconds, rounds=arguments.rounds, size=arguments.start, seed=arguments.seed)
    except NoRival as error:
        print(f"design_speed: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    if not arguments.json:
        print("new molecules per second of processor time")
        for name, figures in result["generators"].items():
            times = result["times_mol_ga"].get(name)
            print(
                f"{name:8}{figures['per_cpu_second']:10.0f}" + ("" if times is None else f"   {times:.1f} x {MOL_GA}")
            )
    print(json.dumps(result))


if __name__ == "__main__":
    main()
