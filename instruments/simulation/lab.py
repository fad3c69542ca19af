"""Opens a virtual lab: robots over durable journals in one folder, sharing a clock and a world."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from instruments.simulation.config import KINDS, FaultKind, FaultRule, LabConfig, LabConfigError

if TYPE_CHECKING:
    from instruments.bench import Bench
    from instruments.simulation.clock import VirtualClock
    from instruments.simulation.journal import Journal
    from instruments.simulation.truth import FactSource

__all__ = ["FaultKind", "FaultRule", "LabConfig", "LabConfigError", "instrument_names", "open_virtual_lab"]


def instrument_names(config: LabConfig) -> tuple[str, ...]:
    """The instruments of that lab in a fixed order: 'synthesiser-1', 'gas-chromatograph-1', ..."""
    return tuple(f"{kind.replace('_', '-')}-{n}" for kind in KINDS for n in range(1, config.count(kind) + 1))


def open_virtual_lab(config: LabConfig, folder: Path, handbook: FactSource | None = None) -> Bench:
    """The lab of this folder, as it was left, or a new one.

    `handbook` is where true values come from (default: the whole handbook). Raises LabConfigError when the folder
    belongs
    to a lab with another seed or cannot be written.
    """
    from instruments.bench import Bench
    from instruments.simulation.boiling_point_tester import BoilingPointTester
    from instruments.simulation.flash_point_tester import FlashPointTester
    from instruments.simulation.gas_chromatograph import GasChromatograph
    from instruments.simulation.robot import Robot
    from instruments.simulation.solvency_panel import SolvencyPanel
    from instruments.simulation.synthesiser import Synthesiser
    from instruments.simulation.truth import Truth
    from instruments.simulation.viscometer import Viscometer
    from instruments.simulation.world import World

    if handbook is None:
        from knowledge.sources.handbook import Handbook

        handbook = Handbook.full()
    makers: dict[str, type[Robot[World]]] = {
        "synthesiser": Synthesiser,
        "gas_chromatograph": GasChromatograph,
        "viscometer": Viscometer,
        "boiling_point_tester": BoilingPointTester,
        "flash_point_tester": FlashPointTester,
        "solvency_panel": SolvencyPanel,
    }
    clock, journals = furnished(folder, config.seed, instrument_names(config))
    truth = Truth(handbook, seed=config.seed, handbook_fraction=config.handbook_fraction)
    world = World(config, truth, clock)
    robots: list[Robot[World]] = []
    for name, journal in journals.items():
        kind = name.rpartition("-")[0].replace("-", "_")
        world.journals.append(journal)
        robots.append(makers[kind](name, world, journal))
    return Bench(robots, clock, simulated=True)


def furnished(folder: Path, seed: int, names: Sequence[str]) -> tuple[VirtualClock, dict[str, Journal]]:
    """The clock and the instruments' memories in this folder, as they were left, or new. Raises LabConfigError."""
    import sqlite3

    from instruments.simulation.clock import VirtualClock
    from instruments.simulation.journal import Journal

    try:
        folder.mkdir(parents=True, exist_ok=True)
        _claim(seed, folder)
        return VirtualClock(folder / "clock.sqlite"), {name: Journal(folder, name) for name in names}
    except OSError as error:
        raise LabConfigError(f"lab folder {folder}: {error.strerror}") from None
    except (sqlite3.Error, ValueError) as error:
        raise LabConfigError(f"lab folder {folder}: {error}") from None


def _claim(seed: int, folder: Path) -> None:
    """Robots remember what they did under one seed; another one would rewrite their past. Raises ValueError."""
    import os

    path = folder / "seed"
    if not path.exists():
        temporary = folder / f".seed-{os.getpid()}"
        temporary.write_text(f"{seed}\n", encoding="ascii")
        temporary.replace(path)
    found = path.read_text(encoding="ascii").strip()
    if found != str(seed):
        raise ValueError(f"it belongs to seed {found}, not {seed}: use another folder")
