"""Driving a virtual bench from a test."""

from __future__ import annotations

from pathlib import Path

from instruments.bench import Bench
from instruments.driver import CommandStatus
from instruments.simulation.lab import FaultKind, FaultRule, LabConfig, open_virtual_lab
from knowledge.records.measurement import Artifact
from knowledge.records.protocol import Operation
from tests.instruments.chemicals import SmallHandbook

# With this seed the esterification of `chemicals` is not one of the failing reactions.
SEED = 3


def lab(folder: Path, *faults: FaultRule, seed: int = SEED, **settings: object) -> Bench:
    config = LabConfig.model_validate({"seed": seed, "faults": faults, **settings})
    return open_virtual_lab(config, folder, SmallHandbook())


def fault(kind: FaultKind, *actions: str, **settings: object) -> FaultRule:
    return FaultRule.model_validate({"kind": kind, "actions": actions, **settings})


def instrument_for(bench: Bench, operation: Operation) -> str:
    return bench.of_kind(operation.instrument)[0]


def finish(bench: Bench, name: str, command_id: str, jumps: int = 50) -> CommandStatus:
    for _ in range(jumps):
        status = bench.driver(name).lookup(command_id)
        if status.phase.terminal:
            return status
        bench.clock.elapse(3600.0)
    raise AssertionError(f"{command_id} does not end: {status}")


def run(bench: Bench, command_id: str, operation: Operation) -> tuple[CommandStatus, tuple[Artifact, ...]]:
    name = instrument_for(bench, operation)
    bench.driver(name).submit(command_id, operation)
    status = finish(bench, name, command_id)
    return status, bench.driver(name).fetch(command_id)
